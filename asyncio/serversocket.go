package asyncio

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/sys"
	"github.com/baton-go/baton/netpoll"
)

// acceptRetry is how long a listener rests that cannot accept because the process or
// the system has run out of something.
const acceptRetry = time.Second

// A serverSocket is one listening socket of a server.
type serverSocket struct {
	server  *Server
	fd      int
	network string
	addr    net.Addr
	file    os.FileInfo   // that of a Unix socket that is to be removed; may be nil
	desc    *netpoll.Desc // nil until it listens
	again   func()
	retry   *Handle // the end of a rest
}

// listen begins to accept.
func (l *serverSocket) listen(backlog int) error {
	err := sys.Listen(l.fd, backlog)
	if err == nil && l.desc == nil {
		// An idle socket counts as hung up, so the loop is told after this.
		if l.desc, err = l.server.loop.hub.Loop.Open(l.fd); err == nil {
			l.desc.Drained(netpoll.ReadSide)
		}
	}
	if err != nil {
		return &net.OpError{Op: "listen", Net: l.network, Addr: l.addr, Err: err}
	}
	l.wait()
	return nil
}

// wait has the next iteration accept, or the first one that finds a connection.
func (l *serverSocket) wait() {
	if l.desc.Waiter(netpoll.ReadSide) == nil && !l.desc.Wait(netpoll.ReadSide, l) {
		if l.again == nil {
			l.again = l.RunReady
		}
		_ = l.server.loop.hub.Post(l.again) // see sockTransport.awaitRead
	}
}

// RunReady accepts what there is, but for no longer than the backlog is: others have
// their turn then. Each connection gets an entry of its own.
//
// Budget for a connection: four system calls, which are to accept it, to get its local
// address, to register it and to set TCP_NODELAY.
func (l *serverSocket) RunReady() {
	s := l.server
	if s.closed || s.loop.closed.Load() {
		return
	}
	for range s.backlog + 1 {
		fd, peer, err := sys.Accept(l.fd, l.network)
		switch err {
		case nil:
			s.loop.enqueueEntry(&accepted{l, fd, peer})
		case syscall.EAGAIN:
			l.desc.Drained(netpoll.ReadSide)
			l.wait()
			return
		case syscall.ECONNABORTED:
			// It was closed before it was accepted: on to the next.
		default:
			l.rest(err)
			return
		}
	}
	l.wait()
}

// rest reports that nothing can be accepted, and tries again later: once, however many
// connections wait.
func (l *serverSocket) rest(err error) {
	message := "Exception in callback"
	if outOfResources(err) {
		message = "socket.accept() out of system resource"
	}
	err = &net.OpError{Op: "accept", Net: l.network, Addr: l.addr, Err: os.NewSyscallError(sys.AcceptName, err)}
	loop := l.server.loop
	loop.CallExceptionHandler(ExceptionContext{Message: message, Err: err, Socket: l.addr})
	if l.server.closed {
		return
	}
	l.retry = loop.callAt("asyncio.Server", loop.hub.Loop.Deadline(acceptRetry), func() {
		l.retry = nil
		l.wait()
	})
}

// outOfResources reports whether the error passes when somebody closes something.
func outOfResources(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// close stops listening.
func (l *serverSocket) close() {
	if l.retry != nil {
		l.retry.Cancel()
	}
	if l.desc != nil {
		_ = l.desc.Release()
	}
	_ = sys.Close(l.fd)
	if l.file == nil {
		return
	}
	// Only if it is the one that was made: somebody may have put another in its place.
	path := l.addr.(*net.UnixAddr).Name
	if now, err := os.Lstat(path); err == nil && os.SameFile(now, l.file) {
		_ = os.Remove(path)
	}
}

// An accepted is a connection that nobody has made a transport of yet. asyncio has a
// task for each.
type accepted struct {
	listener *serverSocket
	fd       int
	peer     net.Addr
}

// RunReady makes the transport and the protocol.
func (a *accepted) RunReady() {
	s := a.listener.server
	if s.closed {
		_ = sys.Close(a.fd)
		return
	}
	var p Protocol
	defer func() {
		if p == nil {
			_ = sys.Close(a.fd) // also if the factory calls runtime.Goexit
		}
	}()
	if p = a.protocol(); p == nil {
		return
	}
	if s.tls != nil {
		p, _ = wrapTLS("asyncio.CreateServer", s.loop, p, s.tls, true, "", nil)
	}
	network := a.listener.network
	_, err := newSockTransport(s.loop, a.fd, network, sys.LocalAddr(a.fd, network), a.peer, p, s, nil)
	if err != nil {
		a.failed(fmt.Errorf("registering the connection: %w", err))
	}
}

// Dropped closes the connection when the loop is closed before its turn.
func (a *accepted) Dropped() { _ = sys.Close(a.fd) }

// protocol returns what the factory makes, or nil if it fails.
func (a *accepted) protocol() (p Protocol) {
	defer func() {
		if v := recover(); v != nil && !a.listener.server.loop.passesOn(v) {
			a.failed(baton.Recovered(v))
		}
	}()
	if p = a.listener.server.factory(); p == nil {
		a.failed(errNoProtocol)
	}
	return p
}

// errNoProtocol is the error of a factory that returns none.
var errNoProtocol = errors.New("asyncio: the factory returned nil")

func (a *accepted) failed(err error) {
	a.listener.server.loop.CallExceptionHandler(ExceptionContext{
		Message: "Error on transport creation for incoming connection", Err: err, Socket: a.listener.addr,
	})
}
