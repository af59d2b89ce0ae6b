package hub

import (
	"fmt"
	"os"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/netpoll"
)

// A Hub is a thread with a loop: see the package comment.
type Hub struct {
	Thread *baton.Thread
	Loop   *netpoll.Loop

	// OnError is told of panics in callbacks; if nil they are printed to
	// standard error. It runs on the hub and must not park.
	OnError func(where string, err error)

	fiber   *baton.Fiber   // the hub's own, on which callbacks run; nil before the first park
	task    baton.Task     // what it runs for
	handed  netpoll.Runner // an entry that a parking greenlet took and that is the hub's to run
	root    Proc           // the goroutine that entered
	first   *Proc          // every Proc that is not done but the root, oldest first
	last    *Proc
	live    int // length of that list
	names   uint64
	held    map[Resource]struct{} // what must be closed with the hub
	closing bool                  // the hub's fiber is to end
	done    chan struct{}         // closed with the hub, for goroutines that wait in Do
}

// New makes a hub in a thread of its own, which nobody has entered yet.
func New(opts ...netpoll.Option) (*Hub, error) {
	loop, err := netpoll.NewLoop(opts...)
	if err != nil {
		return nil, err
	}
	h := &Hub{Thread: baton.NewThread(), Loop: loop, done: make(chan struct{})}
	h.Thread.Hub = h
	h.task.Thread = h.Thread
	h.root = Proc{hub: h, task: h.Thread.Main(), name: "main", state: running}
	h.root.task.Proc = &h.root
	return h, nil
}

// Enter makes the calling goroutine the root of the hub's thread.
func (h *Hub) Enter() {
	h.Thread.Enter()
	h.root.state = running
}

// Leave undoes Enter. Greenlets stay as they are until the next Enter.
func (h *Hub) Leave() {
	h.root.forget()
	h.Thread.Leave()
}

// Root returns the Proc of the goroutine that entered the hub.
func (h *Hub) Root() *Proc { return &h.root }

// A Resource is something of the hub's that holds more than memory: a socket.
type Resource interface {
	// Abandon releases it at the hub's end. No greenlet is left that uses it.
	Abandon()
}

// Hold makes sure that r is released with the hub, unless it is dropped before.
func (h *Hub) Hold(r Resource) {
	if h.held == nil {
		h.held = make(map[Resource]struct{})
	}
	h.held[r] = struct{}{}
}

// Drop undoes Hold: r was released by its owner.
func (h *Hub) Drop(r Resource) { delete(h.held, r) }

// Live returns the number of greenlets that are not done, the root not counted.
func (h *Hub) Live() int { return h.live }

// Closed returns a channel that is closed when the hub is.
func (h *Hub) Closed() <-chan struct{} { return h.done }

// Close ends the hub. The caller is its root. Every greenlet must be done (see
// [Hub.KillAll]); Close returns how many carriers are left because theirs is not.
func (h *Hub) Close() (left int) {
	self := h.Thread.Root()
	if h.fiber != nil {
		h.closing = true
		h.Thread.Current = &h.task
		self.Resume(h.fiber)
		h.fiber = nil
	}
	for r := range h.held {
		r.Abandon()
	}
	h.held = nil
	// The loop was open, which is all that Close can complain of.
	_ = h.Loop.Close()
	close(h.done)
	h.Thread.Hub = nil
	return h.Thread.Close(self)
}

// next takes the next entry of the ready queue and returns the fiber that must
// get the baton for it, with the thread's Current set. Self is the calling
// fiber; the result may be self, when its own Proc is next.
//
// Budget: no allocation but a new carrier's, if the pool is empty.
func (h *Hub) next(self *baton.Fiber) *baton.Fiber {
	r := h.Loop.Next()
	if p, ok := r.(*Proc); ok {
		h.Thread.Current = p.task
		if p.task.Fiber != nil {
			return p.task.Fiber
		}
		return h.Thread.Carrier((*body)(p))
	}
	h.handed = r
	return h.own()
}

// own returns the hub's fiber, with the thread's Current set.
func (h *Hub) own() *baton.Fiber {
	h.Thread.Current = &h.task
	if h.fiber == nil {
		h.fiber = h.Thread.Carrier((*hubBody)(h))
		h.task.Fiber = h.fiber
	}
	return h.fiber
}

// hubBody is the hub as a carrier's body: the loop of the thread.
type hubBody Hub

// Run calls callbacks, hands the baton to greenlets that are ready, and polls,
// until the hub closes.
func (b *hubBody) Run(self *baton.Fiber) (baton.Body, *baton.Fiber) {
	h := (*Hub)(b)
	for !h.closing {
		h.entries(self)
	}
	h.closing = false
	h.Thread.Current = h.root.task
	return nil, h.Thread.Root()
}

// entries runs entries and takes turns until the hub closes or a callback
// panics, which it reports.
func (h *Hub) entries(self *baton.Fiber) {
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil {
				h.report("callback", baton.Recovered(v))
			}
		}
	}()
	for !h.closing {
		r := h.handed
		if r == nil {
			r = h.Loop.Next()
		}
		h.handed = nil
		switch r := r.(type) {
		case nil:
			h.turn(self)
		case *Proc:
			h.give(self, r)
		default:
			r.RunReady()
		}
	}
	returned = true
}

// give hands the baton from the hub to p and returns when the hub has it again.
func (h *Hub) give(self *baton.Fiber, p *Proc) {
	h.Thread.Current = p.task
	to := p.task.Fiber
	if to == nil {
		to = h.Thread.Carrier((*body)(p))
	}
	h.task.Fiber = self
	self.Resume(to)
}

// Carriers of greenlets that ended are kept for the next ones, but after a surge
// not all of them: beyond a floor no more than there are busy ones.
const (
	poolFloor = 1024
	trimStep  = 256 // reaped in one turn at most, so that a turn stays short
)

// turn polls; if nothing is left that could ever make anything ready, the root
// is told.
func (h *Hub) turn(self *baton.Fiber) {
	if all, idle := h.Thread.Carriers(); idle > poolFloor {
		if excess := idle - max(poolFloor, all-idle); excess > 0 {
			h.Thread.Trim(self, idle-min(excess, trimStep))
		}
	}
	if h.Loop.Turn() {
		return
	}
	h.exhausted()
}

// Goexit lets the Goexit of a callback end the root, as it would end the
// goroutine that runs a loop of callbacks.
func (b *hubBody) Goexit(*baton.Fiber) *baton.Fiber {
	h := (*Hub)(b)
	h.fiber = nil
	h.Thread.Current = h.root.task
	return h.Thread.ExitRoot()
}

// report tells the error hook, or standard error.
func (h *Hub) report(where string, err error) {
	if h.OnError != nil {
		h.OnError(where, err)
		return
	}
	fmt.Fprintf(os.Stderr, "%s failed: %v\n", where, err)
}

// Report tells of an error that nobody else will be told of.
func (h *Hub) Report(where string, err error) { h.report(where, err) }
