package asyncio

import (
	"fmt"

	"github.com/baton-go/baton/internal/baton"
)

// highWater is the high-water mark of transports for which no other is set.
const highWater = 64 << 10

// A flowProtocol is what flow control needs of a protocol.
type flowProtocol interface {
	PauseWriting()
	ResumeWriting()
}

// A writeFlow is the flow control of a transport: it tells the protocol when too
// much waits to be sent, and when that is over. The calls come synchronously, out
// of the call that is the reason, and in turns.
type writeFlow struct {
	low, high int
	paused    bool // PauseWriting was called last
}

// newWriteFlow returns flow control with the usual marks.
func newWriteFlow() writeFlow { return writeFlow{low: highWater / 4, high: highWater} }

// limits works out the marks; one that is negative is not given. If neither is,
// high is the standard.
func (f *writeFlow) limits(high, low, standard int) error {
	if high < 0 {
		if high = standard; low >= 0 {
			high = 4 * low
		}
	}
	if low < 0 {
		low = high / 4
	}
	if high < low {
		return fmt.Errorf("%w: high (%d) must be >= low (%d) must be >= 0", ErrWriteBufferLimits, high, low)
	}
	f.low, f.high = low, high
	return nil
}

// grown says that size bytes wait to be sent, after some were added or the marks
// were changed. A protocol that fails is reported and otherwise ignored.
func (f *writeFlow) grown(l *Loop, t BaseTransport, p flowProtocol, size int) {
	if size <= f.high || f.paused {
		return
	}
	f.paused = true
	defer protocolGuard{l, t, p, "protocol.pause_writing() failed"}.check()
	p.PauseWriting()
}

// shrunk says that size bytes wait to be sent, after some were.
func (f *writeFlow) shrunk(l *Loop, t BaseTransport, p flowProtocol, size int) {
	if !f.paused || size > f.low {
		return
	}
	f.paused = false
	defer protocolGuard{l, t, p, "protocol.resume_writing() failed"}.check()
	p.ResumeWriting()
}

// A protocolGuard reports a panic in a call of a protocol's method that is not
// fatal to the transport. Its check is deferred.
type protocolGuard struct {
	loop      *Loop
	transport BaseTransport
	protocol  any
	message   string
}

func (g protocolGuard) check() {
	if v := recover(); v != nil && !g.loop.passesOn(v) {
		g.loop.CallExceptionHandler(ExceptionContext{
			Message: g.message, Err: baton.Recovered(v), Transport: g.transport, Protocol: g.protocol,
		})
	}
}

// passesOn reports whether the panic of a callback is for whoever runs the loop,
// and if so ends the run.
func (l *Loop) passesOn(v any) bool {
	err := interrupted(v)
	return err != nil && l.abort(err)
}
