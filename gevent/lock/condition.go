package lock

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/internal/waitlist"
	"github.com/baton-go/baton/internal/hub"
)

// A Lock is what a [Condition] can be made of: a *[Semaphore], a
// *[BoundedSemaphore] or an *[RLock].
type Lock interface {
	sync.Locker
	// owned reports whether p may take the lock for its own. A semaphore does not
	// know whose it is: that it is taken must do.
	owned(p *hub.Proc) bool
	// releaseAll releases it as often as it was acquired, and returns how often.
	releaseAll(op string) int
	// acquireAgain undoes releaseAll. Interrupts wait until that is done.
	acquireAgain(op string, c waitlist.Caller, depth int)
}

func isLoopExit(err error) bool { return errors.Is(err, gevent.ErrLoopExit) }

// A Condition is a lock with which one waits for something that others do under
// the same lock, and that they tell by Notify: threading's Condition. It is made by
// [NewCondition].
//
//	c.Lock()
//	for len(items) == 0 {
//		c.Wait() // others can have the lock meanwhile
//	}
//	...
//	c.Unlock()
//
// Within one thread an [event.Event] or a queue is mostly simpler.
type Condition struct {
	lock  Lock
	guard waitlist.Guard
	list  waitlist.List[struct{}]
}

// NewCondition returns a Condition with the lock, or with a new RLock if that is
// nil.
func NewCondition(l Lock) *Condition {
	if l == nil {
		l = NewRLock()
	}
	return &Condition{lock: l}
}

// Share says that several threads will use the Condition: see the package comment.
func (c *Condition) Share() {
	c.guard.Share()
	if l, ok := c.lock.(interface{ Share() }); ok {
		l.Share()
	}
}

// Shared reports whether others than one thread have used the Condition, or Share has said
// that they will.
func (c *Condition) Shared() bool { return c.guard.Shared() }

// Lock takes the lock.
func (c *Condition) Lock() { c.lock.Lock() }

// Unlock releases the lock.
func (c *Condition) Unlock() { c.lock.Unlock() }

// With runs f with the lock, and releases it when f returns or unwinds.
func (c *Condition) With(f func()) {
	c.lock.Lock()
	defer c.lock.Unlock()
	f()
}

// Wait releases the lock, waits until it is notified, and takes the lock again as
// often as the caller had it. It panics if the caller does not hold it. A kill or a
// Timeout that ends the wait takes effect when the caller has the lock again, so
// that a deferred Unlock is right. Only a LoopExit does not wait for a lock that
// nobody can ever release any more: the caller is without it then.
func (c *Condition) Wait() { c.wait("lock.Condition.Wait", false, 0) }

// WaitTimeout is [Condition.Wait] that waits no longer than d for the
// notification, and reports whether there was one.
func (c *Condition) WaitTimeout(d time.Duration) bool {
	return c.wait("lock.Condition.WaitTimeout", true, d)
}

func (c *Condition) wait(op string, limited bool, d time.Duration) bool {
	who := waitlist.Blocking(op)
	c.mustHold(op, who.Proc)
	c.guard.Lock(who.Hub)
	w := c.list.New(who, limited, d)
	// Whoever gets the lock now cannot notify before w is in the list, which is
	// locked until then.
	depth := c.release(op)
	cause, err := c.list.Park(w, who, hub.Wait{Op: op, On: c}, &c.guard)
	if cause == hub.Woken {
		c.list.Leave(w)
	} else {
		c.list.Free(w)
	}
	c.guard.Unlock()
	c.lock.acquireAgain(op, who, depth)
	if err != nil {
		hub.Unwind(err)
	}
	return cause == hub.Woken
}

// release releases the lock while the guard is locked, which it is not any more if
// that panics: a BoundedSemaphore made with no permits cannot be released.
func (c *Condition) release(op string) (depth int) {
	defer func() {
		if depth == 0 {
			c.guard.Unlock()
		}
	}()
	return c.lock.releaseAll(op)
}

func (c *Condition) mustHold(op string, p *hub.Proc) {
	if !c.lock.owned(p) {
		panic(op + ": the caller does not hold the lock of the Condition; Lock it first")
	}
}

// WaitFor waits until f returns true: it calls f, with the lock, and after each
// notification again.
func (c *Condition) WaitFor(f func() bool) {
	for !f() {
		c.wait("lock.Condition.WaitFor", false, 0)
	}
}

// WaitForTimeout is [Condition.WaitFor] for no longer than d altogether; it returns
// what f returned last.
func (c *Condition) WaitForTimeout(d time.Duration, f func() bool) bool {
	const op = "lock.Condition.WaitForTimeout"
	now := time.Now
	if h := waitlist.Blocking(op).Hub; h != nil {
		epoch := time.Now()
		now = func() time.Time { return epoch.Add(h.Loop.UpdateTime()) }
	}
	end := now().Add(max(d, 0))
	for first := true; !f(); first = false {
		left := end.Sub(now())
		if left <= 0 && !first {
			return false
		}
		c.wait(op, true, left)
	}
	return true
}

// Notify wakes the n who have waited longest, or all if there are fewer. They go on
// when they have got the lock. It panics if the caller does not hold the lock. It
// does not block.
func (c *Condition) Notify(n int) {
	const op = "lock.Condition.Notify"
	c.notify(op, func(h *hub.Hub) {
		for ; n > 0 && c.list.NotifyOne(h); n-- {
		}
	})
}

// NotifyAll wakes all who wait: see [Condition.Notify].
func (c *Condition) NotifyAll() { c.notify("lock.Condition.NotifyAll", c.list.NotifyAll) }

func (c *Condition) notify(op string, f func(*hub.Hub)) {
	who := waitlist.Here()
	c.mustHold(op, who.Proc)
	c.guard.Lock(who.Hub)
	defer c.guard.Unlock()
	f(who.Hub)
}

// Waiting returns how many wait to be notified. It counts them one by one.
func (c *Condition) Waiting() int {
	c.guard.Peek()
	defer c.guard.Unlock()
	return c.list.Len()
}

// String says what the Condition is and what lock it has.
func (c *Condition) String() string { return fmt.Sprintf("Condition %p of %v", c, c.lock) }
