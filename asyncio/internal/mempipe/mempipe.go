// Package mempipe has connections that never leave the process: pairs of
// transports of one loop, which behave as the two ends of a TCP connection do,
// and need no descriptors. On a virtual clock they do the same each time.
package mempipe

import (
	"net"
	"syscall"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/internal/baton"
)

// A Config says how a pair behaves. The zero value has the defaults.
type Config struct {
	// Buffer is how many bytes a direction takes that the other end has not
	// received: the socket buffers of a real connection. Zero means 64 KiB.
	Buffer int

	// Chunk says how many of n bytes, at least one, are to be received at once. Nil
	// means all of them, but 256 KiB at most.
	Chunk func(n int) int

	// Names are the addresses of the two ends. The default is "a" and "b".
	Names [2]string
}

const (
	defaultBuffer = 64 << 10
	maxChunk      = 256 << 10
)

// addr is the address of an end.
type addr string

func (addr) Network() string  { return "mem" }
func (a addr) String() string { return string(a) }

// errReset is how a connection ends that the other end has given up.
var errReset = &net.OpError{Op: "read", Net: "mem", Err: syscall.ECONNRESET}

// A Transport is one end of a pair. It implements [asyncio.Transport].
//
//	state    left by
//	open     Close, Abort, the end of the other side, a failing protocol
//	closing  all that was written is sent, or given up
//	lost     ConnectionLost was called
type Transport struct {
	loop          *asyncio.Loop
	config        *Config
	protocol      asyncio.Protocol
	peer          *Transport
	local, remote addr

	out       []byte // written, and not sent yet
	in        []byte // sent by the peer, and not received yet
	inEOF     bool   // nothing comes behind it
	sawEOF    bool   // EOFReceived was called
	eof       bool   // WriteEOF was called
	sentEOF   bool   // and the peer knows
	started   bool   // ConnectionMade was called
	paused    bool   // reading is
	full      bool   // PauseWriting was called
	closing   bool
	lost      bool // ConnectionLost was, or is about to be called
	reading   bool // receive is scheduled
	sending   bool // send is
	high, low int
}

var _ asyncio.Transport = (*Transport)(nil)

// New connects a and b: it returns the transport of each, and schedules their
// ConnectionMade. It may be called as [asyncio.Loop.CallSoon] may.
func New(l *asyncio.Loop, a, b asyncio.Protocol, config Config) (*Transport, *Transport) {
	if config.Buffer <= 0 {
		config.Buffer = defaultBuffer
	}
	if config.Chunk == nil {
		config.Chunk = func(n int) int { return min(n, maxChunk) }
	}
	if config.Names == [2]string{} {
		config.Names = [2]string{"a", "b"}
	}
	s := &Transport{loop: l, config: &config, protocol: a, local: addr(config.Names[0]), remote: addr(config.Names[1])}
	t := &Transport{loop: l, config: &config, protocol: b, local: s.remote, remote: s.local, peer: s}
	s.peer = t
	for _, e := range []*Transport{s, t} {
		e.high, e.low = 64<<10, 16<<10
		l.CallSoon(e.start)
	}
	return s, t
}

// start tells the protocol that there is a connection.
func (t *Transport) start() {
	t.call("protocol.connection_made()", false, func() { t.protocol.ConnectionMade(t) })
	// Data comes after it, as on a socket.
	t.loop.CallSoon(func() {
		t.started = true
		t.read()
	})
}

// call calls the protocol. If it panics the exception handler is told, and the
// transport ends if that is fatal.
func (t *Transport) call(what string, fatal bool, f func()) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			err := baton.Recovered(v)
			message := what + " failed"
			if fatal {
				message = "Fatal error: " + what + " call failed."
			}
			t.loop.CallExceptionHandler(asyncio.ExceptionContext{Message: message, Err: err})
			if fatal {
				t.fail(err)
			}
		}
	}()
	f()
	returned = true
}

// read schedules receive if there is something to receive.
func (t *Transport) read() {
	if t.reading || !t.IsReading() || !t.started || len(t.in) == 0 && (!t.inEOF || t.sawEOF) {
		return
	}
	t.reading = true
	t.loop.CallSoon(t.receive)
}

// receive gives the protocol a chunk, or the end.
func (t *Transport) receive() {
	t.reading = false
	switch {
	case !t.IsReading():
		return
	case len(t.in) > 0:
		n := min(max(t.config.Chunk(len(t.in)), 1), len(t.in))
		if p, ok := t.protocol.(asyncio.BufferedProtocol); ok {
			t.fill(p, n)
		} else {
			data := t.take(n)
			t.call("protocol.data_received()", true, func() { t.protocol.DataReceived(data) })
			// A protocol that keeps it is found out.
			clear(data)
		}
		t.peer.write()
	case t.inEOF && !t.sawEOF:
		t.sawEOF = true
		keep := false
		t.call("protocol.eof_received()", true, func() { keep = t.protocol.EOFReceived() })
		if !keep {
			t.Close()
		}
		return
	}
	t.read()
}

// take takes n bytes out of what the peer has sent.
func (t *Transport) take(n int) []byte {
	data := t.in[:n:n]
	t.in = t.in[n:]
	return data
}

// fill puts n bytes, or as many as it takes, into the buffer of p.
func (t *Transport) fill(p asyncio.BufferedProtocol, n int) {
	var b []byte
	t.call("protocol.get_buffer()", true, func() {
		if b = p.GetBuffer(-1); len(b) == 0 {
			panic("get_buffer() returned an empty buffer")
		}
	})
	if n = min(n, len(b), len(t.in)); n > 0 {
		copy(b, t.take(n))
		t.call("protocol.buffer_updated()", true, func() { p.BufferUpdated(n) })
	}
}

// Write sends p as far as the peer takes it, and keeps a copy of the rest.
func (t *Transport) Write(p []byte) (int, error) {
	if err := t.mayWrite(); err != nil {
		return 0, err
	}
	t.put(p)
	t.check()
	return len(p), nil
}

// WriteLines writes several pieces as one.
func (t *Transport) WriteLines(lines [][]byte) error {
	if err := t.mayWrite(); err != nil {
		return err
	}
	for _, p := range lines {
		t.put(p)
	}
	t.check()
	return nil
}

func (t *Transport) mayWrite() error {
	switch {
	case t.eof:
		return &net.OpError{Op: "write", Net: "mem", Source: t.local, Addr: t.remote, Err: asyncio.ErrEOFWritten}
	case t.closing:
		return &net.OpError{Op: "write", Net: "mem", Source: t.local, Addr: t.remote, Err: net.ErrClosed}
	}
	return nil
}

// put appends p to what is sent, or, if there is no room, to what waits.
func (t *Transport) put(p []byte) {
	if len(t.out) == 0 {
		p = p[t.send(p):]
	}
	t.out = append(t.out, p...)
}

// send hands the peer as much of p as it takes, and returns how much that was.
func (t *Transport) send(p []byte) int {
	o := t.peer
	if len(p) == 0 {
		return 0
	}
	if o.lost {
		// It is gone: what is sent to it is answered with a reset.
		t.fail(errReset)
		return len(p)
	}
	n := min(len(p), t.config.Buffer-len(o.in))
	if o.closing {
		return n // it reads no more
	}
	o.in = append(o.in, p[:n]...)
	o.read()
	return n
}

// write schedules more sending if something waits.
func (t *Transport) write() {
	if len(t.out) > 0 && !t.sending && !t.lost {
		t.sending = true
		t.loop.CallSoon(t.writeReady)
	}
}

// writeReady sends what waits, as far as there is room.
func (t *Transport) writeReady() {
	t.sending = false
	if t.lost {
		return
	}
	n := t.send(t.out)
	if t.lost {
		return
	}
	t.out = t.out[n:]
	if len(t.out) <= t.low && t.full {
		t.full = false
		t.call("protocol.resume_writing()", false, t.protocol.ResumeWriting)
	}
	if len(t.out) == 0 && !t.lost {
		t.sendEOF()
		if t.closing {
			t.lose(nil)
		}
	}
}

// check calls PauseWriting if too much waits.
func (t *Transport) check() {
	if len(t.out) > t.high && !t.full && !t.lost {
		t.full = true
		t.call("protocol.pause_writing()", false, t.protocol.PauseWriting)
	}
}

// WriteEOF ends the writing side.
func (t *Transport) WriteEOF() error {
	if t.eof || t.closing {
		return nil
	}
	t.eof = true
	t.sendEOF()
	return nil
}

// sendEOF tells the peer that all has been sent, if it has and that is all. An end
// that is closed with something unread sends a reset instead: see lose.
func (t *Transport) sendEOF() {
	if len(t.out) == 0 && (t.eof || t.closing && len(t.in) == 0) && !t.sentEOF {
		t.sentEOF = true
		t.peer.inEOF = true
		t.peer.read()
	}
}

// CanWriteEOF reports that it can.
func (t *Transport) CanWriteEOF() bool { return true }

// Close closes the end when all is sent.
func (t *Transport) Close() {
	if t.closing {
		return
	}
	t.closing = true
	if len(t.out) == 0 {
		t.sendEOF()
		t.lose(nil)
	}
}

// Abort closes the end without sending what waits.
func (t *Transport) Abort() { t.fail(nil) }

// Break makes both ends lose the connection, with an error or, as when a cable
// is cut and nobody notices, with nil.
func (t *Transport) Break(err error) {
	t.fail(err)
	t.peer.fail(err)
}

// fail ends the connection at once.
func (t *Transport) fail(err error) {
	if t.lost {
		return
	}
	t.closing = true
	t.out = nil
	t.sendEOF()
	t.lose(err)
}

// lose tells the protocol that the connection is over. If something was not
// received the peer gets a reset.
func (t *Transport) lose(err error) {
	if t.lost {
		return
	}
	t.lost = true
	if unread := len(t.in); unread > 0 {
		t.in = nil
		t.peer.loop.CallSoon(func() { t.peer.fail(errReset) })
	} else {
		t.peer.write()
	}
	t.loop.CallSoon(func() {
		t.call("protocol.connection_lost()", false, func() { t.protocol.ConnectionLost(err) })
		t.protocol = nil
	})
}

// IsClosing reports whether the end is closed, or about to be.
func (t *Transport) IsClosing() bool { return t.closing }

// IsReading reports whether the end receives.
func (t *Transport) IsReading() bool { return !t.paused && !t.closing }

// PauseReading stops that.
func (t *Transport) PauseReading() {
	if !t.closing {
		t.paused = true
	}
}

// ResumeReading starts it again.
func (t *Transport) ResumeReading() {
	if !t.closing && t.paused {
		t.paused = false
		t.read()
	}
}

// SetWriteBufferLimits sets the marks of the flow control.
func (t *Transport) SetWriteBufferLimits(high, low int) error {
	switch {
	case high < 0 && low < 0:
		high, low = 64<<10, 16<<10
	case high < 0:
		high = 4 * low
	case low < 0:
		low = high / 4
	}
	if high < low {
		return asyncio.ErrWriteBufferLimits
	}
	t.high, t.low = high, low
	t.check()
	return nil
}

// WriteBufferSize returns how many bytes wait.
func (t *Transport) WriteBufferSize() int { return len(t.out) }

// WriteBufferLimits returns the marks.
func (t *Transport) WriteBufferLimits() (low, high int) { return t.low, t.high }

// String names the end: "mem a->b".
func (t *Transport) String() string { return "mem " + string(t.local) + "->" + string(t.remote) }

// ExtraInfo knows "sockname" and "peername".
func (t *Transport) ExtraInfo(name string) any {
	switch name {
	case "sockname":
		return t.local
	case "peername":
		return t.remote
	}
	return nil
}

// LocalAddr returns the address of this end.
func (t *Transport) LocalAddr() net.Addr { return t.local }

// RemoteAddr returns the address of the other end.
func (t *Transport) RemoteAddr() net.Addr { return t.remote }

// SetProtocol makes p the protocol.
func (t *Transport) SetProtocol(p asyncio.Protocol) { t.protocol = p }

// Protocol returns the protocol.
func (t *Transport) Protocol() asyncio.Protocol { return t.protocol }
