package hub

import (
	"fmt"
	"os"
	"sync/atomic"

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

	// OnExit, if it is not nil, may add to a LoopExit before somebody gets it. It runs
	// as OnError does.
	OnExit func(*LoopExit)

	// Asyncio and Gevent hold the state that those packages keep for each hub.
	// Gevent is nil as long as package gevent needs none.
	Asyncio, Gevent any

	// Face is what package gevent shows of the hub, nil if nobody has asked.
	Face any

	fiber   *baton.Fiber   // the hub's own, on which callbacks run; nil before the first park
	task    baton.Task     // what it runs for
	handed  netpoll.Runner // an entry that a parking greenlet took and that is the hub's to run; or see eager.go
	root    Proc           // the goroutine that entered
	first   *Proc          // every Proc that is not done but the root, oldest first
	last    *Proc
	raw     []*Proc // those of package greenlet that have parked here
	live    int     // length of that list
	names   uint32
	held    map[Resource]struct{} // what must be closed with the hub
	ending  error                 // what KillAll has been called with
	hopes   int                   // see Hope
	stops   bool                  // see EndIteration
	joining bool                  // see Join
	calling bool                  // a callback has begun and not ended
	closing bool                  // the hub's fiber is to end
	labels  bool                  // see KeepLabels
	done    chan struct{}         // closed with the hub, for goroutines that wait in Do
	jobs    []*job                // see Offload

	name    atomic.Pointer[string]        // if it was given one
	present atomic.Pointer[chan struct{}] // closed when the root leaves; nil while nobody is in the thread

	rootIO sideWait // what the root waits for in a ParkIO
}

// New makes a hub in a thread of its own, which nobody has entered yet.
func New(opts ...netpoll.Option) (*Hub, error) {
	loop, err := netpoll.NewLoop(opts...)
	if err != nil {
		return nil, err
	}
	h := &Hub{Thread: baton.NewThread(), Loop: loop, done: make(chan struct{})}
	h.Thread.Hub = h
	h.Thread.OnEnd(baton.EndLate, h.endLate)
	h.Thread.OnEnd(baton.EndHub, h.end)
	h.task.Thread = h.Thread
	h.root = Proc{hub: h, task: h.Thread.Main(), state: running}
	h.root.SetName("main")
	h.root.task.Proc = &h.root
	h.root.link.to = &h.root
	h.Thread.Exiting = h.root.forget
	h.Thread.LoopTask = h.begin
	return h, nil
}

// Enter makes the calling goroutine the root of the hub's thread.
func (h *Hub) Enter() {
	h.Thread.Enter()
	h.root.state = running
	h.arrive()
}

// Leave undoes Enter. Greenlets stay as they are until the next Enter.
func (h *Hub) Leave() {
	h.root.forget()
	h.depart()
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

// Close ends the hub and its thread; the caller, its root, is foreign
// afterwards. Greenlets of the hub must be done (see [Hub.KillAll]); the
// goroutines of those that are not are lost. Suspended greenlets of package
// greenlet are ended here, while the hub still works.
func (h *Hub) Close() { h.Thread.End(h.Thread.Root()) }

// endLate is called when package greenlet has ended its greenlets, and coro its
// generators, whose clean-up may have used the hub.
func (h *Hub) endLate(*baton.Fiber) {
	if h.ending != nil {
		h.KillAll(h.ending)
	}
}

// end is called last when the thread ends.
func (h *Hub) end(root *baton.Fiber) {
	if h.fiber != nil {
		h.closing = true
		h.Thread.Current = &h.task
		root.Resume(h.task.Fiber)
		h.fiber, h.task.Fiber = nil, nil
	}
	for r := range h.held {
		r.Abandon()
	}
	h.held = nil
	// The loop was open, which is all that Close can complain of.
	_ = h.Loop.Close()
	close(h.done)
	h.depart()
	h.Thread.Hub = nil
}

// take takes the next entry of the ready queue: a Proc, which is to be run now,
// or another entry, or neither if the queue needs a turn. Procs that are not
// ready are passed over: they were cancelled, or resumed by hand, while their
// entry was in the queue. So are greenlets that package greenlet has given up:
// they are parked nowhere, and have nothing to start.
//
// An entry that was handed to the hub comes first: the hub had no time for it if
// a callback that had switched away by hand came back, and did so again.
func (h *Hub) take() (*Proc, netpoll.Runner) {
	if h.handed != nil {
		return h.takeHanded()
	}
	for {
		var r netpoll.Runner
		if h.stops {
			r = h.entry()
		} else {
			r = h.Loop.Next()
		}
		p, ok := r.(*Proc)
		if !ok {
			return nil, r
		}
		if p.state == ready && (p.task.Fiber != nil || p.owner != nil) {
			p.state = running
			h.Thread.Current = p.task
			return p, nil
		}
	}
}

// next takes the next entry of the ready queue and returns the fiber that must
// get the baton for it, with the thread's Current set. The result may be the
// calling fiber, when its own Proc is next.
//
// A carrier that must be made is made on the hub's fiber, which costs two
// switches: making one takes more stack than most greenlets have by then, and
// would double the stack of each of a million that spawn, or sleep, in turn.
//
// Budget: no allocation.
func (h *Hub) next() *baton.Fiber {
	p, other := h.take()
	switch {
	case p == nil:
		h.handed = other
		return h.own()
	case p.task.Fiber != nil:
		return p.task.Fiber
	case h.Thread.Pooled():
		return h.Thread.Carrier((*body)(p))
	}
	h.handed = p
	return h.own()
}

// fiber returns the fiber to resume for p: where it is parked, or a carrier that
// starts it.
func (p *Proc) fiber() *baton.Fiber {
	if p.task.Fiber != nil {
		return p.task.Fiber
	}
	return p.hub.Thread.Carrier((*body)(p))
}

// own returns the fiber to resume for the hub, with the thread's Current set. It
// is not the hub's own while a callback that drives a generator has switched away
// in it by hand.
func (h *Hub) own() *baton.Fiber {
	h.Thread.Current = &h.task
	if h.fiber == nil {
		h.begin()
	}
	return h.task.Fiber
}

// begin makes the hub's fiber, if there is none, and returns its task.
func (h *Hub) begin() *baton.Task {
	if h.fiber == nil {
		h.fiber = h.Thread.Carrier((*hubBody)(h))
		h.task.Fiber = h.fiber
	}
	return &h.task
}

// hubBody is the hub as a carrier's body: the loop of the thread.
type hubBody Hub

// Run calls callbacks, hands the baton to greenlets that are ready, and polls,
// until the hub closes.
func (b *hubBody) Run(self *baton.Fiber) (baton.Body, *baton.Fiber) {
	h := (*Hub)(b)
	if h.labels {
		self.SetLabel(hubLabel)
		defer self.SetLabel(nil)
	}
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
		h.calling = false
		if !returned {
			if v := recover(); v != nil {
				h.Report("callback", baton.Recovered(v))
			} else {
				h.ReportGoexit("callback")
			}
		}
	}()
	for !h.closing {
		if h.Thread.Handover.To == &h.task {
			h.inherit()
		}
		p, r := h.take()
		switch {
		case p != nil:
			h.task.Fiber = self
			self.Resume(p.fiber())
		case r != nil:
			h.calling = true
			r.RunReady()
			h.calling = false
		default:
			h.turn(self)
		}
	}
	returned = true
}

// Carriers of greenlets that ended are kept for the next ones, but after a surge
// not all of them: beyond a floor no more than there are busy ones.
const (
	poolFloor = 1024
	trimStep  = 256 // reaped in one turn at most, so that a turn stays short
)

// A nothing is an entry that only keeps the loop from waiting.
type nothing struct{}

// RunReady does nothing.
func (nothing) RunReady() {}

// turn polls; if nothing is left that could ever make anything ready, the root
// is told.
func (h *Hub) turn(self *baton.Fiber) {
	if all, idle := h.Thread.Carriers(); idle > poolFloor {
		if excess := idle - max(poolFloor, all-idle); excess > 0 {
			h.Thread.Trim(self, idle-min(excess, trimStep))
			if excess > trimStep {
				h.Loop.Enqueue(nothing{}) // come back for the rest
			}
		}
	}
	if h.joining && h.root.timed && h.nothingElse() || !h.Loop.Turn() {
		h.idle()
	}
}

// idle is the rest of a turn in which nothing can become ready any more.
func (h *Hub) idle() {
	if h.hopes > 0 {
		h.Loop.Ref()
		h.Loop.Turn()
		h.Loop.Unref()
		return
	}
	if h.joining && h.root.state == parked {
		h.root.Wake()
		return
	}
	h.exhausted()
}

// Goexit lets the Goexit of a callback end the root, as it would end the
// goroutine that runs a loop of callbacks.
func (b *hubBody) Goexit(*baton.Fiber) *baton.Fiber {
	h := (*Hub)(b)
	h.fiber, h.task.Fiber = nil, nil
	h.Thread.Current = h.root.task
	return h.Thread.ExitRoot()
}

// inherit takes what was left for the hub: the outcome of a greenlet of package
// greenlet that ended after its parent. Nobody asks for it any more, but how it
// failed is not kept secret.
func (h *Hub) inherit() {
	left := h.Thread.Handover
	h.Thread.Handover = baton.Handover{}
	if err, ok := left.Value.(*baton.PanicError); ok && left.Mark&baton.MarkPanicked != 0 {
		h.Report("raw greenlet", err)
	}
}

// Report tells the error hook, or standard error, of an error that nobody else
// will be told of. A hook that panics fails itself, and nobody else.
func (h *Hub) Report(where string, err error) {
	if h.OnError == nil {
		printError(where, err)
		return
	}
	defer func() {
		if v := recover(); v != nil {
			printError(where, err)
			printError("error hook", baton.Recovered(v))
		}
	}()
	h.OnError(where, err)
}

func printError(where string, err error) {
	fmt.Fprintf(os.Stderr, "%s failed: %s\n", where, baton.Details(err))
}
