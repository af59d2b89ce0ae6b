package net

import (
	"errors"
	"net"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// here returns the calling fiber and Proc, and whether the call comes from the
// socket's thread. The Proc is nil in a callback.
//
// Budget: 6 ns, no allocation.
func (s *socket) here() (*baton.Fiber, *hub.Proc, bool) {
	f, p := hub.Here()
	if p != nil {
		return f, p, p.Hub() == s.hub
	}
	return f, nil, f != nil && hub.Current() == s.hub
}

// do calls f in the socket's thread: at once if that is where the call comes
// from, else in a greenlet that is made for it. The calling goroutine is blocked
// meanwhile, or, if it is a greenlet of another thread, parked.
func (s *socket) do(op string, f func(*baton.Fiber, *hub.Proc) error) error {
	if fiber, p, here := s.here(); here {
		return f(fiber, p)
	}
	return s.outside(op, f)
}

// errAbandoned ends the greenlet that was made for a call whose caller was
// interrupted.
var errAbandoned = errors.New("net: the greenlet that made the call was interrupted")

// outside is do for those who are not there. It is apart from its callers so that
// what they pass needs to be on the heap only here.
func (s *socket) outside(op string, f func(*baton.Fiber, *hub.Proc) error) error {
	var (
		err       error = net.ErrClosed // unless f gets to say otherwise
		worker    *hub.Proc
		abandoned bool // like worker, the socket's thread's
		finished  bool
	)
	call := func() {
		failed := s.hub.Do(op, func() {
			if abandoned {
				return
			}
			fiber, p := hub.Require(op)
			worker = p
			err = f(fiber, p)
			worker, finished = nil, true
		})
		if errors.Is(failed, hub.ErrNotRunning) {
			err = failed
		} else if failed != nil {
			err = net.ErrClosed
		}
	}
	self, p := hub.Here()
	switch {
	case p != nil:
		interrupt := offload(self, p, hub.Wait{Op: op, On: s}, call, func() {
			// The hub may be closed, which ends the call as well.
			_ = s.hub.Post(func() {
				abandoned = true
				if worker != nil {
					worker.Interrupt(errAbandoned)
				}
			})
		})
		if interrupt != nil && !finished {
			return unwind(interrupt)
		}
		if interrupt != nil {
			p.Interrupt(interrupt)
		}
	case hub.Current() != nil:
		hub.Require(op)
	default:
		call()
	}
	return err
}

// offload runs f on an ordinary goroutine while p is parked. If p is interrupted
// it has stop make f return soon, and waits until f has, since f uses memory that
// is the caller's. Then it returns the interrupt. It is for the caller to look
// whether f was done before it was stopped, and if so to interrupt p anew and
// return what f did, so that neither is lost.
func offload(self *baton.Fiber, p *hub.Proc, w hub.Wait, f, stop func()) error {
	ended := make(chan struct{})
	interrupt := p.Offload(self, w, func() {
		defer close(ended)
		f()
	})
	if interrupt == nil {
		return nil
	}
	stop()
	var more []error
	for !over(ended) {
		if err := p.Offload(self, w, func() { <-ended }); err != nil {
			more = append(more, err)
		}
	}
	for _, err := range more {
		p.Interrupt(err)
	}
	return interrupt
}

// over reports whether c is closed.
func over(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
