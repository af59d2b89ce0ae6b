package asyncio

import (
	"context"
	"iter"
	"slices"
	"time"
)

// An AsCompletedOption changes an [AsCompleted]: a [WaitTimeout].
type AsCompletedOption interface {
	applyToCompletions(*completions)
}

func (d WaitTimeout) applyToCompletions(c *completions) { c.limit = time.Duration(d) }

// AsCompleted returns a sequence of as, each once, in the order in which they are
// done; a round of the range waits for the next one.
//
//	for t, err := range asyncio.AsCompleted(ctx, tasks) {
//		if err != nil {
//			return err
//		}
//		v, err := t.Result()
//		...
//	}
//
// With a [WaitTimeout] the sequence has an error that matches [ErrTimeout] instead of
// each one that was not done in that time, counted from the call. A round in which
// the calling task is cancelled, or ctx ends, has that error instead. In all cases as
// go on, and their errors are theirs. A range that was left may be continued: another
// one over the same sequence begins where it ended. It mirrors as_completed as an
// asynchronous iterator; for the plain one see [AsCompletedSlots].
//
// AsCompleted itself does not park, and may be called as [CreateTask] may. A round
// parks the calling task or greenlet, which must be in the loop's thread, unless the
// next is known already.
func AsCompleted[A Awaitable](ctx context.Context, as []A, opts ...AsCompletedOption) iter.Seq2[A, error] {
	const op = "asyncio.AsCompleted"
	c, which := newCompletions(ctx, op, as, opts)
	return func(yield func(A, error) bool) {
		for c.left > 0 {
			c.left--
			var a A
			i, err := c.next(ctx, op)
			if err == nil {
				a = which[i]
			}
			if !yield(a, err) {
				return
			}
		}
	}
}

// AsCompletedSlots returns a coroutine for each of as, without repetitions: the first
// of them that is called returns the result of the one that is done first, and so on.
// They may be called in any order, and in different tasks. With a [WaitTimeout],
// those for which there is no result in that time return an error that matches
// [ErrTimeout]. It mirrors as_completed as a plain iterator; all else is as for
// [AsCompleted].
func AsCompletedSlots[A AwaitableOf[T], T any](ctx context.Context, as []A, opts ...AsCompletedOption) []Coroutine[T] {
	const op = "asyncio.AsCompletedSlots"
	c, which := newCompletions(ctx, op, as, opts)
	slot := func(ctx context.Context) (v T, err error) {
		i, err := c.next(ctx, op)
		if err != nil {
			return v, err
		}
		return which[i].Result()
	}
	return slices.Repeat([]Coroutine[T]{slot}, c.left)
}

// completions is the queue in which those that are done wait for somebody to ask for
// the next one.
type completions struct {
	loop    *Loop
	limit   time.Duration
	timer   *Handle
	todo    []completion // one for each
	pending int          // of todo
	left    int          // how many AsCompleted has not given out
	done    []int        // numbers in todo, or expired
	getters []*future    // who waits for the next one
}

const expired = -1

// newCompletions returns the completions of as, which it returns without repetitions.
func newCompletions[A Awaitable](ctx context.Context, op string, as []A, opts []AsCompletedOption) (*completions, []A) {
	l := loopOf(ctx, op)
	fs := cores(op, l, as)
	seen := make(map[*future]bool, len(as))
	var which []A
	for i, a := range as {
		if !seen[fs[i]] {
			seen[fs[i]] = true
			which = append(which, a)
		}
	}
	c := &completions{loop: l, limit: NoLimit, left: len(which), pending: len(which)}
	for _, opt := range opts {
		opt.applyToCompletions(c)
	}
	c.todo = make([]completion, len(which))
	for i, a := range which {
		place := &c.todo[i]
		*place = completion{c, a.core(), i, true}
		if place.f.state != pending {
			place.settled(place.f)
		} else {
			place.f.listen(place)
		}
	}
	if c.limit != NoLimit && len(which) > 0 {
		c.timer = l.CallLater(c.limit, c.expire)
	}
	return c, which
}

// A completion is a place among the listeners of one future.
type completion struct {
	c      *completions
	f      *future
	number int
	awaits bool
}

func (p *completion) settled(f *future) { f.tell(p) }

// RunReady notes that the future is done. It is for the loop only.
func (p *completion) RunReady() {
	if !p.awaits {
		return // the time was up
	}
	p.awaits = false
	c := p.c
	c.pending--
	c.put(p.number)
	if c.pending == 0 && c.timer != nil {
		c.timer.Cancel()
	}
}

// expire is the end of the time.
func (c *completions) expire() {
	for i := range c.todo {
		if p := &c.todo[i]; p.awaits {
			p.awaits = false
			p.f.ignore(p)
			c.put(expired)
		}
	}
	c.pending = 0
}

// put gives somebody the next one.
func (c *completions) put(number int) {
	c.done = append(c.done, number)
	c.wakeNext()
}

// wakeNext wakes the first that waits.
func (c *completions) wakeNext() {
	for len(c.getters) > 0 {
		f := c.getters[0]
		c.getters = c.getters[1:]
		if f.state == pending {
			f.settle(finished, nil)
			return
		}
	}
}

// next waits for the next one.
func (c *completions) next(ctx context.Context, op string) (int, error) {
	for len(c.done) == 0 {
		f := &future{loop: c.loop}
		c.getters = append(c.getters, f)
		err := f.await(ctx, op)
		if err == nil {
			err = f.failure()
		}
		if err != nil {
			c.getters = slices.DeleteFunc(c.getters, func(g *future) bool { return g == f })
			if f.state == finished && len(c.done) > 0 {
				c.wakeNext()
			}
			return 0, err
		}
	}
	i := c.done[0]
	c.done = c.done[1:]
	if i == expired {
		return 0, ErrTimeout
	}
	return i, nil
}
