package netpoll

import (
	"fmt"
	"runtime"
	"time"
)

// maxWait bounds one call of the kernel, since systems refuse times that are too
// long. Select then just waits again.
const maxWait = 24 * time.Hour

// Select waits until a descriptor is ready, [Selector.Wake] is called, or timeout
// has passed, and returns the keys that are ready, each once and in no particular
// order. With a timeout of zero it looks and does not wait; with a negative one it
// waits for ever. It never returns before its time with nothing, other than by
// Wake: a signal does not end it. It mirrors Python's select.
//
// An error of a descriptor, and the end of a connection, count as ready in all
// directions that are watched, since reading and writing do not block and say what
// is wrong.
//
// The result belongs to the selector and is valid until the next Select. As a
// callback may unregister a descriptor that has its turn yet to come, and even
// register another one under its number, the result is kept true: what Unregister,
// Modify and Close cease to watch is taken out of Ready of its entry, which is
// none then. So look at r.Ready before r.Data.
//
// The error is [ErrClosed] or the kernel's, an [os.SyscallError].
//
// Budget: no allocation once the result has been as long before. If something is
// ready, one system call, and with epoll and kqueue some 10 ns for each key that
// is; what the call costs in the kernel does not depend on how many keys there
// are with epoll and kqueue, and does with poll and select. If nothing is, two
// system calls, of which the second sleeps, to the nanosecond where the kernel
// can, else rounded up. The first is spared with poll and select and more than
// a few keys.
func (s *Selector) Select(timeout time.Duration) ([]Ready, error) {
	if !s.busy.CompareAndSwap(false, true) {
		s.mustBeIdle("Select")
	}
	defer s.busy.Store(false)
	if s.kernel == nil {
		return nil, ErrClosed
	}
	clear(s.ready) // what it refers to
	s.ready = s.ready[:0]
	if err := s.wait(timeout); err != nil {
		return nil, fmt.Errorf("netpoll.Select: %w", err)
	}
	return s.ready, nil
}

// wait looks until there is something to return, or time is over.
//
// Before it sleeps it lets other goroutines run: see Loop.sleep. So as not to do
// that when something is ready already, it looks first, where that is cheap.
func (s *Selector) wait(timeout time.Duration) error {
	if timeout == 0 || len(s.byFd) <= s.probe {
		if done, err := s.look(0); done || err != nil || timeout == 0 {
			return err
		}
	}
	if timeout < 0 {
		runtime.Gosched()
		for {
			if done, err := s.look(-1); done || err != nil {
				return err
			}
		}
	}
	start := time.Now()
	runtime.Gosched()
	for {
		left := timeout - time.Since(start)
		done, err := s.look(min(max(left, 0), maxWait))
		if done || err != nil || left <= 0 {
			return err
		}
	}
}

// look asks the kernel once, and notes the answer. It reports whether Select is to
// return.
func (s *Selector) look(wait time.Duration) (done bool, err error) {
	n, err := s.kernel.wait(wait)
	if err != nil {
		return false, err
	}
	stale := false
	for i := range n {
		t, e := s.kernel.event(i)
		x := &s.entries[t.index]
		switch {
		case x.generation != t.generation:
			stale = true
		case t.index == wakeEntry:
			done = true
			if err := s.waker.drain(); err != nil {
				return false, err
			}
		default:
			s.report(x, e)
		}
	}
	done = done || len(s.ready) > 0
	if !stale {
		return done, nil
	}
	if err := s.renew(); err != nil {
		if done {
			err = nil // what is ready comes first
		}
		return done, err
	}
	// The stale events may have left no room for others.
	more, err := s.look(0)
	return done || more, err
}

// report notes an event of a key. A kqueue may have two.
func (s *Selector) report(x *selectorEntry, e Events) {
	e &= x.key.Events
	if s.reported(x) {
		s.ready[x.result].Ready |= e
		return
	}
	x.result = len(s.ready)
	x.spent = x.key.Events&OneShot != 0
	s.ready = append(s.ready, Ready{x.key, e})
}

// A renewer is a backend that may report what cannot be removed from it.
type renewer interface {
	// renew forgets all registrations.
	renew() error
}

// renew gets rid of registrations that have no key. With epoll a registration
// lasts as long as the file is open, but can be removed only under the number that
// it was made under. So when a descriptor is closed that has a duplicate, here or
// in another process, and is then unregistered, what the kernel keeps is out of
// reach, and reports the file for ever; level-triggered as it is, no Select would
// sleep any more. The way out is a new epoll instance.
func (s *Selector) renew() error {
	k, ok := s.kernel.(renewer)
	if !ok {
		return nil
	}
	if err := k.renew(); err != nil {
		return err
	}
	for i := range s.entries {
		x := &s.entries[i]
		if i == wakeEntry {
			if err := s.kernel.add(x.key.Fd, Read, tag{}); err != nil {
				return err
			}
			continue
		}
		if !s.holds(uint32(i)) {
			continue
		}
		// A OneShot that was reported is not armed, and a descriptor that is closed
		// cannot be registered. Modify sees to the one, Unregister to the other.
		x.lost = x.spent || s.kernel.add(x.key.Fd, x.key.Events, tag{uint32(i), x.generation}) != nil
	}
	return nil
}

// holds reports whether entry i is a key.
func (s *Selector) holds(i uint32) bool {
	j, ok := s.byFd[s.entries[i].key.Fd]
	return ok && i == j
}
