package asynciotest

import (
	"fmt"
	"net"

	"github.com/baton-go/baton/asyncio"
)

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
	err := net.ErrClosed
	switch {
	case t.eof:
		err = asyncio.ErrEOFWritten
	case !t.closing:
		return nil
	}
	return &net.OpError{Op: "write", Net: memory, Source: t.local, Addr: t.remote, Err: err}
}

// put appends p to what is sent, or, if there is no room, to what waits.
func (t *Transport) put(p []byte) {
	if len(t.out) == 0 {
		p = p[t.send(p):]
	}
	t.out = append(t.out, p...)
	if t.config.Lockstep {
		t.peer.read()
	}
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
	if t.config.Lockstep {
		return 0 // the peer takes it
	}
	n := min(len(p), t.config.Buffer-len(o.in))
	if o.closing {
		return n // it reads no more
	}
	o.in = append(o.in, p[:n]...)
	o.read()
	return n
}

// write schedules writeReady if there may be something to do.
func (t *Transport) write() {
	if (len(t.out) > 0 || t.config.Lockstep) && !t.sending && !t.lost {
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
	if len(t.out) == 0 && (t.eof || t.closing && t.waiting() == 0) && !t.sentEOF {
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
	if t.waiting() > 0 {
		t.in = nil
		t.loop.CallSoon(func() { t.peer.fail(errReset) })
	} else {
		t.peer.write()
	}
	t.loop.CallSoon(func() {
		t.call("protocol.connection_lost()", false, func() { t.protocol.ConnectionLost(err) })
		t.protocol = nil
		if t.over != nil {
			t.over()
		}
	})
}

// SetWriteBufferLimits sets the marks of the flow control, which are 0 in lockstep.
func (t *Transport) SetWriteBufferLimits(high, low int) error {
	switch {
	case high < 0 && low < 0:
		high, low = highWater, highWater/4
	case high < 0:
		high = 4 * low
	case low < 0:
		low = high / 4
	}
	if high < low {
		return fmt.Errorf("%w: high (%d) must be >= low (%d) must be >= 0", asyncio.ErrWriteBufferLimits, high, low)
	}
	t.high, t.low = high, low
	t.check()
	return nil
}

// WriteBufferSize returns how many bytes wait.
func (t *Transport) WriteBufferSize() int { return len(t.out) }

// WriteBufferLimits returns the marks.
func (t *Transport) WriteBufferLimits() (low, high int) { return t.low, t.high }
