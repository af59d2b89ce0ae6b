package hub

import (
	"errors"
	"sync/atomic"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/netpoll"
)

// ErrNotRunning is returned by [Hub.Do] if nobody is in the thread to run it.
var ErrNotRunning = errors.New("baton: nobody runs the thread's loop")

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

// A job is a function that runs on a goroutine for a greenlet that waits. It is
// used again, by its hub, when that goroutine is finished with it; so that it has
// its functions ready made.
type job struct {
	hub  *Hub
	p    *Proc // who waits; nil if it waits no longer, and may be parked for something else
	f    func()
	run  func() // what the goroutine runs
	back func() // what it posts

	finished bool // the rest is the greenlet's
	failure  any
	exited   bool
}

// newJob returns a job for p.
func (h *Hub) newJob(p *Proc, f func()) *job {
	var j *job
	if n := len(h.jobs); n > 0 {
		j = h.jobs[n-1]
		h.jobs = h.jobs[:n-1]
	} else {
		j = &job{hub: h}
		j.run, j.back = j.exec, j.finish
	}
	j.p, j.f = p, f
	j.finished, j.failure, j.exited = false, nil, true
	return j
}

// exec runs the function, on a goroutine.
func (j *job) exec() {
	defer func() {
		if j.exited {
			if v := recover(); v != nil {
				j.failure, j.exited = baton.Recovered(v).Flying(), false
			}
		}
		// ErrClosed means that the thread ended without waiting for it.
		_ = j.hub.Post(j.back)
	}()
	j.f()
	j.exited = false
}

// finish tells who waits, on the hub.
func (j *job) finish() {
	j.f = nil
	j.finished = true
	if j.p == nil {
		j.free()
		return
	}
	j.p.Wake()
}

// free keeps the job for the next one.
func (j *job) free() {
	j.p, j.failure = nil, nil
	if len(j.hub.jobs) < maxJobs {
		j.hub.jobs = append(j.hub.jobs, j)
	}
}

// maxJobs is how many jobs a hub keeps.
const maxJobs = 64

// outcome panics if the function did.
func (j *job) outcome(op string) {
	failure, exited := j.failure, j.exited
	j.free()
	if failure != nil {
		panic(failure)
	}
	if exited {
		panic(op + ": the offloaded function called runtime.Goexit; return from it instead")
	}
}

// Offload runs f on a goroutine of its own while p, the caller on fiber self, is
// parked. If p is interrupted meanwhile Offload returns the interrupt's error at
// once, and f goes on alone: the loop does not wait for it any more. A panic in f
// is a panic of Offload, with f's stack.
//
// Budget: a goroutine, a Post and the wake-up of a sleeping loop; one allocation,
// that of the Post.
func (p *Proc) Offload(self *baton.Fiber, w Wait, f func()) error {
	j := p.hub.newJob(p, f)
	p.hub.Loop.Ref()
	waits := true
	defer func() {
		p.hub.Loop.Unref()
		if waits {
			j.p = nil
		}
	}()
	go j.run()
	for !j.finished {
		if _, err := p.Park(self, w); err != nil {
			if j.finished { // it is nobody's any more
				waits = false
				j.free()
			}
			return err
		}
	}
	waits = false
	j.outcome(w.Op)
	return nil
}

// OffloadUntil is Offload for an f that can be made to return soon: if p is
// interrupted it calls stop, waits until f has returned, and then returns the
// interrupt. It is for the caller to look whether f was done before it was stopped,
// so that nothing is lost; if so he interrupts p anew. Further interrupts that come
// meanwhile are for p's next call.
func (p *Proc) OffloadUntil(self *baton.Fiber, w Wait, f, stop func()) error {
	j := p.hub.newJob(p, f)
	p.hub.Loop.Ref()
	waits := true
	defer func() {
		p.hub.Loop.Unref()
		if waits { // the root is made to exit
			j.p = nil
			stop()
		}
	}()
	go j.run()
	var interrupts []error
	for !j.finished {
		if _, err := p.Park(self, w); err != nil {
			if interrupts = append(interrupts, err); len(interrupts) == 1 {
				stop()
			}
		}
	}
	waits = false
	for i := len(interrupts) - 1; i > 0; i-- {
		p.PutBack(interrupts[i])
	}
	j.outcome(w.Op)
	if len(interrupts) > 0 {
		return interrupts[0]
	}
	return nil
}

// Do runs f in a greenlet of the hub, started there for it, and blocks the
// calling goroutine, which must not be one of this hub's, until it has run. It
// returns netpoll.ErrClosed if the hub closes first. If nobody is in the thread, or
// the root leaves it before the greenlet has begun, it returns [ErrNotRunning] and f
// is not called; what has begun waits for the root's return.
func (h *Hub) Do(name string, f func()) error {
	present := h.present.Load()
	if present == nil {
		select {
		case <-h.done:
			return netpoll.ErrClosed
		default:
			return ErrNotRunning
		}
	}
	c := &call{f: f, done: make(chan struct{})}
	err := h.Post(func() {
		if c.taken.Load() {
			return
		}
		c.proc.Init(h, c, name)
		c.proc.Start()
	})
	if err != nil {
		return err
	}
	left := *present
	for waits := true; waits; {
		select {
		case <-c.done:
			waits = false
		case <-h.done:
			select {
			case <-c.done:
				waits = false
			default:
				return netpoll.ErrClosed
			}
		case <-left:
			left = nil
			select {
			case <-h.done: // it is closed, not left
			default:
				if c.take() {
					return ErrNotRunning
				}
			}
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
	taken   atomic.Bool // it has begun, or never will
	done    chan struct{}
	ran     bool
	failure any
}

// take reports whether the call is the caller's: to run, or to take back.
func (c *call) take() bool { return c.taken.CompareAndSwap(false, true) }

// Exec runs the function; what it panics with goes on in the caller of Do, but a
// kill, which only says that the thread ends.
func (c *call) Exec() {
	defer close(c.done)
	if !c.take() {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			if _, killed := v.(*baton.Unwind); !killed {
				c.failure = baton.Recovered(v).Flying()
			}
		} else if !c.ran {
			c.proc.hub.ReportGoexit("greenlet " + c.proc.Name())
		}
	}()
	c.f()
	c.ran = true
}

// Exited has nothing to add: Exec's deferred functions ran.
func (c *call) Exited() {}

// Cancelled ends the call, which has not run.
func (c *call) Cancelled(error) { close(c.done) }
