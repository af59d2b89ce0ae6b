package asyncio

import (
	"errors"
	"syscall"

	"github.com/baton-go/baton/internal/sys"
	"github.com/baton-go/baton/netpoll"
)

// A transport reads once for each time that its descriptor is found ready, as
// asyncio does, so that connections take turns. What one read takes at most is
// maxRead; more than minRead only when the last one was full, because up to there a
// read needs not be announced to the Go scheduler (see internal/sys).
const (
	minRead = 64 << 10
	maxRead = 256 << 10

	// maxReadInto is the most that is read into a protocol's own buffer: some systems
	// refuse more than 2 GB.
	maxReadInto = 1 << 30
)

// errEmptyBuffer is the error of a protocol whose GetBuffer returns nothing.
var errEmptyBuffer = errors.New("asyncio: GetBuffer returned an empty buffer")

// IsReading reports whether the transport reads.
func (t *sockTransport) IsReading() bool { return !t.closing && !t.paused }

// PauseReading stops reading.
func (t *sockTransport) PauseReading() {
	t.loop.mustOwn("asyncio.Transport.PauseReading")
	if t.IsReading() {
		t.paused = true
		t.stopReading()
	}
}

// ResumeReading undoes PauseReading.
func (t *sockTransport) ResumeReading() {
	t.loop.mustOwn("asyncio.Transport.ResumeReading")
	if !t.closing && t.paused {
		t.paused = false
		t.awaitRead()
	}
}

// sockReader is a transport as the entry that reads.
type sockReader sockTransport

// RunReady reads.
func (r *sockReader) RunReady() { (*sockTransport)(r).readReady() }

// awaitRead has the next iteration read, after what is ready then, if there is
// something to read by then, or else the first one that finds something.
func (t *sockTransport) awaitRead() {
	if t.reading || t.ended {
		return
	}
	t.reading = true
	if !t.desc.Wait(netpoll.ReadSide, (*sockReader)(t)) {
		// There is more already. An entry would run too early; what is posted comes
		// where those of descriptors come.
		if t.again == nil {
			t.again = t.readReady
		}
		// The loop is open: this is its thread.
		_ = t.loop.hub.Post(t.again)
	}
}

// stopReading takes back awaitRead.
func (t *sockTransport) stopReading() {
	if !t.reading {
		return
	}
	t.reading = false
	if t.desc.Waiter(netpoll.ReadSide) != nil {
		t.desc.Forget(netpoll.ReadSide)
		return
	}
	t.stale++ // it is ready; when it runs it is one of the past
}

// readReady reads once, and tells the protocol.
//
// Budget: one system call; no allocation.
func (t *sockTransport) readReady() {
	if t.stale > 0 {
		t.stale--
		return
	}
	if t.freed {
		return
	}
	t.reading = false
	if t.buffered != nil {
		t.readInto()
	} else {
		t.readData()
	}
	if t.IsReading() {
		t.awaitRead()
	}
}

// readData reads for a Protocol.
func (t *sockTransport) readData() {
	l := t.loop
	// Nobody else needs the buffer unless the protocol switches to another greenlet
	// by hand.
	b := l.readBuffer
	l.readBuffer = nil
	if b == nil {
		b = make([]byte, maxRead)
	}
	if n, ok := t.read(b[:t.want]); ok {
		if n == t.want {
			t.want = maxRead
		} else {
			t.want = minRead
		}
		t.deliver(b[:n])
	}
	l.readBuffer = b
}

func (t *sockTransport) deliver(data []byte) {
	defer fatalGuard{t, "Fatal error: protocol.data_received() call failed."}.check()
	t.protocol.DataReceived(data)
}

// readInto reads for a BufferedProtocol.
func (t *sockTransport) readInto() {
	b := t.getBuffer()
	if len(b) == 0 {
		return
	}
	if n, ok := t.read(b[:min(len(b), maxReadInto)]); ok {
		defer fatalGuard{t, "Fatal error: protocol.buffer_updated() call failed."}.check()
		t.buffered.BufferUpdated(n)
	}
}

// getBuffer returns the protocol's buffer, or nothing if that failed.
func (t *sockTransport) getBuffer() []byte {
	const message = "Fatal error: protocol.get_buffer() call failed."
	defer fatalGuard{t, message}.check()
	b := t.buffered.GetBuffer(-1)
	if len(b) == 0 {
		t.fatal(errEmptyBuffer, message)
	}
	return b
}

// read is one reading of the descriptor; ok says that it got something. An end or
// an error it deals with itself.
func (t *sockTransport) read(b []byte) (n int, ok bool) {
	if t.closing {
		return 0, false // by GetBuffer
	}
	n, errno := sys.Read(t.fd, b)
	switch {
	case n > 0:
		if n < len(b) {
			t.desc.DrainedShort(netpoll.ReadSide)
		}
		return n, true
	case errno == 0:
		t.ended = true
		t.endReceived()
	case errno == syscall.EAGAIN:
		t.desc.Drained(netpoll.ReadSide)
	default:
		t.fatal(t.sysError("read", errno), "Fatal read error on socket transport")
	}
	return 0, false
}

// endReceived tells the protocol that the peer has ended its side.
func (t *sockTransport) endReceived() {
	defer fatalGuard{t, "Fatal error: protocol.eof_received() call failed."}.check()
	if !t.protocol.EOFReceived() {
		t.Close()
	}
}
