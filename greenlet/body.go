package greenlet

import (
	"errors"

	"github.com/baton-go/baton/internal/baton"
)

// body is a Greenlet as a carrier sees it. A type of its own keeps the methods
// of baton.Body out of the public API, and the conversion allocates nothing.
type body Greenlet

// Run runs the greenlet to its end. The common case has a path of its own: a
// plain function returns, and the parent waits in a Switch.
//
// Budget of a greenlet from New to its end on a pooled carrier: one allocation,
// which is the Greenlet and costs 40 ns, two switches, and some 60 ns beside them.
func (b *body) Run(*baton.Fiber) (baton.Body, *baton.Fiber) {
	g := (*Greenlet)(b)
	t := g.task.Thread
	st := stateOf(t)
	h := &t.Handover
	plain := g.plain
	if plain == nil || h.Mark&^markNone != 0 {
		return st.finish(g, g.run(st))
	}
	g.plain = nil
	h.Value = nil
	if v := protect(plain); v != nil {
		return st.finish(g, died(v))
	}
	heir := g.parent.task
	dest := heir.Fiber
	if dest == nil || heir.Thread != t || t.Watched || t.Implicit() {
		return st.finish(g, message{})
	}
	st.retire(g)
	h.Mark = 0
	h.To = heir
	t.Current = heir
	return nil, dest
}

// protect calls f and returns what it panicked with, ready to go on in another
// greenlet.
func protect(f func()) (failure any) {
	defer func() {
		if v := recover(); v != nil {
			failure = baton.Rethrow(v)
		}
	}()
	f()
	return nil
}

// died returns the outcome of a body that panicked with v, which Rethrow
// returned. To be unwound by ErrExit, from a call of another package in which the
// greenlet was parked, is an orderly end.
func died(v any) message {
	if u, ok := v.(*baton.Unwind); ok && errors.Is(u.Err, ErrExit) {
		return exit(u.Err)
	}
	return message{value: v, mark: markPanic}
}

// Goexit ends a greenlet that called runtime.Goexit, as t.FailNow does. It has
// no result, so no greenlet can go on with it: the root exits in the same way.
func (b *body) Goexit(*baton.Fiber) *baton.Fiber {
	g := (*Greenlet)(b)
	t := g.task.Thread
	st := stateOf(t)
	st.retire(g)
	t.Current = t.Main()
	t.Handover = baton.Handover{}
	if st.closing.Load() {
		st.exiting = st.exiting || st.refused <= persistence // else it was told to
		return t.Current.Fiber
	}
	return t.ExitRoot()
}

// run starts the greenlet with what was left for it and returns the outcome.
func (g *Greenlet) run(st *state) (m message) {
	defer func() {
		if v := recover(); v != nil {
			m = died(baton.Rethrow(v))
		}
	}()
	m, origin := st.take()
	plain, full := g.plain, g.full
	g.plain, g.full = nil, nil
	if m.mark&markTrace != 0 {
		if err := st.trace(m.mark, origin, g); err != nil {
			return message{err: err, mark: markError}
		}
	}
	if m.mark &= markError | markPanic | markNone | markMany; m.mark&(markError|markPanic) != 0 {
		return m // it dies before its first step
	}
	if plain != nil {
		plain()
		return message{}
	}
	var args []any
	switch {
	case m.mark&markMany != 0:
		args = m.value.(Args)
	case m.mark&markNone == 0:
		args = []any{m.value}
	}
	v, err := full(args...)
	if err != nil {
		return message{err: err, mark: markError}
	}
	return message{value: v}
}

// finish ends g with outcome m: it finds the ancestor that gets it, and says how
// the carrier goes on.
func (st *state) finish(g *Greenlet, m message) (baton.Body, *baton.Fiber) {
	if m.err != nil && errors.Is(m.err, ErrExit) {
		m = exit(m.err)
	}
	st.retire(g)
	heir := st.heir(g, &m)
	if st.thread.Implicit() {
		m.mark |= markRest
	}
	st.leave(heir, m)
	st.thread.Current = heir.task
	if dest := heir.task.Fiber; dest != nil {
		return nil, dest
	}
	st.begin(heir)
	return (*body)(heir), nil
}

// heir returns the greenlet that goes on when g has ended. If the result cannot
// be delivered to an ancestor, the error goes on to that one's parent, and in the
// end to the main greenlet.
func (st *state) heir(g *Greenlet, m *message) *Greenlet {
	if st.closing.Load() {
		return &st.main
	}
	for p := g.parent; p != nil; {
		if p.task.Thread != st.thread {
			*m = message{err: wrongThread(p), mark: markError}
			break
		}
		target, err := p.resolve()
		if err == nil {
			return target
		}
		*m = message{err: err, mark: markError}
		p = target.parent
	}
	return &st.main
}
