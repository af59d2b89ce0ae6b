package asyncio

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/sys"
	"github.com/baton-go/baton/netpoll"
)

// A sockTransport is the [Transport] of a stream socket. It is an object of the
// loop: everything in it happens on the hub, or in calls of the loop's thread, and
// nothing waits.
//
//	state     what it means                                     left by
//	open                                                        Close, an end, an error
//	closing   nothing is read any more, what waits is sent      the last byte, an error, Abort
//	lost      ConnectionLost is scheduled or running            its end
//	freed     the descriptor is closed                          -
//
// What happens when is asyncio's to the hop. Making one schedules three entries of
// the FIFO: ConnectionMade, the start of reading, and, for the one who made it, the
// end of its wait.
type sockTransport struct {
	loop         *Loop
	fd           int
	desc         *netpoll.Desc
	network      string
	laddr, raddr net.Addr
	protocol     Protocol
	buffered     BufferedProtocol // the protocol, if it is one
	server       *Server          // whose connection it is, or nil

	closing, lost, freed bool
	reason               error // for ConnectionLost

	// The reading side: sockread.go.
	paused  bool   // by PauseReading
	ended   bool   // the peer's end was read
	reading bool   // an entry of the reading side is waited for, or ready
	stale   int    // entries that were ready when they were given up
	again   func() // readReady
	want    int    // how much the next read is for

	// The writing side: sockwrite.go.
	out     writeBuffer
	flow    writeFlow
	writing bool    // an entry of the writing side is waited for, or ready
	eof     bool    // WriteEOF was called
	flushed *future // settled when nothing waits to be sent; only while a SendFile runs
	sender  *fileSender
	more    func() // writeReady
}

// newSockTransport makes a transport of a connected socket, of which it becomes
// the owner even if it fails. Waiter, which may be nil, is settled when the
// protocol knows of the connection.
//
// Budget: two system calls, to register the descriptor and, for TCP, to set
// TCP_NODELAY.
func newSockTransport(l *Loop, fd int, network string, laddr, raddr net.Addr, p Protocol, s *Server, waiter *future) (*sockTransport, error) {
	d, err := l.hub.Loop.Open(fd)
	if err != nil {
		_ = sys.Close(fd)
		return nil, err
	}
	// The poller reports what there is now as an edge. Until then nothing is known,
	// and a read in the dark would mostly be for nothing.
	d.Drained(netpoll.ReadSide)
	return adoptSockTransport(l, d, network, laddr, raddr, p, s, waiter), nil
}

// adoptSockTransport is newSockTransport for a descriptor that is registered.
func adoptSockTransport(l *Loop, d *netpoll.Desc, network string, laddr, raddr net.Addr, p Protocol, s *Server, waiter *future) *sockTransport {
	t := &sockTransport{
		loop: l, fd: d.FD(), desc: d, network: network, laddr: laddr, raddr: raddr,
		server: s, flow: newWriteFlow(), want: minRead,
	}
	t.setProtocol(p)
	if isTCPNetwork(network) {
		// What cannot have it is none the worse for it.
		_ = sys.SetNoDelay(t.fd, true)
	}
	l.hold(t)
	l.ownFD(t.fd, t)
	if s != nil {
		s.attach(t)
	}
	l.enqueueEntry((*sockMade)(t))
	l.enqueueEntry((*sockStart)(t))
	if waiter != nil {
		l.enqueueEntry((*settling)(waiter))
	}
	return t
}

// enqueueEntry makes an entry ready.
func (l *Loop) enqueueEntry(r netpoll.Runner) { l.hub.Loop.Enqueue(r) }

// settling is a future as an entry that makes it done.
type settling future

// RunReady settles the future unless it was cancelled.
func (s *settling) RunReady() {
	if f := (*future)(s); f.state == pending && !f.loop.gone() {
		f.settle(finished, nil)
	}
}

// The entries of a transport's life.
type (
	sockMade  sockTransport
	sockStart sockTransport
	sockLost  sockTransport
)

// RunReady tells the protocol of the connection.
func (e *sockMade) RunReady() {
	t := (*sockTransport)(e)
	if t.freed {
		return
	}
	defer protocolGuard{t.loop, t, t.protocol, "Exception in callback"}.check()
	t.protocol.ConnectionMade(t)
}

// RunReady begins to read.
func (e *sockStart) RunReady() {
	t := (*sockTransport)(e)
	if t.IsReading() {
		t.awaitRead()
	}
}

// RunReady ends the connection.
func (e *sockLost) RunReady() {
	if t := (*sockTransport)(e); !t.freed {
		t.connectionLost()
	}
}

// String names the transport: "tcp 127.0.0.1:8001->127.0.0.1:40112".
func (t *sockTransport) String() string {
	return fmt.Sprintf("%s %v->%v", t.network, t.laddr, t.raddr)
}

// LocalAddr returns the local address.
func (t *sockTransport) LocalAddr() net.Addr { return t.laddr }

// RemoteAddr returns the peer's address.
func (t *sockTransport) RemoteAddr() net.Addr { return t.raddr }

// ExtraInfo knows "socket", "sockname" and "peername".
func (t *sockTransport) ExtraInfo(name string) any {
	switch name {
	case "socket":
		return transportSocket{t}
	case "sockname":
		return t.laddr
	case "peername":
		return t.raddr
	}
	return nil
}

// Protocol returns the protocol.
func (t *sockTransport) Protocol() Protocol { return t.protocol }

// SetProtocol replaces it.
func (t *sockTransport) SetProtocol(p Protocol) {
	t.loop.mustOwn("asyncio.Transport.SetProtocol")
	if p == nil {
		misuse("asyncio.Transport.SetProtocol", "the protocol is nil", "pass the one that takes over")
	}
	if !t.freed {
		t.setProtocol(p)
	}
}

func (t *sockTransport) setProtocol(p Protocol) {
	t.protocol = p
	t.buffered, _ = p.(BufferedProtocol)
}

// IsClosing reports whether the transport is closing or closed.
func (t *sockTransport) IsClosing() bool { return t.closing }

// Close closes the transport when what waits has been sent.
func (t *sockTransport) Close() {
	t.loop.mustOwn("asyncio.Transport.Close")
	if t.closing {
		return
	}
	t.closing = true
	t.stopReading()
	if t.out.size == 0 {
		t.lose(nil)
	}
}

// Abort closes the transport.
func (t *sockTransport) Abort() {
	t.loop.mustOwn("asyncio.Transport.Abort")
	t.forceClose(nil)
}

// forceClose ends the connection without sending what waits.
func (t *sockTransport) forceClose(err error) {
	if t.lost {
		return
	}
	t.out.drop()
	t.stopWriting()
	t.closing = true
	t.stopReading()
	t.lose(err)
}

// lose schedules the end of the connection.
func (t *sockTransport) lose(err error) {
	t.lost = true
	t.reason = err
	t.loop.enqueueEntry((*sockLost)(t))
}

// connectionLost tells the protocol, and releases everything.
func (t *sockTransport) connectionLost() {
	defer t.release()
	defer protocolGuard{t.loop, t, t.protocol, "Exception in callback"}.check()
	t.protocol.ConnectionLost(t.reason)
}

// release is the end of the connection.
func (t *sockTransport) release() {
	t.free()
	if s := t.server; s != nil {
		t.server = nil
		s.detach(t)
	}
	if f := t.flushed; f != nil && f.state == pending {
		f.settle(finished, t.opError("sendfile", errPeerClosed))
	}
	if t.sender != nil {
		t.sender.end(t.opError("sendfile", errPeerClosed))
	}
}

// errPeerClosed is the error of a SendFile on a connection that ends meanwhile.
var errPeerClosed = fmt.Errorf("the connection is closed by the peer: %w", net.ErrClosed)

// free closes the descriptor.
func (t *sockTransport) free() {
	if t.freed {
		return
	}
	t.freed = true
	t.loop.drop(t)
	t.loop.disownFD(t.fd)
	// It is registered, since it is open. If the loop is closed it is gone already.
	_ = t.desc.Release()
	_ = sys.Close(t.fd)
	t.protocol, t.buffered = nil, nil
	t.again, t.more = nil, nil
	t.out.drop()
}

// Abandon closes the descriptor when the loop closes.
func (t *sockTransport) Abandon() {
	p, closing := t.protocol, t.closing
	t.closing, t.lost = true, true
	t.free()
	if !closing {
		t.loop.unclosed(t, p)
	}
}

// fatal ends the connection because of an error. That of the system goes to
// ConnectionLost only; any other, such as a panic of the protocol, to the exception
// handler too.
func (t *sockTransport) fatal(err error, message string) {
	var op *net.OpError
	if !errors.As(err, &op) {
		t.fail(err, message)
		return
	}
	t.forceClose(err)
}

// fail is fatal for an error that the exception handler is told of.
func (t *sockTransport) fail(err error, message string) {
	t.loop.CallExceptionHandler(ExceptionContext{Message: message, Err: err, Transport: t, Protocol: t.protocol})
	t.forceClose(err)
}

// A fatalGuard is a [protocolGuard] for calls whose failure ends the connection. A
// panic is reported whatever its value: it is the protocol's, also if that is an error
// of the system.
type fatalGuard struct {
	t       *sockTransport
	message string
}

func (g fatalGuard) check() {
	if v := recover(); v != nil && !g.t.loop.passesOn(v) {
		g.t.fail(baton.Recovered(v), g.message)
	}
}

// opError is the error of an operation on the connection.
func (t *sockTransport) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: t.network, Source: t.laddr, Addr: t.raddr, Err: err}
}

// sysError is the error of a system call on the connection.
func (t *sockTransport) sysError(op string, errno syscall.Errno) error {
	return t.opError(op, os.NewSyscallError(op, errno))
}

// A transportSocket lets one look at a transport's socket, and set its options, as
// asyncio's TransportSocket does: it is no way to read or to write it.
type transportSocket struct{ t *sockTransport }

// Control calls f with the descriptor, which must not be closed, nor used after f
// has returned. The error matches net.ErrClosed if the transport has closed it.
func (s transportSocket) Control(f func(fd uintptr)) error {
	s.t.loop.mustOwn("asyncio.Transport.ExtraInfo")
	if s.t.freed {
		return s.t.opError("raw-control", net.ErrClosed)
	}
	f(uintptr(s.t.fd))
	return nil
}

// Read returns syscall.EINVAL: the transport reads.
func (s transportSocket) Read(func(fd uintptr) bool) error { return syscall.EINVAL }

// Write returns syscall.EINVAL: the transport writes.
func (s transportSocket) Write(func(fd uintptr) bool) error { return syscall.EINVAL }

// isTCPNetwork reports whether the network is one of TCP.
func isTCPNetwork(network string) bool {
	return network == "tcp" || network == "tcp4" || network == "tcp6"
}
