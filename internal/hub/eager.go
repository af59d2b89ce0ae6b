package hub

import (
	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/netpoll"
)

// A Proc may be started in the middle of another one's turn, or of a callback's:
// asyncio's eager start. Whoever starts it lends it the turn, and gets the baton back
// when it parks for the first time or ends, before anything else runs. Since it may
// start a third one likewise, lends form a stack. It is kept where entries are kept
// that come before the ready queue, in the hub's handed: that is looked at anyway
// whenever somebody gives the baton away, so that those who never lend pay nothing.

// A lend is an element of the stack: who is to get the baton back.
type lend struct {
	task *baton.Task    // who lends
	proc *Proc          // its Proc; nil if it is a callback
	prev netpoll.Runner // what was handed before
	over bool           // it has the baton again
}

// RunReady is never called: take knows lends.
func (l *lend) RunReady() {}

// StartEager is Start, but p runs at once, until it parks or ends; only then does
// StartEager return. The caller is a Proc of the hub or one of its callbacks.
//
// Budget: two switches, and one allocation.
func (p *Proc) StartEager() {
	h := p.hub
	self, lender := Here()
	l := &lend{task: h.Thread.Current, proc: lender, prev: h.handed}
	if lender != nil {
		lender.state = lending
	}
	l.task.Fiber = self
	h.handed = l
	p.state = running
	h.Thread.Current = p.task
	self.Resume(h.Thread.Carrier((*body)(p)))
	l.over = true // also if package greenlet has switched here by hand
	if lender != nil {
		lender.state = running
	}
}

// takeHanded is take when something was handed to whoever takes the next entry.
func (h *Hub) takeHanded() (*Proc, netpoll.Runner) {
	r := h.handed
	h.handed = nil
	switch r := r.(type) {
	case *Proc:
		h.Thread.Current = r.task
		return r, nil
	case *lend:
		switch {
		case r.over:
			h.handed = r.prev
			return h.take()
		case r.proc == nil:
			return nil, r.prev // the hub goes on, with a callback
		}
		h.handed = r.prev
		h.Thread.Current = r.task
		return r.proc, nil
	}
	return nil, r
}

// recall ends all lends because the one who has the turn called runtime.Goexit, and
// the root is to exit. Those who lent go on in their turn.
func (h *Hub) recall() {
	for l, ok := h.handed.(*lend); ok; l, ok = h.handed.(*lend) {
		h.handed = l.prev
		l.over = true
		if p := l.proc; p != nil && p != &h.root {
			p.cause = Woken
			p.state = ready
			h.Loop.Enqueue(p)
		}
	}
}
