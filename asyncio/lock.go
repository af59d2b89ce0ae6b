package asyncio

import (
	"context"
	"errors"
)

// ErrNotAcquired is matched by the error of releasing a [Lock] that is not locked.
// It stands for asyncio's RuntimeError "Lock is not acquired."
var ErrNotAcquired = errors.New("asyncio: the lock is not acquired")

// A Lock is had by one task at a time: asyncio's Lock. It is not owned: any task
// may release it. The zero Lock is unlocked. It must not be copied.
//
// Who waits for a Lock gets it in the order in which they came. When it is
// released the first one goes on one hop of the loop later; the Lock shows as
// unlocked until then, but nobody else gets it meanwhile. A waiter that is
// cancelled at that moment passes it on.
//
// A Lock is for one thread. It belongs to the loop on which somebody first waited
// for it, until that is closed; a call in another thread panics. So for all of the
// package's locks and queues. Calls that do not wait may be made in tasks,
// greenlets and callbacks of the loop's thread, and, while the loop does not run,
// by whoever owns it.
type Lock struct {
	binding
	locked  bool
	waiters line
}

// Acquire waits until the lock is unlocked, and locks it. If it is free Acquire
// neither waits nor yields, and does not look at ctx. It mirrors acquire.
//
// Otherwise it parks the calling task or greenlet, until the lock is its own; or
// the task is cancelled: the error is a [*CancelledError]; or ctx ends, and it is
// not just the calling task's own: the error is ctx.Err(). With an error the lock
// is not the caller's. A kill of gevent unwinds. When it has to wait Acquire
// panics in a callback and in a foreign goroutine.
//
// Budget: one switch to somebody else, if it waits; no allocation.
func (l *Lock) Acquire(ctx context.Context) error {
	const op = "asyncio.Lock.Acquire"
	l.enter(op)
	if !l.locked && l.waiters.deserted() {
		l.locked = true
		return nil
	}
	_, err := l.waiters.wait(ctx, op, l, &l.binding)
	return unwound(l.got(err))
}

// acquire is Acquire for op, which waits for on. Its error may be a killed.
func (l *Lock) acquire(ctx context.Context, op string, on any) error {
	if !l.locked && l.waiters.deserted() {
		l.locked = true
		return nil
	}
	_, err := l.waiters.wait(ctx, op, on, &l.binding)
	return l.got(err)
}

// got ends an acquire that has waited.
func (l *Lock) got(err error) error {
	if err == nil {
		l.locked = true
		return nil
	}
	if !l.locked {
		// Either the caller was told, or the lock is on its way to another who
		// is told already.
		l.waiters.tellFirst()
	}
	return err
}

// Release unlocks the lock and lets the first in line go on. It may be called by
// whatever task. If the lock is not locked the error matches [ErrNotAcquired]. It
// does not park. It mirrors release.
func (l *Lock) Release() error {
	const op = "asyncio.Lock.Release"
	l.enter(op)
	if !l.locked {
		return inOp(op, ErrNotAcquired)
	}
	l.release()
	return nil
}

func (l *Lock) release() {
	l.locked = false
	l.waiters.tellFirst()
}

// Locked reports whether somebody has the lock. It mirrors locked.
func (l *Lock) Locked() bool { return l.locked }

// With acquires the lock, calls f, and releases the lock, also if f panics. It
// returns the error of f, or of [Lock.Acquire], in which case f was not called; or
// that of [Lock.Release] if f has released the lock. It mirrors "async with".
func (l *Lock) With(ctx context.Context, f func() error) (err error) {
	if err := l.Acquire(ctx); err != nil {
		return err
	}
	defer func() {
		if e := l.Release(); e != nil {
			err = errors.Join(err, e)
		}
	}()
	return f()
}

// String says what the lock is, and how many wait for it.
func (l *Lock) String() string {
	state := "unlocked"
	if l.locked {
		state = "locked"
	}
	return l.waiters.describe("Lock", l, state)
}
