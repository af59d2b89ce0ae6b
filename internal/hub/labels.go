package hub

import (
	"strings"

	"github.com/baton-go/baton/internal/baton"
)

// What goroutines outside see of a thread that cannot answer them, because one of
// its greenlets does not give way: the stacks of its goroutines, and, if it keeps
// labels, the names of what runs on them.

// KeepLabels makes the names of greenlets known to goroutines outside: see
// [Hub.Running]. It costs each greenlet that starts later two allocations. The root
// calls it before it has parked.
func (h *Hub) KeepLabels() {
	h.labels = true
	h.Thread.Root().SetLabel(h.root.label())
}

// label returns p's label, made if need be.
func (p *Proc) label() *baton.Label {
	r := p.more()
	if r.label == nil {
		r.label = baton.NewLabel(p.Name())
	}
	return r.label
}

// IgnoreBlocking notes whether it is of no interest for how long p, which is
// running, keeps the baton.
func (p *Proc) IgnoreBlocking(yes bool) { p.label().SetIgnored(yes) }

// hubLabel is the label of the hub's fiber, on which callbacks run.
var hubLabel = baton.NewLabel("a callback of the loop")

// A Goroutine is one of a thread as it is seen from outside.
type Goroutine struct {
	ID    uint64 `json:"goroutine"`
	State string `json:"state,omitempty"` // what the Go runtime says: running, chan receive, sync.Mutex.Lock
	Name  string `json:"name,omitempty"`  // of what it runs, if that is known: see KeepLabels
	Runs  bool   `json:"runs,omitempty"`  // it is parked in no switch, so it has the baton
	Polls bool   `json:"polls,omitempty"`
	Stack string `json:"stack"` // as in Info

	Ignored bool `json:"-"` // see IgnoreBlocking
}

// Goroutines describes the goroutines of the thread that are on the way to
// somewhere: not those that wait in its pool. Any goroutine may call it. It stops
// all goroutines of the process for a moment.
func (h *Hub) Goroutines() []Goroutine {
	var all []Goroutine
	traces := tracesIf(true)
	for _, f := range h.Thread.Roster() {
		trace := traces[f.ID()]
		g := Goroutine{ID: f.ID(), State: trace.state, Stack: TrimStack(trace.frames)}
		g.Runs = !strings.HasPrefix(trace.frames, pull) && !strings.HasPrefix(trace.frames, internals+"baton.")
		turn := strings.Index(trace.frames, internals+"hub.(*Hub).turn(")
		if poll := strings.Index(trace.frames, module+"netpoll.(*Loop).poll("); poll >= 0 && poll < turn {
			g.Polls = true
		}
		if l := f.Label(); l != nil {
			g.Name, g.Ignored = l.Name(), l.Ignored()
		}
		if g.Stack != "" || g.Runs {
			all = append(all, g)
		}
	}
	return all
}

// Running returns the goroutine that has the baton, if that does not wait in the
// loop; and false also in the midst of a switch. For the rest see
// [Hub.Goroutines].
func (h *Hub) Running() (Goroutine, bool) {
	for _, g := range h.Goroutines() {
		if g.Runs && !g.Polls {
			return g, true
		}
	}
	return Goroutine{}, false
}
