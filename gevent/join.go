package gevent

import (
	"time"

	"github.com/baton-go/baton/internal/hub"
)

// mustBeOf panics if g belongs to another thread than that of the hub.
func (g *Greenlet) mustBeOf(op string, h *hub.Hub) {
	if g.proc.Hub() != h {
		panic(g.proc.Hub().WrongThread(op, g, h))
	}
}

// wait parks the caller until the greenlet has ended or, if limited, d has passed.
func (g *Greenlet) wait(op string, limited bool, d time.Duration) {
	if g.Ready() {
		return
	}
	f, p := hub.Here()
	if p == nil {
		g.proc.Hub().CheckThread(op, g)
		hub.Require(op)
	}
	g.mustBeOf(op, p.Hub())
	if _, err := p.ParkOn(f, &g.links, hub.Wait{Op: op, On: (*runner)(g)}, limited, d); err != nil {
		hub.Unwind(err)
	}
}

// Join waits until the greenlet has ended. It parks the caller unless it has
// ended already; also if it was never started. No allocation.
func (g *Greenlet) Join() { g.wait("gevent.Join", false, 0) }

// JoinTimeout is [Greenlet.Join] for no longer than d, and reports whether the
// greenlet has ended. (In gevent, join says nothing.) A d that is not positive
// lets everything run that is ready.
func (g *Greenlet) JoinTimeout(d time.Duration) bool {
	g.wait("gevent.JoinTimeout", true, d)
	return g.Ready()
}

// Get waits until the greenlet has ended and returns the error with which it
// did: nil, what its function returned, a [*PanicError] if it panicked, or
// [ErrGreenletExit] if it was killed. (In gevent, get returns GreenletExit as a
// value.) For a value use [SpawnValue]. It parks the caller unless the greenlet
// has ended already.
func (g *Greenlet) Get() error {
	g.wait("gevent.Get", false, 0)
	return g.err
}

// GetTimeout is [Greenlet.Get] for no longer than d; then it returns
// [ErrTimeout]. A d that is not positive lets everything run that is ready, which
// may be the greenlet; to ask without waiting use [Greenlet.Ready].
func (g *Greenlet) GetTimeout(d time.Duration) error {
	g.wait("gevent.GetTimeout", true, d)
	if !g.Ready() {
		return ErrTimeout
	}
	return g.err
}

// Do runs f and then waits for the end of the greenlet, which so lasts no longer
// than the call: if f returns an error or panics, or the wait is ended by a kill
// or a time-out, the greenlet is killed, and that is waited for. An error of f is
// what it is killed with, and what Do returns; the greenlet's own error is not. It
// mirrors the greenlet as a context manager. For more than one greenlet use
// [WithScope].
func (g *Greenlet) Do(f func() error) error {
	done := false
	defer func() {
		if !done {
			g.Kill()
		}
	}()
	if err := f(); err != nil {
		done = true
		g.KillWith(err)
		return err
	}
	g.wait("gevent.Do", false, 0)
	done = true
	return nil
}
