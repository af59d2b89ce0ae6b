package asyncio

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/baton-go/baton/internal/sys"
)

const (
	// maxUDP is more than the largest datagram of UDP.
	maxUDP = 64 << 10
	// datagramHeader is what a queued datagram counts besides its data.
	datagramHeader = 8
)

// A datagramTransport is a socket for datagrams.
//
//	state     what it means                                     left by
//	open                                                        Close, Abort
//	closing   nothing is received any more, what waits is sent  the last datagram, Abort
//	lost      ConnectionLost is scheduled or running            its end
//	freed     the descriptor is closed                          -
//
// The descriptor is watched level-triggered, as in asyncio: one datagram is received
// for each time that it is found ready, so that sockets take turns, and no call is
// made to find out that there is no other.
type datagramTransport struct {
	loop *Loop
	datagramSocket
	protocol DatagramProtocol
	receiver *sys.Receiver
	sender   sys.Sender

	closing, lost, freed bool
	writing              bool // what is queued is sent when the socket is writable
	receive, flush       func()

	queue queuedDatagrams
	flow  writeFlow
}

// newDatagramTransport makes a transport of a socket. Waiter is settled when the
// protocol knows of it.
func newDatagramTransport(l *Loop, s datagramSocket, p DatagramProtocol, waiter *future) *datagramTransport {
	t := &datagramTransport{loop: l, datagramSocket: s, protocol: p, flow: newWriteFlow()}
	t.receiver = sys.NewReceiver(s.network)
	t.sender.Family = s.family
	t.receive, t.flush = t.readable, t.writable
	l.hold(t)
	l.ownFD(t.fd, t)
	l.enqueueEntry((*datagramMade)(t))
	l.enqueueEntry((*datagramStart)(t))
	l.enqueueEntry((*settling)(waiter))
	return t
}

// The entries of a transport's life.
type (
	datagramMade  datagramTransport
	datagramStart datagramTransport
	datagramLost  datagramTransport
)

// RunReady tells the protocol of the socket.
func (e *datagramMade) RunReady() {
	t := (*datagramTransport)(e)
	if t.freed {
		return
	}
	defer t.guard().check()
	t.protocol.ConnectionMade(t)
}

// RunReady begins to receive.
func (e *datagramStart) RunReady() {
	t := (*datagramTransport)(e)
	if t.closing {
		return
	}
	if err := t.loop.hub.Loop.AddReader(t.fd, t.receive); err != nil {
		t.fatal(t.opError("read", nil, err), "Fatal read error on datagram transport")
	}
}

// RunReady ends the transport.
func (e *datagramLost) RunReady() {
	if t := (*datagramTransport)(e); !t.freed {
		t.connectionLost(nil)
	}
}

// guard is for calls of the protocol: a panic is reported, and the transport goes on.
func (t *datagramTransport) guard() protocolGuard {
	return protocolGuard{t.loop, t, t.protocol, "Exception in callback"}
}

// readable receives one datagram.
//
// Budget: one system call; no allocation if the sender is the one of the last.
func (t *datagramTransport) readable() {
	l := t.loop
	// Nobody else needs the buffer unless the protocol switches to another greenlet
	// by hand.
	b := l.readBuffer
	l.readBuffer = nil
	if b == nil {
		b = make([]byte, maxRead)
	}
	room := b
	if t.family != sys.Unix {
		room = b[:maxUDP]
	}
	n, from, errno := t.receiver.ReadFrom(t.fd, room)
	switch errno {
	case 0:
		t.deliver(b[:n], from)
	case syscall.EAGAIN:
	default:
		t.errorReceived(t.sysError("read", nil, errno))
	}
	l.readBuffer = b
}

func (t *datagramTransport) deliver(data []byte, from net.Addr) {
	defer t.guard().check()
	t.protocol.DatagramReceived(data, from)
}

func (t *datagramTransport) errorReceived(err error) {
	defer t.guard().check()
	t.protocol.ErrorReceived(err)
}

// SendTo sends a datagram, or queues a copy of it.
//
// Budget: one system call if nothing is queued, else none; no allocation unless it is
// queued, or goes to another address than the last one.
func (t *datagramTransport) SendTo(data []byte, addr net.Addr) error {
	t.loop.mustOwn("asyncio.DatagramTransport.SendTo")
	if t.closing {
		return t.opError("write", addr, net.ErrClosed)
	}
	if t.to != nil {
		if addr != nil && !sameAddr(addr, t.to) {
			return t.opError("write", addr, fmt.Errorf("invalid address: must be nil or %v: %w", t.to, net.ErrWriteToConnected))
		}
		addr = t.to
	}
	to := addr
	if t.raddr != nil {
		to = nil // the system knows
	}
	dest, err := t.sender.Dest(to)
	if err != nil {
		return t.opError("write", addr, err)
	}
	if len(t.queue.all) == 0 {
		switch errno := sys.Send(t.fd, data, dest); errno {
		case 0:
			return nil
		case syscall.EAGAIN:
			if err := t.awaitWrite(); err != nil {
				return t.opError("write", addr, err)
			}
		default:
			t.errorReceived(t.sysError("write", addr, errno))
			return nil
		}
	}
	t.queue.add(data, dest, addr)
	t.flow.grown(t.loop, t, t.protocol, t.queue.size)
	return nil
}

// sameAddr reports whether two addresses are the same.
func sameAddr(a, b net.Addr) bool {
	switch b := b.(type) {
	case *net.UDPAddr:
		a, ok := a.(*net.UDPAddr)
		return ok && a.Port == b.Port && a.Zone == b.Zone && a.IP.Equal(b.IP)
	case *net.UnixAddr:
		a, ok := a.(*net.UnixAddr)
		return ok && a.Name == b.Name
	}
	return false
}

// awaitWrite has what is queued sent when the socket is writable.
func (t *datagramTransport) awaitWrite() error {
	if t.writing {
		return nil
	}
	err := t.loop.hub.Loop.AddWriter(t.fd, t.flush)
	t.writing = err == nil
	return err
}

// writable sends what is queued, in order, as far as the socket takes it. An error
// ends that until the socket is writable again.
func (t *datagramTransport) writable() {
	for len(t.queue.all) > 0 {
		d := t.queue.first()
		errno := sys.Send(t.fd, d.data, d.to)
		if errno == syscall.EAGAIN {
			break
		}
		addr := d.addr
		t.queue.drop()
		if errno != 0 {
			t.errorReceived(t.sysError("write", addr, errno))
			return
		}
	}
	t.flow.shrunk(t.loop, t, t.protocol, t.queue.size)
	if len(t.queue.all) > 0 || t.lost {
		return
	}
	t.stopWriting()
	if t.closing {
		t.lost = true
		t.connectionLost(nil)
	}
}

func (t *datagramTransport) stopWriting() {
	if t.writing {
		t.writing = false
		t.loop.hub.Loop.RemoveWriter(t.fd)
	}
}

// Close closes the transport when what is queued has been sent.
func (t *datagramTransport) Close() {
	t.loop.mustOwn("asyncio.Transport.Close")
	if t.closing {
		return
	}
	t.closing = true
	t.loop.hub.Loop.RemoveReader(t.fd)
	if len(t.queue.all) == 0 {
		t.lose()
	}
}

// Abort closes the transport.
func (t *datagramTransport) Abort() {
	t.loop.mustOwn("asyncio.Transport.Abort")
	if t.lost {
		return
	}
	t.queue = queuedDatagrams{}
	t.stopWriting()
	t.closing = true
	t.loop.hub.Loop.RemoveReader(t.fd)
	t.lose()
}

// lose schedules the end.
func (t *datagramTransport) lose() {
	t.lost = true
	t.loop.enqueueEntry((*datagramLost)(t))
}

// fatal ends a transport that cannot go on.
func (t *datagramTransport) fatal(err error, message string) {
	t.loop.CallExceptionHandler(ExceptionContext{Message: message, Err: err, Transport: t, Protocol: t.protocol})
	t.closing, t.lost = true, true
	t.connectionLost(err)
}

// connectionLost tells the protocol, and releases everything.
func (t *datagramTransport) connectionLost(err error) {
	defer t.free()
	defer t.guard().check()
	t.protocol.ConnectionLost(err)
}

// free closes the descriptor.
func (t *datagramTransport) free() {
	if t.freed {
		return
	}
	t.freed = true
	t.stopWriting()
	t.loop.hub.Loop.RemoveReader(t.fd)
	t.loop.drop(t)
	t.loop.disownFD(t.fd)
	t.close()
	t.protocol = nil
	t.queue = queuedDatagrams{}
}

// Abandon closes the descriptor when the loop closes.
func (t *datagramTransport) Abandon() {
	p, closing := t.protocol, t.closing
	t.closing, t.lost = true, true
	t.free()
	if !closing {
		t.loop.unclosed(t, p)
	}
}

// String names the transport: "udp 127.0.0.1:53", and "->" the peer if it has one.
func (t *datagramTransport) String() string {
	if t.to != nil {
		return fmt.Sprintf("%s %v->%v", t.network, t.laddr, t.to)
	}
	return fmt.Sprintf("%s %v", t.network, t.laddr)
}

// IsClosing reports whether the transport is closing or closed.
func (t *datagramTransport) IsClosing() bool { return t.closing }

// LocalAddr returns the local address.
func (t *datagramTransport) LocalAddr() net.Addr { return t.laddr }

// RemoteAddr returns the address to which the socket is connected, or nil.
func (t *datagramTransport) RemoteAddr() net.Addr { return t.raddr }

// ExtraInfo knows "socket", "sockname" and "peername".
func (t *datagramTransport) ExtraInfo(name string) any {
	switch {
	case name == "socket":
		return datagramConn{t}
	case name == "sockname":
		return t.laddr
	case name == "peername" && t.raddr != nil:
		return t.raddr
	}
	return nil
}

// SetWriteBufferLimits sets the marks of flow control.
func (t *datagramTransport) SetWriteBufferLimits(high, low int) error {
	t.loop.mustOwn("asyncio.Transport.SetWriteBufferLimits")
	if err := t.flow.limits(high, low, highWater); err != nil {
		return err
	}
	if !t.freed {
		t.flow.grown(t.loop, t, t.protocol, t.queue.size)
	}
	return nil
}

// WriteBufferSize returns how much is queued.
func (t *datagramTransport) WriteBufferSize() int { return t.queue.size }

// WriteBufferLimits returns the marks.
func (t *datagramTransport) WriteBufferLimits() (low, high int) { return t.flow.low, t.flow.high }

// opError is the error of an operation on the socket.
func (t *datagramTransport) opError(op string, addr net.Addr, err error) error {
	if addr == nil {
		addr = t.to
	}
	return &net.OpError{Op: op, Net: t.network, Source: t.laddr, Addr: addr, Err: err}
}

// sysError is the error of a system call on the socket.
func (t *datagramTransport) sysError(op string, addr net.Addr, errno syscall.Errno) error {
	return t.opError(op, addr, os.NewSyscallError(op, errno))
}

// queuedDatagrams are those that wait to be sent.
type queuedDatagrams struct {
	all  []queuedDatagram // oldest first
	size int              // of all, with their headers
}

// A queuedDatagram is one of them. The data is a copy.
type queuedDatagram struct {
	data []byte
	to   sys.Dest
	addr net.Addr // what to stands for
}

func (q *queuedDatagrams) add(data []byte, to sys.Dest, addr net.Addr) {
	q.all = append(q.all, queuedDatagram{bytes.Clone(data), to, addr})
	q.size += len(data) + datagramHeader
}

func (q *queuedDatagrams) first() *queuedDatagram { return &q.all[0] }

// drop removes the first.
func (q *queuedDatagrams) drop() {
	q.size -= len(q.all[0].data) + datagramHeader
	q.all[0] = queuedDatagram{}
	if q.all = q.all[1:]; len(q.all) == 0 {
		q.all = nil
	}
}

// A datagramConn lets one look at a transport's socket, and set its options: it is no
// way to read or to write it.
type datagramConn struct{ t *datagramTransport }

// Control calls f with the descriptor, which must not be closed, nor used after f has
// returned. The error matches net.ErrClosed if the transport has closed it.
func (c datagramConn) Control(f func(fd uintptr)) error {
	c.t.loop.mustOwn("asyncio.Transport.ExtraInfo")
	if c.t.freed {
		return c.t.opError("raw-control", nil, net.ErrClosed)
	}
	f(uintptr(c.t.fd))
	return nil
}

// Read returns syscall.EINVAL: the transport reads.
func (c datagramConn) Read(func(fd uintptr) bool) error { return syscall.EINVAL }

// Write returns syscall.EINVAL: the transport writes.
func (c datagramConn) Write(func(fd uintptr) bool) error { return syscall.EINVAL }
