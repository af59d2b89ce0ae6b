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

// unclosed tells who did not close a transport that the loop, which closes, has
// aborted: asyncio's ResourceWarning. One that was closing, and did not come to its
// end, is aborted without a word. With TLS it is about the transport and the protocol
// above it, of which the user knows.
func (l *Loop) unclosed(t BaseTransport, protocol any) {
	if w, ok := protocol.(*tlsWire); ok {
		switch {
		case w.state >= tlsClosing:
			return
		case w.raw != nil:
			t = (*tlsTransport)(w)
		}
		protocol = w.app
	}
	l.CallExceptionHandler(ExceptionContext{Message: "unclosed transport", Transport: t, Protocol: protocol})
}

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
