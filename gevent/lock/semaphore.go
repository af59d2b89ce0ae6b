package lock

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/internal/waitlist"
	"github.com/baton-go/baton/internal/hub"
)

// A Semaphore is a number of permits, which one acquires and releases: gevent's
// Semaphore. Made with one permit it is a mutex; it is a sync.Locker too. Who
// releases need not be who acquired. A greenlet that acquires twice takes two
// permits, or waits for ever if there is one: see [RLock]. The zero Semaphore has
// no permits.
//
// Methods that do not wait may also be called in callbacks of a loop. A Semaphore
// must not be copied.
type Semaphore struct {
	guard   waitlist.Guard
	list    waitlist.List[struct{}]
	counter int
	initial int // the permits that it was made with; never more, if bounded
	bounded bool
	signals bool // it was released by one who did not hold it, so that anybody may
	holders holders
}

var (
	_ gevent.Linkable = (*Semaphore)(nil)
	_ sync.Locker     = (*Semaphore)(nil)
	_ hub.Holder      = (*Semaphore)(nil)
)

// NewSemaphore returns a Semaphore with n permits. It panics if n is negative.
func NewSemaphore(n int) *Semaphore {
	if n < 0 {
		panic("lock.NewSemaphore: a negative number of permits; pass 0 for none")
	}
	return &Semaphore{counter: n, initial: n}
}

// A BoundedSemaphore is a [Semaphore] that never has more permits than it was made
// with: one release too many panics. It is made by [NewBoundedSemaphore].
type BoundedSemaphore struct{ Semaphore }

// NewBoundedSemaphore returns a BoundedSemaphore with n permits. It panics if n is
// negative.
func NewBoundedSemaphore(n int) *BoundedSemaphore {
	if n < 0 {
		panic("lock.NewBoundedSemaphore: a negative number of permits; pass 0 for none")
	}
	return &BoundedSemaphore{Semaphore{counter: n, initial: n, bounded: true}}
}

// Share says that others than one thread will use the Semaphore: see the package
// comment.
func (s *Semaphore) Share() { s.guard.Share() }

// Shared reports whether others than one thread have used the Semaphore, or Share has said
// that they will.
func (s *Semaphore) Shared() bool { return s.guard.Shared() }

// Acquire takes a permit, and waits until there is one.
//
// Budget: two atomic instructions if there is one, no allocation.
func (s *Semaphore) Acquire() { s.acquire("lock.Acquire", permit, false, 0) }

// AcquireTimeout is [Semaphore.Acquire] that waits no longer than d, and reports
// whether it has taken a permit. A d that is not positive lets everything run that
// is ready, and then takes what is there.
func (s *Semaphore) AcquireTimeout(d time.Duration) bool {
	return s.acquire("lock.AcquireTimeout", permit, true, d)
}

// TryAcquire takes a permit if there is one, and reports whether there was. If not
// it lets everybody run once who is ready, so that who tries again and again does
// not keep the permit's holder from releasing it; in a callback it just returns.
func (s *Semaphore) TryAcquire() bool {
	c := waitlist.Here()
	s.guard.Lock(c.Hub)
	if s.counter > 0 {
		s.take(c.Proc)
		s.guard.Unlock()
		return true
	}
	s.guard.Unlock()
	yield(c)
	return false
}

// yield lets others run after a failed try.
func yield(c waitlist.Caller) {
	switch {
	case c.Proc != nil:
		if err := c.Proc.Yield(c.Fiber); err != nil {
			hub.Unwind(err)
		}
	case c.Hub == nil:
		runtime.Gosched()
	}
}

// take takes a permit for p, which is nil for a goroutine or a callback.
func (s *Semaphore) take(p *hub.Proc) {
	s.counter--
	s.holders.add(p)
}

// A need is what a caller of acquire wants.
type need uint8

const (
	permit      need = iota // a permit
	look                    // that there is one
	permitAfter             // a permit, before interrupts are taken: but not before a LoopExit
)

// acquire waits until there is a permit, takes it if it is needed, and reports
// whether there was one.
func (s *Semaphore) acquire(op string, need need, limited bool, d time.Duration) bool {
	c := waitlist.Blocking(op)
	s.guard.Lock(c.Hub)
	if s.counter > 0 {
		if need != look {
			s.take(c.Proc)
		}
		s.guard.Unlock()
		return true
	}
	w := s.list.New(c, limited, d)
	on := hub.Wait{Op: op, On: s}
	var later []error
	for {
		var cause hub.Cause
		var err error
		if c.Proc != nil {
			s.list.Begin(w, c, &s.guard)
			if w.Plain() {
				if to := c.Proc.Leave(c.Fiber, on); to != c.Fiber {
					if t := c.Fiber.Take(to); t.Pulling {
						t.Next()
					} else {
						t.Yield(struct{}{})
					}
					if c.Fiber.Signalled() {
						c.Fiber.Obey()
					}
				}
				cause, err = c.Proc.Back()
			} else {
				cause, err = w.Park(c, on)
			}
			cause, err = s.list.End(w, c, on, &s.guard, cause, err)
		} else {
			cause, err = s.list.Park(w, c, on, &s.guard)
		}
		switch {
		case cause == hub.Interrupted && need == permitAfter && !isLoopExit(err):
			later = append(later, err)
			continue
		case cause != hub.Woken:
			s.list.Free(w)
			s.guard.Unlock()
			if err != nil {
				hub.Unwind(err)
			}
			return false
		case s.counter <= 0:
			continue // somebody was quicker
		}
		s.list.Leave(w)
		if need != look {
			s.take(c.Proc)
		} else {
			s.list.NotifyOne(c.Hub) // it is for the next one, too
		}
		s.guard.Unlock()
		for _, err := range slices.Backward(later) {
			c.Proc.PutBack(err)
		}
		return true
	}
}

// Release gives a permit back, or adds one, and wakes who has waited longest. It
// does not block. If the Semaphore is bounded and has all its permits, Release
// panics.
//
// Budget: two atomic instructions and some ns, no allocation.
func (s *Semaphore) Release() { s.release("lock.Release") }

func (s *Semaphore) release(op string) {
	c := waitlist.Here()
	s.guard.Lock(c.Hub)
	if s.bounded && s.counter >= s.initial {
		s.guard.Unlock()
		panic(op + ": the BoundedSemaphore was released too many times; release once for each time that it was acquired")
	}
	if !s.holders.drop(c.Proc) {
		s.signals = true
	}
	s.counter++
	s.list.NotifyOne(c.Hub)
	s.guard.Unlock()
}

// Lock is [Semaphore.Acquire].
func (s *Semaphore) Lock() { s.acquire("lock.Lock", permit, false, 0) }

// Unlock is [Semaphore.Release].
func (s *Semaphore) Unlock() { s.release("lock.Unlock") }

// With runs f with a permit, and gives it back when f returns or unwinds.
func (s *Semaphore) With(f func()) {
	s.acquire("lock.With", permit, false, 0)
	defer s.release("lock.With")
	f()
}

// Wait waits until there is a permit, without taking it, and returns how many there
// are: it may be 0 if somebody was quicker. It mirrors Semaphore.wait.
func (s *Semaphore) Wait() int {
	s.acquire("lock.Wait", look, false, 0)
	return s.Counter()
}

// WaitTimeout is [Semaphore.Wait] for no longer than d.
func (s *Semaphore) WaitTimeout(d time.Duration) int {
	s.acquire("lock.WaitTimeout", look, true, d)
	return s.Counter()
}

// Counter returns how many permits there are.
func (s *Semaphore) Counter() int {
	s.guard.Peek()
	defer s.guard.Unlock()
	return s.counter
}

// Locked reports whether there is no permit.
func (s *Semaphore) Locked() bool { return s.Counter() <= 0 }

// Ready reports whether there is a permit.
func (s *Semaphore) Ready() bool { return s.Counter() > 0 }

// Rawlink has f called once, in a callback of the caller's thread, when there is a
// permit, or in the next iteration of the loop if there is one already. F must not
// block; it takes nothing. What is linked stands in one order with those who wait,
// and is called when its turn comes. It mirrors Semaphore.rawlink.
func (s *Semaphore) Rawlink(f func()) *gevent.Link {
	h := waitlist.MustLink("lock.Rawlink", f)
	s.guard.Lock(h)
	defer s.guard.Unlock()
	return s.list.Rawlink(h, &s.guard, s.counter > 0, f)
}

// LinkCount returns how many wait and are linked. It counts them one by one.
func (s *Semaphore) LinkCount() int {
	s.guard.Peek()
	defer s.guard.Unlock()
	return s.list.Len()
}

// Holders returns the names of the greenlets that have acquired and not released,
// the latest last; not more than 16, and a permit that one acquired and another
// released counts as the first one's. It is for people who look for a deadlock.
func (s *Semaphore) Holders() []string {
	s.guard.Peek()
	defer s.guard.Unlock()
	return s.holders.names(hub.Current())
}

// HeldBy returns those who have the permits, if it is they who will release them:
// it makes the Semaphore a hub.Holder as long as all who released had acquired, and
// all who hold it are known.
func (s *Semaphore) HeldBy() []*hub.Proc {
	s.guard.Peek()
	defer s.guard.Unlock()
	if s.signals || len(s.holders) < s.initial {
		return nil
	}
	return slices.Clone(s.holders)
}

// String says what the Semaphore is, how many permits it has and who holds it.
func (s *Semaphore) String() string {
	s.guard.Peek()
	defer s.guard.Unlock()
	kind := "Semaphore"
	if s.bounded {
		kind = "BoundedSemaphore"
	}
	return fmt.Sprintf("%s %p (counter %d%s)", kind, s, s.counter, held(s.holders.names(hub.Current())))
}

// The following make it a lock of a Condition.

func (s *Semaphore) owned(*hub.Proc) bool { return s.Counter() <= 0 }

func (s *Semaphore) releaseAll(op string) int {
	s.release(op)
	return 1
}

func (s *Semaphore) acquireAgain(op string, _ waitlist.Caller, _ int) {
	s.acquire(op, permitAfter, false, 0)
}
