//go:build unix

package netpoll

import (
	"math/bits"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fdSetSize is FD_SETSIZE.
const fdSetSize = int(unsafe.Sizeof(unix.FdSet{})) * 8

// selectBackend is two sets for select(2).
type selectBackend struct {
	want  fdSets
	got   fdSets // of the last call
	top   int    // all descriptors are lower
	tags  []tag  // by descriptor
	found []selectEvent
}

// fdSets are the descriptors of Read and of Write.
type fdSets [2]unix.FdSet

type selectEvent struct {
	fd     int
	events Events
}

func openSelectBackend() (selectorBackend, error) { return new(selectBackend), nil }

func (b *selectBackend) close() error { return nil }

func (b *selectBackend) fd() int { return -1 }

func (b *selectBackend) add(fd int, e Events, t tag) error {
	if fd >= fdSetSize {
		return ErrFdTooLarge
	}
	if err := isOpen(fd); err != nil {
		return err
	}
	for len(b.tags) <= fd {
		b.tags = append(b.tags, tag{})
	}
	b.tags[fd] = t
	b.top = max(b.top, fd+1)
	b.want.set(fd, e)
	return nil
}

func (b *selectBackend) modify(fd int, _, new Events, _ tag) error {
	if err := isOpen(fd); err != nil {
		return err
	}
	b.want.set(fd, new)
	return nil
}

func (b *selectBackend) remove(fd int, _ Events, _ tag) error {
	b.want.set(fd, 0)
	for b.top > 0 && b.want.of(b.top-1) == 0 {
		b.top--
	}
	return nil
}

// wait calls select. Where poll marks a descriptor that is not open, select fails
// for all of them; so that the two report the same, wait finds out which it is and
// asks again without it.
func (b *selectBackend) wait(timeout time.Duration) (int, error) {
	b.found = b.found[:0]
	b.got = b.want
	n, err := sysSelect(b.top, &b.got, timeout)
	if err == unix.EBADF {
		b.got = b.want
		for fd := range b.top {
			if e := b.want.of(fd); e != 0 && isOpen(fd) != nil {
				b.got.set(fd, 0)
				b.found = append(b.found, selectEvent{fd, e})
			}
		}
		n, err = sysSelect(b.top, &b.got, 0)
	}
	switch err {
	case nil:
		b.collect(n)
	case unix.EINTR, unix.EBADF: // closed this very moment: the next call finds it
	default:
		return 0, os.NewSyscallError("select", err)
	}
	return len(b.found), nil
}

// collect adds what select found, n bits of got.
func (b *selectBackend) collect(n int) {
	if n == 0 {
		return
	}
	for i := range (b.top + unix.NFDBITS - 1) / unix.NFDBITS {
		const all = 1<<unix.NFDBITS - 1
		r, w := uint64(b.got[0].Bits[i])&all, uint64(b.got[1].Bits[i])&all
		for both := r | w; both != 0; both &= both - 1 {
			at := bits.TrailingZeros64(both)
			b.found = append(b.found, selectEvent{
				fd:     i*unix.NFDBITS + at,
				events: Read*Events(r>>at&1) | Write*Events(w>>at&1),
			})
		}
	}
}

func (b *selectBackend) event(i int) (tag, Events) {
	ev := b.found[i]
	return b.tags[ev.fd], ev.events
}

// set puts fd into the sets of e, and out of the others.
func (s *fdSets) set(fd int, e Events) {
	s[0].Clear(fd)
	s[1].Clear(fd)
	if e&Read != 0 {
		s[0].Set(fd)
	}
	if e&Write != 0 {
		s[1].Set(fd)
	}
}

// of is the sets in which fd is.
func (s *fdSets) of(fd int) (e Events) {
	if s[0].IsSet(fd) {
		e |= Read
	}
	if s[1].IsSet(fd) {
		e |= Write
	}
	return e
}
