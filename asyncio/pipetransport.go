package asyncio

import (
	"errors"
	"io/fs"
	"net"
	"syscall"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/sys"
	"github.com/baton-go/baton/netpoll"
)

// A pipeTransport is one end of a pipe, or what else can be read or written like one:
// the [ReadTransport] or the [WriteTransport] of it. Since protocols are told of a
// [Transport] it has the methods of both, of which those of the other direction do
// nothing, or fail.
//
//	state     what it means                                     left by
//	open                                                        Close, an end, an error
//	closing   nothing is read any more, what waits is written   the last byte, an error, Abort
//	lost      ConnectionLost is scheduled or running            its end
//	freed     the descriptor is closed                          -
//
// The descriptor is watched level-triggered, as in asyncio: what was ready when it
// was given up does not run, and one read for each iteration needs no bookkeeping.
// It is a copy, because an os.File has an event loop of its own.
type pipeTransport struct {
	loop     *Loop
	pipe     sys.Pipe
	name     string
	socket   bool
	peer     bool // whether somebody reads can be seen
	writes   bool
	inner    bool // part of a process's transport, which speaks for it
	protocol Protocol
	buffered BufferedProtocol // the protocol, if it is one

	closing, lost, freed bool
	reason               error // for ConnectionLost

	watches [2]pipeWatch
	device  bool // the poller does not take it, since it never blocks

	paused bool // by PauseReading

	out  writeBuffer
	flow writeFlow
	eof  bool // WriteEOF was called
}

// A pipeWatch is whether a side is watched, and who is told.
type pipeWatch struct {
	on     bool
	posted bool // of a device: its turn is on its way
	ready  func()
}

// newPipeTransport makes a transport of a pipe that was taken over. Waiter, which may
// be nil, is settled when the protocol knows of it.
func newPipeTransport(l *Loop, x takenPipe, writes bool, p Protocol, waiter *future) *pipeTransport {
	t := &pipeTransport{
		loop: l, pipe: x.Pipe, name: x.name, socket: x.socket, peer: x.peer, writes: writes,
		flow: newWriteFlow(),
	}
	t.watches[netpoll.ReadSide].ready = t.readable
	t.watches[netpoll.WriteSide].ready = t.writable
	t.setProtocol(p)
	l.hold(t)
	l.ownFD(t.pipe.FD, t)
	l.enqueueEntry((*pipeMade)(t))
	l.enqueueEntry((*pipeStart)(t))
	if waiter != nil {
		l.enqueueEntry((*settling)(waiter))
	}
	return t
}

// The entries of a transport's life.
type (
	pipeMade  pipeTransport
	pipeStart pipeTransport
	pipeEOF   pipeTransport
	pipeLost  pipeTransport
)

// RunReady tells the protocol of the pipe.
func (e *pipeMade) RunReady() {
	t := (*pipeTransport)(e)
	if t.freed {
		return
	}
	defer protocolGuard{t.loop, t, t.protocol, "Exception in callback"}.check()
	t.protocol.ConnectionMade(t)
}

// RunReady begins to read, or to look whether somebody reads.
func (e *pipeStart) RunReady() {
	t := (*pipeTransport)(e)
	if t.writes && t.peer && !t.lost || t.IsReading() {
		t.watch(netpoll.ReadSide)
	}
}

// RunReady tells the protocol of the end.
func (e *pipeEOF) RunReady() {
	t := (*pipeTransport)(e)
	if t.freed {
		return
	}
	defer func() {
		if v := recover(); v != nil && !t.loop.passesOn(v) {
			t.reason = baton.Recovered(v)
			t.report("Fatal error: protocol.eof_received() call failed.", t.reason)
		}
	}()
	t.protocol.EOFReceived()
}

// RunReady ends the transport.
func (e *pipeLost) RunReady() {
	if t := (*pipeTransport)(e); !t.freed {
		t.connectionLost()
	}
}

// watch has a side's function called in each iteration that finds the side ready. If
// that cannot be the transport ends.
func (t *pipeTransport) watch(s netpoll.Side) {
	w := &t.watches[s]
	if w.on {
		return
	}
	w.on = true
	if !t.device {
		add := t.loop.hub.Loop.AddReader
		if s == netpoll.WriteSide {
			add = t.loop.hub.Loop.AddWriter
		}
		err := add(t.pipe.FD, w.ready)
		if err == nil {
			return
		}
		if !errors.Is(err, syscall.EPERM) {
			w.on = false
			t.fatal(t.pathError("watch", err), "Fatal error on pipe transport", true)
			return
		}
		t.device = true
	}
	t.post(w)
}

// post gives a device its turn in the next iteration, where those of descriptors come.
func (t *pipeTransport) post(w *pipeWatch) {
	if w.posted {
		return
	}
	w.posted = true
	// The loop is open: this is its thread.
	_ = t.loop.hub.Post(func() {
		w.posted = false
		if w.on && !t.freed {
			w.ready()
			if w.on {
				t.post(w)
			}
		}
	})
}

// unwatch undoes watch.
func (t *pipeTransport) unwatch(s netpoll.Side) {
	w := &t.watches[s]
	if !w.on {
		return
	}
	w.on = false
	switch {
	case t.device:
	case s == netpoll.ReadSide:
		t.loop.hub.Loop.RemoveReader(t.pipe.FD)
	default:
		t.loop.hub.Loop.RemoveWriter(t.pipe.FD)
	}
}

// readable is called when there is something to read, or the other end is gone.
func (t *pipeTransport) readable() {
	if t.writes {
		t.peerGone()
	} else {
		t.read()
	}
}

// String names the transport: "pipe |0".
func (t *pipeTransport) String() string { return "pipe " + t.name }

// ExtraInfo knows "pipe".
func (t *pipeTransport) ExtraInfo(name string) any {
	if name == "pipe" {
		return pipeConn{t}
	}
	return nil
}

// LocalAddr returns nil, and so does RemoteAddr: a pipe has no addresses.
func (t *pipeTransport) LocalAddr() net.Addr  { return nil }
func (t *pipeTransport) RemoteAddr() net.Addr { return nil }

// Protocol returns the protocol.
func (t *pipeTransport) Protocol() Protocol { return t.protocol }

// SetProtocol replaces it.
func (t *pipeTransport) SetProtocol(p Protocol) {
	const op = "asyncio.Transport.SetProtocol"
	t.loop.mustOwn(op)
	if p == nil {
		misuse(op, "the protocol is nil", "pass the one that takes over")
	}
	if !t.freed {
		t.setProtocol(p)
	}
}

func (t *pipeTransport) setProtocol(p Protocol) {
	t.protocol = p
	t.buffered, _ = p.(BufferedProtocol)
}

// IsClosing reports whether the transport is closing or closed.
func (t *pipeTransport) IsClosing() bool { return t.closing }

// Close closes the transport when what waits has been written.
func (t *pipeTransport) Close() {
	t.loop.mustOwn("asyncio.Transport.Close")
	if t.closing {
		return
	}
	t.closing = true
	if t.out.size == 0 {
		t.lose(nil)
	}
}

// Abort closes the transport.
func (t *pipeTransport) Abort() {
	t.loop.mustOwn("asyncio.Transport.Abort")
	t.forceClose(nil)
}

// forceClose ends the transport without writing what waits.
func (t *pipeTransport) forceClose(err error) {
	if t.lost {
		return
	}
	t.out.drop()
	t.closing = true
	t.lose(err)
}

// lose schedules the end.
func (t *pipeTransport) lose(err error) {
	t.lost = true
	t.reason = err
	t.unwatch(netpoll.ReadSide)
	t.unwatch(netpoll.WriteSide)
	t.loop.enqueueEntry((*pipeLost)(t))
}

// connectionLost tells the protocol, and releases everything.
func (t *pipeTransport) connectionLost() {
	defer t.free()
	defer protocolGuard{t.loop, t, t.protocol, "Exception in callback"}.check()
	t.protocol.ConnectionLost(t.reason)
}

// free closes the descriptor, which is put back to how it was.
func (t *pipeTransport) free() {
	if t.freed {
		return
	}
	t.freed = true
	t.unwatch(netpoll.ReadSide)
	t.unwatch(netpoll.WriteSide)
	t.loop.drop(t)
	t.loop.disownFD(t.pipe.FD)
	if t.pipe.Blocking {
		sys.SetBlocking(t.pipe.FD)
	}
	_ = sys.Close(t.pipe.FD)
	t.protocol, t.buffered = nil, nil
	t.out.drop()
}

// Abandon closes the descriptor when the loop closes.
func (t *pipeTransport) Abandon() {
	p, closing := t.protocol, t.closing
	t.closing, t.lost = true, true
	t.free()
	if !closing && !t.inner {
		t.loop.unclosed(t, p)
	}
}

// fatal ends the transport because of an error, which the exception handler is told
// of unless it is to be silent.
func (t *pipeTransport) fatal(err error, message string, silent bool) {
	if !silent {
		t.report(message, err)
	}
	t.forceClose(err)
}

func (t *pipeTransport) report(message string, err error) {
	t.loop.CallExceptionHandler(ExceptionContext{Message: message, Err: err, Transport: t, Protocol: t.protocol})
}

// pathError is the error of an operation, as package os has it.
func (t *pipeTransport) pathError(op string, err error) error {
	return &fs.PathError{Op: op, Path: t.name, Err: err}
}

// A pipeConn lets one look at a transport's descriptor: it is no way to read or to
// write it.
type pipeConn struct{ t *pipeTransport }

// Control calls f with the descriptor, which must not be closed, nor used after f has
// returned. The error matches net.ErrClosed if the transport has closed it.
func (c pipeConn) Control(f func(fd uintptr)) error {
	c.t.loop.mustOwn("asyncio.Transport.ExtraInfo")
	if c.t.freed {
		return c.t.pathError("raw-control", net.ErrClosed)
	}
	f(uintptr(c.t.pipe.FD))
	return nil
}

// Read returns syscall.EINVAL: the transport reads.
func (c pipeConn) Read(func(fd uintptr) bool) error { return syscall.EINVAL }

// Write returns syscall.EINVAL: the transport writes.
func (c pipeConn) Write(func(fd uintptr) bool) error { return syscall.EINVAL }
