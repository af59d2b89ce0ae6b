package asyncio

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/baton-go/baton/coro"
	"github.com/baton-go/baton/internal/baton"
)

// A tlsTransport is TLS on top of another transport: a [Transport] to the protocol
// above, and as a tlsWire the protocol of the transport below.
//
// Crypto/tls does the work, with calls that block, and its mutexes. Its reading
// side, the handshake included, runs in a generator: tls.Conn reads from a tlsPipe,
// whose Read yields when there is nothing, and a callback that has received
// something resumes it. So the protocol above is called within the callback that
// received, as in asyncio: no task stands between, nothing is a hop later, and who
// would wait there is told that a callback must not.
//
// # Why no thread hangs in a mutex
//
// What runs on a thread runs one at a time, so a mutex that is held while
// somebody else runs there, and wants it, stops the thread for ever. Only the
// generator is ever suspended with mutexes of tls.Conn held, in tlsPipe.Read:
//
//   - In the handshake it holds all of them. So until that has ended, no method of
//     tls.Conn is called but by the generator: what is written is kept in the
//     backlog, what asks for the state is answered from here, and Close and Abort
//     close the transport below, upon which tlsPipe.Read returns an error.
//   - Later it holds the mutex of the reading side. Write, CloseWrite and
//     ConnectionState do not use that. They use the mutex of the writing side, and
//     so does the generator when it answers a KeyUpdate or sends an alert; but
//     tlsPipe.Write never yields, so nobody is ever suspended who holds it.
//   - A renegotiation would take the handshake's mutexes again, and every Write
//     would wait for them. So it is refused: see tlsOptions.conn.
//   - tlsPipe.Write only appends to out. To give that to the transport below may
//     call PauseWriting of the protocol above, which may Write: flush does it
//     when no method of tls.Conn that writes is under way.
//
// State and appState say how far it is; all of it belongs to the loop's thread.
type tlsTransport struct {
	loop   *Loop
	config *tls.Config
	conn   *tls.Conn
	raw    Transport // the transport below; nil before its ConnectionMade
	app    Protocol  // the protocol above; nil after its ConnectionLost

	state    tlsState
	appState tlsAppState
	waiter   *future // of whoever waits for the handshake; nil when that was told
	timer    *Handle // of the handshake or the shutdown
	options  tlsOptions
	fault    error // why the transport below was aborted
	lost     bool  // the transport below is
	rawEOF   bool  // it has received the end
	finished bool  // both sides have said that they close: how it is lost then does not matter

	// The generator. It is running while some callback resumes it; ended says that
	// the thread ends.
	reader         *coro.Generator[struct{}]
	yield          func(struct{}) error
	running, ended bool
	buf            []byte // for what it has deciphered

	in     streamBuffer // received from below and not read yet
	fresh  []byte       // the same, behind in: what the present callback has received
	held   bool         // the transport below was paused
	paused bool         // by the protocol above

	out     []byte // enciphered, and not given to the transport below yet
	spare   []byte // the next out
	backlog []byte // written while it could not be enciphered
	writing bool   // somebody is in encipher
	full    bool   // the transport below wants no more
	appFull bool   // the protocol above knows
	high    int
}

// A tlsState is how far a TLS connection is.
//
//	state       left by
//	handshake   the end of the handshake, Close, Abort, loss
//	open        Close, the peer's close_notify, Abort, an error, loss
//	closing     the peer's close_notify, its end, an error, the time-out, loss
//	closed
type tlsState uint8

const (
	tlsHandshake tlsState = iota
	tlsOpen
	tlsClosing // our close_notify was sent, or is about to be
	tlsClosed
)

// A tlsAppState is what the protocol above was told.
type tlsAppState uint8

const (
	tlsNew tlsAppState = iota
	tlsMade
	tlsEOF
	tlsLost
)

const (
	// What waits to be deciphered before the transport below is paused, and when
	// it is resumed: asyncio's 256 and 64 KiB.
	tlsReadHigh, tlsReadLow = 256 << 10, 64 << 10
	// The marks for what waits to be sent: asyncio's 512 and 128 KiB.
	tlsWriteHigh, tlsWriteLow = 512 << 10, 128 << 10

	tlsRecord    = 16 << 10 // the most that one read deciphers
	tlsFirstRead = 2 << 10  // and how much until there was more
	tlsChunk     = 64 << 10 // enciphered before it is given to the transport below
)

// newTLS returns a TLS transport for app. Its wire is to become the protocol of the
// transport below. If made, app has had its ConnectionMade. The waiter, which may be
// nil, is settled when the handshake has ended.
func newTLS(l *Loop, app Protocol, o tlsOptions, made bool, waiter *future) *tlsTransport {
	t := &tlsTransport{loop: l, app: app, options: o, waiter: waiter, high: tlsWriteHigh}
	t.conn, t.config = o.conn((*tlsPipe)(t))
	if made {
		t.appState = tlsMade
	}
	t.reader = coro.Generate(t.read)
	return t
}

// wire returns t as the protocol of the transport below.
func (t *tlsTransport) wire() *tlsWire { return (*tlsWire)(t) }

// A tlsPipe is a tlsTransport as the connection below crypto/tls.
type tlsPipe tlsTransport

// Read reads what has been received. If there is nothing it lets the callback go
// on that runs the generator.
func (p *tlsPipe) Read(b []byte) (int, error) {
	t := (*tlsTransport)(p)
	for {
		t.flush()
		switch {
		case t.ended || t.lost || t.state == tlsClosed:
			return 0, net.ErrClosed
		case t.in.len() > 0:
			n := t.in.read(b)
			if t.held && t.in.len() <= tlsReadLow {
				t.held = false
				t.raw.ResumeReading()
			}
			return n, nil
		case len(t.fresh) > 0:
			n := copy(b, t.fresh)
			t.fresh = t.fresh[n:]
			return n, nil
		case t.rawEOF:
			return 0, io.EOF
		}
		t.pause()
	}
}

// Write keeps b for flush.
func (p *tlsPipe) Write(b []byte) (int, error) {
	if p.out == nil {
		p.out, p.spare = p.spare[:0], nil
	}
	p.out = append(p.out, b...)
	return len(b), nil
}

// The rest of a net.Conn. Crypto/tls sets deadlines for alerts, and closes when a
// handshake's context ends, which here it does not.

func (p *tlsPipe) Close() error                     { return nil }
func (p *tlsPipe) LocalAddr() net.Addr              { return p.raw.LocalAddr() }
func (p *tlsPipe) RemoteAddr() net.Addr             { return p.raw.RemoteAddr() }
func (p *tlsPipe) SetDeadline(time.Time) error      { return nil }
func (p *tlsPipe) SetReadDeadline(time.Time) error  { return nil }
func (p *tlsPipe) SetWriteDeadline(time.Time) error { return nil }

// pause lets the callback go on that runs the generator, until the next resume.
func (t *tlsTransport) pause() {
	if t.yield(struct{}{}) != nil {
		t.ended = true
	}
}

// resume runs the generator until it needs more, unless it runs: then it sees for
// itself what there is.
func (t *tlsTransport) resume() {
	if t.running {
		return
	}
	t.running = true
	defer func() { t.running = false }()
	// The error is ErrDone when it has ended, and nothing needs to be done.
	_, _ = t.reader.Next()
}

// read is the generator's body: the handshake, and then all that is read.
func (t *tlsTransport) read(yield func(struct{}) error) error {
	t.yield = yield
	defer func() {
		// A function of the tls.Config, or crypto/tls.
		if v := recover(); v != nil {
			t.panicked("Fatal error on SSL protocol", v)
		}
	}()
	if t.handshaken(t.conn.Handshake()) {
		t.buf = make([]byte, tlsFirstRead)
		for t.readOnce() {
		}
		t.buf = nil
	}
	return nil
}

// readOnce reads once and gives the protocol above what it gets. It reports
// whether there may be more.
func (t *tlsTransport) readOnce() bool {
	n, err := t.conn.Read(t.buf)
	// What was deciphered waits here, rather than what was not, since the read may have
	// begun before the protocol above paused.
	for t.paused && t.state == tlsOpen && !t.ended && !t.lost {
		t.flush()
		t.pause()
	}
	if n > 0 && t.state == tlsOpen {
		t.deliver(t.buf[:n])
		if n == len(t.buf) && n < tlsRecord {
			t.buf = make([]byte, tlsRecord)
		}
	}
	switch {
	case t.ended || t.lost || t.state == tlsClosed:
		return false
	case err == nil:
		return true
	case err == io.EOF:
		t.readEOF()
	case t.state == tlsClosing:
		t.finish() // the peer has something else to say than that it closes
	default:
		t.fail(err)
	}
	return false
}

// deliver gives the protocol above data.
func (t *tlsTransport) deliver(data []byte) {
	b, ok := t.app.(BufferedProtocol)
	if !ok {
		t.call("data_received", func() { t.app.DataReceived(data) })
		return
	}
	for len(data) > 0 && t.state == tlsOpen {
		t.call("buffer_updated", func() {
			to := b.GetBuffer(len(data))
			if len(to) == 0 {
				panic("get_buffer() returned an empty buffer")
			}
			n := copy(to, data)
			data = data[n:]
			b.BufferUpdated(n)
		})
	}
}

// call calls the protocol above. If that panics it is the end of the connection.
func (t *tlsTransport) call(what string, f func()) {
	defer func() {
		if v := recover(); v != nil {
			t.panicked("Fatal error: protocol."+what+"() call failed.", v)
		}
	}()
	f()
}

// panicked ends the connection because somebody panicked.
func (t *tlsTransport) panicked(message string, v any) {
	if t.loop.passesOn(v) {
		return
	}
	err := baton.Recovered(v)
	t.loop.CallExceptionHandler(ExceptionContext{Message: message, Err: err, Transport: t, Protocol: t.app})
	t.fail(err)
}

// try calls the protocol above. If that panics nothing but a report comes of it.
func (t *tlsTransport) try(what string, f func()) {
	defer protocolGuard{t.loop, t, t.app, "protocol." + what + "() failed"}.check()
	f()
}

// handshaken notes the end of the handshake, and reports whether it was a success.
func (t *tlsTransport) handshaken(err error) bool {
	if t.ended || t.lost || t.state != tlsHandshake {
		return false
	}
	t.stopTimer()
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = ErrConnectionLost
		}
		t.fail(fmt.Errorf("asyncio: TLS handshake: %w", err))
		return false
	}
	t.state = tlsOpen
	if t.appState == tlsNew {
		t.appState = tlsMade
		t.try("connection_made", func() { t.app.ConnectionMade(t) })
	}
	t.wake(nil)
	if t.state == tlsOpen && !t.writing {
		t.encipher(nil)
	}
	return t.state == tlsOpen || t.state == tlsClosing
}

// wake tells whoever waits for the handshake.
func (t *tlsTransport) wake(err error) {
	w := t.waiter
	t.waiter = nil
	if w != nil && w.state == pending {
		w.settle(finished, err)
	}
}

func (t *tlsTransport) stopTimer() {
	if t.timer != nil {
		t.timer.Cancel()
		t.timer = nil
	}
}

// fail ends the connection with an error.
func (t *tlsTransport) fail(err error) {
	if t.state == tlsClosed {
		return
	}
	if t.fault == nil {
		t.fault = err
	}
	t.flush() // there may be an alert in it
	t.wake(err)
	t.Abort()
}

// readEOF is the peer's close_notify, or the end of the connection below.
func (t *tlsTransport) readEOF() {
	if t.state == tlsOpen && t.appState == tlsMade {
		t.appState = tlsEOF
		t.call("eof_received", func() { t.app.EOFReceived() })
	}
	if t.state == tlsOpen {
		t.state = tlsClosing
		if !t.writing {
			t.encipher(nil)
		}
	}
	if t.state == tlsClosing {
		t.finish()
	}
}

// notify sends our close_notify, after all that was written.
func (t *tlsTransport) notify() {
	// If it fails the connection has failed already, which the reader finds out.
	_ = t.conn.CloseWrite()
	t.flush()
}

// finish closes the transport below: both sides have said that they close, or the
// peer has gone.
func (t *tlsTransport) finish() {
	t.stopTimer()
	t.state, t.finished = tlsClosed, true
	t.loop.CallSoon(t.raw.Close)
}

// flush gives what is enciphered to the transport below. No method of the tls.Conn
// that writes is under way.
//
// The transport below may call PauseWriting meanwhile, and so the protocol above
// may write, which comes here again: with another out, behind this one.
func (t *tlsTransport) flush() {
	if len(t.out) == 0 {
		return
	}
	b := t.out
	t.out = nil
	if !t.lost {
		// If it is closed already its ConnectionLost will tell.
		_, _ = t.raw.Write(b)
	}
	if cap(b) <= tlsChunk+tlsRecord {
		t.spare = b
	}
}

// encipher sends p, or what was written while that was not possible, then what is
// written meanwhile; and that the transport closes, if it does. Nobody else is in it.
func (t *tlsTransport) encipher(p []byte) {
	t.writing = true
	for {
		for len(p) > 0 && t.state != tlsClosed {
			n, err := t.conn.Write(p[:min(len(p), tlsChunk)])
			if err != nil {
				t.fail(err)
				break
			}
			p = p[n:]
			t.flush()
		}
		if len(t.backlog) == 0 || t.state == tlsClosed {
			break
		}
		p, t.backlog = t.backlog, nil
	}
	t.backlog = nil
	t.writing = false
	t.control()
	if t.state == tlsClosing {
		t.notify()
	}
}

// control tells the protocol above whether more should be written.
func (t *tlsTransport) control() {
	full := t.full || len(t.backlog) > t.high
	if full == t.appFull || t.appState == tlsNew || t.appState == tlsLost {
		return
	}
	t.appFull = full
	if full {
		t.try("pause_writing", t.app.PauseWriting)
	} else {
		t.try("resume_writing", t.app.ResumeWriting)
	}
}

// errClosed is the error of a write to a transport that is closing.
func (t *tlsTransport) errClosed() error {
	e := &net.OpError{Op: "write", Net: "tls", Err: net.ErrClosed}
	if t.raw != nil {
		e.Source, e.Addr = t.raw.LocalAddr(), t.raw.RemoteAddr()
	}
	return e
}

var errNoHalves = fmt.Errorf("asyncio: TLS has no WriteEOF: %w", errors.ErrUnsupported)
