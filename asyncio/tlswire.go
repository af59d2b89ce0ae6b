package asyncio

import "fmt"

// A tlsWire is a tlsTransport as the protocol of the transport below.
type tlsWire tlsTransport

// ConnectionMade starts the handshake.
func (w *tlsWire) ConnectionMade(raw Transport) {
	t := (*tlsTransport)(w)
	t.raw = raw
	if t.state == tlsClosed {
		raw.Abort() // so was this one before
		return
	}
	// They are right as they are.
	_ = raw.SetWriteBufferLimits(tlsWriteHigh, tlsWriteLow)
	d := t.options.handshakeTimeout
	t.timer = t.loop.CallLater(d, func() {
		t.fail(&tlsTimeout{fmt.Sprintf("TLS handshake is taking longer than %v: aborting the connection", d)})
	})
	t.resume()
}

// DataReceived deciphers data, as far as the protocol above wants it now.
//
// Budget: two switches; no copy of data if all of it is deciphered.
func (w *tlsWire) DataReceived(data []byte) {
	t := (*tlsTransport)(w)
	if t.running {
		t.in.add(data)
		return
	}
	t.fresh = data
	t.resume()
	if len(t.fresh) > 0 && t.state != tlsClosed {
		t.in.add(t.fresh)
		if t.in.len() >= tlsReadHigh && !t.held {
			t.held = true
			t.raw.PauseReading()
		}
	}
	t.fresh = nil
}

// EOFReceived lets the reader find the end. The transport below closes itself,
// unless there is something left that the protocol above does not want yet.
func (w *tlsWire) EOFReceived() bool {
	t := (*tlsTransport)(w)
	t.rawEOF = true
	t.resume()
	return t.state != tlsClosed
}

// PauseWriting passes it on to the protocol above.
func (w *tlsWire) PauseWriting() {
	w.full = true
	(*tlsTransport)(w).control()
}

// ResumeWriting passes it on to the protocol above.
func (w *tlsWire) ResumeWriting() {
	w.full = false
	(*tlsTransport)(w).control()
}

// ConnectionLost ends the generator, and tells everybody above.
func (w *tlsWire) ConnectionLost(err error) {
	t := (*tlsTransport)(w)
	switch {
	case t.finished:
		err = nil
	case err == nil:
		err = t.fault
	}
	t.stopTimer()
	t.lost = true
	t.state = tlsClosed
	t.out, t.backlog, t.fresh = nil, nil, nil
	t.in.release()
	t.resume()
	if t.appState == tlsMade || t.appState == tlsEOF {
		t.appState = tlsLost
		t.loop.CallSoon(func() {
			t.try("connection_lost", func() { t.app.ConnectionLost(err) })
			t.app = nil
		})
	}
	why := err
	if why == nil {
		why = ErrConnectionLost
	}
	t.wake(fmt.Errorf("asyncio: TLS handshake: %w", why))
}

// A tlsTimeout is the error of a handshake or a shutdown that took too long: a
// net.Error.
type tlsTimeout struct{ text string }

func (e *tlsTimeout) Error() string   { return "asyncio: " + e.text }
func (e *tlsTimeout) Timeout() bool   { return true }
func (e *tlsTimeout) Temporary() bool { return true }
