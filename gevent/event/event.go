package event

import (
	"fmt"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/internal/waitlist"
	"github.com/baton-go/baton/internal/hub"
)

// An Event is a flag that one sets and many wait for: gevent's Event, which is
// threading's. The zero Event is not set.
//
// Its methods may be called by greenlets and callbacks of any thread, and by
// goroutines that belong to none, at the same time; those that wait not in
// callbacks. See the package comment for what that means for a wait that nothing
// in its own thread can end. An Event must not be copied.
type Event struct {
	guard waitlist.Guard
	list  waitlist.List[struct{}]
	set   bool
}

var _ gevent.Linkable = (*Event)(nil)

// New returns an Event that is not set.
func New() *Event { return new(Event) }

// Share says that others than one thread will use the Event, and returns it: see
// the package comment.
func (e *Event) Share() *Event {
	e.guard.Share()
	return e
}

// Shared reports whether others than one thread have used the Event, or Share has said
// that they will.
func (e *Event) Shared() bool { return e.guard.Shared() }

// IsSet reports whether the flag is set. It mirrors Event.is_set.
func (e *Event) IsSet() bool {
	e.guard.Peek()
	defer e.guard.Unlock()
	return e.set
}

// Ready is [Event.IsSet].
func (e *Event) Ready() bool { return e.IsSet() }

// Set sets the flag and makes everybody ready who waits for it, in the order in
// which they came. They go on even if the flag is cleared before they run. Set
// does not block.
//
// Budget: two atomic instructions, and some ns for each who waits in the caller's
// thread; no allocation. Who waits in another thread costs a Post.
func (e *Event) Set() {
	h := hub.Current()
	e.guard.Lock(h)
	e.set = true
	e.list.NotifyAll(h)
	e.guard.Unlock()
}

// Clear takes the flag back. It does not block.
func (e *Event) Clear() {
	e.guard.Lock(hub.Current())
	e.set = false
	e.guard.Unlock()
}

// Wait waits until the flag is set. If it is, Wait returns at once; but if others
// were woken by that and have not run yet, the caller goes on behind them. It
// mirrors Event.wait.
func (e *Event) Wait() { e.wait("event.Wait", false, 0) }

// WaitTimeout is [Event.Wait] for no longer than d, and reports whether the flag
// was set: true also if it has been cleared since. A d that is not positive lets
// everything run that is ready.
func (e *Event) WaitTimeout(d time.Duration) bool { return e.wait("event.WaitTimeout", true, d) }

func (e *Event) wait(op string, limited bool, d time.Duration) bool {
	c := waitlist.Blocking(op)
	e.guard.Lock(c.Hub)
	if e.set {
		first := e.list.First()
		behind := first != nil && first.Told() && c.Proc != nil && first.Of(c.Hub)
		e.guard.Unlock()
		if behind {
			if err := c.Proc.Yield(c.Fiber); err != nil {
				hub.Unwind(err)
			}
		}
		return true
	}
	w := e.list.New(c, limited, d)
	on := hub.Wait{Op: op, On: e}
	var cause hub.Cause
	var err error
	if c.Proc != nil {
		e.list.Begin(w, c, &e.guard)
		if w.Plain() {
			if to := c.Proc.Leave(c.Fiber, on); to != c.Fiber {
				if s := c.Fiber.Take(to); s.Pulling {
					s.Next()
				} else {
					s.Yield(struct{}{})
				}
				if c.Fiber.Signalled() {
					c.Fiber.Obey()
				}
			}
			cause, err = c.Proc.Back()
		} else {
			cause, err = w.Park(c, on)
		}
		cause, err = e.list.End(w, c, on, &e.guard, cause, err)
	} else {
		cause, err = e.list.Park(w, c, on, &e.guard)
	}
	if cause == hub.Woken {
		e.list.Leave(w)
	} else {
		e.list.Free(w)
	}
	e.guard.Unlock()
	if err != nil {
		hub.Unwind(err)
	}
	return cause == hub.Woken
}

// Rawlink has f called once, in a callback of the caller's thread, when the flag is
// set, or in the next iteration of the loop if it is set already. F must not block.
// What is linked stands in one order with those who wait. It mirrors
// Event.rawlink; there, linking one function twice needs two passes to call it
// twice.
func (e *Event) Rawlink(f func()) *gevent.Link {
	h := waitlist.MustLink("event.Rawlink", f)
	e.guard.Lock(h)
	defer e.guard.Unlock()
	return e.list.Rawlink(h, &e.guard, e.set, f)
}

// LinkCount returns how many are to be told when the flag is set: who waits and
// what was linked. It counts them one by one. It mirrors Event.linkcount.
func (e *Event) LinkCount() int {
	e.guard.Peek()
	defer e.guard.Unlock()
	return e.list.Len()
}

// String says what the Event is and whether it is set.
func (e *Event) String() string {
	e.guard.Peek()
	defer e.guard.Unlock()
	if e.set {
		return fmt.Sprintf("Event %p (set)", e)
	}
	return fmt.Sprintf("Event %p (not set)", e)
}
