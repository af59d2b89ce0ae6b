package asyncio

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
)

// The methods that make a tlsTransport a Transport.

var _ Transport = (*tlsTransport)(nil)

// Write enciphers p, or keeps a copy of it until that is possible.
//
// Budget: no allocation and no copy but the enciphered one, once the connection has
// sent something as large.
func (t *tlsTransport) Write(p []byte) (int, error) {
	if err := t.mayWrite(); err != nil {
		return 0, err
	}
	t.put(p)
	return len(p), nil
}

// WriteLines is Write of all of lines.
func (t *tlsTransport) WriteLines(lines [][]byte) error {
	if err := t.mayWrite(); err != nil {
		return err
	}
	t.put(bytes.Join(lines, nil))
	return nil
}

func (t *tlsTransport) mayWrite() error {
	t.loop.mustOwn("asyncio.Transport.Write")
	if t.state >= tlsClosing {
		return t.errClosed()
	}
	return nil
}

func (t *tlsTransport) put(p []byte) {
	if len(p) == 0 {
		return
	}
	if t.writing || t.state == tlsHandshake || len(t.backlog) > 0 {
		t.backlog = append(t.backlog, p...)
		t.control()
		return
	}
	t.encipher(p)
}

// CanWriteEOF reports false: in TLS as asyncio has it, one side cannot end alone.
func (t *tlsTransport) CanWriteEOF() bool { return false }

// WriteEOF is refused.
func (t *tlsTransport) WriteEOF() error { return errNoHalves }

// Close sends what was written, and a close_notify; it waits for the peer's, and
// then closes the transport below. During the handshake it aborts.
func (t *tlsTransport) Close() {
	t.loop.mustOwn("asyncio.Transport.Close")
	switch t.state {
	case tlsHandshake:
		t.Abort()
	case tlsOpen:
		t.state = tlsClosing
		t.timer = t.loop.CallLater(t.options.shutdownTimeout, func() {
			t.fail(&tlsTimeout{"TLS shutdown timed out"})
		})
		if !t.writing {
			t.encipher(nil)
		}
		// What still comes is of no interest, but for the close_notify at its end.
		t.loop.CallSoon(t.resume)
	}
}

// Abort aborts the transport below.
func (t *tlsTransport) Abort() {
	t.loop.mustOwn("asyncio.Transport.Abort")
	if t.lost {
		return
	}
	t.stopTimer()
	t.state = tlsClosed
	t.out, t.backlog = nil, nil
	if t.raw != nil {
		t.raw.Abort()
	}
}

// IsClosing reports whether Close or Abort was called, or the connection is lost.
func (t *tlsTransport) IsClosing() bool { return t.state >= tlsClosing }

// IsReading reports whether data is delivered.
func (t *tlsTransport) IsReading() bool { return !t.paused && !t.IsClosing() }

// PauseReading stops that.
func (t *tlsTransport) PauseReading() {
	t.loop.mustOwn("asyncio.Transport.PauseReading")
	if !t.IsClosing() {
		t.paused = true
	}
}

// ResumeReading starts it again, in the next iteration.
func (t *tlsTransport) ResumeReading() {
	t.loop.mustOwn("asyncio.Transport.ResumeReading")
	if t.paused && !t.IsClosing() {
		t.paused = false
		t.loop.CallSoon(t.resumeReading)
	}
}

func (t *tlsTransport) resumeReading() {
	if !t.paused && t.state != tlsClosed && t.state != tlsHandshake {
		t.resume()
	}
}

// SetWriteBufferLimits sets the marks of the transport below, which holds what is
// enciphered.
func (t *tlsTransport) SetWriteBufferLimits(high, low int) error {
	if t.raw == nil {
		return t.errClosed()
	}
	if err := t.raw.SetWriteBufferLimits(high, low); err != nil {
		return err
	}
	_, t.high = t.raw.WriteBufferLimits()
	t.control()
	return nil
}

// WriteBufferLimits returns the marks.
func (t *tlsTransport) WriteBufferLimits() (low, high int) {
	if t.raw == nil {
		return tlsWriteLow, tlsWriteHigh
	}
	return t.raw.WriteBufferLimits()
}

// WriteBufferSize returns how much waits to be sent, enciphered or not.
func (t *tlsTransport) WriteBufferSize() int {
	n := len(t.backlog) + len(t.out)
	if t.raw != nil {
		n += t.raw.WriteBufferSize()
	}
	return n
}

// ExtraInfo knows "sslcontext", after the handshake "peercert", "cipher" and
// "ssl_object", and what the transport below knows.
func (t *tlsTransport) ExtraInfo(name string) any {
	if name == "sslcontext" {
		return t.config
	}
	if t.raw == nil {
		return nil
	}
	switch name {
	case "peercert", "cipher", "ssl_object":
		// Before its end the handshake has the mutex.
		if t.appState == tlsNew || t.state == tlsHandshake {
			return nil
		}
		return tlsInfo(t.conn.ConnectionState(), name)
	}
	return t.raw.ExtraInfo(name)
}

func tlsInfo(s tls.ConnectionState, name string) any {
	switch {
	case !s.HandshakeComplete:
	case name == "ssl_object":
		return s
	case name == "cipher":
		return tls.CipherSuiteName(s.CipherSuite)
	case len(s.PeerCertificates) > 0:
		return s.PeerCertificates[0]
	}
	return nil
}

// String names the transport: "tls over tcp 127.0.0.1:8001->127.0.0.1:40112".
func (t *tlsTransport) String() string { return fmt.Sprint("tls over ", t.raw) }

// LocalAddr returns that of the transport below.
func (t *tlsTransport) LocalAddr() net.Addr {
	if t.raw == nil {
		return nil
	}
	return t.raw.LocalAddr()
}

// RemoteAddr returns that of the transport below.
func (t *tlsTransport) RemoteAddr() net.Addr {
	if t.raw == nil {
		return nil
	}
	return t.raw.RemoteAddr()
}

// SetProtocol makes p the protocol above.
func (t *tlsTransport) SetProtocol(p Protocol) {
	t.loop.mustOwn("asyncio.Transport.SetProtocol")
	t.app = p
}

// Protocol returns the protocol above.
func (t *tlsTransport) Protocol() Protocol { return t.app }
