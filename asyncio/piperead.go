package asyncio

import (
	"syscall"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/sys"
	"github.com/baton-go/baton/netpoll"
)

// IsReading reports whether the transport reads.
func (t *pipeTransport) IsReading() bool { return !t.writes && !t.closing && !t.paused }

// PauseReading stops reading.
func (t *pipeTransport) PauseReading() {
	t.loop.mustOwn("asyncio.Transport.PauseReading")
	if t.IsReading() {
		t.paused = true
		t.unwatch(netpoll.ReadSide)
	}
}

// ResumeReading undoes PauseReading.
func (t *pipeTransport) ResumeReading() {
	t.loop.mustOwn("asyncio.Transport.ResumeReading")
	if t.paused && !t.closing {
		t.paused = false
		t.watch(netpoll.ReadSide)
	}
}

// read reads once, and tells the protocol.
//
// Budget: one system call; no allocation.
func (t *pipeTransport) read() {
	if t.buffered != nil {
		t.readInto()
		return
	}
	l := t.loop
	// Nobody else needs the buffer unless the protocol switches to another greenlet
	// by hand.
	b := l.readBuffer
	l.readBuffer = nil
	if b == nil {
		b = make([]byte, maxRead)
	}
	if n := t.receive(b); n > 0 {
		t.guarded("data_received", func() { t.protocol.DataReceived(b[:n]) })
	}
	l.readBuffer = b
}

// readInto is read for a BufferedProtocol.
func (t *pipeTransport) readInto() {
	var b []byte
	t.guarded("get_buffer", func() { b = t.buffered.GetBuffer(-1) })
	switch {
	case t.closing:
		return // by GetBuffer
	case len(b) == 0:
		t.fatal(errEmptyBuffer, "Fatal error: protocol.get_buffer() call failed.", false)
		return
	}
	if n := t.receive(b[:min(len(b), maxReadInto)]); n > 0 {
		t.guarded("buffer_updated", func() { t.buffered.BufferUpdated(n) })
	}
}

// guarded calls a method of the protocol, whose panic ends the transport.
func (t *pipeTransport) guarded(method string, call func()) {
	defer func() {
		if v := recover(); v != nil && !t.loop.passesOn(v) {
			t.fatal(baton.Recovered(v), "Fatal error: protocol."+method+"() call failed.", false)
		}
	}()
	call()
}

// receive reads the descriptor once. An end or an error it deals with itself.
func (t *pipeTransport) receive(b []byte) int {
	n, errno := sys.ReadPipe(t.pipe.FD, b)
	switch {
	case n > 0:
		return n
	case errno == 0:
		t.ended()
	case errno != syscall.EAGAIN:
		// EIO is how a pseudo-terminal ends.
		t.fatal(t.pathError("read", errno), "Fatal read error on pipe transport", errno == syscall.EIO)
	}
	return 0
}

// ended schedules that the protocol is told of the end, and then of the transport's.
func (t *pipeTransport) ended() {
	t.closing = true
	t.loop.enqueueEntry((*pipeEOF)(t))
	t.lose(nil)
}
