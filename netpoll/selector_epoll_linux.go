package netpoll

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// selectorKinds: see selector_new.go.
var selectorKinds = []selectorKind{
	{name: "epoll", modes: modes, probe: probeAlways, open: openEpollBackend},
	{name: "poll", probe: probeFew, open: openPollBackend},
	{name: "select", probe: probeFew, open: openSelectBackend},
}

// epollBackend is an epoll instance.
type epollBackend struct {
	epfd   int
	count  int // registrations
	events []unix.EpollEvent
	coarse bool // there is no epoll_pwait2
}

func openEpollBackend() (selectorBackend, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	return &epollBackend{epfd: epfd}, nil
}

func (b *epollBackend) close() error { return os.NewSyscallError("close", unix.Close(b.epfd)) }

func (b *epollBackend) fd() int { return b.epfd }

func (b *epollBackend) add(fd int, e Events, t tag) error {
	err := b.ctl(unix.EPOLL_CTL_ADD, fd, e, t)
	if err == unix.EEXIST {
		// The number was closed, unregistered, and then made again of a duplicate of
		// the same file: the kernel still has what it could not be told to remove.
		err = b.ctl(unix.EPOLL_CTL_MOD, fd, e, t)
	}
	if err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	b.count++
	return nil
}

func (b *epollBackend) modify(fd int, _, new Events, t tag) error {
	return os.NewSyscallError("epoll_ctl", b.ctl(unix.EPOLL_CTL_MOD, fd, new, t))
}

func (b *epollBackend) remove(fd int, _ Events, t tag) error {
	b.count--
	return os.NewSyscallError("epoll_ctl", b.ctl(unix.EPOLL_CTL_DEL, fd, 0, t))
}

func (b *epollBackend) ctl(op, fd int, e Events, t tag) error {
	// The 64 bits that the kernel keeps for us are called Fd and Pad in x/sys.
	ev := unix.EpollEvent{Fd: int32(t.index), Pad: int32(t.generation)}
	if e&Read != 0 {
		ev.Events |= unix.EPOLLIN
	}
	if e&Write != 0 {
		ev.Events |= unix.EPOLLOUT
	}
	if e&EdgeTriggered != 0 {
		ev.Events |= unix.EPOLLET
	}
	if e&OneShot != 0 {
		ev.Events |= unix.EPOLLONESHOT
	}
	return unix.EpollCtl(b.epfd, op, fd, &ev)
}

// renew puts a new instance under the same number.
func (b *epollBackend) renew() error {
	fresh, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	defer unix.Close(fresh)
	if err := unix.Dup3(fresh, b.epfd, unix.O_CLOEXEC); err != nil {
		return os.NewSyscallError("dup3", err)
	}
	b.count = 0
	return nil
}

func (b *epollBackend) event(i int) (tag, Events) {
	ev := &b.events[i]
	var e Events
	// What is neither of the two is trouble, in both directions.
	if ev.Events&^unix.EPOLLOUT != 0 {
		e |= Read
	}
	if ev.Events&^unix.EPOLLIN != 0 {
		e |= Write
	}
	return tag{uint32(ev.Fd), uint32(ev.Pad)}, e
}

func (b *epollBackend) wait(timeout time.Duration) (int, error) {
	if len(b.events) < b.count {
		b.events = make([]unix.EpollEvent, 2*b.count)
	}
	n, errno := b.epollWait(timeout)
	switch errno {
	case 0:
		return int(n), nil
	case unix.EINTR:
		return 0, nil
	}
	return 0, os.NewSyscallError("epoll_wait", errno)
}

// epollWait makes the call that does not wait raw, without telling the Go
// scheduler. For a wait of some length epoll_pwait2 is exact.
func (b *epollBackend) epollWait(timeout time.Duration) (n uintptr, errno syscall.Errno) {
	switch {
	case timeout == 0:
		n, _, errno = syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(b.epfd),
			uintptr(unsafe.Pointer(&b.events[0])), uintptr(len(b.events)), 0, 0, 0)
		return n, errno
	case timeout < 0:
		return b.pwait(-1)
	case !b.coarse:
		// struct __kernel_timespec is the same on all architectures.
		ts := struct{ sec, nsec int64 }{int64(timeout / time.Second), int64(timeout % time.Second)}
		n, _, errno = syscall.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(b.epfd),
			uintptr(unsafe.Pointer(&b.events[0])), uintptr(len(b.events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
		// A sandbox that does not know the call may answer EPERM.
		if errno != unix.ENOSYS && errno != unix.EPERM {
			return n, errno
		}
		b.coarse = true
	}
	return b.pwait(int(roundUp(timeout, time.Millisecond)))
}

func (b *epollBackend) pwait(msec int) (uintptr, syscall.Errno) {
	n, _, errno := syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(b.epfd),
		uintptr(unsafe.Pointer(&b.events[0])), uintptr(len(b.events)), uintptr(msec), 0, 0)
	return n, errno
}
