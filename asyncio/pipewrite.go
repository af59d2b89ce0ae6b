package asyncio

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/baton-go/baton/internal/sys"
	"github.com/baton-go/baton/netpoll"
)

// errPipeDirection is the error of writing to the end from which one reads.
var errPipeDirection = fmt.Errorf("the pipe is only read: %w", errors.ErrUnsupported)

// Write writes p, and keeps a copy of what the pipe does not take.
//
// Budget: one system call if nothing waits to be written, else none; no allocation
// unless something must wait.
func (t *pipeTransport) Write(p []byte) (int, error) {
	t.loop.mustOwn("asyncio.Transport.Write")
	if err := t.mayWrite(len(p)); err != nil || len(p) == 0 {
		return 0, err
	}
	n := 0
	if t.out.size == 0 {
		part := p[:min(len(p), maxWrite)]
		m, errno := sys.WritePipe(t.pipe.FD, part)
		var ok bool
		if n, ok = t.wrote(m, errno); !ok || n == len(p) {
			return len(p), nil
		}
	}
	t.out.add(p[n:])
	t.watch(netpoll.WriteSide)
	t.flow.grown(t.loop, t, t.protocol, t.out.size)
	return len(p), nil
}

// WriteLines writes the pieces, as Write does.
//
// Budget: as Write; the one system call takes 1024 pieces.
func (t *pipeTransport) WriteLines(lines [][]byte) error {
	t.loop.mustOwn("asyncio.Transport.WriteLines")
	size := 0
	for _, p := range lines {
		size += len(p)
	}
	if err := t.mayWrite(size); err != nil || size == 0 {
		return err
	}
	n := 0
	if t.out.size == 0 {
		var ok bool
		if n, ok = t.writeAll(lines); !ok || n == size {
			return nil
		}
	}
	t.out.addAll(lines, n)
	t.watch(netpoll.WriteSide)
	t.flow.grown(t.loop, t, t.protocol, t.out.size)
	return nil
}

// mayWrite says why n bytes cannot be written.
func (t *pipeTransport) mayWrite(n int) error {
	switch {
	case !t.writes:
		return t.pathError("write", errPipeDirection)
	case t.eof:
		return t.pathError("write", ErrEOFWritten)
	case t.closing && n > 0:
		return t.pathError("write", net.ErrClosed)
	}
	return nil
}

// writeAll writes several pieces once.
func (t *pipeTransport) writeAll(pieces [][]byte) (n int, ok bool) {
	size := 0
	for i, p := range pieces {
		if size += len(p); i == sys.MaxPieces || size > maxWrite && i > 0 {
			pieces = pieces[:i]
			break
		}
	}
	if len(pieces) == 1 {
		first := pieces[0]
		return t.wrote(sys.WritePipe(t.pipe.FD, first[:min(len(first), maxWrite)]))
	}
	return t.wrote(sys.Writev(t.pipe.FD, pieces))
}

// wrote notes how a system call went; ok is false if it has ended the transport.
func (t *pipeTransport) wrote(n int, errno syscall.Errno) (int, bool) {
	switch errno {
	case 0:
		return n, true
	case syscall.EAGAIN:
		return 0, true
	}
	t.fatal(t.pathError("write", errno), "Fatal write error on pipe transport", true)
	return 0, false
}

// writable writes what waits, as far as one system call can.
func (t *pipeTransport) writable() {
	n, ok := t.writeAll(t.out.waiting())
	if !ok {
		return
	}
	t.out.sent(n)
	if t.out.size == 0 {
		t.unwatch(netpoll.WriteSide)
	}
	t.flow.shrunk(t.loop, t, t.protocol, t.out.size)
	if t.out.size == 0 && t.closing && !t.lost {
		t.lost = true
		t.unwatch(netpoll.ReadSide)
		t.connectionLost()
	}
}

// peerGone is called when the writing end of a pipe is said to be readable, which
// means that nobody reads it any more. Of a socket it may mean that there is data,
// which is nobody's.
func (t *pipeTransport) peerGone() {
	switch {
	case t.socket && sys.HasData(t.pipe.FD):
		t.unwatch(netpoll.ReadSide)
	case t.out.size > 0:
		t.forceClose(t.pathError("write", syscall.EPIPE))
	default:
		t.forceClose(nil)
	}
}

// WriteEOF closes a transport that writes.
func (t *pipeTransport) WriteEOF() error {
	t.loop.mustOwn("asyncio.Transport.WriteEOF")
	if !t.writes {
		return t.pathError("write", errPipeDirection)
	}
	if !t.closing {
		t.eof = true
		t.Close()
	}
	return nil
}

// CanWriteEOF reports whether the transport writes.
func (t *pipeTransport) CanWriteEOF() bool { return t.writes }

// SetWriteBufferLimits sets the marks of flow control.
func (t *pipeTransport) SetWriteBufferLimits(high, low int) error {
	t.loop.mustOwn("asyncio.Transport.SetWriteBufferLimits")
	if err := t.flow.limits(high, low, highWater); err != nil {
		return err
	}
	if !t.freed {
		t.flow.grown(t.loop, t, t.protocol, t.out.size)
	}
	return nil
}

// WriteBufferSize returns how much waits to be written.
func (t *pipeTransport) WriteBufferSize() int { return t.out.size }

// WriteBufferLimits returns the marks.
func (t *pipeTransport) WriteBufferLimits() (low, high int) { return t.flow.low, t.flow.high }
