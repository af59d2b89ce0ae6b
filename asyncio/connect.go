package asyncio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/baton-go/baton/internal/sys"
	"github.com/baton-go/baton/netpoll"
)

// ErrNoStreamSocket is matched by the error of a socket that was to be used for a
// connection or a server and is none of TCP, nor a Unix stream socket. It stands for
// asyncio's ValueError "A Stream Socket was expected".
var ErrNoStreamSocket = errors.New("a stream socket was expected")

// A ConnectError is the error of [CreateConnection] when it failed for different
// reasons with each of several addresses, or with [WithAllErrors]. It matches what
// any of them matches.
type ConnectError struct {
	Errs []error // one for each attempt, in their order
}

// Error returns what all of them say.
func (e *ConnectError) Error() string {
	var b strings.Builder
	b.WriteString("asyncio.CreateConnection failed: ")
	for i, err := range e.Errs {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(err.Error())
	}
	return b.String()
}

// Unwrap returns the errors.
func (e *ConnectError) Unwrap() []error { return e.Errs }

// CreateConnection connects to an address and returns the transport, and the
// protocol that the factory made for it, whose ConnectionMade has been called. The
// network is "tcp", "tcp4", "tcp6" with an address host:port, or "unix" with a
// path. It mirrors create_connection and create_unix_connection.
//
// If a name has several addresses they are tried one after the other, or as
// [WithHappyEyeballs] says. If none answers the error is that of the attempt if all
// of them say the same, else a [*ConnectError]; an attempt's is a *net.OpError, such
// as one that matches syscall.ECONNREFUSED. The error matches
// errors.ErrUnsupported on a platform for which package netpoll has no poller.
//
// It parks the calling task or greenlet until there is a connection; names are looked
// up on a goroutine. It returns [ErrCancelled] when the calling task is cancelled, or
// ctx.Err() when ctx ends and it is not just the calling task's own; a kill of
// gevent unwinds. Then nothing is left of the attempt.
//
// Budget for an address: five hops of the loop; seven system calls.
func CreateConnection[P Protocol](ctx context.Context, factory func() P, network, address string, opts ...ConnectOption) (Transport, P, error) {
	const op = "asyncio.CreateConnection"
	var p P
	if factory == nil {
		misuse(op, "the factory is nil", "pass a function that makes the protocol")
	}
	c := &connecting{loop: loopOf(ctx, op), op: op, network: network, connectOptions: newConnectOptions(opts)}
	c.check(address)
	var err error
	if c.conn != nil || c.hasFD {
		err = c.adopt()
	} else {
		err = c.dial(ctx, address)
	}
	if err != nil {
		return nil, p, err
	}
	t, err := c.run(ctx, false, hostOf(network, address), func() Protocol { p = factory(); return p })
	return t, p, err
}

// ConnectAcceptedSocket makes a transport of a connection that a listener outside of
// asyncio has accepted, one of TCP or a Unix stream socket of package net's; with
// [WithTLS] it is the server's side. All else is as for [CreateConnection] with
// [WithConn]. It mirrors connect_accepted_socket.
func ConnectAcceptedSocket[P Protocol](ctx context.Context, factory func() P, conn net.Conn, opts ...ConnectOption) (Transport, P, error) {
	const op = "asyncio.ConnectAcceptedSocket"
	var p P
	if factory == nil || conn == nil {
		misuse(op, "the factory or the connection is nil", "pass a function that makes the protocol, and the connection")
	}
	c := &connecting{loop: loopOf(ctx, op), op: op, connectOptions: newConnectOptions(append(slices.Clip(opts), WithConn(conn)))}
	c.check("")
	if err := c.adopt(); err != nil {
		return nil, p, err
	}
	t, err := c.run(ctx, true, "", func() Protocol { p = factory(); return p })
	return t, p, err
}

// hostOf returns the host of an address of TCP.
func hostOf(network, address string) string {
	if !isTCPNetwork(network) {
		return ""
	}
	host, _, _ := net.SplitHostPort(address)
	return host
}

// A connecting is one call that makes a connection.
type connecting struct {
	*connectOptions
	loop    *Loop
	op      string
	network string
	sock    connectedSocket
	owns    bool // there is a socket that nobody else has yet
}

// A connectedSocket is what a transport is made of.
type connectedSocket struct {
	desc         *netpoll.Desc
	network      string
	laddr, raddr net.Addr
}

// close closes the socket.
func (s *connectedSocket) close() {
	_ = s.desc.Release()
	_ = sys.Close(s.desc.FD())
}

// check panics for what the arguments of the call cannot mean.
func (c *connecting) check(address string) {
	switch existing := c.conn != nil || c.hasFD; {
	case c.conn != nil && c.hasFD:
		misuse(c.op, "there are two existing sockets", "use WithConn or WithFD")
	case existing && (address != "" || c.network != "" || c.local != ""):
		misuse(c.op, "there are an address and an existing socket", "leave the network, the address and WithLocalAddr out, or WithConn and WithFD")
	case !existing && c.network == "":
		misuse(c.op, "there is neither an address nor an existing socket", "pass the network and the address")
	}
}

// run makes the transport, and waits until the protocol knows of it.
func (c *connecting) run(ctx context.Context, server bool, host string, factory func() Protocol) (Transport, error) {
	// Whatever ends this leaves no socket behind.
	var t Transport
	done := false
	defer func() {
		switch {
		case done:
		case t != nil:
			t.Close()
		case c.owns:
			c.sock.close()
		}
	}()
	p := factory()
	if p == nil {
		misuse(c.op, "the factory returned nil", "return the protocol of the new connection")
	}
	waiter := &future{loop: c.loop}
	s := c.sock
	if c.tls == nil {
		t = adoptSockTransport(c.loop, s.desc, s.network, s.laddr, s.raddr, p, nil, waiter)
	} else {
		wire, secure := wrapTLS(c.op, c.loop, p, c.tls, server, host, waiter)
		adoptSockTransport(c.loop, s.desc, s.network, s.laddr, s.raddr, wire, nil, nil)
		t = secure
	}
	c.owns = false
	if err := waiter.await(ctx, c.op); err != nil {
		return nil, err
	}
	if err := waiter.take(); err != nil {
		return nil, err
	}
	done = true
	return t, nil
}

// adopt takes over the existing socket.
func (c *connecting) adopt() error {
	fd := c.fd
	if c.conn != nil {
		var err error
		if fd, err = takeOver(c.conn); err != nil {
			return inOp(c.op, err)
		}
	} else if user, used := c.loop.fdUser(fd); used {
		return inOp(c.op, fmt.Errorf("%w: %d by %v", ErrFDUsed, fd, user))
	}
	network, err := sys.Network(fd)
	if err == nil && network != "tcp" && network != "unix" {
		err = fmt.Errorf("%w, not one of %s", ErrNoStreamSocket, network)
	} else if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		err = fmt.Errorf("%w: %w", ErrNoStreamSocket, err)
	}
	if err == nil {
		err = sys.SetNonblock(fd)
	}
	if err != nil {
		_ = sys.Close(fd)
		return inOp(c.op, err)
	}
	return c.connected(fd, network, sys.RemoteAddr(fd, network))
}

// takeOver returns a copy of the descriptor of something of package net's, which it
// closes.
func takeOver(c interface{ Close() error }) (int, error) {
	defer c.Close()
	s, ok := c.(syscall.Conn)
	if !ok {
		return -1, fmt.Errorf("%w, not a %T", ErrNoStreamSocket, c)
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return -1, err
	}
	var fd int
	var failed error
	if err := raw.Control(func(original uintptr) { fd, failed = sys.Dup(int(original)) }); err != nil {
		return -1, err
	}
	return fd, failed
}

// connected notes the socket that the transport is to be made of, which it closes if
// that fails.
func (c *connecting) connected(fd int, network string, raddr net.Addr) error {
	d, err := c.loop.hub.Loop.Open(fd)
	if err != nil {
		_ = sys.Close(fd)
		return inOp(c.op, err)
	}
	d.Drained(netpoll.ReadSide) // see newSockTransport
	c.sock = connectedSocket{d, network, sys.LocalAddr(fd, network), raddr}
	c.owns = true
	return nil
}

// dial connects to the first address that answers.
func (c *connecting) dial(ctx context.Context, address string) error {
	refuse := func(err error) error { return &net.OpError{Op: "dial", Net: c.network, Err: err} }
	if !streamNetwork(c.network) {
		return refuse(net.UnknownNetworkError(c.network))
	}
	if !sys.Supported {
		return refuse(netpoll.ErrNoPoller)
	}
	addrs, err := resolveStream(ctx, c.loop, c.op, c.network, address)
	if err != nil {
		return c.resolveError(ctx, err)
	}
	var locals []net.Addr
	if c.local != "" {
		if locals, err = resolveStream(ctx, c.loop, c.op, c.network, c.local); err != nil {
			return c.resolveError(ctx, err)
		}
	}
	return c.reach(ctx, addrs, locals)
}

// reach connects to the first of the addresses that answers.
func (c *connecting) reach(ctx context.Context, addrs, locals []net.Addr) error {
	n := c.interleave
	if n < 0 && c.delay >= 0 {
		n = 1
	}
	if n > 0 {
		addrs = interleaved(addrs, n)
	}
	if c.delay < 0 || len(addrs) == 1 {
		return c.inTurn(ctx, addrs, locals)
	}
	return c.race(ctx, addrs, locals)
}

// resolveError is the error of a look-up, as it is if it says that the wait ended.
func (c *connecting) resolveError(ctx context.Context, err error) error {
	if isCancel(err) || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return err
	}
	return &net.OpError{Op: "dial", Net: c.network, Err: err}
}

// inTurn tries the addresses one after the other.
func (c *connecting) inTurn(ctx context.Context, addrs, locals []net.Addr) error {
	var errs []error
	for _, a := range addrs {
		s, err := c.attempt(ctx, a, locals)
		if err == nil {
			c.sock, c.owns = s, true
			return nil
		}
		var failed *net.OpError
		if !errors.As(err, &failed) {
			return err // the wait was ended
		}
		errs = append(errs, err)
	}
	return c.failure(errs)
}

// failure is the error when no address answered.
func (c *connecting) failure(errs []error) error {
	if c.allErrors {
		return &ConnectError{errs}
	}
	for _, err := range errs[1:] {
		if err.Error() != errs[0].Error() {
			return &ConnectError{errs}
		}
	}
	return errs[0]
}

// attempt connects to one address. An error that is no *net.OpError says that the
// wait was ended. Whatever ends it leaves no descriptor behind.
func (c *connecting) attempt(ctx context.Context, addr net.Addr, locals []net.Addr) (s connectedSocket, err error) {
	var source net.Addr
	fail := func(err error) (connectedSocket, error) {
		return connectedSocket{}, &net.OpError{Op: "dial", Net: c.network, Source: source, Addr: addr, Err: err}
	}
	family := sys.FamilyOf(c.network, addr)
	fd, err := sys.Open(family, sys.Stream, c.network == "tcp6")
	if err != nil {
		return fail(err)
	}
	var d *netpoll.Desc
	done := false
	defer func() {
		if done {
			return
		}
		if d != nil {
			_ = d.Release()
		}
		_ = sys.Close(fd)
	}()
	if locals != nil {
		if source, err = bindLocal(fd, family, locals); err != nil {
			return fail(err)
		}
	}
	// An idle socket counts as hung up, so the loop is told after this.
	err = sys.Connect(fd, family, addr)
	if err != nil && err != syscall.EINPROGRESS {
		return fail(err)
	}
	d, failed := c.loop.hub.Loop.Open(fd)
	if failed != nil {
		return fail(failed)
	}
	d.Drained(netpoll.ReadSide)
	raddr := addr
	if err != nil {
		if raddr, err = c.await(ctx, d); err != nil {
			if _, ended := err.(*connectFailure); ended {
				return fail(errors.Unwrap(err))
			}
			return connectedSocket{}, err
		}
	}
	laddr := sys.LocalAddr(fd, c.network)
	if locals == nil && family != sys.Unix && laddr.String() == raddr.String() {
		// The system has chosen the very port that is dialled as the local one: nobody
		// listens there, and the socket is connected to itself.
		return fail(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	}
	done = true
	return connectedSocket{d, c.network, laddr, raddr}, nil
}

// bindLocal gives the socket the first of the local addresses that it can have.
func bindLocal(fd int, family sys.Family, locals []net.Addr) (net.Addr, error) {
	var first error
	for _, a := range locals {
		if t, ok := a.(*net.TCPAddr); ok && t.IP != nil && sys.FamilyOf("tcp", a) != family {
			continue
		}
		err := sys.Bind(fd, family, a)
		if err == nil {
			return a, nil
		}
		if first == nil {
			first = fmt.Errorf("%v: %w", a, err)
		}
	}
	if first == nil {
		first = &net.AddrError{Err: "no local address of that family", Addr: locals[0].String()}
	}
	return nil, first
}

// A connectFailure is how a connect ended.
type connectFailure struct{ err error }

func (e *connectFailure) Error() string { return e.err.Error() }
func (e *connectFailure) Unwrap() error { return e.err }

// connectWait is a future as what waits for a connect.
type connectWait future

// RunReady settles it.
func (w *connectWait) RunReady() { (*settling)(w).RunReady() }

// await waits for the end of a connect, and returns the peer's address.
func (c *connecting) await(ctx context.Context, d *netpoll.Desc) (net.Addr, error) {
	for {
		d.Drained(netpoll.WriteSide)
		f := &future{loop: c.loop}
		d.Wait(netpoll.WriteSide, (*connectWait)(f))
		err := f.await(ctx, c.op)
		if err == nil {
			err = f.take()
		}
		d.Forget(netpoll.WriteSide)
		if err != nil {
			return nil, err
		}
		raddr, err := sys.Connected(d.FD(), c.network)
		if err == nil {
			return raddr, nil
		}
		if err != syscall.EINPROGRESS {
			return nil, &connectFailure{err}
		}
	}
}
