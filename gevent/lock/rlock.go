package lock

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/internal/waitlist"
	"github.com/baton-go/baton/internal/hub"
)

// An RLock is a lock that the greenlet that holds it may acquire again, and then
// has to release as often: gevent's RLock. Its owner is the greenlet, the main one
// included; goroutines that belong to no thread cannot use it, nor can callbacks.
// The zero RLock is free. An RLock must not be copied.
type RLock struct {
	guard waitlist.Guard
	list  waitlist.List[struct{}]
	owner *hub.Proc // nil if it is free
	depth int
}

var (
	_ gevent.Linkable = (*RLock)(nil)
	_ sync.Locker     = (*RLock)(nil)
	_ hub.Holder      = (*RLock)(nil)
)

// NewRLock returns an RLock that is free.
func NewRLock() *RLock { return new(RLock) }

// Share says that several threads will use the RLock: see the package comment.
func (l *RLock) Share() { l.guard.Share() }

// Shared reports whether others than one thread have used the RLock, or Share has said
// that they will.
func (l *RLock) Shared() bool { return l.guard.Shared() }

// caller returns the calling greenlet.
func caller(op string) waitlist.Caller {
	c := waitlist.Here()
	if c.Proc == nil {
		hub.Require(op)
	}
	return c
}

// Acquire takes the lock, and waits until it is free unless the caller has it.
func (l *RLock) Acquire() { l.acquire("lock.Acquire", false, 0) }

// AcquireTimeout is [RLock.Acquire] that waits no longer than d, and reports
// whether the caller has the lock: see [Semaphore.AcquireTimeout].
func (l *RLock) AcquireTimeout(d time.Duration) bool {
	return l.acquire("lock.AcquireTimeout", true, d)
}

// TryAcquire takes the lock if it is free or the caller's, and reports whether it
// was: see [Semaphore.TryAcquire].
func (l *RLock) TryAcquire() bool {
	c := caller("lock.TryAcquire")
	l.guard.Lock(c.Hub)
	ok := l.take(c.Proc, 1)
	l.guard.Unlock()
	if !ok {
		yield(c)
	}
	return ok
}

// take takes the lock for p if that can be.
func (l *RLock) take(p *hub.Proc, depth int) bool {
	if l.owner != nil && l.owner != p {
		return false
	}
	l.owner = p
	l.depth += depth
	return true
}

func (l *RLock) acquire(op string, limited bool, d time.Duration) bool {
	c := caller(op)
	l.guard.Lock(c.Hub)
	if l.take(c.Proc, 1) {
		l.guard.Unlock()
		return true
	}
	return l.waitFor(op, c, limited, d, 1, false)
}

// waitFor waits until the lock is free and takes it, as often as depth says: see
// Semaphore.waitFor.
func (l *RLock) waitFor(op string, c waitlist.Caller, limited bool, d time.Duration, depth int, stubborn bool) bool {
	w := l.list.New(c, limited, d)
	var later []error
	for {
		cause, err := l.list.Park(w, c, hub.Wait{Op: op, On: l}, &l.guard)
		switch {
		case cause == hub.Interrupted && stubborn && !isLoopExit(err):
			later = append(later, err)
			continue
		case cause != hub.Woken:
			l.list.Free(w)
			l.guard.Unlock()
			if err != nil {
				hub.Unwind(err)
			}
			return false
		case !l.take(c.Proc, depth):
			continue // somebody was quicker
		}
		l.list.Leave(w)
		l.guard.Unlock()
		for _, err := range slices.Backward(later) {
			c.Proc.PutBack(err)
		}
		return true
	}
}

// Release undoes one acquire of the caller; the last one frees the lock and wakes
// who has waited longest. It panics if the caller does not hold the lock. It does
// not block.
func (l *RLock) Release() { l.release("lock.Release", false) }

// release undoes one acquire, or all, and returns how many it undid.
func (l *RLock) release(op string, all bool) int {
	c := caller(op)
	l.guard.Lock(c.Hub)
	defer l.guard.Unlock()
	if l.owner != c.Proc {
		who := "nobody"
		if l.owner != nil {
			who = nameOf(l.owner, c.Hub)
		}
		panic(op + ": the RLock is held by " + who + ", and not by the caller, " + c.Proc.Name() + "; release it in the greenlet that acquired it")
	}
	n := 1
	if all {
		n = l.depth
	}
	if l.depth -= n; l.depth == 0 {
		l.owner = nil
		l.list.NotifyOne(c.Hub)
	}
	return n
}

// Lock is [RLock.Acquire].
func (l *RLock) Lock() { l.acquire("lock.Lock", false, 0) }

// Unlock is [RLock.Release].
func (l *RLock) Unlock() { l.release("lock.Unlock", false) }

// With runs f with the lock, and releases it when f returns or unwinds.
func (l *RLock) With(f func()) {
	l.acquire("lock.With", false, 0)
	defer l.release("lock.With", false)
	f()
}

// Locked reports whether somebody holds the lock.
func (l *RLock) Locked() bool { return !l.Ready() }

// Ready reports whether the lock is free.
func (l *RLock) Ready() bool {
	l.guard.Peek()
	defer l.guard.Unlock()
	return l.owner == nil
}

// IsOwned reports whether the calling greenlet holds the lock.
func (l *RLock) IsOwned() bool {
	_, p := hub.Here()
	return p != nil && l.owned(p)
}

// Rawlink has f called once, in a callback of the caller's thread, when the lock
// is free: see [Semaphore.Rawlink].
func (l *RLock) Rawlink(f func()) *gevent.Link {
	h := waitlist.MustLink("lock.Rawlink", f)
	l.guard.Lock(h)
	defer l.guard.Unlock()
	return l.list.Rawlink(h, &l.guard, l.owner == nil, f)
}

// LinkCount returns how many wait and are linked. It counts them one by one.
func (l *RLock) LinkCount() int {
	l.guard.Peek()
	defer l.guard.Unlock()
	return l.list.Len()
}

// Holders returns the name of the greenlet that holds the lock, if one does.
func (l *RLock) Holders() []string {
	l.guard.Peek()
	defer l.guard.Unlock()
	return l.holders().names(hub.Current())
}

// HeldBy returns the greenlet that holds the lock: it makes the RLock a hub.Holder,
// so that deadlocks are found. One of another thread is nil.
func (l *RLock) HeldBy() []*hub.Proc {
	l.guard.Peek()
	defer l.guard.Unlock()
	if l.owner != nil && l.owner.Hub() != hub.Current() {
		return []*hub.Proc{nil}
	}
	return l.holders()
}

func (l *RLock) holders() holders {
	if l.owner == nil {
		return nil
	}
	return holders{l.owner}
}

// String says what the RLock is and who holds it.
func (l *RLock) String() string {
	l.guard.Peek()
	defer l.guard.Unlock()
	return fmt.Sprintf("RLock %p (depth %d%s)", l, l.depth, held(l.holders().names(hub.Current())))
}

// The following make it a lock of a Condition.

func (l *RLock) owned(p *hub.Proc) bool {
	l.guard.Peek()
	defer l.guard.Unlock()
	return l.owner == p && p != nil
}

func (l *RLock) releaseAll(op string) int { return l.release(op, true) }

func (l *RLock) acquireAgain(op string, c waitlist.Caller, depth int) {
	l.guard.Lock(c.Hub)
	if l.take(c.Proc, depth) {
		l.guard.Unlock()
		return
	}
	l.waitFor(op, c, false, 0, depth, true)
}
