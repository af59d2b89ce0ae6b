package hub

// A Proc that is to run next does not go through the ready queue: it is handed to
// whoever takes the next entry, before everything that is ready. It is for what
// gevent does by switching straight from a callback to a greenlet.

// runNext hands p, which is created or parked, to whoever takes the next entry, and
// reports whether it could: not if somebody stands there already.
func (h *Hub) runNext(p *Proc) bool {
	if h.handed != nil {
		return false
	}
	p.state = running
	h.handed = p
	return true
}

// StartNext is Start in a callback: p runs when the callback has returned.
func (p *Proc) StartNext() {
	if !p.hub.runNext(p) {
		p.Start()
	}
}

// WakeNext is Wake in a callback: p runs when the callback has returned. Anywhere
// else it is just Wake.
func (p *Proc) WakeNext() bool {
	h := p.hub
	if p.state != parked {
		return false
	}
	if h.Thread.Current != &h.task || !h.runNext(p) {
		return p.Wake()
	}
	p.cause = Woken
	return true
}

// InterruptNext is Interrupt, but p, if it is parked, runs as soon as the caller,
// a greenlet or a callback, gives way. It reports whether that will be so: if not
// p takes the interrupt in its turn, or in its next call.
func (p *Proc) InterruptNext(err error) bool {
	if p.state != parked || !p.hub.runNext(p) {
		p.Interrupt(err)
		return false
	}
	p.setPending(append(p.more().pending, err))
	p.cause = Interrupted
	return true
}

// RawProc returns the Proc of a greenlet of package greenlet, which is what its
// task's Greenlet is, or nil if that has never parked in the hub.
func (h *Hub) RawProc(greenlet any) *Proc {
	for _, p := range h.raw {
		if p.task.Greenlet == greenlet && !p.task.Ended {
			return p
		}
	}
	return nil
}
