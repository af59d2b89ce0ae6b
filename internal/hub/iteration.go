package hub

import "github.com/baton-go/baton/netpoll"

// An iterationEnd is the wish of the root to go on when the loop's current
// iteration is over: asyncio's stop. The entries that the iteration began with
// still run, those that they made ready do not.
type iterationEnd struct {
	awaited bool           // at the end of the iteration the root gets the baton
	entries uint64         // the loop's count of entries, which each iteration raises
	kept    netpoll.Runner // the first entry of the next iteration, taken to find that it is one
}

// EndIteration makes the root ready, if it is parked then, when the entries of
// the current iteration have run.
func (h *Hub) EndIteration() {
	h.iteration.awaited = true
	h.iteration.entries = h.Loop.Stats().Entries
}

// entry is the loop's Next, but for an iteration whose end is awaited.
func (h *Hub) entry() netpoll.Runner {
	if h.iteration.awaited || h.iteration.kept != nil {
		return h.entryOrEnd()
	}
	return h.Loop.Next()
}

func (h *Hub) entryOrEnd() netpoll.Runner {
	i := &h.iteration
	if r := i.kept; r != nil {
		i.kept = nil
		return r
	}
	r := h.Loop.Next()
	if r != nil && h.Loop.Stats().Entries == i.entries {
		return r
	}
	i.awaited = false
	if h.root.state != parked {
		return r
	}
	i.kept = r
	h.root.cause = Woken
	h.root.state = ready
	return &h.root
}
