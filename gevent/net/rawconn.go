package net

import (
	"syscall"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

// A rawConn is the syscall.RawConn of a connected socket.
type rawConn struct{ s *socket }

// Control calls f with the descriptor, which stays open meanwhile.
func (r rawConn) Control(f func(fd uintptr)) error {
	err := r.s.do("net.RawConn", func(*baton.Fiber, *hub.Proc) error {
		if r.s.closed {
			return ErrClosed
		}
		r.s.try(func(fd uintptr) bool { f(fd); return true })
		return nil
	})
	if err != nil {
		return r.s.ownError("raw-control", err)
	}
	return nil
}

// Read calls f until it returns true, and waits in between until there is
// something to read.
func (r rawConn) Read(f func(fd uintptr) bool) error {
	return r.poll("raw-read", netpoll.ReadSide, f)
}

// Write calls f until it returns true, and waits in between until there is room
// to write.
func (r rawConn) Write(f func(fd uintptr) bool) error {
	return r.poll("raw-write", netpoll.WriteSide, f)
}

func (r rawConn) poll(op string, i netpoll.Side, f func(fd uintptr) bool) error {
	err := r.s.do("net.RawConn", func(fiber *baton.Fiber, p *hub.Proc) error {
		return r.s.poll(fiber, p, i, f)
	})
	if err != nil {
		return r.s.opError(op, err)
	}
	return nil
}

// A rawListener is the syscall.RawConn of a listener, which has Control only.
type rawListener struct{ rawConn }

// Read returns an error.
func (rawListener) Read(func(uintptr) bool) error { return syscall.EINVAL }

// Write returns an error.
func (rawListener) Write(func(uintptr) bool) error { return syscall.EINVAL }

// A plainRaw is the syscall.RawConn of a plain conn.
type plainRaw struct {
	syscall.RawConn // for Control
	p               *plain
}

func newPlainRaw(p *plain) (syscall.RawConn, error) {
	raw, err := p.Conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil, err
	}
	return plainRaw{raw, p}, nil
}

// Read reads by the guard.
func (r plainRaw) Read(f func(fd uintptr) bool) error {
	return r.p.reads.call("net.RawConn", r.p, func() error { return r.RawConn.Read(f) })
}

// Write writes by the guard.
func (r plainRaw) Write(f func(fd uintptr) bool) error {
	return r.p.writes.call("net.RawConn", r.p, func() error { return r.RawConn.Write(f) })
}
