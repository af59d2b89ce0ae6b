//go:build linux

package netpoll

import (
	"errors"
	"math"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poller is an epoll instance and an eventfd to wake it.
//
// The eventfd is registered edge-triggered and never read: each write makes an
// edge, whatever the counter's value, and 2⁶⁴ writes do not come about.
type poller struct {
	epfd   int
	wakefd int
	events []unix.EpollEvent
	late   map[int]struct{} // see claim
	full   bool             // the last poll may have left some
	coarse bool             // there is no epoll_pwait2
}

const (
	// minEvents is how many events a poll fetches at first. The number doubles,
	// up to maxEvents, whenever there may have been more.
	minEvents = 128
	maxEvents = 1024

	// wakeIndex is the tag's index of the eventfd.
	wakeIndex = -1
)

func (p *poller) open() (err error) {
	p.epfd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	p.wakefd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(p.epfd)
		return os.NewSyscallError("eventfd2", err)
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: wakeIndex}
	if err := unix.EpollCtl(p.epfd, unix.EPOLL_CTL_ADD, p.wakefd, &ev); err != nil {
		_ = p.close()
		return os.NewSyscallError("epoll_ctl", err)
	}
	p.events = make([]unix.EpollEvent, minEvents)
	p.late = make(map[int]struct{})
	return nil
}

func (p *poller) close() error {
	return errors.Join(
		os.NewSyscallError("close", unix.Close(p.epfd)),
		os.NewSyscallError("close", unix.Close(p.wakefd)))
}

func (p *poller) add(fd int, t tag, again bool) error {
	const interest = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLPRI | unix.EPOLLRDHUP | unix.EPOLLET
	if !again {
		return p.claim(fd, t, interest)
	}
	err := p.ctl(unix.EPOLL_CTL_ADD, fd, t, interest)
	if err == nil {
		p.late[fd] = struct{}{}
	}
	return err
}

func (p *poller) watch(fd int, t tag, old, new event) error {
	var interest uint32
	if new&evRead != 0 {
		interest |= unix.EPOLLIN
	}
	if new&evWrite != 0 {
		interest |= unix.EPOLLOUT
	}
	if old == 0 {
		return p.claim(fd, t, interest)
	}
	err := p.ctl(unix.EPOLL_CTL_MOD, fd, t, interest)
	if errors.Is(err, unix.ENOENT) {
		p.late[fd] = struct{}{}
	}
	return err
}

func (p *poller) remove(fd int, _ event) error {
	err := p.ctl(unix.EPOLL_CTL_DEL, fd, tag{}, 0)
	if err != nil {
		p.late[fd] = struct{}{}
	}
	return err
}

// claim registers fd for a new tag. The kernel may have a registration already, if
// the number was closed before that was removed, a duplicate kept its file open,
// and it stands for that file again. So numbers that were closed too early, as it
// turned out, are remembered in late.
func (p *poller) claim(fd int, t tag, interest uint32) error {
	err := p.ctl(unix.EPOLL_CTL_ADD, fd, t, interest)
	if _, late := p.late[fd]; late && errors.Is(err, unix.EEXIST) {
		return p.ctl(unix.EPOLL_CTL_MOD, fd, t, interest)
	}
	return err
}

func (p *poller) ctl(op, fd int, t tag, interest uint32) error {
	// The 64 bits that the kernel keeps for us are called Fd and Pad in x/sys.
	ev := unix.EpollEvent{Events: interest, Fd: int32(t.index), Pad: int32(t.generation)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.epfd, op, fd, &ev))
}

func (p *poller) event(i int) (tag, event) {
	ev := &p.events[i]
	if ev.Fd == wakeIndex {
		return tag{}, evWake
	}
	var e event
	if ev.Events&unix.EPOLLIN != 0 {
		e |= evRead
	}
	if ev.Events&unix.EPOLLOUT != 0 {
		e |= evWrite
	}
	if ev.Events&(unix.EPOLLRDHUP|unix.EPOLLPRI) != 0 {
		e |= evReadEnded
	}
	if ev.Events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		e |= evBothEnded
	}
	return tag{uint32(ev.Fd), uint32(ev.Pad)}, e
}

// poll makes the non-blocking call raw, without telling the Go scheduler, since
// it returns at once. For a wait of some length epoll_pwait2 is exact, where
// epoll_pwait would round a wait of 50 µs up to a millisecond.
func (p *poller) poll(wait time.Duration) int {
	if p.full && len(p.events) < maxEvents {
		p.events = make([]unix.EpollEvent, 2*len(p.events))
	}
	var n uintptr
	var errno syscall.Errno
	switch {
	case wait == 0:
		n, _, errno = syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epfd),
			uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), 0, 0, 0)
	case wait < 0:
		n, errno = p.pwait(-1)
	case p.coarse:
		n, errno = p.pwait(millis(wait))
	default:
		n, errno = p.pwait2(wait)
		// A sandbox that does not know the call may answer EPERM.
		if errno == unix.ENOSYS || errno == unix.EPERM {
			p.coarse = true
			n, errno = p.pwait(millis(wait))
		}
	}
	switch errno {
	case 0:
	case unix.EINTR:
		n = 0
	default:
		misuse("Turn", "epoll_pwait: "+errno.Error(), "do not close descriptors that belong to the loop")
	}
	p.full = int(n) == len(p.events)
	return int(n)
}

func (p *poller) pwait(msec int) (uintptr, syscall.Errno) {
	n, _, errno := syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epfd),
		uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), uintptr(msec), 0, 0)
	return n, errno
}

func (p *poller) pwait2(wait time.Duration) (uintptr, syscall.Errno) {
	// struct __kernel_timespec is the same on all architectures.
	ts := struct{ sec, nsec int64 }{int64(wait / time.Second), int64(wait % time.Second)}
	n, _, errno := syscall.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.epfd),
		uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
	return n, errno
}

// millis is wait in milliseconds, rounded up.
func millis(wait time.Duration) int {
	return int(min((wait-1)/time.Millisecond+1, math.MaxInt32))
}

// wake is raw as well: the eventfd is non-blocking.
func (p *poller) wake() {
	one := uint64(1)
	_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, uintptr(p.wakefd), uintptr(unsafe.Pointer(&one)), 8)
}
