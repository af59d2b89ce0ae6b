package asynciotest

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/internal/baton"
)

// A Network is a network in memory, for code that is given its means to connect and
// to listen. Its OpenConnection has the type of asyncio.OpenConnection, and connects
// to a server of its StartServer, which is at any address: a name or number with
// any port. So a client can be tested against a server that answers as the test
// wants, on a virtual clock, and both of them together.
//
//	type Client struct {
//		Open func(ctx context.Context, network, address string, opts ...asyncio.ConnectOption) (
//			*asyncio.StreamReader, *asyncio.StreamWriter, error)
//	}
//	c := Client{Open: asyncio.OpenConnection}
//	c = Client{Open: new(asynciotest.Network).OpenConnection} // in a test
//
// The zero Network is empty. Different Networks know nothing of each other. A Network
// is for the thread of one loop.
type Network struct {
	// Pipe says how connections behave, but for their Names, which are addresses.
	Pipe Pipe

	// OnConnect, if it is not nil, is called with each attempt to connect, and may
	// wait, for as long as it takes to get there, or return the error of the attempt.
	OnConnect func(ctx context.Context, network, address string) error

	listeners map[string]*Listener
	ports     int // that were given away
}

// firstPort is the first one that is given to who asks for port 0, or connects.
const firstPort = 49152

// port returns a number that nobody else has got.
func (n *Network) port() int {
	n.ports++
	return firstPort + n.ports - 1
}

// place is the key of an address.
func place(network, address string) string { return network + " " + address }

// OpenConnection connects to a server of the Network, and returns the streams of the
// connection. Of the options only asyncio.WithLimit has a meaning here; the others
// are ignored, so that nothing is encrypted.
//
// The error is that of OnConnect, or a *net.OpError that matches
// syscall.ECONNREFUSED if nobody listens at the address. It parks the calling task or
// greenlet as asyncio.OpenConnection does, and the error may be that of the wait.
func (n *Network) OpenConnection(ctx context.Context, network, address string, opts ...asyncio.ConnectOption) (*asyncio.StreamReader, *asyncio.StreamWriter, error) {
	r := asyncio.NewStreamReader(limitOf(opts))
	p := asyncio.NewStreamReaderProtocol(ctx, r, nil)
	t, err := n.connect(ctx, p, network, address)
	if err != nil {
		return nil, nil, err
	}
	return r, asyncio.NewStreamWriter(t, p, r), nil
}

// CreateConnection is asyncio.CreateConnection for the Network: see
// [Network.OpenConnection].
func (n *Network) CreateConnection(ctx context.Context, factory func() asyncio.Protocol, network, address string) (*Transport, asyncio.Protocol, error) {
	p := factory()
	t, err := n.connect(ctx, p, network, address)
	if err != nil {
		return nil, nil, err
	}
	return t, p, nil
}

func (n *Network) connect(ctx context.Context, p asyncio.Protocol, network, address string) (*Transport, error) {
	loop := asyncio.RunningLoop(ctx)
	if n.OnConnect != nil {
		if err := n.OnConnect(ctx, network, address); err != nil {
			return nil, err
		}
	}
	l := n.listeners[place(network, address)]
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: addr(address), Err: syscall.ECONNREFUSED}
	}
	pipe := n.Pipe
	pipe.Names = [2]string{fmt.Sprintf("client:%d", n.port()), address}
	ours, theirs := newTransports(loop, pipe)
	ours.begin(p)
	l.accept(theirs)
	// A hop after ConnectionMade the caller goes on.
	connected := asyncio.NewFuture[struct{}](loop)
	loop.CallSoon(func() {
		if !connected.Done() {
			_ = connected.SetResult(struct{}{}) // it can only fail if it is done
		}
	})
	done := false
	defer func() {
		if !done {
			ours.Close()
		}
	}()
	if _, err := connected.Await(ctx); err != nil {
		return nil, err
	}
	done = true
	return ours, nil
}

// limitOf returns the limit that opts give.
func limitOf[O any](opts []O) int {
	limit := asyncio.DefaultLimit
	for _, o := range opts {
		if n, ok := any(o).(asyncio.LimitOption); ok {
			limit = int(n)
		}
	}
	return limit
}

// StartServer listens at an address of the Network, and runs the handler for each
// connection as asyncio.StartServer does; all else is as for
// [Network.CreateServer].
func (n *Network) StartServer(ctx context.Context, handler asyncio.StreamHandler, network, address string, opts ...asyncio.ServerOption) (*Listener, error) {
	if handler == nil {
		panic("asynciotest.Network.StartServer: the handler is nil; pass the function that serves a connection")
	}
	limit := limitOf(opts)
	return n.CreateServer(ctx, func() asyncio.Protocol {
		return asyncio.NewStreamReaderProtocol(ctx, asyncio.NewStreamReader(limit), handler)
	}, network, address)
}

// CreateServer listens at an address of the Network; the factory makes the protocol
// of each connection. If the address ends in ":0" it gets a port:
// [Listener.Addrs] tells. The error is a *net.OpError that matches
// syscall.EADDRINUSE if somebody listens there. It does not park.
func (n *Network) CreateServer(ctx context.Context, factory func() asyncio.Protocol, network, address string) (*Listener, error) {
	if host, ok := strings.CutSuffix(address, ":0"); ok {
		address = fmt.Sprintf("%s:%d", host, n.port())
	}
	key := place(network, address)
	if n.listeners[key] != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: addr(address), Err: syscall.EADDRINUSE}
	}
	l := &Listener{network: n, loop: asyncio.RunningLoop(ctx), factory: factory, key: key, address: addr(address)}
	if n.listeners == nil {
		n.listeners = make(map[string]*Listener)
	}
	n.listeners[key] = l
	return l, nil
}

// A Listener is a server of a [Network], with those methods of asyncio.Server that
// programs use most. Its methods are for the thread of its loop.
type Listener struct {
	network *Network
	loop    *asyncio.Loop
	factory func() asyncio.Protocol
	key     string
	address addr
	closed  bool
	clients []*Transport // oldest first
	// ended are the waits for the listener to be closed, gone those for the last
	// connection as well.
	ended, gone waits
}

// accept begins the server's end of a connection.
func (l *Listener) accept(t *Transport) {
	defer func() {
		if v := recover(); v != nil {
			l.loop.CallExceptionHandler(asyncio.ExceptionContext{Message: "Error on transport creation for incoming connection", Err: baton.Recovered(v), Transport: t})
			t.begin(asyncio.BaseProtocol{})
			t.Abort()
		}
	}()
	p := l.factory()
	l.clients = append(l.clients, t)
	t.over = func() {
		l.clients = slices.DeleteFunc(l.clients, func(c *Transport) bool { return c == t })
		l.wake()
	}
	t.begin(p)
}

// wake ends the waits of WaitClosed, if nothing is left.
func (l *Listener) wake() {
	if l.closed && len(l.clients) == 0 {
		l.gone.end()
	}
}

// Addrs returns the address; none when the listener is closed.
func (l *Listener) Addrs() []net.Addr {
	if l.closed {
		return nil
	}
	return []net.Addr{l.address}
}

// Clients returns the server's ends of the connections, oldest first: to break one,
// for example.
func (l *Listener) Clients() []*Transport { return slices.Clone(l.clients) }

// IsServing reports whether the listener accepts connections: until it is closed.
func (l *Listener) IsServing() bool { return !l.closed }

// Close stops listening; connections go on. It may be called again. It does not park.
func (l *Listener) Close() {
	if !l.closed {
		l.closed = true
		delete(l.network.listeners, l.key)
		l.ended.end()
		l.wake()
	}
}

// CloseClients closes the server's ends of all connections, oldest first.
func (l *Listener) CloseClients() {
	for _, t := range l.Clients() {
		t.Close()
	}
}

// AbortClients aborts the server's ends of all connections, oldest first.
func (l *Listener) AbortClients() {
	for _, t := range l.Clients() {
		t.Abort()
	}
}

// WaitClosed parks the calling task or greenlet until the listener is closed and has
// no connections left. The error is that of asyncio.Future's Await.
func (l *Listener) WaitClosed(ctx context.Context) error {
	if l.closed && len(l.clients) == 0 {
		return nil
	}
	return l.gone.wait(ctx, l.loop)
}

// ServeForever parks the calling task or greenlet until the listener is closed: then
// the error matches asyncio.ErrServerClosed. When the wait is ended, as that of
// WaitClosed is, it closes the listener, waits for the end of the connections, and
// returns that error.
func (l *Listener) ServeForever(ctx context.Context) error {
	if !l.closed {
		defer l.Close()
		if err := l.ended.wait(ctx, l.loop); err != nil {
			l.Close()
			_ = l.WaitClosed(ctx)
			return err
		}
	}
	return fmt.Errorf("asynciotest.Listener.ServeForever: %w", asyncio.ErrServerClosed)
}

// waits are calls that wait for the same thing.
type waits []*asyncio.Future[struct{}]

// wait parks the caller until end.
func (w *waits) wait(ctx context.Context, l *asyncio.Loop) error {
	f := asyncio.NewFuture[struct{}](l)
	*w = append(*w, f)
	defer func() {
		*w = slices.DeleteFunc(*w, func(g *asyncio.Future[struct{}]) bool { return g == f })
	}()
	_, err := f.Await(ctx)
	return err
}

// end ends all of them.
func (w *waits) end() {
	for _, f := range *w {
		if !f.Done() {
			_ = f.SetResult(struct{}{}) // it can only fail if it is done
		}
	}
}
