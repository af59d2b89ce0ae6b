package event

import (
	"errors"
	"fmt"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/internal/waitlist"
	"github.com/baton-go/baton/internal/hub"
)

// An AsyncResult is a value, or an error, that comes once and for which many may
// wait: gevent's AsyncResult. The zero AsyncResult has none yet.
//
// Who may call its methods is said at [Event]. An AsyncResult must not be copied.
//
// Gevent's also has the names of a concurrent.futures.Future: result, set_result,
// done, cancel. Nothing in Go asks for these.
type AsyncResult[T any] struct {
	guard  waitlist.Guard
	list   waitlist.List[struct{}]
	value  T
	err    error
	valued bool
}

var _ gevent.Linkable = (*AsyncResult[int])(nil)

// NewAsyncResult returns an AsyncResult that has neither a value nor an error.
func NewAsyncResult[T any]() *AsyncResult[T] { return new(AsyncResult[T]) }

// Share says that others than one thread will use the AsyncResult, and returns it:
// see the package comment.
func (r *AsyncResult[T]) Share() *AsyncResult[T] {
	r.guard.Share()
	return r
}

// Shared reports whether others than one thread have used the AsyncResult, or Share has said
// that they will.
func (r *AsyncResult[T]) Shared() bool { return r.guard.Shared() }

// Set sets the value and makes everybody ready who waits, in the order in which
// they came. A second value replaces the first; a value after an error is what
// Get returns from then on, while [AsyncResult.Err] keeps the error. Set does not
// block.
func (r *AsyncResult[T]) Set(value T) {
	h := hub.Current()
	r.guard.Lock(h)
	defer r.guard.Unlock()
	r.value, r.valued = value, true
	r.list.NotifyAll(h)
}

// SetError sets the error, which Get returns, this very one, unless there is a
// value. It panics if err is nil. For the rest see [AsyncResult.Set]. It mirrors
// AsyncResult.set_exception.
func (r *AsyncResult[T]) SetError(err error) {
	if err == nil {
		panic("event.SetError: the error is nil; set a value instead")
	}
	h := hub.Current()
	r.guard.Lock(h)
	defer r.guard.Unlock()
	r.err = err
	r.list.NotifyAll(h)
}

// A Source is what an AsyncResult can take its outcome from: a greenlet, another
// AsyncResult. If it also has a method Value() T, that is the value.
type Source interface {
	Successful() bool
	Err() error
}

// SetFrom sets the value or the error of source, which must be ready. With it an
// AsyncResult can be linked to a greenlet, or to another AsyncResult:
//
//	g.Rawlink(func() { r.SetFrom(g) })
//
// A greenlet that was killed gives the error [gevent.ErrGreenletExit]. SetFrom
// mirrors calling the AsyncResult, which is therefore a link itself there.
func (r *AsyncResult[T]) SetFrom(source Source) {
	if k, ok := source.(interface{ Killed() bool }); ok && k.Killed() {
		r.SetError(gevent.ErrGreenletExit)
		return
	}
	if source.Successful() {
		var value T
		if v, ok := source.(interface{ Value() T }); ok {
			value = v.Value()
		}
		r.Set(value)
		return
	}
	err := source.Err()
	if err == nil {
		panic("event.SetFrom: the source is not ready; call it when it is, in a function that is linked to it")
	}
	r.SetError(err)
}

// Get waits until there is a value or an error and returns it. It mirrors
// AsyncResult.get.
func (r *AsyncResult[T]) Get() (T, error) { return r.get("event.Get", false, 0) }

// GetTimeout is [AsyncResult.Get] for no longer than d; then the error is
// [gevent.ErrTimeout]. A d that is not positive lets everything run that is ready.
func (r *AsyncResult[T]) GetTimeout(d time.Duration) (T, error) {
	return r.get("event.GetTimeout", true, d)
}

// GetNowait returns the value or the error if there is one, and else
// [gevent.ErrTimeout]. It does not block. It mirrors AsyncResult.get_nowait.
func (r *AsyncResult[T]) GetNowait() (T, error) {
	r.guard.Peek()
	defer r.guard.Unlock()
	return r.outcome()
}

// outcome returns what there is. The guard is locked.
func (r *AsyncResult[T]) outcome() (value T, err error) {
	switch {
	case r.valued:
		return r.value, nil
	case r.err != nil:
		return value, r.err
	}
	return value, gevent.ErrTimeout
}

// ready reports whether there is a value or an error. The guard is locked.
func (r *AsyncResult[T]) ready() bool { return r.valued || r.err != nil }

// get waits and returns the outcome.
func (r *AsyncResult[T]) get(op string, limited bool, d time.Duration) (T, error) {
	c := waitlist.Blocking(op)
	r.guard.Lock(c.Hub)
	if !r.ready() {
		w := r.list.New(c, limited, d)
		cause, err := r.list.Park(w, c, hub.Wait{Op: op, On: r}, &r.guard)
		if cause == hub.Woken {
			r.list.Leave(w)
		} else {
			r.list.Free(w)
		}
		if err != nil {
			r.guard.Unlock()
			hub.Unwind(err)
		}
	}
	defer r.guard.Unlock()
	return r.outcome()
}

// Wait waits until there is a value or an error; it returns neither: see
// [AsyncResult.Value] and [AsyncResult.Err]. In gevent, wait returns the value.
func (r *AsyncResult[T]) Wait() { _, _ = r.get("event.AsyncResult.Wait", false, 0) }

// WaitTimeout is [AsyncResult.Wait] for no longer than d, and reports whether
// there is a value or an error.
func (r *AsyncResult[T]) WaitTimeout(d time.Duration) bool {
	_, _ = r.get("event.AsyncResult.WaitTimeout", true, d)
	return r.Ready()
}

// Ready reports whether there is a value or an error.
func (r *AsyncResult[T]) Ready() bool {
	r.guard.Peek()
	defer r.guard.Unlock()
	return r.ready()
}

// Successful reports whether there is a value.
func (r *AsyncResult[T]) Successful() bool {
	r.guard.Peek()
	defer r.guard.Unlock()
	return r.valued
}

// Value returns the value, or the zero value if there is none. It does not block.
func (r *AsyncResult[T]) Value() T {
	r.guard.Peek()
	defer r.guard.Unlock()
	return r.value
}

// Err returns the error that was set, also if there is a value; nil if none was.
// It mirrors AsyncResult.exception.
func (r *AsyncResult[T]) Err() error {
	r.guard.Peek()
	defer r.guard.Unlock()
	return r.err
}

// Rawlink has f called once, in a callback of the caller's thread, when there is a
// value or an error: see [Event.Rawlink].
func (r *AsyncResult[T]) Rawlink(f func()) *gevent.Link {
	h := waitlist.MustLink("event.Rawlink", f)
	r.guard.Lock(h)
	defer r.guard.Unlock()
	return r.list.Rawlink(h, &r.guard, r.ready(), f)
}

// LinkCount returns how many are to be told: see [Event.LinkCount].
func (r *AsyncResult[T]) LinkCount() int {
	r.guard.Peek()
	defer r.guard.Unlock()
	return r.list.Len()
}

// String says what the AsyncResult is and what it has.
func (r *AsyncResult[T]) String() string {
	_, err := r.GetNowait()
	switch {
	case errors.Is(err, gevent.ErrTimeout) && !r.Ready():
		return fmt.Sprintf("AsyncResult %p (not set)", r)
	case err != nil:
		return fmt.Sprintf("AsyncResult %p (error)", r)
	}
	return fmt.Sprintf("AsyncResult %p (set)", r)
}
