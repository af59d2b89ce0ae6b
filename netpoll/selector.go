package netpoll

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// The errors of a [Selector], besides [ErrClosed] and those of the kernel. They
// come wrapped with the method and the descriptor.
var (
	// ErrRegistered: the descriptor has a key already, which [Selector.Modify] changes,
	// or is the selector's own.
	ErrRegistered = errors.New("already registered with the selector")

	// ErrNotRegistered: the descriptor has no key.
	ErrNotRegistered = errors.New("not registered with the selector")

	// ErrInvalidEvents: the set has neither [Read] nor [Write], or has bits that
	// mean nothing.
	ErrInvalidEvents = errors.New("invalid events")

	// ErrInvalidFd: no descriptor can have this number.
	ErrInvalidFd = errors.New("invalid descriptor number")

	// ErrFdTooLarge: select(2) takes descriptors below FD_SETSIZE only, which is
	// 1024 on most systems. See [NewSelect].
	ErrFdTooLarge = errors.New("descriptor number too large for select")
)

// A Selector watches descriptors and tells which of them are ready. It mirrors
// Python's selectors module: where a [Loop] calls back, a Selector answers.
//
//	sel, err := netpoll.NewSelector()
//	...
//	defer sel.Close()
//	sel.Register(fd, netpoll.Read, accept)
//	for {
//		ready, err := sel.Select(-1)
//		...
//		for _, r := range ready {
//			if r.Ready != 0 { // else an earlier callback unregistered it
//				r.Data.(func(int, netpoll.Events))(r.Fd, r.Ready)
//			}
//		}
//	}
//
// # Descriptors
//
// A Selector watches numbers. It never closes one, nor reads or writes, nor makes
// it non-blocking. Unregister a descriptor before it is closed. If it is closed
// all the same, epoll and kqueue forget it without a word, whereas poll and select
// go on to report it in all directions, so that whoever is told reads, and gets
// EBADF. Unregister is right then, too, and does no harm if the number belongs to
// something else by now. (With epoll a file of which a duplicate is still open
// goes on being reported until it is unregistered, and not longer.)
//
// Most things of the standard library that have a descriptor hand out its number
// for the length of a call:
//
//	raw, err := conn.(syscall.Conn).SyscallConn()
//	...
//	raw.Control(func(fd uintptr) { key, err = sel.Register(int(fd), netpoll.Read, conn) })
//
// The number is theirs: keep conn referred to, and unregister before conn.Close.
// [os.File.Fd] gives the number too, but makes the file blocking, so that deadlines
// no longer work and a read that has to wait keeps a thread busy. For something
// that will be used by its number only, the File method of [net.TCPConn] and its
// like makes a duplicate: keep the [os.File] referred to, since the collector closes
// one that nobody refers to, and make the number non-blocking again with
// [syscall.SetNonblock]. All this holds for [Loop.AddReader] as well.
//
// # One goroutine at a time
//
// A Selector is for one goroutine at a time, which other goroutines reach by
// [Selector.Wake]. A method that is called while another goroutine is in Select
// panics. What else happens at the same time without synchronisation is a data
// race. A Select that waits occupies a thread of the operating system.
type Selector struct {
	name   string
	kernel selectorBackend // nil when closed
	modes  Events          // of modes, those that the kernel has
	probe  int             // with how many keys to look before waiting: see Select

	// An event must reach the key that it is meant for; sources.go says why the
	// number of a descriptor is not enough to find it.
	entries []selectorEntry // entry 0 is the wake-up's
	free    []uint32        // vacant entries
	byFd    map[int]uint32

	ready []Ready // the result of the last Select
	busy  atomic.Bool
	waker selectorWaker
}

// A selectorEntry is a key, or vacant.
type selectorEntry struct {
	key        Key
	generation uint32
	spent      bool // was reported and is a OneShot
	lost       bool // the kernel has no registration: see renew
	result     int  // index in Selector.ready, if it is there
}

// A selectorBackend is the kernel's part of a selector: its calls, and what they
// need to be told. It is asked nothing that makes no sense; all checks and the
// keys are the Selector's. Its errors are *os.SyscallErrors.
type selectorBackend interface {
	// add registers fd. Events of it carry t.
	add(fd int, e Events, t tag) error

	// modify changes a registration from old to new. If it fails there may be
	// none left.
	modify(fd int, old, new Events, t tag) error

	// remove undoes add.
	remove(fd int, old Events, t tag) error

	// wait fetches all events that there are, and returns their number: at once if
	// timeout is zero, after at most timeout if it is more, else when there are
	// some. It may return early, and does for a signal.
	wait(timeout time.Duration) (int, error)

	// event is the ith event of the last wait: Read, Write or both, not
	// necessarily of what is watched for only.
	event(i int) (tag, Events)

	// fd is the number of the kernel's object, or -1.
	fd() int

	close() error
}

// wakeEntry is the index of the entry that is nobody's key.
const wakeEntry = 0

// Name is the kernel's call: "epoll", "kqueue", "poll" or "select".
func (s *Selector) Name() string { return s.name }

// Register begins to watch fd for events. Data is anything that the caller wants
// to find again, in the [Ready] of Select. It returns the key. It mirrors Python's
// register.
//
// The error is [ErrInvalidEvents], [ErrInvalidFd], [ErrRegistered], [ErrClosed],
// with select [ErrFdTooLarge]; with poll and select, for [EdgeTriggered] and
// [OneShot], one that matches [errors.ErrUnsupported]; or the kernel's as an
// [os.SyscallError], such as EBADF for a descriptor that is not open, and with
// epoll EPERM (which is [fs.ErrPermission]) for a regular file or a directory,
// which is always ready. After an error fd is not registered, or as it was before.
//
// Budget: one system call; no allocation once as many descriptors have been
// registered before, besides what making an any of data costs.
func (s *Selector) Register(fd int, events Events, data any) (Key, error) {
	if err := s.use("Register"); err != nil {
		return Key{}, err
	}
	if err := s.check(events); err != nil {
		return Key{}, fdError("Register", fd, err)
	}
	if fd < 0 || fd > math.MaxInt32 {
		return Key{}, fdError("Register", fd, ErrInvalidFd)
	}
	if _, ok := s.byFd[fd]; ok || fd == s.waker.fd() {
		return Key{}, fdError("Register", fd, ErrRegistered)
	}
	i := s.take()
	x := &s.entries[i]
	if err := s.kernel.add(fd, events, tag{i, x.generation}); err != nil {
		s.vacate(i)
		return Key{}, fdError("Register", fd, err)
	}
	x.key = Key{fd, events, data}
	s.byFd[fd] = i
	return x.key, nil
}

// Modify changes what fd is watched for, and its data, and returns the new key. If
// events are as before, only the data changes and no system call is made, unless
// fd is a [OneShot] that has been reported: that is armed again. It mirrors
// Python's modify.
//
// The error is [ErrNotRegistered], [ErrClosed], or one of those of Register. If it
// is the kernel's, the key is gone; otherwise it is as before.
func (s *Selector) Modify(fd int, events Events, data any) (Key, error) {
	i, err := s.find("Modify", fd)
	if err != nil {
		return Key{}, err
	}
	if err := s.check(events); err != nil {
		return Key{}, fdError("Modify", fd, err)
	}
	x := &s.entries[i]
	if events != x.key.Events || x.spent {
		t := tag{i, x.generation}
		if x.lost {
			err = s.kernel.add(fd, events, t)
		} else {
			err = s.kernel.modify(fd, x.key.Events, events, t)
		}
		if err != nil {
			s.drop(i)
			return Key{}, fdError("Modify", fd, err)
		}
		x.spent, x.lost = false, false
		s.restrict(x, events)
	}
	x.key = Key{fd, events, data}
	return x.key, nil
}

// Unregister ends the watching of fd and returns the key that it had. It works for
// a descriptor that is closed, and for a number that has been used again for
// something else. It mirrors Python's unregister. The error is [ErrNotRegistered]
// or [ErrClosed].
func (s *Selector) Unregister(fd int) (Key, error) {
	i, err := s.find("Unregister", fd)
	if err != nil {
		return Key{}, err
	}
	key := s.entries[i].key
	s.drop(i)
	return key, nil
}

// Get returns the key of fd. It mirrors Python's get_key. The error is
// [ErrNotRegistered] or [ErrClosed].
func (s *Selector) Get(fd int) (Key, error) {
	i, err := s.find("Get", fd)
	if err != nil {
		return Key{}, err
	}
	return s.entries[i].key, nil
}

// Keys iterates over the keys in the order of their descriptors. The body of the
// loop may register and unregister: a key that is gone when its turn comes is left
// out, and one that is new does not come up. After Close there are none. It
// mirrors Python's get_map.
//
// Budget: it sorts the numbers first, and allocates for them.
func (s *Selector) Keys() iter.Seq[Key] {
	return func(yield func(Key) bool) {
		s.mustBeIdle("Keys")
		for _, fd := range slices.Sorted(maps.Keys(s.byFd)) {
			if i, ok := s.byFd[fd]; ok && !yield(s.entries[i].key) {
				return
			}
		}
	}
}

// Len is the number of keys; after Close it is zero.
func (s *Selector) Len() int {
	s.mustBeIdle("Len")
	return len(s.byFd)
}

// Fd is the number of the kernel's object of an epoll or kqueue selector, which can
// be registered with another selector: it is readable while one of its descriptors
// is ready. It belongs to the selector and must not be closed. If a descriptor was
// closed before it was unregistered, Select may have to replace the kernel's object
// under this number, which ends its registration elsewhere without a word: then
// unregister and register it there again. It mirrors Python's fileno. The error is [ErrClosed], or with poll and select matches
// [errors.ErrUnsupported].
func (s *Selector) Fd() (int, error) {
	if err := s.use("Fd"); err != nil {
		return -1, err
	}
	fd := s.kernel.fd()
	if fd < 0 {
		return -1, fmt.Errorf("netpoll.Fd: %s has no descriptor of its own: %w", s.name, errors.ErrUnsupported)
	}
	return fd, nil
}

// Close ends the selector and closes what it holds of the kernel. The registered
// descriptors stay open. Afterwards there are no keys, and methods that return an
// error return [ErrClosed], as a second Close does.
func (s *Selector) Close() error {
	if err := s.use("Close"); err != nil {
		return err
	}
	err := errors.Join(s.kernel.close(), s.waker.close())
	s.kernel = nil
	for i := range s.ready {
		s.ready[i].Ready = 0
	}
	s.entries, s.free, s.byFd, s.ready = nil, nil, nil, nil
	return err
}

// use returns an error if the selector is closed. It panics if another goroutine
// is in Select.
func (s *Selector) use(function string) error {
	s.mustBeIdle(function)
	if s.kernel == nil {
		return ErrClosed
	}
	return nil
}

func (s *Selector) mustBeIdle(function string) {
	if s.busy.Load() {
		misuse(function, "another goroutine is in Select of this selector",
			"call Wake, and go on when Select has returned")
	}
}

// find returns the entry of fd.
func (s *Selector) find(function string, fd int) (uint32, error) {
	if err := s.use(function); err != nil {
		return 0, err
	}
	i, ok := s.byFd[fd]
	if !ok {
		return 0, fdError(function, fd, ErrNotRegistered)
	}
	return i, nil
}

// check returns an error if nothing can be watched for these events.
func (s *Selector) check(e Events) error {
	if e&readWrite == 0 || e&^(readWrite|modes) != 0 {
		return fmt.Errorf("%w: %v", ErrInvalidEvents, e)
	}
	if lacks := e & modes &^ s.modes; lacks != 0 {
		return fmt.Errorf("%s has no %v: %w", s.name, lacks, errors.ErrUnsupported)
	}
	return nil
}

// take finds a vacant entry.
func (s *Selector) take() uint32 {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		return i
	}
	s.entries = append(s.entries, selectorEntry{result: -1})
	return uint32(len(s.entries) - 1)
}

// vacate makes an entry, and the events that still carry its tag, void.
func (s *Selector) vacate(i uint32) {
	s.entries[i] = selectorEntry{generation: s.entries[i].generation + 1, result: -1}
	s.free = append(s.free, i)
}

// drop takes a key away.
func (s *Selector) drop(i uint32) {
	x := &s.entries[i]
	if !x.lost {
		// An error means that the descriptor is closed, and with it the registration;
		// or that it will show as a stale event: see renew.
		_ = s.kernel.remove(x.key.Fd, x.key.Events, tag{i, x.generation})
	}
	s.restrict(x, 0)
	delete(s.byFd, x.key.Fd)
	s.vacate(i)
}

// restrict takes out of the last result what is no longer watched.
func (s *Selector) restrict(x *selectorEntry, e Events) {
	if s.reported(x) {
		s.ready[x.result].Ready &= e
	}
}

// reported says whether the entry is in the last result.
func (s *Selector) reported(x *selectorEntry) bool {
	return uint(x.result) < uint(len(s.ready)) && s.ready[x.result].Fd == x.key.Fd
}
