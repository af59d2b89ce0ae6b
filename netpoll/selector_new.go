package netpoll

import (
	"errors"
	"fmt"
	"runtime"
)

// A selectorKind is one way to make a selector. Each platform has a list of them,
// selectorKinds, the best first.
type selectorKind struct {
	name  string
	modes Events
	probe int // see Selector
	open  func() (selectorBackend, error)
}

// Up to how many keys Select looks without waiting first. With epoll and kqueue it
// does not matter how many there are; with poll and select the look costs some 20
// to 50 ns for each.
const (
	probeAlways = int(^uint(0) >> 1)
	probeFew    = 32
)

// NewSelector returns a selector of the best kind that the platform has: kqueue,
// else epoll, else poll, else select. If the kernel refuses one, as a sandbox may,
// it takes the next. It mirrors Python's DefaultSelector.
//
// It holds two or three descriptors of the system until [Selector.Close]. The
// error is the kernel's, an [os.SyscallError], or, where there is none of these,
// [ErrNoPoller].
func NewSelector() (*Selector, error) {
	s, err := newSelector(selectorKinds)
	if err != nil {
		return nil, fmt.Errorf("netpoll.NewSelector: %w", err)
	}
	return s, nil
}

// NewEpoll returns a selector on epoll(7), which is Linux's. Elsewhere the error
// matches [errors.ErrUnsupported]. It mirrors Python's EpollSelector.
//
// It does not take regular files and directories: they are always ready.
func NewEpoll() (*Selector, error) { return newSelectorOf("NewEpoll", "epoll") }

// NewKqueue returns a selector on kqueue(2), which macOS and the BSDs have.
// Elsewhere the error matches [errors.ErrUnsupported]. It mirrors Python's
// KqueueSelector.
func NewKqueue() (*Selector, error) { return newSelectorOf("NewKqueue", "kqueue") }

// NewPoll returns a selector on poll(2), which every Unix has. Elsewhere the error
// matches [errors.ErrUnsupported]. It mirrors Python's PollSelector.
//
// Each Select costs time for every key, whether ready or not. In return a regular
// file may be watched, and to register, modify and unregister costs little.
func NewPoll() (*Selector, error) { return newSelectorOf("NewPoll", "poll") }

// NewSelect returns a selector on select(2), which every Unix has. Elsewhere the
// error matches [errors.ErrUnsupported]. It mirrors Python's SelectSelector.
//
// It takes descriptors below FD_SETSIZE only, which is 1024 on most systems, for
// others returns [ErrFdTooLarge], and so does NewSelect itself if all numbers below
// are taken, since it needs one. Each Select costs time for every number up to the
// highest that is registered. A hang-up counts as readable only, as select(2) has
// it.
func NewSelect() (*Selector, error) { return newSelectorOf("NewSelect", "select") }

func newSelectorOf(function, name string) (*Selector, error) {
	for i := range selectorKinds {
		if selectorKinds[i].name == name {
			s, err := newSelector(selectorKinds[i : i+1])
			if err != nil {
				return nil, fmt.Errorf("netpoll.%s: %w", function, err)
			}
			return s, nil
		}
	}
	return nil, fmt.Errorf("netpoll.%s: %s has no %s: %w", function, runtime.GOOS, name, errors.ErrUnsupported)
}

// newSelector makes a selector of the first kind that the kernel does not refuse.
// The error is that of the first one.
func newSelector(kinds []selectorKind) (*Selector, error) {
	var first error = ErrNoPoller
	for i, k := range kinds {
		s, err := k.make()
		if err == nil {
			return s, nil
		}
		if i == 0 {
			first = err
		}
	}
	return nil, first
}

// make opens the kernel's object and the wake-up.
func (k selectorKind) make() (*Selector, error) {
	s := &Selector{name: k.name, modes: k.modes, probe: k.probe, byFd: make(map[int]uint32)}
	if err := s.waker.open(); err != nil {
		return nil, err
	}
	kernel, err := k.open()
	if err != nil {
		return nil, errors.Join(err, s.waker.close())
	}
	s.kernel = kernel
	s.take() // the wake-up's entry
	fd := s.waker.fd()
	s.entries[wakeEntry].key = Key{Fd: fd, Events: Read}
	if err := kernel.add(fd, Read, tag{index: wakeEntry}); err != nil {
		return nil, fmt.Errorf("the wake-up, descriptor %d: %w", fd, errors.Join(err, s.Close()))
	}
	return s, nil
}
