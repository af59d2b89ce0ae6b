package net

import (
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/internal/sys"
	"github.com/baton-go/baton/netpoll"
)

// isSyscallError reports whether err is the system call error errno.
func isSyscallError(err error, errno syscall.Errno) bool {
	var e *os.SyscallError
	return errors.As(err, &e) && e.Err == errno
}

// connect makes a socket that is connected to remote. Whatever ends it before
// that, an unwinding too, leaves no descriptor behind.
func (a *attempt) connect(local, remote *TCPAddr, deadline time.Duration) (s *socket, err error) {
	if err := a.ctx.Err(); err != nil {
		return nil, contextError(err)
	}
	family := sys.FamilyOf(a.network, opAddr(local), opAddr(remote))
	fd, err := sys.Open(family, sys.Stream, a.network == "tcp6")
	if err != nil {
		return nil, err
	}
	defer func() {
		if s == nil {
			_ = sys.Close(fd)
		}
	}()
	if err := a.control(fd, family, remote); err != nil {
		return nil, err
	}
	if local != nil {
		if err := sys.Bind(fd, family, local); err != nil {
			return nil, err
		}
	}
	// An idle socket counts as hung up, so the loop is told after this.
	if err := sys.Connect(fd, family, remote); err != nil && err != syscall.EINPROGRESS {
		return nil, err
	}
	d, err := a.proc.Hub().Loop.Open(fd)
	if err != nil {
		return nil, err
	}
	defer func() {
		if s == nil {
			_ = d.Release()
		}
	}()
	raddr, err := a.connected(fd, d, deadline)
	if err != nil {
		return nil, err
	}
	h := a.proc.Hub()
	s = &socket{hub: h, net: a.network, laddr: sys.LocalAddr(fd, a.network), raddr: raddr, fd: fd, desc: d}
	h.Hold(s)
	return s, nil
}

// control calls the user's function with the new descriptor.
func (a *attempt) control(fd int, family sys.Family, remote *TCPAddr) error {
	network := "tcp4"
	if family == sys.Inet6 {
		network = "tcp6"
	}
	switch {
	case a.ControlContext != nil:
		return a.ControlContext(a.ctx, network, remote.String(), newDescriptor(fd))
	case a.Control != nil:
		return a.Control(network, remote.String(), newDescriptor(fd))
	}
	return nil
}

// A newDescriptor is the syscall.RawConn of a descriptor that is not in use yet.
type newDescriptor int

func (d newDescriptor) Control(f func(fd uintptr)) error { f(uintptr(d)); return nil }
func (newDescriptor) Read(func(uintptr) bool) error      { return syscall.EINVAL }
func (newDescriptor) Write(func(uintptr) bool) error     { return syscall.EINVAL }

// connected waits until the connection is made, and returns the peer's address.
//
// Budget: one switch and two system calls.
func (a *attempt) connected(fd int, d *netpoll.Desc, deadline time.Duration) (Addr, error) {
	h, p := a.proc.Hub(), a.proc
	waiting := false
	if a.ctx.Done() != nil {
		watch := h.WatchContext(a.ctx, func() {
			if waiting {
				p.Wake()
			}
		})
		defer watch.Close()
	}
	for {
		if raddr, err := sys.Connected(fd, a.network); err != syscall.EINPROGRESS {
			return raddr, err
		}
		if err := a.ctx.Err(); err != nil {
			return nil, contextError(err)
		}
		if deadline != 0 && deadline <= h.Loop.UpdateTime() {
			return nil, errTimeout
		}
		d.Drained(netpoll.WriteSide)
		waiting = true
		_, err := p.ParkIO(a.fiber, hub.Wait{Op: "net.Dial", On: a.network}, d, netpoll.WriteSide, deadline)
		waiting = false
		if err != nil {
			return nil, unwind(err)
		}
	}
}
