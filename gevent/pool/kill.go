package pool

import (
	"time"

	"github.com/baton-go/baton/gevent"
)

// Kill kills all members, also those that come while it waits, and waits until there
// are none: see [gevent.Greenlet.Kill]. No member is killed twice by its Group: one
// that recovers goes on, and Kill waits for it. It mirrors Group.kill.
func (g *Group) Kill() { g.kill("pool.Kill", nil) }

// KillWith is [Group.Kill] with another error than [gevent.ErrGreenletExit].
func (g *Group) KillWith(err error) { g.kill("pool.KillWith", err) }

// KillTimeout is [Group.KillWith], which waits for no longer than d, and reports
// whether there are no members. (In gevent, kill says nothing.)
func (g *Group) KillTimeout(d time.Duration, err error) bool {
	const op = "pool.KillTimeout"
	g.enter(op)
	_ = gevent.WithTimeout(d, func() error { // it has no error: it is silent
		g.kill(op, err)
		return nil
	}, gevent.Silent())
	return g.Ready()
}

// KillAsync kills the members that there are, without waiting. It may be called in a
// callback. A nil err means [gevent.ErrGreenletExit]. It mirrors kill(block=False).
func (g *Group) KillAsync(err error) {
	g.enter("pool.KillAsync")
	for _, m := range g.list() {
		m.kill(err)
	}
}

// kill kills the member unless that was done.
func (m *member) kill(err error) {
	if !m.dying {
		m.dying = true
		m.g.KillAsync(err)
	}
}

func (g *Group) kill(op string, err error) {
	g.enter(op)
	for !g.Ready() {
		all := g.list()
		ends := make([]end, len(all))
		for i, m := range all {
			m.kill(err)
			ends[i] = end{m.g}
		}
		gevent.Wait(ends...)
	}
}

// An end is a greenlet to wait for until the links before ours have been called, of
// which the first one takes it out of the Group.
type end struct{ g *gevent.Greenlet }

// Ready returns false: a greenlet that has ended may still be a member.
func (end) Ready() bool { return false }

// Rawlink links to the greenlet.
func (e end) Rawlink(f func()) *gevent.Link { return e.g.Rawlink(f) }

// String returns the name, for a dump.
func (e end) String() string { return e.g.Name() }

// KillOne kills the greenlet, if it is a member and was not killed by the Group
// before, and waits until it has ended. It mirrors Group.killone.
func (g *Group) KillOne(greenlet *gevent.Greenlet) { g.KillOneWith(greenlet, nil) }

// KillOneWith is [Group.KillOne] with another error than [gevent.ErrGreenletExit].
func (g *Group) KillOneWith(greenlet *gevent.Greenlet, err error) {
	if g.killOne("pool.KillOne", greenlet, err) {
		greenlet.Join()
	}
}

// KillOneTimeout is [Group.KillOneWith], which waits for no longer than d. It reports
// whether the greenlet is no member, or has ended.
func (g *Group) KillOneTimeout(greenlet *gevent.Greenlet, d time.Duration, err error) bool {
	if g.killOne("pool.KillOneTimeout", greenlet, err) {
		return greenlet.JoinTimeout(d)
	}
	return !g.Contains(greenlet) || greenlet.Ready()
}

// KillOneAsync is [Group.KillOneWith] without waiting. It may be called in a callback.
func (g *Group) KillOneAsync(greenlet *gevent.Greenlet, err error) {
	g.killOne("pool.KillOneAsync", greenlet, err)
}

func (g *Group) killOne(op string, greenlet *gevent.Greenlet, err error) bool {
	g.enter(op)
	m := g.members[greenlet]
	if m == nil || m.dying {
		return false
	}
	m.kill(err)
	return true
}
