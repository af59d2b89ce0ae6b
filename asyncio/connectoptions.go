package asyncio

import (
	"crypto/tls"
	"net"
	"time"
)

// A ConnectOption changes what [CreateConnection] and [ConnectAcceptedSocket] do.
type ConnectOption interface{ toConnect(*connectOptions) }

// A ServerOption changes what [CreateServer] does.
type ServerOption interface{ toServer(*serverOptions) }

// A TransportOption is an option for clients and for servers.
type TransportOption struct {
	config *tls.Config
	tls    []TLSOption
}

func (o TransportOption) toConnect(c *connectOptions) { c.tls = &o }
func (o TransportOption) toServer(s *serverOptions)   { s.tls = &o }

// WithTLS makes connections secure: the transport speaks TLS with the peer, and the
// protocol's ConnectionMade is called when the handshake has ended. For a client the
// server's name is the host that was dialled unless the config or an option has
// another. It mirrors ssl=; see also [StartTLS].
func WithTLS(config *tls.Config, opts ...TLSOption) TransportOption {
	if config == nil {
		misuse("asyncio.WithTLS", "the tls.Config is nil", "pass one; a client's may be empty")
	}
	return TransportOption{config, opts}
}

// connectOptions are those of one connection that is made.
type connectOptions struct {
	tls        *TransportOption
	conn       net.Conn
	fd         int
	hasFD      bool
	local      string
	delay      time.Duration // between attempts; negative: one after the other has failed
	interleave int           // negative: not given
	allErrors  bool
}

type connectOption func(*connectOptions)

func (f connectOption) toConnect(o *connectOptions) { f(o) }

func newConnectOptions(opts []ConnectOption) *connectOptions {
	o := &connectOptions{delay: -1, interleave: -1}
	for _, opt := range opts {
		opt.toConnect(o)
	}
	return o
}

// WithConn has [CreateConnection] use a connection that exists, one of TCP or a Unix
// stream socket of package net's, instead of making one; network and address are
// then empty. The connection is the transport's, whatever becomes of it: do not use
// it any more. It mirrors sock=.
func WithConn(c net.Conn) ConnectOption {
	return connectOption(func(o *connectOptions) { o.conn = c })
}

// WithFD is [WithConn] for a descriptor of the system, which may still be blocking.
// CreateConnection becomes its owner, even if it fails; unless the loop uses it
// already, for a transport or a callback: then the error matches [ErrFDUsed].
func WithFD(fd int) ConnectOption {
	return connectOption(func(o *connectOptions) { o.fd, o.hasFD = fd, true })
}

// WithLocalAddr makes the connection come from a local address, host:port, where
// each of both may be missing. It mirrors local_addr=.
func WithLocalAddr(address string) ConnectOption {
	return connectOption(func(o *connectOptions) { o.local = address })
}

// WithHappyEyeballs has the attempts to reach the several addresses of a name
// overlap: the next one begins when the last has failed, or has not ended within the
// delay; RFC 8305 recommends 250 ms. The addresses are interleaved, unless
// [WithInterleave] says otherwise. It mirrors happy_eyeballs_delay=.
func WithHappyEyeballs(delay time.Duration) ConnectOption {
	return connectOption(func(o *connectOptions) { o.delay = max(delay, 0) })
}

// WithInterleave orders the addresses of a name by families in turns, after the
// first n of the first one's family; 0 leaves the order as it is. It mirrors
// interleave=.
func WithInterleave(n int) ConnectOption {
	return connectOption(func(o *connectOptions) { o.interleave = max(n, 0) })
}

// WithAllErrors makes the error of an attempt that failed a [*ConnectError] always.
// It mirrors all_errors=.
func WithAllErrors() ConnectOption {
	return connectOption(func(o *connectOptions) { o.allErrors = true })
}

// serverOptions are those of a server.
type serverOptions struct {
	tls       *TransportOption
	hosts     []string
	listener  net.Listener
	backlog   int
	reusePort bool
	keepAlive bool
	idle      bool
	keepFile  bool
}

type serverOption func(*serverOptions)

func (f serverOption) toServer(o *serverOptions) { f(o) }

// defaultBacklog is how many connections may wait to be accepted.
const defaultBacklog = 100

func newServerOptions(opts []ServerOption) *serverOptions {
	o := &serverOptions{backlog: defaultBacklog}
	for _, opt := range opts {
		opt.toServer(o)
	}
	return o
}

// WithHosts adds hosts to that of the address, on which the server listens too, at
// the same port. One that is named twice counts once. It mirrors a sequence as
// host=.
func WithHosts(hosts ...string) ServerOption {
	return serverOption(func(o *serverOptions) { o.hosts = append(o.hosts, hosts...) })
}

// WithListener has [CreateServer] use a listener that exists, one of TCP or of Unix
// stream sockets of package net's; network and address are then empty. It is the
// server's, whatever becomes of it: do not use it any more. It mirrors sock=.
func WithListener(l net.Listener) ServerOption {
	return serverOption(func(o *serverOptions) { o.listener = l })
}

// WithBacklog sets how many connections may wait to be accepted: 100 by default. It
// is also about how many the server accepts before others have their turn. It
// mirrors backlog=; n must be positive.
func WithBacklog(n int) ServerOption {
	if n <= 0 {
		misuse("asyncio.WithBacklog", "the number is not positive", "pass how many connections may wait")
	}
	return serverOption(func(o *serverOptions) { o.backlog = n })
}

// WithReusePort lets several sockets listen at the same address, if all of them
// agree: SO_REUSEPORT. It mirrors reuse_port=.
func WithReusePort() ServerOption {
	return serverOption(func(o *serverOptions) { o.reusePort = true })
}

// WithKeepAlive has the system probe accepted connections that are idle. It mirrors
// keep_alive=.
func WithKeepAlive() ServerOption {
	return serverOption(func(o *serverOptions) { o.keepAlive = true })
}

// WithoutServing makes a server that does not accept connections, and refuses them,
// until [Server.StartServing] or [Server.ServeForever]. It mirrors
// start_serving=False.
func WithoutServing() ServerOption {
	return serverOption(func(o *serverOptions) { o.idle = true })
}

// WithoutSocketCleanup leaves the file of a Unix socket where it is when the server
// closes. It mirrors cleanup_socket=False.
func WithoutSocketCleanup() ServerOption {
	return serverOption(func(o *serverOptions) { o.keepFile = true })
}
