package hub

import (
	"time"

	"github.com/baton-go/baton/internal/baton"
)

// Join parks the root, which is the caller on fiber f, until the loop has nothing
// left to do: no greenlet is ready, and nothing can become so. Greenlets that wait
// for what can no longer happen stay parked. If limited it parks for no longer
// than d. It reports whether the loop was done.
func (h *Hub) Join(f *baton.Fiber, w Wait, limited bool, d time.Duration) (done bool, err error) {
	p := &h.root
	h.joining = true
	defer func() { h.joining = false }()
	var c Cause
	if limited {
		c, err = p.ParkFor(f, w, d)
	} else {
		c, err = p.Park(f, w)
	}
	return c == Woken && err == nil, err
}

// nothingElse reports whether the limit of a Join, the timer of the root, is all
// that the loop waits for. As in gevent, handlers of signals do not count.
func (h *Hub) nothingElse() bool {
	s := h.Loop.Stats()
	return h.root.state == parked && h.hopes == 0 && s.Timers == 1 && s.Ready+s.Waiting+s.Watchers+s.Refs+
		s.Children+s.Hooks+s.Blocked+s.FilesPending == 0
}

// Idle parks p, the caller on fiber f, until the loop would wait: until nothing is
// ready, the poller has been asked and no timer is due. On a virtual clock this is
// before the jump to the next timer.
func (p *Proc) Idle(f *baton.Fiber, w Wait) error {
	idle := false
	c := p.hub.Loop.CallWhenBlocked(func() {
		idle = true
		p.WakeNext()
	})
	defer c.Cancel()
	for !idle {
		if _, err := p.Park(f, w); err != nil {
			return err
		}
	}
	return nil
}
