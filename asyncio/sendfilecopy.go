package asyncio

import (
	"context"
	"io"
	"net"
	"os"
)

// copyBlock is how much of a file is read at a time.
const copyBlock = 64 << 10

// copyFile is SendFile by reading and writing. The file is read on a goroutine, since
// files block.
func copyFile(ctx context.Context, op string, l *Loop, t Transport, f *os.File, offset, count int64) (sent int64, err error) {
	p := beginCopy(l, t)
	defer p.restore()
	b := make([]byte, copyBlock)
	for count < 0 || sent < count {
		n := int64(len(b))
		if count >= 0 {
			n = min(n, count-sent)
		}
		var m int
		var failed error
		err := elsewhere(ctx, l, op, func(context.Context) { m, failed = f.ReadAt(b[:n], offset+sent) })
		if err != nil {
			return sent, err // and b is still being read into: nobody uses it any more
		}
		if m > 0 {
			if err := p.drain(ctx, op); err != nil {
				return sent, err
			}
			if _, err := t.Write(b[:m]); err != nil {
				return sent, err
			}
			sent += int64(m)
		}
		if failed == io.EOF {
			return sent, nil
		}
		if failed != nil {
			return sent, inOp(op, failed)
		}
	}
	return sent, nil
}

// A copyProtocol is the protocol of a transport while a file is copied to it. It keeps
// the pace, and passes on to the one before what that must know.
type copyProtocol struct {
	BaseProtocol
	loop      *Loop
	transport Transport
	before    Protocol
	reads     bool // the transport read before
	wasPaused bool // and its protocol's writing was paused
	paused    bool
	ready     *future // of drain; nil if nobody waits
	lost      error   // not nil when the connection is lost
}

// beginCopy puts one in place.
func beginCopy(l *Loop, t Transport) *copyProtocol {
	p := &copyProtocol{loop: l, transport: t, before: t.Protocol(), reads: t.IsReading(), wasPaused: pausesWriting(t)}
	p.paused = p.wasPaused
	t.PauseReading()
	t.SetProtocol(p)
	return p
}

// pausesWriting reports whether the transport has told its protocol to pause. Of a
// transport of somebody else's it is not known, and shows later.
func pausesWriting(t Transport) bool {
	switch t := t.(type) {
	case *sockTransport:
		return t.flow.paused
	case *tlsTransport:
		return t.appFull
	}
	return false
}

// drain waits until more may be written.
func (p *copyProtocol) drain(ctx context.Context, op string) error {
	if p.lost == nil && !p.paused {
		if _, high := p.transport.WriteBufferLimits(); p.transport.WriteBufferSize() > high {
			// It was paused before, so ResumeWriting is to come.
			p.wasPaused, p.paused = true, true
		}
	}
	if p.lost == nil && p.paused {
		p.ready = &future{loop: p.loop}
		err := p.ready.result(ctx, op)
		p.ready = nil
		if err != nil {
			return err
		}
	}
	if p.lost == nil && p.transport.IsClosing() {
		return inOp(op, errPeerClosed)
	}
	return p.lost
}

// restore gives the transport back to the protocol before, and tells that what it has
// missed.
func (p *copyProtocol) restore() {
	if p.lost != nil {
		return
	}
	p.transport.SetProtocol(p.before)
	switch {
	case p.wasPaused && !p.paused:
		p.before.ResumeWriting()
	case !p.wasPaused && p.paused:
		p.before.PauseWriting()
	}
	if p.reads {
		p.transport.ResumeReading()
	}
}

// DataReceived passes on what comes if somebody has resumed reading meanwhile.
func (p *copyProtocol) DataReceived(data []byte) { feedProtocol(p.before, data) }

// feedProtocol gives p data that was read into another buffer than its own.
func feedProtocol(p Protocol, data []byte) {
	b, ok := p.(BufferedProtocol)
	if !ok {
		p.DataReceived(data)
		return
	}
	for len(data) > 0 {
		to := b.GetBuffer(len(data))
		if len(to) == 0 {
			panic(errEmptyBuffer)
		}
		n := copy(to, data)
		data = data[n:]
		b.BufferUpdated(n)
	}
}

// EOFReceived passes it on as well.
func (p *copyProtocol) EOFReceived() bool { return p.before.EOFReceived() }

// PauseWriting has drain wait.
func (p *copyProtocol) PauseWriting() { p.paused = true }

// ResumeWriting lets it go on.
func (p *copyProtocol) ResumeWriting() {
	if !p.paused {
		p.wasPaused = true // what else is resumed?
	}
	p.paused = false
	p.wake()
}

// ConnectionLost ends the copying.
func (p *copyProtocol) ConnectionLost(err error) {
	if p.lost = err; err == nil {
		p.lost = net.ErrClosed
	}
	p.wake()
	p.before.ConnectionLost(err)
}

func (p *copyProtocol) wake() {
	if p.ready != nil && p.ready.state == pending {
		p.ready.settle(finished, nil)
	}
}
