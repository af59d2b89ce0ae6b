package hub

import "github.com/baton-go/baton/netpoll"

// EndIteration makes the root ready, if it is parked then, when the loop's
// current iteration is over: the entries that the iteration began with still
// run, those that they made ready do not. It is asyncio's stop.
func (h *Hub) EndIteration() { h.stops = true }

// entry is the loop's Next, but for an iteration whose end the root awaits.
func (h *Hub) entry() netpoll.Runner {
	if h.stops && h.Loop.Batch() == 0 {
		h.stops = false
		if h.root.state == parked {
			h.root.cause = Woken
			h.root.state = ready
			return &h.root
		}
	}
	return h.Loop.Next()
}
