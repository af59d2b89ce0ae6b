package asynciotest

import (
	"context"
	"net"
	"syscall"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/internal/baton"
)

// Pipe says how a connection in memory behaves. The zero value has the defaults.
type Pipe struct {
	// Buffer is how many bytes a direction takes that the other end has not received:
	// the socket buffers of a real connection. Zero means 64 KiB.
	Buffer int

	// Lockstep makes each end keep what it has written until the other end receives
	// it: nothing is underway, and a StreamWriter's Drain returns when the other end
	// has been given all of it. To a StreamReader it is given only while somebody waits
	// for data there. So two ends that both write before they read stand still, as they
	// do on a real connection when the data outgrows its buffers. Buffer has no effect
	// then. It mirrors trio.testing.lockstep_stream_pair.
	Lockstep bool

	// Chunk says how many of n bytes, at least one, are to be received at once. Nil
	// means all of them, but 256 KiB at most. A function that returns 1, or a random
	// number up to n, finds out who believes that what was written together comes
	// together.
	Chunk func(n int) int

	// Names are the addresses of the two ends. The default is "a" and "b".
	Names [2]string
}

const (
	defaultBuffer = 64 << 10
	maxChunk      = 256 << 10
	highWater     = 64 << 10
)

// memory is the network of all addresses here.
const memory = "mem"

// addr is the address of an end.
type addr string

func (addr) Network() string  { return memory }
func (a addr) String() string { return string(a) }

// errReset is how a connection ends that the other end has given up.
var errReset = &net.OpError{Op: "read", Net: memory, Err: syscall.ECONNRESET}

// A Transport is one end of a connection in memory. It is an [asyncio.Transport], with
// all that this says, and behaves as one of a TCP connection does: what is written
// arrives in a later iteration of the loop, WriteEOF ends one direction, and what is
// sent to an end that is closed, or was closed with something unread, is answered
// with a reset. It needs no descriptor, and does the same each time.
//
//	state    left by
//	open     Close, Abort, Break, the end of the other side, a failing protocol
//	closing  all that was written is sent, or given up
//	lost     ConnectionLost was called
//
// Its methods are for the thread of its loop. None of them parks.
type Transport struct {
	loop          *asyncio.Loop
	config        *Pipe
	protocol      asyncio.Protocol
	peer          *Transport
	local, remote addr
	over          func() // called after ConnectionLost; may be nil

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
	sending   bool // writeReady is
	high, low int
}

var _ asyncio.Transport = (*Transport)(nil)

// Transports connects a and b: it returns the transport of each, and schedules their
// ConnectionMade, that of a first. The loop is that of ctx, as with
// [asyncio.RunningLoop]. It does not park, and may be called as asyncio.Loop's
// CallSoon may.
func Transports(ctx context.Context, a, b asyncio.Protocol, pipe Pipe) (ta, tb *Transport) {
	s, t := newTransports(asyncio.RunningLoop(ctx), pipe)
	s.begin(a)
	t.begin(b)
	return s, t
}

// newTransports returns two ends that have no protocols yet.
func newTransports(l *asyncio.Loop, pipe Pipe) (s, t *Transport) {
	if pipe.Buffer <= 0 {
		pipe.Buffer = defaultBuffer
	}
	if pipe.Chunk == nil {
		pipe.Chunk = func(n int) int { return min(n, maxChunk) }
	}
	if pipe.Names == [2]string{} {
		pipe.Names = [2]string{"a", "b"}
	}
	s = &Transport{loop: l, config: &pipe, local: addr(pipe.Names[0]), remote: addr(pipe.Names[1])}
	t = &Transport{loop: l, config: &pipe, local: s.remote, remote: s.local, peer: s}
	s.peer = t
	for _, e := range []*Transport{s, t} {
		if !pipe.Lockstep {
			e.high, e.low = highWater, highWater/4
		}
	}
	return s, t
}

// begin schedules the beginning, with p.
func (t *Transport) begin(p asyncio.Protocol) {
	t.protocol = p
	t.loop.CallSoon(func() {
		t.call("protocol.connection_made()", false, func() { t.protocol.ConnectionMade(t) })
		// Data comes after it, as on a socket.
		t.loop.CallSoon(func() {
			t.started = true
			t.read()
		})
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
			c := asyncio.ExceptionContext{Message: what + " failed", Err: baton.Recovered(v), Transport: t, Protocol: t.protocol}
			if fatal {
				c.Message = "Fatal error: " + what + " call failed."
			}
			t.loop.CallExceptionHandler(c)
			if fatal {
				t.fail(c.Err)
			}
		}
	}()
	f()
	returned = true
}

// waiting returns how many bytes there are to receive.
func (t *Transport) waiting() int {
	if t.config.Lockstep {
		return len(t.in) + len(t.peer.out)
	}
	return len(t.in)
}

// read schedules receive if there is something to receive.
func (t *Transport) read() {
	if t.reading || !t.IsReading() || !t.started || t.waiting() == 0 && (!t.inEOF || t.sawEOF) {
		return
	}
	t.reading = true
	t.loop.CallSoon(t.receive)
}

// receive gives the protocol a chunk, or the end.
func (t *Transport) receive() {
	t.reading = false
	switch n := t.waiting(); {
	case !t.IsReading():
		return
	case n > 0:
		t.give(min(max(t.config.Chunk(n), 1), n))
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

// give gives the protocol n bytes; one with a buffer of its own as many of them as
// there is room for.
func (t *Transport) give(n int) {
	if missing := n - len(t.in); missing > 0 { // lockstep
		t.in = append(t.in, t.peer.out[:missing]...)
		t.peer.out = t.peer.out[missing:]
	}
	p, buffered := t.protocol.(asyncio.BufferedProtocol)
	if !buffered {
		data := t.take(n)
		t.call("protocol.data_received()", true, func() { t.protocol.DataReceived(data) })
		// A protocol that keeps it is found out.
		clear(data)
		return
	}
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

// take takes n bytes out of what the peer has sent.
func (t *Transport) take(n int) []byte {
	data := t.in[:n:n]
	t.in = t.in[n:]
	return data
}

// Break makes both ends lose the connection at once: with an error, or with nil as if
// both were aborted. What is underway is lost. It is for tests of what is done about
// that.
func (t *Transport) Break(err error) {
	t.fail(err)
	t.peer.fail(err)
}

// Peer returns the other end.
func (t *Transport) Peer() *Transport { return t.peer }

// ReadsOnDemand makes a StreamReader have the transport read only while somebody
// waits for data: see [Pipe.Lockstep].
func (t *Transport) ReadsOnDemand() bool { return t.config.Lockstep }

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

// String names the end: "mem a->b".
func (t *Transport) String() string { return memory + " " + string(t.local) + "->" + string(t.remote) }

// LocalAddr returns the address of this end.
func (t *Transport) LocalAddr() net.Addr { return t.local }

// RemoteAddr returns the address of the other end.
func (t *Transport) RemoteAddr() net.Addr { return t.remote }

// SetProtocol makes p the protocol.
func (t *Transport) SetProtocol(p asyncio.Protocol) { t.protocol = p }

// Protocol returns the protocol, nil after ConnectionLost.
func (t *Transport) Protocol() asyncio.Protocol { return t.protocol }
