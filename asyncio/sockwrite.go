package asyncio

import (
	"errors"
	"net"
	"syscall"

	"github.com/baton-go/baton/internal/sys"
	"github.com/baton-go/baton/netpoll"
)

// maxWrite is the most that one system call is asked to write.
const maxWrite = 1 << 30

// ErrSendFileInProgress is matched by the error of writing to a transport while a
// [SendFile] uses it. It stands for asyncio's RuntimeError "unable to write;
// sendfile is in progress".
var ErrSendFileInProgress = errors.New("asyncio: a SendFile is in progress")

// Write sends p, and keeps a copy of what the socket does not take.
//
// Budget: one system call if nothing waits to be sent, else none; no allocation
// unless something must wait.
func (t *sockTransport) Write(p []byte) (int, error) {
	t.loop.mustOwn("asyncio.Transport.Write")
	if err := t.mayWrite(len(p)); err != nil || len(p) == 0 {
		return 0, err
	}
	n := 0
	if t.out.size == 0 {
		var ok bool
		if n, ok = t.send(p); !ok || n == len(p) {
			return len(p), nil
		}
		t.awaitWrite()
	}
	t.out.add(p[n:])
	t.flow.grown(t.loop, t, t.protocol, t.out.size)
	return len(p), nil
}

// WriteLines sends the pieces, as Write does.
//
// Budget: as Write; the one system call takes 1024 pieces.
func (t *sockTransport) WriteLines(lines [][]byte) error {
	t.loop.mustOwn("asyncio.Transport.WriteLines")
	sum := 0
	for _, p := range lines {
		sum += len(p)
	}
	if err := t.mayWrite(sum); err != nil || sum == 0 {
		return err
	}
	n := 0
	if t.out.size == 0 {
		var ok bool
		if n, ok = t.sendAll(lines, sum); !ok || n == sum {
			return nil
		}
		t.awaitWrite()
	}
	t.out.addAll(lines, n)
	t.flow.grown(t.loop, t, t.protocol, t.out.size)
	return nil
}

// mayWrite says why n bytes cannot be written.
func (t *sockTransport) mayWrite(n int) error {
	switch {
	case t.eof:
		return t.opError("write", ErrEOFWritten)
	case t.flushed != nil:
		return t.opError("write", ErrSendFileInProgress)
	case t.lost && n > 0:
		return t.opError("write", net.ErrClosed)
	}
	return nil
}

// send writes once; ok is false if that ended the connection.
func (t *sockTransport) send(p []byte) (n int, ok bool) {
	part := p[:min(len(p), maxWrite)]
	n, errno := sys.Write(t.fd, part)
	return t.wrote(n, len(part), errno)
}

// sendAll writes several pieces, of size bytes together, once.
func (t *sockTransport) sendAll(pieces [][]byte, size int) (n int, ok bool) {
	if len(pieces) == 1 || len(pieces[0]) > maxWrite {
		return t.send(pieces[0])
	}
	if len(pieces) > sys.MaxPieces || size > maxWrite {
		pieces, size = atOnce(pieces)
	}
	n, errno := sys.Writev(t.fd, pieces)
	return t.wrote(n, size, errno)
}

// atOnce returns the pieces that one system call can write, and their size.
func atOnce(pieces [][]byte) ([][]byte, int) {
	size := 0
	for i, p := range pieces {
		if i == sys.MaxPieces || i > 0 && size+len(p) > maxWrite {
			return pieces[:i], size
		}
		size += len(p)
	}
	return pieces, size
}

// wrote notes how a system call went that was asked to write size bytes.
func (t *sockTransport) wrote(n, size int, errno syscall.Errno) (int, bool) {
	switch {
	case errno == syscall.EAGAIN:
		t.desc.Drained(netpoll.WriteSide)
		return 0, true
	case errno != 0:
		t.fatal(t.sysError("write", errno), "Fatal write error on socket transport")
		return 0, false
	case n < size:
		t.desc.DrainedShort(netpoll.WriteSide)
	}
	return n, true
}

// sockWriter is a transport as the entry that sends what waits.
type sockWriter sockTransport

// RunReady sends it.
func (w *sockWriter) RunReady() { (*sockTransport)(w).writeReady() }

// awaitWrite has what waits sent as soon as the socket takes it, in the next
// iteration at the earliest.
func (t *sockTransport) awaitWrite() {
	if t.writing {
		return
	}
	t.writing = true
	if !t.desc.Wait(netpoll.WriteSide, (*sockWriter)(t)) {
		if t.more == nil {
			t.more = t.writeReady
		}
		_ = t.loop.hub.Post(t.more)
	}
}

// stopWriting takes back awaitWrite; nothing waits any more.
func (t *sockTransport) stopWriting() {
	if t.writing {
		t.desc.Forget(netpoll.WriteSide)
	}
}

// writeReady sends what waits, as far as one system call can.
func (t *sockTransport) writeReady() {
	t.writing = false
	if t.lost {
		return
	}
	n, ok := t.sendAll(t.out.waiting(), t.out.size)
	if !ok {
		return
	}
	t.out.sent(n)
	t.flow.shrunk(t.loop, t, t.protocol, t.out.size)
	switch {
	case t.lost: // by the protocol
	case t.out.size > 0:
		t.awaitWrite()
	default:
		t.drained()
	}
}

// drained does what was to be done when nothing waits any more.
func (t *sockTransport) drained() {
	if t.flushed != nil && t.flushed.state == pending {
		t.flushed.settle(finished, nil)
	}
	if t.closing {
		t.lost = true
		t.connectionLost()
	} else if t.eof {
		t.shutdown()
	}
}

// WriteEOF ends the writing side when what waits has been sent.
func (t *sockTransport) WriteEOF() error {
	t.loop.mustOwn("asyncio.Transport.WriteEOF")
	if t.closing || t.eof {
		return nil
	}
	t.eof = true
	if t.out.size == 0 {
		t.shutdown()
	}
	return nil
}

// shutdown ends the writing side. If the connection is gone the reading side will
// tell.
func (t *sockTransport) shutdown() { _ = sys.Shutdown(t.fd, true) }

// CanWriteEOF reports true.
func (t *sockTransport) CanWriteEOF() bool { return true }

// SetWriteBufferLimits sets the marks of flow control.
func (t *sockTransport) SetWriteBufferLimits(high, low int) error {
	t.loop.mustOwn("asyncio.Transport.SetWriteBufferLimits")
	if err := t.flow.limits(high, low, highWater); err != nil {
		return err
	}
	if !t.freed {
		t.flow.grown(t.loop, t, t.protocol, t.out.size)
	}
	return nil
}

// WriteBufferSize returns how much waits to be sent.
func (t *sockTransport) WriteBufferSize() int { return t.out.size }

// WriteBufferLimits returns the marks.
func (t *sockTransport) WriteBufferLimits() (low, high int) { return t.flow.low, t.flow.high }
