package threadpool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// ErrCancelled is the error of a [Future] whose function was cancelled before it
// began. It matches context.Canceled.
var ErrCancelled = fmt.Errorf("threadpool: cancelled: %w", context.Canceled)

// errExited is the error of a function that called runtime.Goexit.
var errExited = errors.New("threadpool: the function called runtime.Goexit")

// A Future is what will become of a function that a pool runs. Its methods are for
// the pool's thread: for greenlets, and, where they do not park, for callbacks. Ready,
// Successful, Err and Cancelled only look, and do not check who calls; what they say of
// a Future that is ready does not change any more.
//
// It mirrors the AsyncResult of gevent's pools, and concurrent.futures.Future.
type Future[T any] struct {
	pool  *ThreadPool
	f     func() (T, error)
	value T
	err   error
	ready bool
	taken bool // cancelled
	links hub.Links
}

// run is called on a worker.
func (t *Future[T]) run() {
	f := t.f
	t.f, t.err = nil, errExited
	defer func() {
		if v := recover(); v != nil {
			t.err = baton.Recovered(v)
		}
	}()
	t.value, t.err = f()
}

// finish is called in the thread afterwards.
func (t *Future[T]) finish() {
	t.ready = true
	if _, panicked := t.err.(*gevent.PanicError); panicked {
		t.pool.hub.Report("function of a thread pool", t.err)
	}
	t.links.NotifyAll()
}

// cancel is finish of what has not run.
func (t *Future[T]) cancel(err error) {
	t.f, t.err, t.ready, t.taken = nil, err, true, true
	t.links.NotifyAll()
}

// Ready reports whether the function has ended, or was cancelled.
func (t *Future[T]) Ready() bool { return t.ready }

// Successful reports whether the function has ended without an error.
func (t *Future[T]) Successful() bool { return t.ready && t.err == nil }

// Err returns the error with which the function has ended, a [*gevent.PanicError] if
// it panicked, or nil. It does not wait. It mirrors AsyncResult.exception.
func (t *Future[T]) Err() error {
	if !t.ready {
		return nil
	}
	return t.err
}

// Get waits until the function has ended, and returns what it returned. If it
// panicked the error is a [*gevent.PanicError]. It parks the caller unless the
// Future is ready. Who is killed meanwhile leaves the function alone.
func (t *Future[T]) Get() (T, error) {
	t.wait("threadpool.Get", false, 0)
	return t.value, t.err
}

// GetTimeout is [Future.Get] for no longer than d; then the error is
// [gevent.ErrTimeout]. A d that is not positive lets everything run that is ready.
func (t *Future[T]) GetTimeout(d time.Duration) (T, error) {
	if !t.wait("threadpool.GetTimeout", true, d) {
		var zero T
		return zero, gevent.ErrTimeout
	}
	return t.value, t.err
}

// Wait is [Future.Get] without the result.
func (t *Future[T]) Wait() { t.wait("threadpool.Wait", false, 0) }

// WaitTimeout is [Future.Wait] for no longer than d, and reports whether the Future
// is ready.
func (t *Future[T]) WaitTimeout(d time.Duration) bool {
	return t.wait("threadpool.WaitTimeout", true, d)
}

func (t *Future[T]) wait(op string, limited bool, d time.Duration) bool {
	t.pool.hub.CheckThread(op, t.pool)
	if t.ready {
		return true
	}
	f, p := hub.Require(op)
	if _, err := p.ParkOn(f, &t.links, hub.Wait{Op: op, On: t.pool}, limited, d); err != nil {
		hub.Unwind(err)
	}
	return t.ready
}

// Rawlink has f called in a callback of the loop when the Future is ready, or in the
// next iteration if it is already. It makes a Future a [gevent.Linkable], for
// [gevent.Wait].
func (t *Future[T]) Rawlink(f func()) *gevent.Link {
	t.pool.hub.CheckThread("threadpool.Rawlink", t.pool)
	return t.links.Rawlink(t.pool.hub, t.ready, f)
}

// AddDoneCallback has f called with the Future when that is ready: in a callback of
// the loop, where it must not block, or at once if it is ready already. A panic in f
// is reported. It mirrors Future.add_done_callback.
func (t *Future[T]) AddDoneCallback(f func(*Future[T])) {
	t.pool.hub.CheckThread("threadpool.AddDoneCallback", t.pool)
	if f == nil {
		panic("threadpool.AddDoneCallback: the function is nil; pass the function that is to be called")
	}
	if !t.ready {
		t.links.Rawlink(t.pool.hub, false, func() { f(t) })
		return
	}
	defer func() {
		switch v := recover().(type) {
		case nil:
		case *baton.Unwind:
			panic(v)
		default:
			t.pool.hub.Report("callback", baton.Recovered(v))
		}
	}()
	f(t)
}

// Cancel takes the function back if it has not begun, and reports whether that was
// so: then the Future is ready, with [ErrCancelled]. (In gevent it never is.)
func (t *Future[T]) Cancel() bool {
	t.pool.hub.CheckThread("threadpool.Cancel", t.pool)
	return !t.ready && t.pool.take(func(other task) bool { return other == task(t) }) > 0
}

// Cancelled reports whether the function was cancelled.
func (t *Future[T]) Cancelled() bool { return t.taken }
