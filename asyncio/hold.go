package asyncio

import (
	"cmp"
	"slices"

	"github.com/baton-go/baton/internal/hub"
)

// loopResources are what must be released with a loop: transports and servers. They
// hold descriptors, and are no use without their loop.
type loopResources struct {
	held map[hub.Resource]uint64 // each with its number
	last uint64
}

// hold makes sure that r is abandoned when the loop closes, unless it is dropped
// before.
func (l *Loop) hold(r hub.Resource) {
	x := &l.resources
	if x.held == nil {
		x.held = make(map[hub.Resource]uint64)
		l.hub.Hold((*heldResources)(l))
	}
	x.last++
	x.held[r] = x.last
}

// drop undoes hold: r was released.
func (l *Loop) drop(r hub.Resource) { delete(l.resources.held, r) }

// heldResources is a loop as what abandons its resources at its hub's end.
type heldResources Loop

// Abandon abandons them, oldest first.
func (h *heldResources) Abandon() {
	x := &h.resources
	all := make([]hub.Resource, 0, len(x.held))
	for r := range x.held {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b hub.Resource) int { return cmp.Compare(x.held[a], x.held[b]) })
	for _, r := range all {
		r.Abandon()
	}
	clear(x.held)
}

// abandonResources releases them when the loop closes and its hub does not.
func (l *Loop) abandonResources() {
	if l.resources.held != nil {
		(*heldResources)(l).Abandon()
		l.hub.Drop((*heldResources)(l))
		l.resources = loopResources{}
	}
}
