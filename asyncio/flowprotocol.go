package asyncio

import (
	"context"
	"fmt"
)

// A FlowControlProtocol is the part of a [Protocol] that knows whether the
// transport wants more, and lets tasks wait until it does: asyncio's
// FlowControlMixin. Embed it in a protocol for a [StreamWriter], or use it as it is
// for a transport that is only written to:
//
//	p := new(asyncio.FlowControlProtocol)
//
// All of it belongs to the thread of one loop.
type FlowControlProtocol struct {
	BaseProtocol
	paused bool
	lost   bool
	err    error // with which it was lost
	// draining waits for the transport to want more, closing for its end.
	draining, closing streamWaiters
	streak            int // calls of Drain since the last one that waited
}

// drainStreak is how many calls of Drain in a row return at once. Without a limit
// a task that writes to somebody who reads as fast would keep the thread to
// itself.
const drainStreak = 64

// PauseWriting makes [FlowControlProtocol.Drain] wait. It is for the transport.
func (p *FlowControlProtocol) PauseWriting() { p.paused = true }

// ResumeWriting lets those go on that wait in [FlowControlProtocol.Drain]. It is
// for the transport.
func (p *FlowControlProtocol) ResumeWriting() {
	p.paused = false
	p.draining.release()
}

// ConnectionLost ends all waits. It is for the transport.
func (p *FlowControlProtocol) ConnectionLost(err error) {
	p.lost, p.err = true, err
	p.draining.release()
	p.closing.release()
}

// Drain waits while the transport has more to send than it wants: see
// [StreamWriter.Drain].
//
// Budget: none if the transport wants more, but for one switch in 64 calls.
func (p *FlowControlProtocol) Drain(ctx context.Context) error {
	if !p.lost && !p.paused {
		if p.streak++; p.streak < drainStreak {
			return nil
		}
		p.streak = 0
		if err := Sleep(ctx, 0); err != nil {
			return err
		}
	}
	if !p.lost && p.paused {
		p.streak = 0
		if err := p.draining.wait(ctx, "asyncio.StreamWriter.Drain"); err != nil {
			return err
		}
	}
	return p.failure()
}

// failure returns the error of writing to a connection that was lost, or nil.
func (p *FlowControlProtocol) failure() error {
	switch {
	case !p.lost:
		return nil
	case p.err != nil:
		return fmt.Errorf("%w: %w", ErrConnectionLost, p.err)
	}
	return ErrConnectionLost
}

// WaitClosed waits until the connection is lost: see [StreamWriter.WaitClosed].
func (p *FlowControlProtocol) WaitClosed(ctx context.Context) error {
	if !p.lost {
		if err := p.closing.wait(ctx, "asyncio.StreamWriter.WaitClosed"); err != nil {
			return err
		}
	}
	return p.err
}

// streamWaiters are calls that wait for the same thing, each with a future of its own,
// so that cancelling one does not end the others' waits.
type streamWaiters struct {
	first *future
	more  []*future
}

// wait parks the caller until release.
func (w *streamWaiters) wait(ctx context.Context, op string) error {
	f := &future{loop: loopOf(ctx, op)}
	if w.first == nil && len(w.more) == 0 {
		w.first = f
	} else {
		w.more = append(w.more, f)
	}
	defer w.forget(f)
	if err := f.await(ctx, op); err != nil {
		return err
	}
	return f.take()
}

func (w *streamWaiters) forget(f *future) {
	if w.first == f {
		w.first = nil
		return
	}
	for i, g := range w.more {
		if g == f {
			w.more = append(w.more[:i], w.more[i+1:]...)
			return
		}
	}
}

// release ends all waits, first come first.
func (w *streamWaiters) release() {
	first, more := w.first, w.more
	w.first, w.more = nil, nil
	if first != nil && first.state == pending {
		first.settle(finished, nil)
	}
	for _, f := range more {
		if f.state == pending {
			f.settle(finished, nil)
		}
	}
}
