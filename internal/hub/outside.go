package hub

import (
	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/netpoll"
)

// Post runs f on the hub, from any goroutine. It returns netpoll.ErrClosed when
// the hub is closed; f may be dropped if the hub closes before it runs.
func (h *Hub) Post(f func()) error { return h.Loop.Post(f) }

// Hope tells the hub that somebody outside may Post, and end what a greenlet
// waits for. It keeps the wait from being called endless, as the loop's Ref does,
// but lets a virtual clock jump: nothing is promised. Each Hope is taken back by
// one Unhope.
func (h *Hub) Hope() { h.hopes++ }

// Unhope takes back one Hope.
func (h *Hub) Unhope() { h.hopes-- }

// Offload runs f on a goroutine of its own while p, the caller on fiber self, is
// parked. If p is interrupted meanwhile Offload returns the interrupt's error at
// once, and f goes on alone: the loop does not wait for it any more. A panic in f
// is a panic of Offload, with f's stack.
//
// Budget: a goroutine, a Post and the wake-up of a sleeping loop.
func (p *Proc) Offload(self *baton.Fiber, w Wait, f func()) error {
	h := p.hub
	var (
		finished  bool
		abandoned bool // p waits no longer, and may be parked for something else
		failure   any
		exited    = true
	)
	h.Loop.Ref()
	defer func() {
		h.Loop.Unref()
		abandoned = true
	}()
	go func() {
		defer func() {
			if v := recover(); v != nil {
				failure, exited = baton.Recovered(v), false
			}
			// ErrClosed means that the thread ended without waiting for f.
			_ = h.Post(func() {
				finished = true
				if !abandoned {
					p.Wake()
				}
			})
		}()
		f()
		exited = false
	}()
	for !finished {
		if _, err := p.Park(self, w); err != nil {
			return err
		}
	}
	if failure != nil {
		panic(failure)
	}
	if exited {
		panic(w.Op + ": the offloaded function called runtime.Goexit; return from it instead")
	}
	return nil
}

// Do runs f in a greenlet of the hub, started there for it, and blocks the
// calling goroutine, which must not be one of this hub's, until it has run. It
// returns netpoll.ErrClosed if the hub closes first.
func (h *Hub) Do(name string, f func()) error {
	c := &call{f: f, done: make(chan struct{})}
	err := h.Post(func() {
		c.proc.Init(h, c, name)
		c.proc.Start()
	})
	if err != nil {
		return err
	}
	select {
	case <-c.done:
	case <-h.done:
		select {
		case <-c.done:
		default:
			return netpoll.ErrClosed
		}
	}
	if c.failure != nil {
		panic(c.failure)
	}
	if !c.ran {
		return netpoll.ErrClosed
	}
	return nil
}

// A call is the greenlet of one Do.
type call struct {
	proc    Proc
	f       func()
	done    chan struct{}
	ran     bool
	failure any
}

// Exec runs the function; what it panics with goes on in the caller of Do, but a
// kill, which only says that the thread ends.
func (c *call) Exec() {
	defer close(c.done)
	defer func() {
		if v := recover(); v != nil {
			if _, killed := v.(*baton.Unwind); !killed {
				c.failure = baton.Recovered(v)
			}
		}
	}()
	c.f()
	c.ran = true
}

// Exited has nothing to add: Exec's deferred functions ran.
func (c *call) Exited() {}

// Cancelled ends the call, which has not run.
func (c *call) Cancelled(error) { close(c.done) }
