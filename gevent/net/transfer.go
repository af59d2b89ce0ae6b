package net

import (
	"io"
	"os"
	"syscall"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/internal/sys"
	"github.com/baton-go/baton/netpoll"
)

// maxTransfer is the most that one system call is asked to read or write, as in
// package net: some systems refuse more than 2 GB.
const maxTransfer = 1 << 30

// read reads once. After a read that did not fill b the next one waits at once,
// without asking the kernel whether more has come: see [netpoll.Desc].
//
// Budget: one system call if there is something to read, else one switch and one
// system call (two if the loop did not know that there was nothing); no
// allocation.
func (s *socket) read(f *baton.Fiber, p *hub.Proc, b []byte) (int, error) {
	if err := s.enter(f, p, netpoll.ReadSide, "net.Read"); err != nil {
		return 0, err
	}
	defer s.leave(p, netpoll.ReadSide)
	if len(b) == 0 {
		return 0, nil
	}
	b = b[:min(len(b), maxTransfer)]
	for {
		if err := s.usable(netpoll.ReadSide); err != nil {
			return 0, err
		}
		if s.desc.Ready(netpoll.ReadSide) {
			n, errno := sys.Read(s.fd, b)
			switch {
			case n > 0:
				if n < len(b) {
					s.desc.DrainedShort(netpoll.ReadSide)
				}
				return n, nil
			case errno == 0:
				return 0, io.EOF
			case errno != syscall.EAGAIN:
				return 0, os.NewSyscallError("read", errno)
			}
			s.desc.Drained(netpoll.ReadSide)
		}
		if err := s.wait(f, p, netpoll.ReadSide, "net.Read"); err != nil {
			return 0, err
		}
	}
}

// write writes all of b. If the kernel takes less it is full: write waits at
// once.
//
// Budget: one system call if there is room for b, and for each time that it must
// wait for room one switch and one system call more; no allocation.
func (s *socket) write(f *baton.Fiber, p *hub.Proc, b []byte) (n int, err error) {
	if err := s.enter(f, p, netpoll.WriteSide, "net.Write"); err != nil {
		return 0, err
	}
	defer s.leave(p, netpoll.WriteSide)
	for {
		if err := s.usable(netpoll.WriteSide); err != nil || len(b) == 0 {
			return n, err // for nothing there is always room
		}
		if s.desc.Ready(netpoll.WriteSide) {
			part := b[n:min(len(b), n+maxTransfer)]
			m, errno := sys.Write(s.fd, part)
			n += max(m, 0)
			switch {
			case errno == syscall.EAGAIN:
				s.desc.Drained(netpoll.WriteSide)
			case errno != 0:
				return n, os.NewSyscallError("write", errno)
			case n == len(b):
				return n, nil
			case m == 0:
				return n, io.ErrUnexpectedEOF
			case m < len(part):
				s.desc.DrainedShort(netpoll.WriteSide)
			}
			continue
		}
		if err := s.wait(f, p, netpoll.WriteSide, "net.Write"); err != nil {
			return n, err
		}
	}
}

// accept takes the next connection out of the listener's queue.
//
// Budget: one system call if one is there; one switch and one or two system
// calls otherwise. What makes a socket of it costs two more: its local address
// and its registration.
func (s *socket) accept(f *baton.Fiber, p *hub.Proc) (*socket, error) {
	if err := s.enter(f, p, netpoll.ReadSide, "net.Accept"); err != nil {
		return nil, err
	}
	defer s.leave(p, netpoll.ReadSide)
	for {
		if err := s.usable(netpoll.ReadSide); err != nil {
			return nil, err
		}
		if s.desc.Ready(netpoll.ReadSide) {
			fd, raddr, err := sys.Accept(s.fd, s.net)
			switch err {
			case nil:
				return newSocket(s.hub, fd, s.net, sys.LocalAddr(fd, s.net), raddr)
			case syscall.EAGAIN:
				s.desc.Drained(netpoll.ReadSide)
			case syscall.ECONNABORTED:
				// It was closed before it was accepted: on to the next.
			default:
				return nil, os.NewSyscallError(sys.AcceptName, err)
			}
			continue
		}
		if err := s.wait(f, p, netpoll.ReadSide, "net.Accept"); err != nil {
			return nil, err
		}
	}
}

// poll calls op until it reports that it is done, with waits for the side in
// between: what a RawConn does.
func (s *socket) poll(f *baton.Fiber, p *hub.Proc, i netpoll.Side, op func(fd uintptr) bool) error {
	if err := s.enter(f, p, i, "net.RawConn"); err != nil {
		return err
	}
	defer s.leave(p, i)
	for {
		if err := s.usable(i); err != nil {
			return err
		}
		if s.desc.Ready(i) {
			if s.try(op) {
				return nil
			}
			s.desc.Drained(i)
		}
		if s.closed {
			continue
		}
		if err := s.wait(f, p, i, "net.RawConn"); err != nil {
			return err
		}
	}
}

// try calls op with the descriptor, which stays open meanwhile.
func (s *socket) try(op func(fd uintptr) bool) bool {
	s.users++
	defer s.free()
	return op(uintptr(s.fd))
}
