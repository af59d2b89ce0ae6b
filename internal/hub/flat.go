package hub

import "github.com/baton-go/baton/internal/baton"

// A Park or a Yield whose every ns counts is written out where it is called, because each
// frame between the switch and the user's code costs a mispredicted return:
//
//	if to := p.Leave(f, w); to != f {
//		if s := f.Take(to); s.Pulling {
//			s.Next()
//		} else {
//			s.Yield(struct{}{})
//		}
//		if f.Signalled() {
//			f.Obey()
//		}
//	}
//	cause, err := p.Back()
//
// It must not be done while Interrupted reports true: Park takes the interrupt.

// Leave is the first part of a Park. It returns the fiber to switch to, which may
// be f.
func (p *Proc) Leave(f *baton.Fiber, w Wait) *baton.Fiber {
	p.waits = w
	p.state = parked
	return p.leave(f)
}

// LeaveReady is the first part of a Yield, as Leave is of a Park.
func (p *Proc) LeaveReady(f *baton.Fiber) *baton.Fiber {
	p.cause = Woken
	p.state = ready
	p.hub.Loop.Enqueue(p)
	return p.leave(f)
}

// Back is the last part of a Park or a Yield.
func (p *Proc) Back() (Cause, error) { return p.back() }

// Interrupted reports whether an interrupt waits to be taken.
func (p *Proc) Interrupted() bool { return p.interrupted }
