package asyncio

import (
	"context"
	"time"
)

// WaitFor is [Task.Await] for no longer than d, or without a limit if that is
// [NoLimit]. When the time is up it cancels a, waits until that has ended, and
// returns an error that matches [ErrTimeout]; but if a does not end as cancelled,
// what it returned. An error of a comes with the ErrTimeout around it. If d is not
// positive, and a is not done, a is cancelled at once. To give up waiting, but not
// what is waited for, use [ShieldFuture]. It mirrors asyncio.wait_for.
//
// It parks the calling task or greenlet, as [Task.Await] does, and panics where that
// does.
//
// Budget: three allocations.
func WaitFor[T any](ctx context.Context, a AwaitableOf[T], d time.Duration) (v T, err error) {
	const op = "asyncio.WaitFor"
	_, p := mustPark(op)
	f := a.core()
	switch {
	case d <= 0 && f.state != pending:
		return a.Result()
	case d <= 0:
		if err := f.cancelAndWait(ctx, op); err != nil {
			return v, err
		}
		return timedOut(a)
	case taskOf(p) == nil:
		return waitForInGreenlet(ctx, a, d)
	}
	err = NewTimeout(d).do(op, ctx, func(ctx context.Context) (err error) {
		v, err = a.Await(ctx)
		return err
	})
	return v, err
}

// WaitForCoroutine runs c for no longer than d, or without a limit if that is
// [NoLimit]. It runs in the calling task, under a [Timeout]. If d is not positive c is
// not called, and the error matches [ErrTimeout]. In a greenlet of gevent c gets a
// task of its own. It mirrors asyncio.wait_for with a coroutine.
func WaitForCoroutine[T any](ctx context.Context, c Coroutine[T], d time.Duration) (v T, err error) {
	const op = "asyncio.WaitForCoroutine"
	mustHaveCoroutine(op, c == nil)
	_, p := mustPark(op)
	if d <= 0 || taskOf(p) == nil {
		return WaitFor(ctx, AwaitableOf[T](CreateTask(ctx, c)), d)
	}
	err = NewTimeout(d).do(op, ctx, func(ctx context.Context) (err error) {
		v, err = c(ctx)
		return err
	})
	return v, err
}

// timedOut returns the outcome of something that was cancelled because the time was
// up, and has ended.
func timedOut[T any](a AwaitableOf[T]) (v T, err error) {
	if v, err = a.Result(); err != nil && a.Cancelled() {
		err = new(TimeoutError)
	}
	return v, err
}

// cancelAndWait cancels f, which is pending, and parks the caller until it has ended.
// It does not await f itself: a cancellation of the caller is to end the wait.
func (f *future) cancelAndWait(ctx context.Context, op string) error {
	waiter := &released{future{loop: f.loop}}
	f.listen(waiter)
	f.cancel(new(CancelledError))
	err := waiter.await(ctx, op)
	if err == nil {
		err = waiter.failure()
	}
	if f.state == pending {
		f.ignore(waiter)
	}
	return err
}

// A released is a future that is done one hop after another one.
type released struct{ future }

func (r *released) settled(f *future) { f.tell(r) }

// RunReady makes it done. It is for the loop only.
func (r *released) RunReady() {
	if r.state == pending {
		r.settle(finished, nil)
	}
}

// waitForInGreenlet is WaitFor in a greenlet that is no task. What a Timeout would do
// to the task is done to a.
func waitForInGreenlet[T any](ctx context.Context, a AwaitableOf[T], d time.Duration) (v T, err error) {
	f := a.core()
	expired := false
	if d != NoLimit && f.state == pending {
		timer := f.loop.CallLater(d, func() { expired = f.cancel(new(CancelledError)) })
		defer timer.Cancel()
	}
	if v, err = a.Await(ctx); expired && a.Done() {
		return timedOut(a)
	}
	return v, err
}
