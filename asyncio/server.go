package asyncio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// ErrServerClosed is matched by the error of using a [Server] that was closed, and
// of [Server.ServeForever] when somebody closes the server. It stands for asyncio's
// RuntimeError "server is closed".
var ErrServerClosed = errors.New("asyncio: the server is closed")

// ErrServing is matched by the error of a second [Server.ServeForever] at the same
// time. It stands for asyncio's RuntimeError "server is already being awaited on
// serve_forever()".
var ErrServing = errors.New("asyncio: somebody else is in ServeForever")

// A Server listens at addresses, and makes a transport and a protocol of each
// connection that it accepts: asyncio's Server. It is made by [CreateServer].
//
// Its methods may be called as [Loop.CallSoon] may; those that take a ctx park the
// calling task or greenlet. A server that is not closed when its loop is closes
// then, and is reported.
type Server struct {
	loop      *Loop
	factory   func() Protocol
	tls       *TransportOption
	backlog   int
	listeners []*serverSocket // nil once the server is closed
	serving   bool
	closed    bool
	forever   *future // that of ServeForever
	clients   map[*sockTransport]uint64
	accepted  uint64
	waiters   []*future // of WaitClosed
}

// attach notes a connection.
func (s *Server) attach(t *sockTransport) {
	s.accepted++
	s.clients[t] = s.accepted
}

// detach notes that a connection is over.
func (s *Server) detach(t *sockTransport) {
	delete(s.clients, t)
	s.wakeUp()
}

// wakeUp tells those who wait for the end, if this is it.
func (s *Server) wakeUp() {
	if !s.closed || len(s.clients) > 0 {
		return
	}
	for _, f := range s.waiters {
		if f.state == pending && !s.loop.gone() {
			f.settle(finished, nil)
		}
	}
	s.waiters = nil
}

// String names the server by its addresses.
func (s *Server) String() string {
	if s.closed {
		return "server (closed)"
	}
	names := make([]string, len(s.listeners))
	for i, l := range s.listeners {
		names[i] = l.network + " " + l.addr.String()
	}
	return "server at " + strings.Join(names, ", ")
}

// Loop returns the server's loop. It mirrors get_loop.
func (s *Server) Loop() *Loop { return s.loop }

// IsServing reports whether the server accepts connections.
func (s *Server) IsServing() bool { return s.serving }

// Addrs returns the addresses at which the server listens; none when it is closed.
// It mirrors sockets.
func (s *Server) Addrs() []net.Addr {
	var addrs []net.Addr
	for _, l := range s.listeners {
		addrs = append(addrs, l.addr)
	}
	return addrs
}

// Close stops listening. Connections that were accepted go on; those that wait to be
// are refused. A ServeForever ends. It may be called again. It does not park.
func (s *Server) Close() {
	s.loop.mustOwn("asyncio.Server.Close")
	s.close()
}

func (s *Server) close() {
	if s.closed {
		return
	}
	s.closed, s.serving = true, false
	s.loop.drop(s)
	for _, l := range s.listeners {
		l.close()
	}
	s.listeners = nil
	if f := s.forever; f != nil && f.state == pending && !s.loop.gone() {
		f.settle(finished, nil)
	}
	s.wakeUp()
}

// Abandon closes the server with its loop.
func (s *Server) Abandon() {
	name := s.String()
	s.close()
	s.loop.CallExceptionHandler(ExceptionContext{Message: "unclosed " + name})
}

// connections returns the transports of the connections, oldest first.
func (s *Server) connections() []*sockTransport {
	all := make([]*sockTransport, 0, len(s.clients))
	for t := range s.clients {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *sockTransport) int { return cmp.Compare(s.clients[a], s.clients[b]) })
	return all
}

// CloseClients closes the transports of all connections, oldest first: what they have
// written is sent. It does not park. It mirrors close_clients.
func (s *Server) CloseClients() {
	s.loop.mustOwn("asyncio.Server.CloseClients")
	for _, t := range s.connections() {
		t.Close()
	}
}

// AbortClients aborts the transports of all connections, oldest first: what they have
// written and not sent is lost. It does not park. It mirrors abort_clients.
func (s *Server) AbortClients() {
	s.loop.mustOwn("asyncio.Server.AbortClients")
	for _, t := range s.connections() {
		t.Abort()
	}
}

// StartServing begins to accept connections; it has no effect if the server does
// already. It parks the caller for one hop of the loop. The error matches
// [ErrServerClosed], or is one of the system, or is the one that ends the wait. It
// mirrors start_serving.
func (s *Server) StartServing(ctx context.Context) error {
	const op = "asyncio.Server.StartServing"
	s.loop.mustBeUsable(op)
	if err := s.start(op); err != nil {
		return err
	}
	return Sleep(ctx, 0)
}

// start begins to accept.
func (s *Server) start(op string) error {
	if s.closed {
		return inOp(op, ErrServerClosed)
	}
	if s.serving {
		return nil
	}
	s.serving = true
	for _, l := range s.listeners {
		if err := l.listen(s.backlog); err != nil {
			s.serving = false
			return err
		}
	}
	return nil
}

// ServeForever begins to accept connections, if the server does not yet, and parks
// the calling task or greenlet until the server is closed: then the error matches
// [ErrServerClosed]. (asyncio's raises CancelledError.)
//
// When the calling task is cancelled, or ctx ends and it is not just the calling
// task's own, ServeForever closes the server, waits for the end of its connections,
// as [Server.WaitClosed] does, and returns [ErrCancelled] or ctx.Err(). The wait ends
// when the task is cancelled again, or at once if it was ctx that ended; else it lasts
// as long as the clients like. To stop with clients connected use [Server.Shutdown], or
// [Server.CloseClients]. The error is [ErrServing] if somebody else is in ServeForever.
// It mirrors serve_forever.
func (s *Server) ServeForever(ctx context.Context) error {
	const op = "asyncio.Server.ServeForever"
	s.loop.mustBeUsable(op)
	if s.forever != nil {
		return inOp(op, ErrServing)
	}
	if err := s.start(op); err != nil {
		return err
	}
	f := &future{loop: s.loop}
	s.forever = f
	ended := false
	defer func() {
		s.forever = nil
		if !ended {
			s.close() // the caller is unwound
		}
	}()
	err := f.await(ctx, op)
	ended = true
	if err == nil {
		err = f.take()
	}
	if err == nil {
		return inOp(op, ErrServerClosed)
	}
	s.close()
	_ = s.WaitClosed(ctx)
	return err
}

// WaitClosed parks the calling task or greenlet until the server is closed and has no
// connections left, in whichever order that comes. The error is [ErrCancelled] when
// the calling task is cancelled, and ctx.Err() when ctx ends and it is not just the
// calling task's own. It mirrors wait_closed.
func (s *Server) WaitClosed(ctx context.Context) error {
	const op = "asyncio.Server.WaitClosed"
	if s.closed && len(s.clients) == 0 {
		return nil
	}
	s.loop.mustBeUsable(op)
	f := &future{loop: s.loop}
	s.waiters = append(s.waiters, f)
	defer func() { s.waiters = slices.DeleteFunc(s.waiters, func(g *future) bool { return g == f }) }()
	if err := f.await(ctx, op); err != nil {
		return err
	}
	return f.take()
}

// Shutdown ends the server in good order: it stops listening, waits until the
// connections have ended by themselves, and aborts those that are left when ctx ends,
// or the calling task is cancelled. It parks the calling task or greenlet, until the
// last connection is gone in any case. If none had to be aborted the error is nil,
// else it says how many had to, and matches ctx.Err() or [ErrCancelled]. asyncio has
// nothing like it.
func (s *Server) Shutdown(ctx context.Context) error {
	const op = "asyncio.Server.Shutdown"
	s.loop.mustBeUsable(op)
	s.close()
	err := s.WaitClosed(ctx)
	if err == nil {
		return nil
	}
	n := len(s.clients)
	s.AbortClients()
	if again := s.WaitClosed(context.Background()); again != nil {
		err = again
	}
	return fmt.Errorf("%s: %d connections aborted: %w", op, n, err)
}
