//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package netpoll

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// poller is a kqueue and a pipe to wake it: the one kind of wake-up that all of
// these systems have.
//
// A kqueue's registration belongs to the descriptor, not to the file, and goes
// away, with its pending events, when the descriptor is closed. So the number is
// enough to find the tag, and the kernel need not keep it.
type poller struct {
	kq     int
	rd, wr int // the pipe
	tags   map[int]tag
	events []unix.Kevent_t
	owners []tag // of the events, as they were when these were fetched
	full   bool  // the last poll may have left some
}

const (
	// minEvents is how many events a poll fetches at first. The number doubles,
	// up to maxEvents, whenever there may have been more.
	minEvents = 128
	maxEvents = 1024
)

func (p *poller) open() error {
	var pipe [2]int
	// Not all of these systems can set close-on-exec as they make a descriptor.
	syscall.ForkLock.RLock()
	kq, err := unix.Kqueue()
	if err != nil {
		syscall.ForkLock.RUnlock()
		return os.NewSyscallError("kqueue", err)
	}
	unix.CloseOnExec(kq)
	if err := unix.Pipe(pipe[:]); err != nil {
		syscall.ForkLock.RUnlock()
		_ = unix.Close(kq)
		return os.NewSyscallError("pipe", err)
	}
	unix.CloseOnExec(pipe[0])
	unix.CloseOnExec(pipe[1])
	syscall.ForkLock.RUnlock()

	p.kq, p.rd, p.wr = kq, pipe[0], pipe[1]
	p.tags = make(map[int]tag)
	p.events = make([]unix.Kevent_t, minEvents)
	if err := errors.Join(
		os.NewSyscallError("fcntl", unix.SetNonblock(p.rd, true)),
		os.NewSyscallError("fcntl", unix.SetNonblock(p.wr, true)),
		p.change(p.rd, unix.EV_ADD|unix.EV_CLEAR, evRead)); err != nil {
		return errors.Join(err, p.close())
	}
	return nil
}

func (p *poller) close() error {
	return errors.Join(
		os.NewSyscallError("close", unix.Close(p.kq)),
		os.NewSyscallError("close", unix.Close(p.rd)),
		os.NewSyscallError("close", unix.Close(p.wr)))
}

func (p *poller) add(fd int, t tag, again bool) error {
	if fd == p.rd || again && p.change(fd, unix.EV_ENABLE, evRead) == nil {
		return os.NewSyscallError("kevent", unix.EEXIST)
	}
	err := p.change(fd, unix.EV_ADD|unix.EV_CLEAR, evBoth)
	if errors.Is(err, unix.EPIPE) {
		// A pipe whose other end is closed has no write filter. Nobody misses it:
		// to write fails, rather than with EAGAIN.
		err = p.change(fd, unix.EV_ADD|unix.EV_CLEAR, evRead)
	}
	if err != nil {
		_ = p.change(fd, unix.EV_DELETE, evWrite)
		return err
	}
	p.tags[fd] = t
	return nil
}

func (p *poller) watch(fd int, t tag, old, new event) error {
	if fd == p.rd {
		return os.NewSyscallError("kevent", unix.EEXIST)
	}
	if err := p.change(fd, unix.EV_ENABLE, old); err != nil {
		return err
	}
	if err := p.change(fd, unix.EV_ADD, new&^old); err != nil {
		_ = p.change(fd, unix.EV_DELETE, evWrite&new&^old)
		return err
	}
	p.tags[fd] = t
	return p.change(fd, unix.EV_DELETE, old&^new)
}

func (p *poller) remove(fd int, registered event) error {
	delete(p.tags, fd)
	err := p.change(fd, unix.EV_DELETE, registered)
	if errors.Is(err, unix.ENOENT) && registered == evBoth {
		// There may have been no write filter: see add.
		return p.change(fd, unix.EV_DELETE, evRead)
	}
	return err
}

// change applies flags to the filters of the sides, first to the write filter.
// At the first error the kernel leaves the rest undone.
//
// Whether a filter is there can be found out with EV_ENABLE: it fails with ENOENT
// if not, and changes nothing if it is, since no filter is ever disabled.
func (p *poller) change(fd, flags int, sides event) error {
	var changes [2]unix.Kevent_t
	n := 0
	if sides&evWrite != 0 {
		unix.SetKevent(&changes[n], fd, unix.EVFILT_WRITE, flags)
		n++
	}
	if sides&evRead != 0 {
		unix.SetKevent(&changes[n], fd, unix.EVFILT_READ, flags)
		n++
	}
	if n == 0 {
		return nil
	}
	// EINTR is about the wait, of which there is none here: the changes have been
	// made by then. To repeat them would find nothing left to delete.
	if _, err := unix.Kevent(p.kq, changes[:n], nil, nil); err != unix.EINTR {
		return os.NewSyscallError("kevent", err)
	}
	return nil
}

func (p *poller) poll(wait time.Duration) int {
	if p.full && len(p.events) < maxEvents {
		p.events = make([]unix.Kevent_t, 2*len(p.events))
	}
	var timeout *unix.Timespec
	if wait >= 0 {
		// Systems refuse times that are too long; the loop just waits again.
		ts := unix.NsecToTimespec(int64(min(wait, 24*time.Hour)))
		timeout = &ts
	}
	n, err := unix.Kevent(p.kq, nil, p.events, timeout)
	switch err {
	case nil:
	case unix.EINTR, unix.ETIMEDOUT: // the latter has been seen, though no manual has it
		n = 0
	default:
		misuse("Turn", "kevent: "+err.Error(), "do not close descriptors that belong to the loop")
	}
	p.full = n == len(p.events)
	// Handing out one event may lead to the release of another's descriptor.
	p.owners = p.owners[:0]
	for i := range n {
		p.owners = append(p.owners, p.tags[int(p.events[i].Ident)])
	}
	return n
}

func (p *poller) event(i int) (tag, event) {
	ev := &p.events[i]
	if int(ev.Ident) == p.rd {
		p.emptyPipe()
		return tag{}, evWake
	}
	var e event
	switch ev.Filter {
	case unix.EVFILT_READ:
		e = evRead
		if ev.Flags&unix.EV_EOF != 0 {
			// On some systems a pipe whose other end is closed has no write event:
			// let a writer try, and see.
			e = evReadEnded | evWriteEnd
		}
	case unix.EVFILT_WRITE:
		e = evWrite
		if ev.Flags&unix.EV_EOF != 0 {
			e = evWriteEnded
		}
	}
	return p.owners[i], e
}

// emptyPipe makes room for further wake-ups.
func (p *poller) emptyPipe() {
	var b [64]byte
	for {
		n, err := unix.Read(p.rd, b[:])
		if err == unix.EINTR || n == len(b) {
			continue
		}
		return
	}
}

func (p *poller) wake() {
	for {
		// EAGAIN means a full pipe, which is a wake-up too.
		if _, err := unix.Write(p.wr, []byte{0}); err != unix.EINTR {
			return
		}
	}
}
