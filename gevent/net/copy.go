package net

import (
	"io"
	"sync"
	"syscall"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

// copyBuffers are for the moments in which there is something to copy.
var copyBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// ReadFrom writes what r has to the connection: what io.Copy calls. It parks the
// calling greenlet as Write does, and as r does.
func (c *TCPConn) ReadFrom(r io.Reader) (int64, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	n, err := io.Copy(onlyWriter{c}, r)
	return n, c.copyError("readfrom", err)
}

// WriteTo writes what the connection receives to w until the end: what io.Copy
// calls. It parks the calling greenlet as Read does, and as w does. While it
// waits for something to read it holds no buffer.
func (c *TCPConn) WriteTo(w io.Writer) (n int64, err error) {
	switch {
	case !c.ok():
		return 0, syscall.EINVAL
	case c.s == nil:
		n, err = io.Copy(w, onlyReader{c})
	default:
		n, err = c.writeTo(w)
	}
	return n, c.copyError("writeto", err)
}

// copyError is the error of a copying that ended with err.
func (c *TCPConn) copyError(op string, err error) error {
	if err == nil {
		return nil
	}
	l := c.LocalAddr()
	return &OpError{Op: op, Net: l.Network(), Source: l, Addr: c.RemoteAddr(), Err: err}
}

func (c *TCPConn) writeTo(w io.Writer) (sum int64, err error) {
	for {
		if err := c.s.do("net.Read", c.s.readable); err != nil {
			return sum, c.s.opError("read", err)
		}
		n, err := c.copyOnce(w)
		sum += int64(n)
		if err == io.EOF {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
	}
}

// copyOnce copies one bufferful, or less, to w.
func (c *TCPConn) copyOnce(w io.Writer) (int, error) {
	b := copyBuffers.Get().(*[32 << 10]byte)
	defer copyBuffers.Put(b)
	n, err := c.Read(b[:])
	if err != nil {
		return 0, err
	}
	m, err := w.Write(b[:n])
	if err == nil && m < n {
		err = io.ErrShortWrite
	}
	return m, err
}

// readable waits until a read may make progress.
func (s *socket) readable(f *baton.Fiber, p *hub.Proc) error {
	if err := s.enter(f, p, netpoll.ReadSide, "net.Read"); err != nil {
		return err
	}
	defer s.leave(p, netpoll.ReadSide)
	for {
		if err := s.usable(netpoll.ReadSide); err != nil || s.desc.Ready(netpoll.ReadSide) {
			return err
		}
		if err := s.wait(f, p, netpoll.ReadSide, "net.Read"); err != nil {
			return err
		}
	}
}

// onlyWriter and onlyReader hide ReadFrom and WriteTo from io.Copy.
type (
	onlyWriter struct{ io.Writer }
	onlyReader struct{ io.Reader }
)
