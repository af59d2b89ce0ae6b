package asyncio

import (
	"context"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// StaggeredRace runs coroutines until one succeeds: it starts the first, and each of
// the others when the one before it has failed, or when delay has passed since that was
// started; a negative delay means only when it has failed. The first that returns
// without an error wins; those that run then are cancelled, and waited for.
//
// It returns the winner's value and its index, or -1 if there is none; and in failed,
// for each coroutine that was started, how it failed, or nil for the winner: an error
// of a coroutine, also if that was cancelled, is no error of StaggeredRace. It mirrors
// asyncio.staggered.staggered_race, with which a name's addresses are tried in turn.
//
// It parks the calling task or greenlet. Err is [ErrCancelled] if the calling task is
// cancelled, or ctx.Err() if ctx ends and it is not just the task's own: then all are
// cancelled, and waited for; a kill of gevent cancels them, and does not wait.
func StaggeredRace[T any](ctx context.Context, coroutines []Coroutine[T], delay time.Duration) (v T, winner int, failed []error, err error) {
	const op = "asyncio.StaggeredRace"
	for _, c := range coroutines {
		mustHaveCoroutine(op, c == nil)
	}
	r := &race[T]{loop: loopOf(ctx, op), ctx: ctx, left: coroutines, delay: delay, winner: -1}
	defer func() { r.cancel(nil) }() // of whom some are left if the caller is unwound
	r.start(nil)
	for len(r.running) > 0 {
		r.over = &future{loop: r.loop}
		if e := r.over.result(ctx, op); e != nil {
			err = e
			r.cancel(nil)
			// What ended the wait must not end the next one.
			ctx = context.WithoutCancel(ctx)
		}
	}
	if _, p := hub.Here(); err == nil && r.winner < 0 && p != nil {
		// The coroutines may have found out first that ctx has ended.
		_, err = others(ctx, taskOf(p))
	}
	return r.value, r.winner, r.failed, err
}

// A race is a StaggeredRace at work.
type race[T any] struct {
	loop    *Loop
	ctx     context.Context
	left    []Coroutine[T] // not started
	delay   time.Duration
	running []*Task[struct{}]
	over    *future // done when none is running
	value   T
	winner  int
	failed  []error
}

// start makes the task that runs the next coroutine, when previous is done or the
// delay has passed.
func (r *race[T]) start(previous *future) {
	registered := false
	var t *Task[struct{}]
	t = newTask(r.loop, r.ctx, func(ctx context.Context) (none struct{}, err error) {
		if !registered {
			// It was started eagerly: its maker does not know it yet.
			if err := Sleep(ctx, 0); err != nil {
				return none, err
			}
		}
		return none, r.run(ctx, t, previous)
	}, nil)
	registered = true
	r.running = append(r.running, t)
	t.addCallback("asyncio.StaggeredRace", func() { r.ended(t) })
}

// run is what one of the tasks does.
func (r *race[T]) run(ctx context.Context, t *Task[struct{}], previous *future) error {
	if previous != nil {
		if err := r.await(ctx, previous); err != nil {
			return err
		}
	}
	if len(r.left) == 0 || r.winner >= 0 {
		return nil
	}
	c := r.left[0]
	r.left = r.left[1:]
	n := len(r.failed)
	r.failed = append(r.failed, nil)
	mine := &future{loop: r.loop}
	r.start(mine)
	v, err := attempt(ctx, c)
	if err != nil {
		r.failed[n] = err
		if mine.state == pending {
			mine.settle(finished, nil)
		}
		return nil
	}
	if r.winner < 0 {
		r.value, r.winner = v, n
		r.cancel(t)
	}
	return nil
}

// await waits until f is done, but no longer than the delay.
func (r *race[T]) await(ctx context.Context, f *future) error {
	if r.delay >= 0 {
		h := r.loop.CallLater(r.delay, func() {
			if f.state == pending {
				f.settle(finished, nil)
			}
		})
		defer h.Cancel()
	}
	return f.result(ctx, "asyncio.StaggeredRace")
}

// cancel cancels all tasks but one.
func (r *race[T]) cancel(but *Task[struct{}]) {
	for _, t := range r.running {
		if t != but {
			t.Cancel()
		}
	}
}

// ended is told when a task has. Its error, if it has one, says that its wait was
// ended, which is for StaggeredRace itself to find out.
func (r *race[T]) ended(t *Task[struct{}]) {
	t.take()
	for i, other := range r.running {
		if other == t {
			r.running = append(r.running[:i:i], r.running[i+1:]...)
			break
		}
	}
	if len(r.running) == 0 && r.over != nil && r.over.state == pending {
		r.over.settle(finished, nil)
	}
}

// attempt calls a coroutine, whose panic is a failure, but for one by which it is
// unwound.
func attempt[T any](ctx context.Context, c Coroutine[T]) (v T, err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		switch p := recover().(type) {
		case nil: // runtime.Goexit
		case *baton.Unwind:
			panic(p)
		default:
			err = baton.Recovered(p)
		}
	}()
	v, err = c(ctx)
	returned = true
	return v, err
}
