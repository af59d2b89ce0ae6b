package asyncio

import (
	"context"
)

// A gathering is the future of a Gather: asyncio's _GatheringFuture. Its children
// tell it of their ends through the loop's FIFO.
type gathering struct {
	future
	children []*future
	all      bool // wait for all, whatever their errors
	left     int
	asked    *CancelledError // somebody asked for cancellation
}

func newGathering(l *Loop, children []*future, all bool) *gathering {
	g := &gathering{children: children, all: all}
	g.loop = l
	g.canceller = g
	seen := make(map[*future]bool, len(children))
	places := make([]gathered, 0, len(children))
	var early []*future
	for _, f := range children {
		if seen[f] {
			continue
		}
		seen[f] = true
		g.left++
		if f.state != pending {
			early = append(early, f)
			continue
		}
		places = append(places, gathered{g, f})
		f.listen(&places[len(places)-1])
	}
	if g.left == 0 {
		g.settle(finished, nil)
	}
	for _, f := range early {
		g.childDone(f)
	}
	return g
}

// gathered is a gathering's place among the listeners of one child.
type gathered struct {
	g *gathering
	f *future
}

func (p *gathered) settled(*future) {
	if !p.f.loop.closed.Load() {
		p.f.loop.hub.Loop.Enqueue(p)
	}
}

// RunReady tells the gathering. It is for the loop only.
func (p *gathered) RunReady() { p.g.childDone(p.f) }

// childDone notes that a child is done.
func (g *gathering) childDone(f *future) {
	g.left--
	err := f.take()
	switch {
	case g.state != pending:
	case err != nil && !g.all:
		g.settle(finished, err)
	case g.left > 0:
	case g.asked != nil:
		g.settle(finished, g.asked)
	default:
		g.settle(finished, nil)
	}
}

// requestCancel cancels the children. The gathering is done when they all are.
func (g *gathering) requestCancel(e *CancelledError) bool {
	asked := false
	for _, f := range g.children {
		if f.cancel(e) {
			asked = true
		}
	}
	if asked {
		g.asked = e
	}
	return asked
}

// cores returns the futures of as, which must be of the loop's thread.
func cores[A Awaitable](op string, l *Loop, as []A) []*future {
	fs := make([]*future, len(as))
	for i, a := range as {
		fs[i] = a.core()
		if fs[i].loop.hub != l.hub {
			misuse(op, "it was given a task of another thread", "wait for each where it runs")
		}
	}
	return fs
}

// Gather waits until all of as are done, and returns their values in the order
// of the arguments. When the first one fails it returns that error at once, and
// the others go on. To run coroutines side by side, make tasks of them:
//
//	vs, err := asyncio.Gather(ctx, asyncio.CreateTask(ctx, f), asyncio.CreateTask(ctx, g))
//
// It mirrors "await gather(...)". It parks the calling task or greenlet, unless
// all are done; if the calling task is cancelled, so are all of as, and Gather
// returns [ErrCancelled] when they all have ended. If ctx ends, and it is not
// just the calling task's own, Gather returns ctx.Err() at once. A cancellation of
// one of as is a failure like others. Gather panics where [Task.Await] does.
func Gather[T any](ctx context.Context, as ...AwaitableOf[T]) ([]T, error) {
	if err := gather(ctx, "asyncio.Gather", as, false); err != nil {
		return nil, err
	}
	vs := make([]T, len(as))
	for i, a := range as {
		vs[i], _ = a.Result()
	}
	return vs, nil
}

// An Outcome is how something ended that was waited for.
type Outcome[T any] struct {
	Value T
	Err   error
}

// GatherOutcomes is [Gather] that waits for all of as whatever their errors, and
// returns all outcomes, in the order of the arguments. The error is only that of
// the wait. It mirrors gather with return_exceptions=True.
func GatherOutcomes[T any](ctx context.Context, as ...AwaitableOf[T]) ([]Outcome[T], error) {
	if err := gather(ctx, "asyncio.GatherOutcomes", as, true); err != nil {
		return nil, err
	}
	os := make([]Outcome[T], len(as))
	for i, a := range as {
		os[i].Value, os[i].Err = a.Result()
	}
	return os, nil
}

func gather[A Awaitable](ctx context.Context, op string, as []A, all bool) error {
	l := loopOf(ctx, op)
	g := newGathering(l, cores(op, l, as), all)
	if err := g.await(ctx, op); err != nil {
		return err
	}
	return g.take()
}
