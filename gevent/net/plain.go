package net

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/baton-go/baton/internal/hub"
)

// A plain conn is one of package net: made outside any thread, or not TCP, or on
// a platform without a poller. Goroutines outside use it directly; a greenlet is
// parked while another goroutine makes its call.
type plain struct {
	net.Conn
	reads, writes guard
}

func newPlain(c net.Conn) *plain {
	p := &plain{Conn: c}
	p.reads.set, p.writes.set = c.SetReadDeadline, c.SetWriteDeadline
	return p
}

// A plainListener is to a listener what plain is to a conn.
type plainListener struct {
	net.Listener
	accepts guard
}

func newPlainListener(l net.Listener) *plainListener {
	p := &plainListener{Listener: l}
	p.accepts.set = func(time.Time) error { return nil }
	if d, ok := l.(interface{ SetDeadline(time.Time) error }); ok {
		p.accepts.set = d.SetDeadline
	}
	return p
}

// A guard stands before one side of a plain socket, because a greenlet may be
// killed while another goroutine makes its call. That call uses the greenlet's
// memory, so it must end before the greenlet unwinds. Package net has one way to
// end a call without closing the socket, the deadline: the guard sets it to the
// past for a moment. Others who use the side at that time find that it was not
// their own deadline, and try again.
type guard struct {
	mu       sync.Mutex
	calm     sync.Cond // told when stopping is zero again
	deadline time.Time // the user's
	stopping int       // calls that are being ended
	set      func(time.Time) error
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// setDeadline sets the user's deadline.
func (g *guard) setDeadline(t time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.deadline = t
	if g.stopping > 0 && (t.IsZero() || time.Until(t) > 0) {
		return g.set(past)
	}
	return g.set(t)
}

// begin ends the side's calls, and end lets them be made again.
func (g *guard) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopping++
	_ = g.set(past) // an error means closed, which ends calls as well
}

func (g *guard) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping--; g.stopping == 0 {
		_ = g.set(g.deadline)
		g.calm.Broadcast()
	}
}

// disturbed reports whether a call that ended with err was ended on account of
// another one. It returns when that is over.
func (g *guard) disturbed(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calm.L = &g.mu
	for g.stopping > 0 {
		g.calm.Wait()
	}
	return g.deadline.IsZero() || time.Until(g.deadline) > 0
}

// call makes a call of package net, which may block, for whoever calls.
func (g *guard) call(op string, on any, f func() error) error {
	var err error
	var stopped atomic.Bool
	again := func() {
		for {
			err = f()
			if stopped.Load() || !g.disturbed(err) {
				return
			}
		}
	}
	self, p := hub.Here()
	if p == nil {
		if hub.Current() != nil {
			hub.Require(op)
		}
		again()
		return err
	}
	interrupt := offload(self, p, hub.Wait{Op: op, On: on}, again, func() {
		stopped.Store(true)
		g.begin()
	})
	if interrupt != nil {
		g.end()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return unwind(interrupt)
		}
		p.Interrupt(interrupt) // later: the call had a result before it was stopped
	}
	return err
}

// Read reads by the guard.
func (c *plain) Read(b []byte) (n int, err error) {
	err = c.reads.call("net.Read", c, func() (err error) {
		n, err = c.Conn.Read(b)
		return err
	})
	return n, err
}

// Write writes by the guard. What was written before a disturbance is not
// written again.
func (c *plain) Write(b []byte) (n int, err error) {
	err = c.writes.call("net.Write", c, func() error {
		m, err := c.Conn.Write(b[n:])
		n += m
		return err
	})
	return n, err
}

// SetDeadline sets both deadlines.
func (c *plain) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline sets the deadline for reading.
func (c *plain) SetReadDeadline(t time.Time) error { return c.reads.setDeadline(t) }

// SetWriteDeadline sets the deadline for writing.
func (c *plain) SetWriteDeadline(t time.Time) error { return c.writes.setDeadline(t) }

// String names the conn in a dump.
func (c *plain) String() string {
	return c.LocalAddr().Network() + " " + c.LocalAddr().String() + "->" + c.RemoteAddr().String()
}

// Accept accepts by the guard. The new conn is plain too.
func (l *plainListener) Accept() (net.Conn, error) {
	c, err := l.accept()
	if err != nil {
		return nil, err
	}
	return newPlain(c), nil
}

// accept returns package net's conn.
func (l *plainListener) accept() (c net.Conn, err error) {
	err = l.accepts.call("net.Accept", l, func() (err error) {
		c, err = l.Listener.Accept()
		return err
	})
	return c, err
}

// SetDeadline sets the deadline for accepting.
func (l *plainListener) SetDeadline(t time.Time) error { return l.accepts.setDeadline(t) }

// String names the listener in a dump.
func (l *plainListener) String() string {
	return l.Addr().Network() + " " + l.Addr().String()
}
