package hub

import (
	"time"

	"github.com/baton-go/baton/internal/baton"
)

// Unwind unwinds the calling greenlet, whose blocking call was interrupted with
// err.
func Unwind(err error) {
	panic(&baton.Unwind{Err: err})
}

// Sleep is gevent.Sleep, here so that the two are one frame.
func Sleep(d time.Duration) {
	f, p := Require("gevent.Sleep")
	var err error
	if d > 0 || p.interrupted {
		_, err = p.ParkFor(f, Wait{Op: "gevent.Sleep"}, d)
	} else {
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
		_, err = p.back()
	}
	if err != nil {
		Unwind(err)
	}
}
