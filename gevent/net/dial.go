package net

import (
	"context"
	"net"
	"syscall"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/internal/sys"
)

// Dial connects to an address, as net.Dial does. Of a TCP network the Conn is a
// *[TCPConn]; others are package net's, with a Read and a Write that park.
//
// It parks the calling greenlet until the connection is made or has failed. If a
// name has several addresses they are tried one after another.
func Dial(network, address string) (Conn, error) {
	return new(Dialer).DialContext(background, network, address)
}

// DialTimeout is Dial for no longer than the timeout, which includes the look-up
// of a name.
func DialTimeout(network, address string, timeout time.Duration) (Conn, error) {
	d := Dialer{Timeout: timeout}
	return d.DialContext(background, network, address)
}

// DialTCP is Dial for TCP networks, with a local address unless that is nil.
func DialTCP(network string, laddr, raddr *TCPAddr) (*TCPConn, error) {
	if !isTCP(network) {
		return nil, &OpError{Op: "dial", Net: network, Source: opAddr(laddr), Addr: opAddr(raddr), Err: UnknownNetworkError(network)}
	}
	if raddr == nil {
		return nil, &OpError{Op: "dial", Net: network, Source: opAddr(laddr), Err: errMissingAddress}
	}
	h := hub.Current()
	if h == nil || !sys.Supported {
		c, err := dialPlain("net.DialTCP", raddr, func() (net.Conn, error) {
			c, err := net.DialTCP(network, laddr, raddr)
			if err != nil {
				return nil, err
			}
			return c, nil
		}, func() {})
		if err != nil {
			return nil, err
		}
		return c.(*TCPConn), nil
	}
	f, p := hub.Require("net.DialTCP")
	a := attempt{Dialer: &Dialer{}, ctx: background, fiber: f, proc: p, network: network}
	c, err := a.dial(laddr, raddr, 0)
	if err != nil {
		return nil, &OpError{Op: "dial", Net: network, Source: opAddr(laddr), Addr: raddr, Err: err}
	}
	return c, nil
}

// A Dialer has options for Dial: a twin of net.Dialer. The zero Dialer dials
// without any.
type Dialer struct {
	// Timeout is how long a dial may take, and Deadline until when, the look-up
	// of a name included. If a name has several addresses they share the time.
	Timeout  time.Duration
	Deadline time.Time

	// LocalAddr is the local address; if it is nil the system chooses one.
	LocalAddr Addr

	// DualStack has no effect.
	//
	// Deprecated: Both families are tried, unless FallbackDelay is negative.
	DualStack bool

	// FallbackDelay, if it is negative, makes a name's addresses be tried in the
	// order in which the resolver gave them, and not one family first. It is no
	// delay here, because they are tried one after another.
	FallbackDelay time.Duration

	// KeepAlive is the time after which a connection that is idle is probed: 15 s
	// if it is zero, never if it is negative.
	KeepAlive time.Duration

	// KeepAliveConfig replaces KeepAlive if its Enable is true.
	KeepAliveConfig KeepAliveConfig

	// Resolver replaces net.DefaultResolver.
	Resolver *Resolver

	// Cancel, when it is closed, ends a dial.
	//
	// Deprecated: Use DialContext.
	Cancel <-chan struct{}

	// ControlContext or else Control, if not nil, is called with the descriptor
	// before it is bound and connected.
	Control        func(network, address string, c syscall.RawConn) error
	ControlContext func(ctx context.Context, network, address string, c syscall.RawConn) error
}

// Dial is the function Dial with the options.
func (d *Dialer) Dial(network, address string) (Conn, error) {
	return d.DialContext(background, network, address)
}

// DialContext is Dial until ctx ends. It has no effect on the connection once
// that is made.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (Conn, error) {
	if ctx == nil {
		panic("nil context")
	}
	h := hub.Current()
	if h == nil || !sys.Supported || !isTCP(network) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		return dialPlain("net.Dial", address, func() (net.Conn, error) {
			return d.plain().DialContext(ctx, network, address)
		}, cancel)
	}
	f, p := hub.Require("net.Dial")
	deadline := d.deadline(ctx)
	ctx, cancel := d.context(ctx, deadline)
	defer cancel()
	addrs, err := d.resolve(ctx, f, p, network, address)
	if err != nil {
		return nil, &OpError{Op: "dial", Net: network, Err: err}
	}
	a := attempt{Dialer: d, ctx: ctx, fiber: f, proc: p, network: network}
	c, err := a.dialEach(addrs, loopTime(h.Loop, deadline))
	if err != nil {
		return nil, err
	}
	return c, nil
}

// plain returns package net's Dialer with the options.
func (d *Dialer) plain() *net.Dialer {
	return &net.Dialer{
		Timeout: d.Timeout, Deadline: d.Deadline, LocalAddr: d.LocalAddr, FallbackDelay: d.FallbackDelay,
		KeepAlive: d.KeepAlive, KeepAliveConfig: d.KeepAliveConfig, Resolver: d.Resolver,
		Control: d.Control, ControlContext: d.ControlContext,
		//lint:ignore SA1019 who still sets it gets what package net gives
		Cancel: d.Cancel,
	}
}

// dialPlain makes a conn of package net's, for whoever calls.
func dialPlain(op string, on any, dial func() (net.Conn, error), cancel func()) (Conn, error) {
	var c net.Conn
	var err error
	if self, p := hub.Here(); p == nil {
		if hub.Current() != nil {
			hub.Require(op)
		}
		c, err = dial()
	} else if interrupt := offload(self, p, hub.Wait{Op: op, On: on}, func() { c, err = dial() }, cancel); interrupt != nil {
		if c != nil {
			_ = c.Close()
		}
		return nil, unwind(interrupt)
	}
	if err != nil {
		return nil, err
	}
	if _, ok := c.(*net.TCPConn); ok {
		return &TCPConn{conn{p: newPlain(c)}}, nil
	}
	return newPlain(c), nil
}

// deadline is the earliest time at which a dial must end, or zero.
func (d *Dialer) deadline(ctx context.Context) time.Time {
	deadline := d.Deadline
	if d.Timeout != 0 {
		deadline = earlier(deadline, time.Now().Add(d.Timeout))
	}
	if t, ok := ctx.Deadline(); ok {
		deadline = earlier(deadline, t)
	}
	return deadline
}

// earlier is the earlier one of two times of which the zero time means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// context is ctx with the deadline, which the look-up of a name needs, and with
// the Cancel channel.
func (d *Dialer) context(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	if deadline.IsZero() && d.Cancel == nil {
		return ctx, func() {}
	}
	cancel := func() {}
	if !deadline.IsZero() {
		ctx, cancel = context.WithDeadline(ctx, deadline)
	}
	if d.Cancel == nil {
		return ctx, cancel
	}
	ctx, cancelled := context.WithCancel(ctx)
	go func() {
		select {
		case <-d.Cancel:
			cancelled()
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancelled(); cancel() }
}

// An attempt is one call of Dial in a greenlet.
type attempt struct {
	*Dialer
	ctx     context.Context
	fiber   *baton.Fiber
	proc    *hub.Proc
	network string
}

// saneShare is the least time that one of several addresses is given.
const saneShare = 2 * time.Second

// dialEach tries the addresses until one answers. The first error is the one that
// is returned, as in package net. The addresses that are left share the time that
// is left.
func (a *attempt) dialEach(addrs []*TCPAddr, deadline time.Duration) (*TCPConn, error) {
	loop := a.proc.Hub().Loop
	local, _ := a.LocalAddr.(*TCPAddr)
	var first error
	for i, addr := range addrs {
		share := deadline
		if left := deadline - loop.UpdateTime(); deadline != 0 && left > 0 {
			share = loop.Time() + max(left/time.Duration(len(addrs)-i), min(left, saneShare))
		}
		c, err := a.dial(local, addr, share)
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = &OpError{Op: "dial", Net: a.network, Source: a.LocalAddr, Addr: addr, Err: err}
		}
		if a.ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

// dial connects to one address.
//
// A system that chooses the local port may choose the very port that is dialled,
// if nobody listens there: the socket is then connected to itself. Or it chooses
// one that is in use. As in package net, that is tried again, twice.
func (a *attempt) dial(local, remote *TCPAddr, deadline time.Duration) (*TCPConn, error) {
	s, err := a.connect(local, remote, deadline)
	for range 2 {
		if local != nil && local.Port != 0 {
			break
		}
		if err == nil && s.connectedToItself() {
			s.Abandon()
			s.hub.Drop(s)
		} else if !isSyscallError(err, syscall.EADDRNOTAVAIL) {
			break
		}
		s, err = a.connect(local, remote, deadline)
	}
	if err != nil {
		return nil, err
	}
	return newTCPConn(s, a.KeepAlive, a.KeepAliveConfig), nil
}

func (s *socket) connectedToItself() bool {
	l, r := s.laddr.(*TCPAddr), s.raddr.(*TCPAddr)
	return l.Port == r.Port && l.IP.Equal(r.IP)
}
