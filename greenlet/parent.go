package greenlet

import "fmt"

// Parent returns the greenlet that gets the result of g when it ends, or nil for
// a main greenlet. It is for the greenlets of g's thread. It mirrors
// greenlet.parent.
func (g *Greenlet) Parent() *Greenlet { return g.parent }

// SetParent makes p the parent of g. It may be called at any time; what counts is
// the parent at the end of g. Errors leave the parent as it was: [ErrMainParent]
// if g is a main greenlet, [ErrNilParent] if p is nil, [ErrCyclicParent] if g is
// an ancestor of p or p itself, [ErrWrongThread] if g has begun and p belongs to
// another thread.
//
// A greenlet that has not begun moves to p's thread with that, and belongs to it
// from then on. Like any value that passes from one goroutine to another it must
// be handed over in order, by a channel for example. SetParent is for the
// greenlets of g's thread, and does not switch.
func (g *Greenlet) SetParent(p *Greenlet) error {
	switch {
	case g.isMain():
		return ErrMainParent
	case p == nil:
		return ErrNilParent
	}
	for a := p; a != nil; a = a.parent {
		if a == g {
			return ErrCyclicParent
		}
	}
	switch {
	case g.task.Thread == p.task.Thread:
		g.parent = p
	case g.phase.Load() == pending:
		g.adopt(p)
	default:
		return fmt.Errorf("%w: the parent of %v (thread %d) cannot be %v (thread %d)",
			ErrWrongThread, g, g.Thread(), p, p.Thread())
	}
	return nil
}
