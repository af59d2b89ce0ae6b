package asyncio

import (
	"context"
	"errors"
	"slices"
	"time"
)

// ErrNothingToWaitFor is the error of a [Wait] for no tasks at all.
var ErrNothingToWaitFor = errors.New("asyncio: there is nothing to wait for")

// A WaitOption changes a [Wait]: a [ReturnWhen] or a [WaitTimeout].
type WaitOption interface {
	apply(*waiting)
}

// A ReturnWhen says when a [Wait] is over: asyncio's return_when.
type ReturnWhen uint8

const (
	AllCompleted   ReturnWhen = iota // when all are done; the default
	FirstCompleted                   // when any one is done
	FirstException                   // when one fails, a cancellation not counted, or all are done
)

func (r ReturnWhen) apply(w *waiting) { w.when = r }

// A WaitTimeout is how long a [Wait] waits at most: asyncio's timeout. One that
// is not positive still lets everything run that is ready.
type WaitTimeout time.Duration

func (d WaitTimeout) apply(w *waiting) { w.limit, w.limited = time.Duration(d), true }

// waiting is one Wait: a future that is done when the wait is over.
type waiting struct {
	future
	when    ReturnWhen
	limit   time.Duration
	limited bool
	timer   *Handle
	left    int
}

// waitedFor is a wait's place among the listeners of one future.
type waitedFor struct {
	w *waiting
	f *future
}

func (p *waitedFor) settled(f *future) { f.tell(p) }

// RunReady tells the wait that the future is done. It is for the loop only.
func (p *waitedFor) RunReady() {
	w := p.w
	w.left--
	if w.left > 0 {
		switch w.when {
		case AllCompleted:
			return
		case FirstException:
			if p.f.state == cancelled || p.f.take() == nil {
				return
			}
		}
	}
	w.release()
}

// release ends the wait.
func (w *waiting) release() {
	if w.timer != nil {
		w.timer.Cancel()
	}
	if w.state == pending {
		w.settle(finished, nil)
	}
}

// Wait waits until all of as are done, or as the options say. It returns those
// that are done when the caller goes on and those that are not, in the order of
// the arguments, each once. It neither cancels the others nor looks at the
// results; a time-out is no error. It mirrors asyncio.wait.
//
// The options are a [ReturnWhen] and a [WaitTimeout]. The error is
// [ErrNothingToWaitFor]; [ErrCancelled] if the calling task is cancelled; or
// ctx.Err() if ctx ends, and it is not just the calling task's own. In all cases
// as go on. Wait parks the calling task or greenlet, also if all are done
// already, and panics where [Task.Await] does.
func Wait[A Awaitable](ctx context.Context, as []A, opts ...WaitOption) (done, unfinished []A, err error) {
	const op = "asyncio.Wait"
	if len(as) == 0 {
		return nil, nil, inOp(op, ErrNothingToWaitFor)
	}
	l := loopOf(ctx, op)
	w := new(waiting)
	w.loop = l
	for _, opt := range opts {
		opt.apply(w)
	}
	err = w.wait(ctx, op, distinct(cores(op, l, as)))
	seen := make(map[*future]bool, len(as))
	for _, a := range as {
		switch f := a.core(); {
		case seen[f]:
		case f.state != pending:
			done = append(done, a)
		default:
			unfinished = append(unfinished, a)
		}
		seen[a.core()] = true
	}
	return done, unfinished, err
}

// wait parks the caller until the wait for fs is over.
func (w *waiting) wait(ctx context.Context, op string, fs []*future) error {
	if w.limited {
		w.timer = w.loop.CallLater(w.limit, w.release)
	}
	w.left = len(fs)
	places := make([]waitedFor, len(fs))
	for i, f := range fs {
		places[i] = waitedFor{w, f}
		if f.state != pending {
			places[i].settled(f)
		} else {
			f.listen(&places[i])
		}
	}
	defer func() {
		if w.timer != nil {
			w.timer.Cancel()
		}
		for i, f := range fs {
			if f.state == pending {
				f.ignore(&places[i])
			}
		}
	}()
	if err := w.await(ctx, op); err != nil {
		return err
	}
	return w.failure()
}

// distinct returns fs without repetitions.
func distinct(fs []*future) []*future {
	seen := make(map[*future]bool, len(fs))
	return slices.DeleteFunc(fs, func(f *future) bool {
		twice := seen[f]
		seen[f] = true
		return twice
	})
}
