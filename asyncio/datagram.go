package asyncio

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"

	"github.com/baton-go/baton/internal/sys"
	"github.com/baton-go/baton/netpoll"
)

// ErrNoDatagramSocket is matched by the error of a socket that was to be used for
// datagrams and is for something else. It stands for asyncio's ValueError "A datagram
// socket was expected".
var ErrNoDatagramSocket = errors.New("a datagram socket was expected")

// ErrNoAddressInfo is matched by the error of a local and a remote address that no
// socket can have together. It stands for asyncio's ValueError "can not get address
// information".
var ErrNoAddressInfo = errors.New("can not get address information")

// A DatagramOption changes what [CreateDatagramEndpoint] does.
type DatagramOption func(*datagramOptions)

type datagramOptions struct {
	local, remote       string
	hasLocal, hasRemote bool
	reusePort           bool
	broadcast           bool
	conn                net.PacketConn
}

// WithDatagramLocal binds the socket to an address: host:port, where an empty host is
// every address of the machine, and port 0 a free one; or the path of a Unix socket. A
// socket that somebody has left there is removed before; closing leaves this one too,
// as in asyncio. It mirrors local_addr=.
func WithDatagramLocal(address string) DatagramOption {
	return func(o *datagramOptions) { o.local, o.hasLocal = address, true }
}

// WithDatagramRemote connects the socket to an address: datagrams go there, and only
// those that come from there are received. It mirrors remote_addr=.
func WithDatagramRemote(address string) DatagramOption {
	return func(o *datagramOptions) { o.remote, o.hasRemote = address, true }
}

// WithDatagramReusePort lets other sockets that say so too be bound to the same
// address. It mirrors reuse_port=.
func WithDatagramReusePort() DatagramOption {
	return func(o *datagramOptions) { o.reusePort = true }
}

// WithBroadcast allows to send to broadcast addresses. The socket is not connected
// then: a remote address is only where datagrams go that are sent to no other. It
// mirrors allow_broadcast=.
func WithBroadcast() DatagramOption {
	return func(o *datagramOptions) { o.broadcast = true }
}

// WithPacketConn has [CreateDatagramEndpoint] use a socket that exists, a
// [net.UDPConn] or [net.UnixConn], instead of making one. It is the transport's,
// whatever becomes of it: do not use it any more. It mirrors sock=, and, as there, goes
// with no other option and an empty network.
func WithPacketConn(c net.PacketConn) DatagramOption {
	return func(o *datagramOptions) { o.conn = c }
}

// CreateDatagramEndpoint makes a socket for datagrams, and returns its transport with
// the protocol that the factory made, whose ConnectionMade has been called. The
// network is "udp", "udp4", "udp6" or "unixgram". It mirrors create_datagram_endpoint.
//
//	t, p, err := asyncio.CreateDatagramEndpoint(ctx, newEcho, "udp", asyncio.WithDatagramLocal("127.0.0.1:9999"))
//
// A socket of "udp" without a local address, or with one that has no host, is for IPv4
// and IPv6. If a name has several addresses the first that works is taken. What the
// system says of a datagram that was sent, such as that nobody listens there, goes to
// the protocol's ErrorReceived.
//
// The error is a *net.OpError, and matches for example syscall.EADDRINUSE;
// [ErrNoAddressInfo]; [ErrNoDatagramSocket]; or [netpoll.ErrNoPoller], and with it
// errors.ErrUnsupported, on a platform without a poller. It panics if there are an
// existing socket and other options, or neither a network nor a socket.
//
// It parks the calling task or greenlet for one hop, and while a name is looked up,
// which happens on a goroutine. It returns [ErrCancelled] when the calling task is
// cancelled, or ctx.Err() when ctx ends and it is not just the calling task's own; a
// kill of gevent unwinds. Then no socket is left.
func CreateDatagramEndpoint[P DatagramProtocol](ctx context.Context, factory func() P, network string, opts ...DatagramOption) (DatagramTransport, P, error) {
	const op = "asyncio.CreateDatagramEndpoint"
	var p P
	if factory == nil {
		misuse(op, "the factory is nil", "pass a function that makes the protocol")
	}
	t, err := createDatagram(ctx, op, network, opts, func() DatagramProtocol { p = factory(); return p })
	if err != nil {
		return nil, p, err
	}
	return t, p, nil
}

func createDatagram(ctx context.Context, op, network string, opts []DatagramOption, factory func() DatagramProtocol) (*datagramTransport, error) {
	var o datagramOptions
	for _, opt := range opts {
		opt(&o)
	}
	o.check(op, network)
	mustPark(op) // before there is anything that a panic would leave behind
	l := loopOf(ctx, op)
	s, err := o.socket(ctx, l, op, network)
	if err != nil {
		if isCancel(err) || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return nil, err
		}
		return nil, inOp(op, err)
	}
	var t *datagramTransport
	done := false
	defer func() {
		switch {
		case done:
		case t != nil:
			t.Close()
		default:
			s.close()
		}
	}()
	p := factory()
	if p == nil {
		misuse(op, "the factory returned nil", "return the protocol of the socket")
	}
	waiter := &future{loop: l}
	t = newDatagramTransport(l, s, p, waiter)
	if err := waiter.await(ctx, op); err != nil {
		return nil, err
	}
	if err := waiter.take(); err != nil {
		return nil, err
	}
	done = true
	return t, nil
}

// check panics for what the arguments cannot mean.
func (o *datagramOptions) check(op, network string) {
	switch {
	case o.conn != nil && (network != "" || o.hasLocal || o.hasRemote || o.reusePort || o.broadcast):
		misuse(op, "socket modifier options can not be used when a socket is given", "leave the network and them out, or WithPacketConn")
	case o.conn == nil && network == "":
		misuse(op, "there is neither a network nor an existing socket", `pass "udp", for example`)
	}
}

// A datagramSocket is what a transport is made of.
type datagramSocket struct {
	fd      int
	network string
	family  sys.Family
	laddr   net.Addr
	raddr   net.Addr // to which it is connected, or nil
	to      net.Addr // where datagrams go that are sent to no other: raddr, or nil
}

// close closes the socket.
func (s *datagramSocket) close() { _ = sys.Close(s.fd) }

// socket makes the socket, or takes over the existing one.
func (o *datagramOptions) socket(ctx context.Context, l *Loop, op, network string) (datagramSocket, error) {
	if o.conn != nil {
		return takeDatagramSocket(o.conn)
	}
	fail := func(err error) (datagramSocket, error) {
		return datagramSocket{}, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	switch network {
	case "udp", "udp4", "udp6", "unixgram":
	default:
		return fail(net.UnknownNetworkError(network))
	}
	if !sys.Supported {
		return fail(netpoll.ErrNoPoller)
	}
	pairs, err := o.addresses(ctx, l, op, network)
	if err != nil {
		return fail(err)
	}
	var first error
	for _, a := range pairs {
		s, err := o.open(network, a)
		if err == nil {
			return s, nil
		}
		if first == nil {
			first = err
		}
	}
	return datagramSocket{}, first
}

// open makes a socket with a pair of addresses.
func (o *datagramOptions) open(network string, a datagramAddrs) (s datagramSocket, err error) {
	fd, err := sys.Open(a.family, sys.Datagram, network == "udp6")
	if err == nil {
		s = datagramSocket{fd: fd, network: network, family: a.family}
		if err = o.prepare(&s, a); err == nil {
			return s, nil
		}
		s.close()
	}
	e := &net.OpError{Op: "listen", Net: network, Source: a.remote, Addr: a.local, Err: err}
	if a.remote != nil {
		e.Op, e.Source, e.Addr = "dial", a.local, a.remote
	}
	return datagramSocket{}, e
}

// prepare sets the socket's options, and binds and connects it.
func (o *datagramOptions) prepare(s *datagramSocket, a datagramAddrs) error {
	if o.reusePort {
		if err := sys.SetReusePort(s.fd, true); err != nil {
			return err
		}
	}
	if o.broadcast {
		if err := sys.SetBroadcast(s.fd, true); err != nil {
			return err
		}
	}
	if a.local != nil {
		if s.network == "unixgram" {
			removeStaleSocket(a.local.String())
		}
		if err := sys.Bind(s.fd, s.family, a.local); err != nil {
			return err
		}
	}
	if a.remote != nil && !o.broadcast {
		if err := sys.Connect(s.fd, s.family, a.remote); err != nil {
			return os.NewSyscallError("connect", err)
		}
		s.raddr = a.remote
	}
	s.to = a.remote
	s.laddr = sys.LocalAddr(s.fd, s.network)
	return nil
}

// removeStaleSocket removes the file of a socket that somebody has left. Binding tells
// what is wrong with any other.
func removeStaleSocket(path string) {
	if path == "" || path[0] == '@' || path[0] == 0 {
		return // an abstract one has no file
	}
	if info, err := os.Stat(path); err == nil && info.Mode()&fs.ModeSocket != 0 {
		_ = os.Remove(path)
	}
}

// takeDatagramSocket takes over a socket of package net, which it closes.
func takeDatagramSocket(c net.PacketConn) (datagramSocket, error) {
	defer c.Close()
	fail := func(err error) (datagramSocket, error) {
		return datagramSocket{}, &net.OpError{Op: "listen", Net: c.LocalAddr().Network(), Addr: c.LocalAddr(), Err: err}
	}
	if !sys.Supported {
		return fail(netpoll.ErrNoPoller)
	}
	sc, ok := c.(syscall.Conn)
	if !ok {
		return fail(fmt.Errorf("%w, not a %T", ErrNoDatagramSocket, c))
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return fail(err)
	}
	s := datagramSocket{fd: -1}
	var failed error
	if err := raw.Control(func(fd uintptr) { s.fd, failed = sys.Dup(int(fd)) }); err != nil {
		return fail(err)
	}
	if failed != nil {
		return fail(failed)
	}
	s.network, err = sys.Network(s.fd)
	if err == nil && s.network != "udp" && s.network != "unixgram" {
		err = fmt.Errorf("%w, not one of %s", ErrNoDatagramSocket, s.network)
	}
	if err == nil {
		err = sys.SetNonblock(s.fd)
	}
	if err != nil {
		s.close()
		return fail(err)
	}
	s.laddr = sys.LocalAddr(s.fd, s.network)
	s.raddr = sys.RemoteAddr(s.fd, s.network)
	s.to = s.raddr
	switch a := s.laddr.(type) {
	case *net.UnixAddr:
		s.family = sys.Unix
	case *net.UDPAddr:
		if len(a.IP) == net.IPv6len {
			s.family = sys.Inet6
		}
	}
	return s, nil
}
