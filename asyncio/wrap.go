package asyncio

import (
	"context"
	"errors"

	"github.com/baton-go/baton/internal/baton"
)

// WrapFuture calls f on a goroutine of its own, and returns a future of what it will
// return, for results that come from elsewhere in the program. A panic in f is the
// future's error, a [*PanicError]. It mirrors wrap_future:
//
//	v, err := asyncio.WrapFuture(ctx, concurrent.Result).Await(ctx)
//
// If the future is cancelled, also by way of a task that awaits it, or the loop closed,
// the context that f gets ends, and what f then returns is dropped. That context has the
// values of ctx and ends for no other reason. An f that returns an error which matches [ErrCancelled]
// cancels the future.
//
// The future belongs to the loop of ctx, as with [CreateTask]. The loop waits for f as
// it does after [Loop.Ref]. WrapFuture does not park, and may be called as CreateTask
// may.
func WrapFuture[T any](ctx context.Context, f func(ctx context.Context) (T, error)) *Future[T] {
	const op = "asyncio.WrapFuture"
	if f == nil {
		misuse(op, "the function is nil", "pass the function that gets the result")
	}
	w := &wrapping[T]{}
	w.future.loop = loopOf(ctx, op)
	w.future.rarely().canceller = w
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	h := w.future.loop.hub
	h.Loop.Ref()
	w.future.loop.hold(w)
	go func() {
		var v T
		err := errGoexit
		returned := false
		defer func() {
			if !returned {
				if p := recover(); p != nil {
					err = baton.Recovered(p)
				}
			}
			// ErrClosed means that nobody is left to be told.
			_ = h.Post(func() { w.finish(v, err) })
		}()
		v, err = f(ctx)
		returned = true
	}()
	return &w.future
}

var errGoexit = errors.New("asyncio.WrapFuture: the function called runtime.Goexit; return from it instead")

// ErrChannelClosed is the error of a [WrapChannel] whose channel was closed without
// a value.
var ErrChannelClosed = errors.New("asyncio: the channel was closed")

// WrapChannel returns a future of the next value of the channel; or an error that is
// [ErrChannelClosed] if that is closed instead. When the future is cancelled it
// receives no more, but a value that was received already is lost. All else is as for
// [WrapFuture].
func WrapChannel[T any](ctx context.Context, ch <-chan T) *Future[T] {
	return WrapFuture(ctx, func(ctx context.Context) (v T, err error) {
		select {
		case v, ok := <-ch:
			if !ok {
				err = ErrChannelClosed
			}
			return v, err
		case <-ctx.Done():
			return v, ctx.Err()
		}
	})
}

// wrapping is the future of a WrapFuture.
type wrapping[T any] struct {
	future Future[T]
	stop   context.CancelFunc
	over   bool // nobody waits for the function
}

// release lets the loop and the function go.
func (w *wrapping[T]) release() {
	if !w.over {
		w.over = true
		w.stop()
		w.future.loop.drop(w)
		w.future.loop.hub.Loop.Unref()
	}
}

// Abandon tells the function that the loop was closed.
func (w *wrapping[T]) Abandon() { w.release() }

// requestCancel cancels the future, and tells the function.
func (w *wrapping[T]) requestCancel(e *CancelledError) bool {
	w.release()
	w.future.settle(cancelled, e)
	return true
}

// finish makes the future done, on the hub, unless it is.
func (w *wrapping[T]) finish(v T, err error) {
	w.release()
	switch {
	case w.future.state != pending:
	case isCancel(err):
		w.future.settle(cancelled, err)
	default:
		w.future.value = v
		w.future.settle(finished, err)
		lose(&w.future, &w.future.future, "Future", nil)
	}
}
