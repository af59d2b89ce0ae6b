//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package netpoll

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// selectorKinds: see selector_new.go.
var selectorKinds = []selectorKind{
	{name: "kqueue", modes: modes, probe: probeAlways, open: openKqueueBackend},
	{name: "poll", probe: probeFew, open: openPollBackend},
	{name: "select", probe: probeFew, open: openSelectBackend},
}

// kqueueBackend is a kqueue.
//
// What it has registered belongs to the descriptor and goes away with it, so the
// number is enough to find the tag.
type kqueueBackend struct {
	kq     int
	owners map[int]kqueueOwner
	events []unix.Kevent_t
}

type kqueueOwner struct {
	tag    tag
	events Events
}

func openKqueueBackend() (selectorBackend, error) {
	syscall.ForkLock.RLock()
	kq, err := unix.Kqueue()
	if err == nil {
		unix.CloseOnExec(kq)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("kqueue", err)
	}
	return &kqueueBackend{kq: kq, owners: make(map[int]kqueueOwner)}, nil
}

func (b *kqueueBackend) close() error { return os.NewSyscallError("close", unix.Close(b.kq)) }

func (b *kqueueBackend) fd() int { return b.kq }

func (b *kqueueBackend) add(fd int, e Events, t tag) error {
	flags := unix.EV_ADD
	if e&EdgeTriggered != 0 {
		flags |= unix.EV_CLEAR
	}
	if e&OneShot != 0 {
		flags |= unix.EV_ONESHOT
	}
	if err := b.change(fd, unix.EVFILT_READ, flags, e&Read); err != nil {
		return os.NewSyscallError("kevent", err)
	}
	if err := b.change(fd, unix.EVFILT_WRITE, flags, e&Write); err != nil {
		_ = b.change(fd, unix.EVFILT_READ, unix.EV_DELETE, e&Read)
		return os.NewSyscallError("kevent", err)
	}
	b.owners[fd] = kqueueOwner{t, e}
	return nil
}

// modify registers anew, since to add what is there already does not change how it
// is triggered everywhere.
func (b *kqueueBackend) modify(fd int, old, new Events, t tag) error {
	_ = b.remove(fd, old, t)
	return b.add(fd, new, t)
}

func (b *kqueueBackend) remove(fd int, old Events, _ tag) error {
	delete(b.owners, fd)
	b.forget(fd, old)
	return nil
}

// forget removes the filters. They may be gone already: the descriptor was closed,
// or the event was a OneShot.
func (b *kqueueBackend) forget(fd int, e Events) {
	_ = b.change(fd, unix.EVFILT_READ, unix.EV_DELETE, e&Read)
	_ = b.change(fd, unix.EVFILT_WRITE, unix.EV_DELETE, e&Write)
}

// change applies flags to a filter, if e is not none. It returns an errno.
func (b *kqueueBackend) change(fd, filter, flags int, e Events) error {
	if e == 0 {
		return nil
	}
	var changes [1]unix.Kevent_t
	unix.SetKevent(&changes[0], fd, filter, flags)
	for {
		_, err := unix.Kevent(b.kq, changes[:], nil, nil)
		if err != unix.EINTR {
			return err
		}
	}
}

func (b *kqueueBackend) wait(timeout time.Duration) (int, error) {
	if len(b.events) < 2*len(b.owners) {
		b.events = make([]unix.Kevent_t, 4*len(b.owners))
	}
	var ts *unix.Timespec
	if timeout >= 0 {
		t := unix.NsecToTimespec(int64(timeout))
		ts = &t
	}
	n, err := unix.Kevent(b.kq, nil, b.events, ts)
	switch err {
	case nil:
	case unix.EINTR:
		return 0, nil
	default:
		return 0, os.NewSyscallError("kevent", err)
	}
	for i := range n {
		// A OneShot is for the descriptor; to the kernel it is one for each filter.
		fd := int(b.events[i].Ident)
		if o := b.owners[fd]; o.events.Has(readWrite | OneShot) {
			b.forget(fd, readWrite)
		}
	}
	return n, nil
}

func (b *kqueueBackend) event(i int) (tag, Events) {
	ev := &b.events[i]
	t := b.owners[int(ev.Ident)].tag
	if ev.Filter == unix.EVFILT_WRITE {
		return t, Write
	}
	return t, Read
}
