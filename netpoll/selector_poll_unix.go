//go:build unix

package netpoll

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// pollBackend is an array for poll(2).
type pollBackend struct {
	fds   []unix.PollFd
	tags  []tag   // of fds
	at    []int   // index in fds, by tag.index
	found []int32 // indices in fds of the last events
}

func openPollBackend() (selectorBackend, error) { return new(pollBackend), nil }

func (b *pollBackend) close() error { return nil }

func (b *pollBackend) fd() int { return -1 }

func (b *pollBackend) add(fd int, e Events, t tag) error {
	if err := isOpen(fd); err != nil {
		return err
	}
	for len(b.at) <= int(t.index) {
		b.at = append(b.at, 0)
	}
	b.at[t.index] = len(b.fds)
	b.fds = append(b.fds, unix.PollFd{Fd: int32(fd)})
	b.tags = append(b.tags, t)
	b.set(t, e)
	return nil
}

func (b *pollBackend) modify(fd int, _, new Events, t tag) error {
	if err := isOpen(fd); err != nil {
		return err
	}
	b.set(t, new)
	return nil
}

func (b *pollBackend) set(t tag, e Events) {
	p := &b.fds[b.at[t.index]]
	p.Events = 0
	if e&Read != 0 {
		p.Events |= unix.POLLIN
	}
	if e&Write != 0 {
		p.Events |= unix.POLLOUT
	}
}

// remove puts the last one in the place of the one that goes.
func (b *pollBackend) remove(_ int, _ Events, t tag) error {
	i, last := b.at[t.index], len(b.fds)-1
	b.fds[i], b.tags[i] = b.fds[last], b.tags[last]
	b.at[b.tags[i].index] = i
	b.fds, b.tags = b.fds[:last], b.tags[:last]
	return nil
}

func (b *pollBackend) wait(timeout time.Duration) (int, error) {
	n, err := sysPoll(b.fds, timeout)
	b.found = b.found[:0]
	if err != nil {
		return 0, err
	}
	for i := 0; len(b.found) < n && i < len(b.fds); i++ {
		if b.fds[i].Revents != 0 {
			b.found = append(b.found, int32(i))
		}
	}
	return len(b.found), nil
}

func (b *pollBackend) event(i int) (tag, Events) {
	at := b.found[i]
	var e Events
	// What is neither of the two is trouble, in both directions.
	if b.fds[at].Revents&^unix.POLLOUT != 0 {
		e |= Read
	}
	if b.fds[at].Revents&^unix.POLLIN != 0 {
		e |= Write
	}
	return b.tags[at], e
}

// isOpen returns EBADF if fd is not open. Neither poll nor select has a call to
// register, which would say so.
func isOpen(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return os.NewSyscallError("fcntl", err)
}

// roundUp is wait in units, so that to wait as many is not too short. No wait is
// longer than maxWait.
func roundUp(wait, unit time.Duration) int64 { return int64((wait + unit - 1) / unit) }
