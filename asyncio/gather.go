package asyncio

import (
	"context"
	"fmt"
)

// A gathering is what all Gatherings have in common: asyncio's _GatheringFuture. Its
// children tell it of their ends through the loop's FIFO.
type gathering struct {
	future
	children []*future
	all      bool // wait for all, whatever their errors
	left     int
	asked    *CancelledError // somebody asked for cancellation
}

// newGathering returns a gathering that has no result.
func newGathering(l *Loop, children []*future, all bool) *gathering {
	g := new(gathering)
	g.init(l, children, all)
	return g
}

func (g *gathering) init(l *Loop, children []*future, all bool) {
	g.children, g.all = children, all
	g.loop = l
	g.rarely().canceller = g
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
}

// gathered is a gathering's place among the listeners of one child.
type gathered struct {
	g *gathering
	f *future
}

func (p *gathered) settled(f *future) { f.tell(p) }

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
		if !isCancel(err) && !f.excused() {
			lose(g, &g.future, "Gathering", nil)
		}
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

// cores returns the futures of as, none of them nil, which must be of the loop's thread.
func cores[A Awaitable](op string, l *Loop, as []A) []*future {
	fs := make([]*future, len(as))
	for i, a := range as {
		if any(a) != nil {
			fs[i] = a.core()
		}
		switch f := fs[i]; {
		case f == nil:
			misuse(op, "a task or future is nil", "pass those of CreateTask and NewFuture")
		case f.loop == nil:
			misuse(op, "a task or future belongs to no loop", "make it with CreateTask or NewFuture")
		case f.loop.hub != l.hub:
			misuse(op, "it was given a task of another thread", "wait for each where it runs")
		}
	}
	return fs
}

// A Gathering is what [GatherFuture] and [GatherOutcomesFuture] return: a future
// whose result is those of others, its children. It is done when the first child
// fails, if it does not want outcomes, or when all are done. A cancellation of one is
// a failure like others.
//
// Its Cancel asks all children to cancel, and reports false if they are done already;
// the Gathering is done, with [ErrCancelled], when they all have ended. An error that
// nobody retrieves is reported to the exception handler.
type Gathering[V any] struct {
	gathering
	collect func() V
}

func (g *Gathering[V]) core() *future {
	if g == nil {
		return nil
	}
	return &g.future
}

// Await waits until the Gathering is done, and returns the values of its children.
// All else is as for [Future.Await].
func (g *Gathering[V]) Await(ctx context.Context) (V, error) {
	return g.wait(ctx, "asyncio.Gathering.Await")
}

func (g *Gathering[V]) wait(ctx context.Context, op string) (V, error) {
	if err := g.await(ctx, op); err != nil {
		var zero V
		return zero, err
	}
	return g.Result()
}

// Result returns the outcome without waiting: see [Future.Result].
func (g *Gathering[V]) Result() (v V, err error) {
	if g.state == pending {
		return v, errNoResult
	}
	if err := g.take(); err != nil {
		return v, err
	}
	return g.collect(), nil
}

// AddDoneCallback schedules call for when the Gathering is done, or at once if it is:
// see [Task.AddDoneCallback].
func (g *Gathering[V]) AddDoneCallback(call func(*Gathering[V])) (remove func() bool) {
	return g.addCallback("asyncio.Gathering.AddDoneCallback", func() { call(g) })
}

// String describes the Gathering: its state, and how many children it waits for.
func (g *Gathering[V]) String() string {
	if g.state == pending {
		return fmt.Sprintf("<Gathering pending %v>", &g.future)
	}
	return "<Gathering " + stateWords[g.state] + ">"
}

// Gather waits until all of as are done, and returns their values in the order
// of the arguments. When the first one fails it returns that error at once, and
// the others go on. To run coroutines side by side, make tasks of them:
//
//	vs, err := asyncio.Gather(ctx, asyncio.CreateTask(ctx, f), asyncio.CreateTask(ctx, g))
//
// If as are of different kinds, say which interface they have in common:
//
//	vs, err := asyncio.Gather[asyncio.AwaitableOf[int]](ctx, task, future)
//
// It mirrors "await gather(...)". It parks the calling task or greenlet, unless
// all are done; if the calling task is cancelled, so are all of as, and Gather
// returns [ErrCancelled] when they all have ended. If ctx ends, and it is not
// just the calling task's own, Gather returns ctx.Err() at once. A cancellation of
// one of as is a failure like others. Gather panics where [Task.Await] does.
func Gather[A AwaitableOf[T], T any](ctx context.Context, as ...A) ([]T, error) {
	const op = "asyncio.Gather"
	return gather(ctx, op, as).wait(ctx, op)
}

// GatherFuture is [Gather] that does not wait: it returns the future. It does not
// park, and may be called as [CreateTask] may. It mirrors "gather(...)".
func GatherFuture[A AwaitableOf[T], T any](ctx context.Context, as ...A) *Gathering[[]T] {
	return gather(ctx, "asyncio.GatherFuture", as)
}

func gather[A AwaitableOf[T], T any](ctx context.Context, op string, as []A) *Gathering[[]T] {
	l := loopOf(ctx, op)
	g := &Gathering[[]T]{collect: func() []T {
		vs := make([]T, len(as))
		for i, a := range as {
			vs[i], _ = a.Result()
		}
		return vs
	}}
	g.init(l, cores(op, l, as), false)
	return g
}

// An Outcome is how something ended that was waited for.
type Outcome[T any] struct {
	Value T
	Err   error
}

// GatherOutcomes is [Gather] that waits for all of as whatever their errors, and
// returns all outcomes, in the order of the arguments. The error is only that of
// the wait. It mirrors gather with return_exceptions=True.
func GatherOutcomes[A AwaitableOf[T], T any](ctx context.Context, as ...A) ([]Outcome[T], error) {
	const op = "asyncio.GatherOutcomes"
	return gatherOutcomes(ctx, op, as).wait(ctx, op)
}

// GatherOutcomesFuture is [GatherOutcomes] that does not wait: see [GatherFuture].
func GatherOutcomesFuture[A AwaitableOf[T], T any](ctx context.Context, as ...A) *Gathering[[]Outcome[T]] {
	return gatherOutcomes(ctx, "asyncio.GatherOutcomesFuture", as)
}

func gatherOutcomes[A AwaitableOf[T], T any](ctx context.Context, op string, as []A) *Gathering[[]Outcome[T]] {
	l := loopOf(ctx, op)
	g := &Gathering[[]Outcome[T]]{collect: func() []Outcome[T] {
		os := make([]Outcome[T], len(as))
		for i, a := range as {
			os[i].Value, os[i].Err = a.Result()
		}
		return os
	}}
	g.init(l, cores(op, l, as), true)
	return g
}
