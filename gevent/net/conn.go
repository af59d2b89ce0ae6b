package net

import (
	"io"
	"os"
	"syscall"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/internal/sys"
)

// conn is what all conns have: one of the two is not nil, unless it is the zero
// value, which is of no use.
type conn struct {
	s *socket // of a thread
	p *plain  // of package net
}

func (c *conn) ok() bool { return c.s != nil || c.p != nil }

// Read reads into b what is there, and at least one byte. It parks the calling
// greenlet while there is nothing. At the end it returns io.EOF.
func (c *conn) Read(b []byte) (n int, err error) {
	if c.s == nil {
		if !c.ok() {
			return 0, syscall.EINVAL
		}
		return c.p.Read(b)
	}
	if f, p, here := c.s.here(); here {
		n, err = c.s.read(f, p, b)
	} else {
		n, err = c.s.readOutside(b)
	}
	if err != nil && err != io.EOF {
		err = c.s.opError("read", err)
	}
	return n, err
}

// Write writes all of b. It parks the calling greenlet while the socket takes no
// more. If it returns fewer than all bytes the error is not nil.
func (c *conn) Write(b []byte) (n int, err error) {
	if c.s == nil {
		if !c.ok() {
			return 0, syscall.EINVAL
		}
		return c.p.Write(b)
	}
	if f, p, here := c.s.here(); here {
		n, err = c.s.write(f, p, b)
	} else {
		n, err = c.s.writeOutside(b)
	}
	if err != nil {
		err = c.s.opError("write", err)
	}
	return n, err
}

func (s *socket) readOutside(b []byte) (n int, err error) {
	err = s.outside("net.Read", func(f *baton.Fiber, p *hub.Proc) (err error) {
		n, err = s.read(f, p, b)
		return err
	})
	return n, err
}

func (s *socket) writeOutside(b []byte) (n int, err error) {
	err = s.outside("net.Write", func(f *baton.Fiber, p *hub.Proc) (err error) {
		n, err = s.write(f, p, b)
		return err
	})
	return n, err
}

// Close closes the conn. Calls on it that are waiting end with [ErrClosed]. It
// does not park, unless SetLinger asked for a slow close.
func (c *conn) Close() error {
	if !c.ok() {
		return syscall.EINVAL
	}
	if c.s == nil {
		return c.p.Close()
	}
	if err := c.s.do("net.Close", c.s.close); err != nil {
		return c.s.opError("close", err)
	}
	return nil
}

// LocalAddr returns the local address. It is shared by all calls: do not modify
// it. It does not park, and may be called from anywhere.
func (c *conn) LocalAddr() Addr {
	switch {
	case !c.ok():
		return nil
	case c.s == nil:
		return c.p.LocalAddr()
	}
	return c.s.laddr
}

// RemoteAddr returns the peer's address. It is shared by all calls: do not modify
// it. It does not park, and may be called from anywhere.
func (c *conn) RemoteAddr() Addr {
	switch {
	case !c.ok():
		return nil
	case c.s == nil:
		return c.p.RemoteAddr()
	}
	return c.s.raddr
}

// SetDeadline sets the time at which reading and writing fail with an error that
// is os.ErrDeadlineExceeded, also for calls that are waiting. The zero time means
// never. It does not park.
func (c *conn) SetDeadline(t time.Time) error { return c.setDeadline(t, true, true) }

// SetReadDeadline is SetDeadline for reading only. It does not park.
func (c *conn) SetReadDeadline(t time.Time) error { return c.setDeadline(t, true, false) }

// SetWriteDeadline is SetDeadline for writing only. A Write that fails may have
// written a part. It does not park.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, false, true) }

func (c *conn) setDeadline(t time.Time, read, write bool) error {
	switch {
	case !c.ok():
		return syscall.EINVAL
	case c.s != nil:
		if err := c.s.deadlines(t, read, write); err != nil {
			return c.s.ownError("set", err)
		}
		return nil
	case !write:
		return c.p.SetReadDeadline(t)
	case !read:
		return c.p.SetWriteDeadline(t)
	}
	return c.p.SetDeadline(t)
}

// deadlines is setDeadline from anywhere.
//
// Budget: two readings of the clock, no allocation in the socket's thread.
func (s *socket) deadlines(t time.Time, read, write bool) error {
	if _, _, here := s.here(); here {
		return s.setDeadline(t, read, write)
	}
	return s.outside("net.SetDeadline", func(*baton.Fiber, *hub.Proc) error {
		return s.setDeadline(t, read, write)
	})
}

// option calls f, which sets an option of the descriptor, if that is open.
func (s *socket) option(f func(fd int) error) error {
	return s.do("net.Set", func(*baton.Fiber, *hub.Proc) error {
		if s.closed {
			return ErrClosed
		}
		return f(s.fd)
	})
}

// buffers is what can set the sizes of a plain conn's buffers.
type buffers interface {
	SetReadBuffer(bytes int) error
	SetWriteBuffer(bytes int) error
}

// SetReadBuffer sets the size of the system's receive buffer. It does not park.
func (c *conn) SetReadBuffer(bytes int) error {
	switch {
	case !c.ok():
		return syscall.EINVAL
	case c.s == nil:
		return c.p.Conn.(buffers).SetReadBuffer(bytes)
	}
	if err := c.s.option(func(fd int) error { return sys.SetReadBuffer(fd, bytes) }); err != nil {
		return c.s.ownError("set", err)
	}
	return nil
}

// SetWriteBuffer sets the size of the system's transmit buffer. It does not park.
func (c *conn) SetWriteBuffer(bytes int) error {
	switch {
	case !c.ok():
		return syscall.EINVAL
	case c.s == nil:
		return c.p.Conn.(buffers).SetWriteBuffer(bytes)
	}
	if err := c.s.option(func(fd int) error { return sys.SetWriteBuffer(fd, bytes) }); err != nil {
		return c.s.ownError("set", err)
	}
	return nil
}

// filer is what a file can be had of.
type filer interface {
	File() (*os.File, error)
}

// File returns a copy of the descriptor as a file, which the caller closes.
// Reading and writing it is package os's: it blocks the whole thread. File does
// not park.
func (c *conn) File() (*os.File, error) {
	switch {
	case !c.ok():
		return nil, syscall.EINVAL
	case c.s == nil:
		return c.p.Conn.(filer).File()
	}
	f, err := c.s.file()
	if err != nil {
		return nil, c.s.opError("file", err)
	}
	return f, nil
}

func (s *socket) file() (f *os.File, err error) {
	err = s.option(func(fd int) error {
		dup, err := sys.Dup(fd)
		if err == nil {
			f = os.NewFile(uintptr(dup), s.String())
		}
		return err
	})
	return f, err
}

// SyscallConn returns the descriptor for raw use. The functions that are given to
// it run in the socket's thread. Control does not park; Read and Write park the
// calling greenlet between two calls of theirs.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	switch {
	case !c.ok():
		return nil, syscall.EINVAL
	case c.s == nil:
		return newPlainRaw(c.p)
	}
	return rawConn{c.s}, nil
}
