package asyncio

import "context"

// Shield is [Task.Await] for a task or future that goes on if the calling task is
// cancelled. If a is cancelled, so is the wait. It mirrors "await shield(a)". It
// parks the calling task or greenlet, as Await does, and panics where that does.
func Shield[T any](ctx context.Context, a AwaitableOf[T]) (T, error) {
	return ShieldFuture(a).Await(ctx)
}

// ShieldFuture returns a future that ends as a does, one hop of the loop later, and
// whose cancellation leaves a alone: asyncio.shield, for [WaitFor] and [Gather]. If a
// is done it returns a itself. An error of a that comes after the future was cancelled
// is still there for others who ask for it. ShieldFuture does not park, and may be
// called as [CreateTask] may.
//
// Budget: one allocation.
func ShieldFuture[T any](a AwaitableOf[T]) AwaitableOf[T] {
	f := a.core()
	f.loop.mustBeUsable("asyncio.ShieldFuture")
	if f.state != pending {
		return a
	}
	s := &shielding[T]{inner: a}
	s.outer.loop = f.loop
	s.outer.rare = &s.rare
	s.rare.canceller = s
	f.listen(s)
	return &s.outer
}

// shielding is a shield's place among the listeners of what it shields.
type shielding[T any] struct {
	outer Future[T]
	inner AwaitableOf[T]
	rare  rare // of outer
}

// requestCancel cancels the shield alone.
func (s *shielding[T]) requestCancel(e *CancelledError) bool {
	s.inner.core().ignore(s)
	s.outer.settle(cancelled, e)
	return true
}

func (s *shielding[T]) settled(f *future) { f.tell(s) }

// RunReady passes the outcome on. It is for the loop only.
func (s *shielding[T]) RunReady() {
	if s.outer.state != pending {
		return
	}
	v, err := s.inner.Result()
	if s.inner.Cancelled() {
		s.outer.settle(cancelled, err)
		return
	}
	s.outer.value = v
	s.outer.settle(finished, err)
	lose(&s.outer, &s.outer.future, "Future", nil)
}
