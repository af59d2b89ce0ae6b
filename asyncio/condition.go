package asyncio

import (
	"context"
	"errors"
)

// A Condition is a lock with which a task waits for something that others do under
// the same lock, and that they tell by [Condition.Notify]: asyncio's Condition. It
// is made by [NewCondition]; the calls of another one panic. It must not be copied. It
// is for one thread, and bound to a loop, as a [Lock] is.
//
//	err := c.With(ctx, func() error {
//		return c.WaitFor(ctx, func() bool { return len(items) > 0 })
//	})
type Condition struct {
	binding
	lock    *Lock
	waiters line
}

// NewCondition returns a Condition with the lock, or with a new one if it is nil.
// Several Conditions may share a lock.
func NewCondition(l *Lock) *Condition {
	if l == nil {
		l = new(Lock)
	}
	return &Condition{lock: l}
}

// Acquire is that of the lock: see [Lock.Acquire].
func (c *Condition) Acquire(ctx context.Context) error {
	return c.its("asyncio.Condition.Acquire").Acquire(ctx)
}

// Release is that of the lock: see [Lock.Release].
func (c *Condition) Release() error { return c.its("asyncio.Condition.Release").Release() }

// Locked is that of the lock.
func (c *Condition) Locked() bool { return c.its("asyncio.Condition.Locked").Locked() }

// With is that of the lock: see [Lock.With].
func (c *Condition) With(ctx context.Context, f func() error) error {
	return c.its("asyncio.Condition.With").With(ctx, f)
}

// its returns the lock.
func (c *Condition) its(op string) *Lock {
	if c.lock == nil {
		misuse(op, "the Condition has no lock", "make it with NewCondition")
	}
	return c.lock
}

// Wait releases the lock, waits until it is notified, and acquires the lock again.
// The caller must have acquired the lock; if nobody has, Wait panics. It may return
// though nothing happened, so what one waits for has to be looked at again: see
// [Condition.WaitFor]. It mirrors wait.
//
// It parks the calling task or greenlet. The error is a [*CancelledError] when the
// task is cancelled, the last one if that happens repeatedly; or ctx.Err() when ctx
// ends, and it is not just the calling task's own; a kill of gevent unwinds. Also
// then the caller has the lock again, however long that takes, and if it was
// notified somebody else is.
func (c *Condition) Wait(ctx context.Context) error {
	const op = "asyncio.Condition.Wait"
	c.enter(op)
	return unwound(c.wait(ctx, op, c))
}

func (c *Condition) wait(ctx context.Context, op string, on any) error {
	if !c.its(op).locked {
		misuse(op, "the lock is not acquired", "acquire it before, and look under it at what is waited for")
	}
	_, p := mustPark(op)
	c.bind(op, p, taskOf(p)) // what may panic does so while the lock is still there
	c.lock.release()
	_, err := c.waiters.wait(ctx, op, on, &c.binding)
	// Context.Background, because one that has ended already ends every wait.
	for {
		again := c.lock.acquire(context.Background(), op, on)
		if again == nil {
			break
		}
		err = again
		if c.hopeless(err) {
			break
		}
	}
	if err != nil {
		c.waiters.tellNext() // in the place of the caller, who may have been told
	}
	return err
}

// hopeless reports whether err, which has ended a wait for the lock, says that no
// other will do better.
func (c *Condition) hopeless(err error) bool {
	k, ok := err.(killed)
	return ok && (c.lock.loop.closed.Load() || errors.Is(k.error, ErrLoopExit))
}

// WaitFor waits until f returns true, which it calls now and after each
// notification, under the lock. If f returns true at once WaitFor does not wait,
// and the lock need not be acquired. All else is as for [Condition.Wait]. It
// mirrors wait_for.
func (c *Condition) WaitFor(ctx context.Context, f func() bool) error {
	const op = "asyncio.Condition.WaitFor"
	c.enter(op)
	return unwound(c.waitFor(ctx, op, c, f))
}

func (c *Condition) waitFor(ctx context.Context, op string, on any, f func() bool) error {
	for !f() {
		if err := c.wait(ctx, op, on); err != nil {
			return err
		}
	}
	return nil
}

// Notify makes n of those who wait go on, or all if there are fewer, in the order
// in which they came: each when it has got the lock, which Notify does not release.
// The caller must have acquired the lock; if nobody has, Notify panics. It does not
// park. It mirrors notify.
func (c *Condition) Notify(n int) { c.notify("asyncio.Condition.Notify", n) }

// NotifyAll is [Condition.Notify] for all who wait. It mirrors notify_all.
func (c *Condition) NotifyAll() { c.notify("asyncio.Condition.NotifyAll", c.waiters.n) }

func (c *Condition) notify(op string, n int) {
	c.enter(op)
	if !c.its(op).locked {
		misuse(op, "the lock is not acquired", "acquire it before, and change under it what is waited for")
	}
	for n > 0 && c.waiters.tellNext() {
		n--
	}
}

// String says what the condition is, and how many wait to be notified.
func (c *Condition) String() string {
	state := "unlocked"
	if c.lock != nil && c.lock.locked {
		state = "locked"
	}
	return c.waiters.describe("Condition", c, state)
}
