package pool

import (
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/internal/waitlist"
	"github.com/baton-go/baton/internal/hub"
)

// Join waits until there are no members. If there are none it returns at once. When
// the caller goes on there may be some again: Join only says that there were none. It
// mirrors Group.join.
func (g *Group) Join() { g.join("pool.Join", false, 0) }

// JoinTimeout is [Group.Join] for no longer than d, and reports whether there were no
// members. A d that is not positive lets everything run that is ready.
func (g *Group) JoinTimeout(d time.Duration) bool { return g.join("pool.JoinTimeout", true, d) }

// JoinError is [Group.Join], and returns what members failed with while it waited:
// the error as it is, if there is one, and otherwise joined by errors.Join in the
// order of the ends. It mirrors join(raise_error=True), which raises one of them, and
// forgets those of members that came later.
func (g *Group) JoinError() error {
	_, err := g.joinError("pool.JoinError", false, 0)
	return err
}

// JoinErrorTimeout is [Group.JoinError] for no longer than d, and reports whether
// there were no members. The error is that of members that have failed by then.
func (g *Group) JoinErrorTimeout(d time.Duration) (bool, error) {
	return g.joinError("pool.JoinErrorTimeout", true, d)
}

// A watch collects errors for a JoinError.
type watch struct{ errs []error }

func (g *Group) joinError(op string, limited bool, d time.Duration) (bool, error) {
	g.enter(op)
	w := new(watch)
	g.watches = append(g.watches, w)
	defer func() {
		for i, other := range g.watches {
			if other == w {
				g.watches = append(g.watches[:i], g.watches[i+1:]...)
				return
			}
		}
	}()
	done := g.join(op, limited, d)
	return done, join(w.errs)
}

func (g *Group) join(op string, limited bool, d time.Duration) bool {
	g.enter(op)
	c := waitlist.Blocking(op)
	if g.first == nil {
		if first := g.empty.First(); first != nil && first.Told() {
			if err := c.Proc.Yield(c.Fiber); err != nil { // behind those who waited
				hub.Unwind(err)
			}
		}
		return true
	}
	w := g.empty.New(c, limited, d)
	cause, err := g.empty.Park(w, c, hub.Wait{Op: op, On: g}, nil)
	if cause == hub.Woken {
		g.empty.Leave(w)
		return true
	}
	g.empty.Free(w)
	if err != nil {
		hub.Unwind(err)
	}
	return false
}

// Ready reports whether there are no members: what [Group.Join] waits for.
func (g *Group) Ready() bool { return g.first == nil }

// Rawlink has f called once, in a callback of the loop, when there are no members, or
// in the loop's next iteration if there are none now: see [gevent.Linkable].
func (g *Group) Rawlink(f func()) *gevent.Link {
	const op = "pool.Rawlink"
	h := waitlist.MustLink(op, f)
	g.enter(op)
	return g.empty.Rawlink(h, nil, g.first == nil, f)
}
