package waitlist

import (
	"time"

	"github.com/baton-go/baton/internal/hub"
)

// Park puts w, a waiter of c, into the list, or leaves it where it stands if it
// was told before, and blocks the caller until it is told, its time is up or it is
// interrupted. It returns Woken if it was told, and then w is still in its place:
// the caller calls Park again, or Leave. In the other cases w is out of the list.
//
// G, if not nil, is locked by the caller, and is so again at the return; meanwhile
// it is not.
//
// Budget: as hub.Proc.Park, and about 10 ns more; no allocation.
func (l *List[T]) Park(w *Waiter[T], c Caller, on hub.Wait, g *Guard) (hub.Cause, error) {
	if c.Proc == nil {
		return l.block(w, g), nil
	}
	l.Begin(w, c, g)
	cause, err := w.Park(c, on)
	return l.End(w, c, on, g, cause, err)
}

// Begin is the first part of a Park of a greenlet, which then parks itself, and End
// is the last. It is for a call whose every ns counts: see hub.Proc.Leave.
func (l *List[T]) Begin(w *Waiter[T], c Caller, g *Guard) {
	l.enlist(w)
	w.parked = true
	if g != nil {
		if w.hopes = g.shared; w.hopes {
			c.Hub.Hope()
		}
		g.mu.Unlock()
	}
}

// enlist puts w into the list, or leaves it where it stands.
func (l *List[T]) enlist(w *Waiter[T]) {
	if w.in {
		l.untell(w)
	} else {
		l.add(w)
	}
}

// End is the last part of a Park: see Begin. Cause and err are what parking
// returned.
func (l *List[T]) End(w *Waiter[T], c Caller, on hub.Wait, g *Guard, cause hub.Cause, err error) (hub.Cause, error) {
	if g != nil {
		g.mu.Lock()
	}
	for !w.told && cause == hub.Woken {
		// Somebody woke it who has nothing to do with this wait.
		if g != nil {
			g.mu.Unlock()
		}
		cause, err = w.Park(c, on)
		if g != nil {
			g.mu.Lock()
		}
	}
	w.parked = false
	if w.hopes {
		w.hopes = false
		c.Hub.Unhope()
	}
	if w.told {
		if err != nil {
			c.Proc.PutBack(err)
		}
		return hub.Woken, nil
	}
	l.remove(w)
	return cause, err
}

// Plain reports whether the greenlet may park itself by Leave and Back, between
// Begin and End; otherwise it does by Park.
func (w *Waiter[T]) Plain() bool { return !w.limited && !w.proc.Interrupted() }

// Park parks the greenlet for as long as there is left: see Begin.
func (w *Waiter[T]) Park(c Caller, on hub.Wait) (hub.Cause, error) {
	if w.limited {
		return c.Proc.ParkFor(c.Fiber, on, w.until-c.Hub.Loop.UpdateTime())
	}
	return c.Proc.Park(c.Fiber, on)
}

// untell makes w, which was told, one that waits.
func (l *List[T]) untell(w *Waiter[T]) {
	w.told = false
	// Between the first who was not told and w there are only those who are about
	// to act: few, if any.
	for u := w.prev; u != nil; u = u.prev {
		if u == l.untold {
			return
		}
	}
	l.untold = w
}

// Leave takes w, which was told, out of the list, and keeps it for reuse.
func (l *List[T]) Leave(w *Waiter[T]) {
	l.remove(w)
	l.Free(w)
}

// block is Park for a goroutine that belongs to no thread.
func (l *List[T]) block(w *Waiter[T], g *Guard) hub.Cause {
	if g == nil {
		panic("waitlist.Park: a goroutine that belongs to no thread waits for what belongs to one")
	}
	l.enlist(w)
	g.mu.Unlock()
	if !w.limited {
		<-w.wake
		g.mu.Lock()
		return hub.Woken
	}
	timer := time.NewTimer(time.Until(w.at))
	defer timer.Stop()
	select {
	case <-w.wake:
		g.mu.Lock()
	case <-timer.C:
		g.mu.Lock()
		if !w.told {
			l.remove(w)
			return hub.TimedOut
		}
		<-w.wake
	}
	return hub.Woken
}
