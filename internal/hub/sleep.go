package hub

import (
	"time"

	"github.com/baton-go/baton/internal/baton"
)

// Unwind unwinds the calling greenlet, whose blocking call was interrupted with
// err. What is a panic already goes on as that.
func Unwind(err error) {
	if _, p := Here(); p != nil && p.unwound < maxUnwound {
		p.unwound++
	}
	switch err := err.(type) {
	case *baton.Unwind:
		panic(err)
	case *baton.PanicError:
		panic(err.Flying())
	}
	panic(&baton.Unwind{Err: err})
}

// Sleep is gevent.Sleep, here so that the two are one frame. The usual case of a
// Sleep(0) is written out flat, see baton.Fiber.Resume.
func Sleep(d time.Duration) {
	var p *Proc
	f := baton.Self()
	if f != nil {
		p, _ = f.Thread().Current.Proc.(*Proc)
	}
	if p == nil || d > 0 || p.interrupted {
		sleepFor(d)
		return
	}
	p.cause = Woken
	p.state = ready
	p.hub.Loop.Enqueue(p)
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
	if p.state != running {
		if _, err := p.back(); err != nil {
			Unwind(err)
		}
	}
}

// sleepFor is Sleep in every other case.
func sleepFor(d time.Duration) {
	f, p := Require("gevent.Sleep")
	var err error
	if d > 0 {
		_, err = p.ParkFor(f, Wait{Op: "gevent.Sleep"}, d)
	} else {
		err = p.Yield(f)
	}
	if err != nil {
		Unwind(err)
	}
}
