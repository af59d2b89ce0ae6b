package hub

import "github.com/baton-go/baton/internal/baton"

// YieldBefore lets what is ready run first, then p, which is the caller on fiber
// f, and right behind it other, which it wakes if that is parked.
func (p *Proc) YieldBefore(f *baton.Fiber, other *Proc) error {
	if p.interrupted {
		other.Wake()
		return p.takePending()
	}
	p.cause = Woken
	p.state = ready
	p.hub.Loop.Enqueue(p)
	other.Wake()
	if to := p.leave(f); to != f {
		if s := f.Take(to); s.Pulling {
			s.Next()
		} else {
			s.Yield(struct{}{})
		}
		if f.Signalled() {
			f.Obey()
		}
	}
	_, err := p.back()
	return err
}
