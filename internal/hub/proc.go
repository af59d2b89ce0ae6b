package hub

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/netpoll"
)

type state uint8

const (
	created state = iota
	ready
	running
	parked
	lending // has started another one, which runs: see StartEager
	done
)

// A Cause says what made a parked Proc ready.
type Cause uint8

const (
	Woken       Cause = iota // Wake
	TimedOut                 // the time was up
	IO                       // the descriptor became ready
	Interrupted              // Interrupt
)

// An Owner is what a Proc runs: gevent's Greenlet, asyncio's Task.
type Owner interface {
	// Exec runs the body to its end. It must recover every panic.
	Exec()
	// Exited is called instead of Exec's return when the body called
	// runtime.Goexit.
	Exited()
	// Cancelled is called instead of Exec when the thread ends before the start.
	Cancelled(why error)
}

// A Proc is a greenlet as the hub knows it. It is meant to be embedded in its
// owner and set up with Init, so that a greenlet is one allocation.
//
// The fields that every park touches stand first and together: among a thousand
// greenlets that yield in turn, what a step costs is cache lines.
type Proc struct {
	hub         *Hub
	task        *baton.Task   // &own, unless the Proc is of the root or of a raw greenlet
	since       time.Duration // the loop's time at which it was parked
	state       state
	cause       Cause
	timed       bool   // the timer may be armed
	interrupted bool   // pending is not empty
	number      uint32 // counts the hub's Procs, for the default name
	own         baton.Task

	spawner uint32 // the number of the Proc that called Init, or 0
	unwound uint16 // counts its unwindings, up to maxUnwound: see Catch
	Flags   uint8  // the owner's own, kept here where there is room

	waits Wait // what it is parked for
	link  Link // its place in the list in which it waits, see ParkOn
	owner Owner
	timer netpoll.Timer
	rare  atomic.Pointer[rare] // nil until it is needed; only the name is for others than the thread

	prev, next *Proc // in hub.first
}

// rare is what few Procs have.
type rare struct {
	name    atomic.Pointer[string]
	pending []error      // interrupts that wait to be taken
	extra   any          // see Extra
	label   *baton.Label // see KeepLabels
}

// more returns p's rare, made if need be.
func (p *Proc) more() *rare {
	r := p.rare.Load()
	if r == nil {
		r = &rare{}
		p.rare.Store(r)
	}
	return r
}

// Init sets p up, unstarted, for the hub. The name may be empty: see Name.
func (p *Proc) Init(h *Hub, owner Owner, name string) {
	h.names++
	p.hub, p.owner, p.number = h, owner, h.names
	if name != "" {
		p.SetName(name)
	}
	p.own.Thread, p.own.Proc = h.Thread, p
	p.task = &p.own
	p.link.to = p
	if s, ok := h.Thread.Current.Proc.(*Proc); ok {
		p.spawner = s.number
	}
	p.prev = h.last
	if h.last != nil {
		h.last.next = p
	} else {
		h.first = p
	}
	h.last = p
	h.live++
}

// Hub returns the hub to which p belongs.
func (p *Proc) Hub() *Hub { return p.hub }

// Number counts the Procs of the hub, from 1 up; the root has 0.
func (p *Proc) Number() uint32 { return p.number }

// Spawner returns the number of the Proc that called Init for p; 0 if that was
// the root, a callback, or a greenlet of package greenlet that has no Proc.
func (p *Proc) Spawner() uint32 { return p.spawner }

// Find returns the Proc with the number if it is not done, or nil. It looks
// through the list of all.
func (h *Hub) Find(number uint32) *Proc {
	for p := h.first; p != nil; p = p.next {
		if p.number == number {
			return p
		}
	}
	return nil
}

// Extra returns what SetExtra has kept for p's owner: something that few need.
func (p *Proc) Extra() any {
	if r := p.rare.Load(); r != nil {
		return r.extra
	}
	return nil
}

// SetExtra keeps something for p's owner.
func (p *Proc) SetExtra(v any) { p.more().extra = v }

// Owner returns what p runs; nil for the root and for raw greenlets.
func (p *Proc) Owner() Owner { return p.owner }

// Name returns p's name. One that was given none has its owner's, if that has a
// ProcName method, and is "Greenlet-N" otherwise. Any goroutine may call it, if
// ProcName allows that.
func (p *Proc) Name() string {
	if r := p.rare.Load(); r != nil {
		if name := r.name.Load(); name != nil && *name != "" {
			return *name
		}
	}
	if o, ok := p.owner.(interface{ ProcName() string }); ok {
		return o.ProcName()
	}
	return "Greenlet-" + strconv.FormatUint(uint64(p.number), 10)
}

// SetName changes p's name.
func (p *Proc) SetName(name string) {
	r := p.more()
	r.name.Store(&name)
	if r.label != nil {
		r.label.SetName(name)
	}
}

// Start makes a created p ready.
func (p *Proc) Start() {
	p.state = ready
	p.hub.Loop.Enqueue(p)
}

// StartAfter makes a created p ready when d has passed.
func (p *Proc) StartAfter(d time.Duration) {
	p.state = parked
	p.waits = Wait{Op: "start"}
	p.arm(d)
	p.since = p.hub.Loop.Time()
}

// Cancel ends p before its start, and reports whether that could be: whether it
// had not run. Its owner's Exec is never called.
func (p *Proc) Cancel() bool {
	if p.Started() || p.state == done {
		return false
	}
	if p.timed {
		p.hub.Loop.Disarm(&p.timer)
	}
	p.finish() // an entry in the queue is passed over
	return true
}

// Started reports whether p has begun to run.
func (p *Proc) Started() bool {
	return p.state == running || p.task.Fiber != nil
}

// Done reports whether p's body is over.
func (p *Proc) Done() bool { return p.state == done }

// Parked reports whether p waits for something.
func (p *Proc) Parked() bool { return p.state == parked }

// RunReady makes Proc a netpoll.Runner. The hub handles its entries by their
// type; a loop that was taken from under it must not run them.
func (p *Proc) RunReady() {
	panic("hub.Proc.RunReady: the loop of a hub is run by somebody else; let the hub run it")
}

// finish takes p out of the hub.
func (p *Proc) finish() {
	h := p.hub
	if p.prev != nil {
		p.prev.next = p.next
	} else {
		h.first = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	} else {
		h.last = p.prev
	}
	p.prev, p.next = nil, nil
	h.live--
	p.state = done
	p.task.Ended = true
	p.task.Fiber = nil
	p.waits = Wait{} // it may refer to other greenlets, and they to others
	p.clearPending()
}

// body is a Proc as what a carrier runs.
type body Proc

// Run runs the owner, and then whatever is next: an unstarted greenlet on this
// carrier, at no switch.
func (b *body) Run(f *baton.Fiber) (baton.Body, *baton.Fiber) {
	p := (*Proc)(b)
	p.timed = false
	if p.hub.labels {
		f.SetLabel(p.label())
	}
	p.owner.Exec()
	p.finish()
	if p.hub.labels {
		f.SetLabel(nil)
	}
	next, other := p.hub.take()
	switch {
	case next == nil:
		p.hub.handed = other
		return nil, p.hub.own()
	case next.task.Fiber == nil:
		return (*body)(next), nil
	}
	return nil, next.task.Fiber
}

// Goexit ends the greenlet and makes the root exit, as t.FailNow in a test wants
// it.
func (b *body) Goexit(*baton.Fiber) *baton.Fiber {
	p := (*Proc)(b)
	p.owner.Exited()
	p.finish()
	p.hub.recall()
	p.hub.Thread.Current = p.hub.root.task
	return p.hub.Thread.ExitRoot()
}
