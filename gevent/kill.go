package gevent

import (
	"fmt"
	"slices"
	"time"

	"github.com/baton-go/baton/greenlet"
	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// Kill ends the greenlet and waits until it has ended. Its parked call unwinds
// the stack, so that deferred functions run; a greenlet that has not run yet
// never will. Kill does nothing to one that has ended. A greenlet that recovers
// the unwinding and goes on, or blocks in its clean-up, is waited for until it
// ends. Killing oneself unwinds at once. It mirrors Greenlet.kill.
//
// A kill is delivered where the greenlet is parked, or, if it has just been
// woken, in its next blocking call, so that what it was woken with is not lost. A
// Switch of package greenlet in which it waits returns it as an error.
//
// It parks the caller unless the greenlet has ended or not begun; in a callback
// use KillAsync.
func (g *Greenlet) Kill() { g.KillWith(ErrGreenletExit) }

// KillWith is [Greenlet.Kill] with another error than [ErrGreenletExit]: it
// becomes the greenlet's error, and the greenlet counts as failed. A nil err means
// ErrGreenletExit.
func (g *Greenlet) KillWith(err error) {
	g.killNow(err)
	g.wait("gevent.Kill", false, 0)
}

// KillTimeout is [Greenlet.KillWith], which waits for no longer than d. It
// reports whether the greenlet has ended. (In gevent, kill says nothing.)
func (g *Greenlet) KillTimeout(d time.Duration, err error) bool {
	g.killNow(err)
	g.wait("gevent.Kill", true, d)
	return g.Ready()
}

// killNow unwinds the caller if it is the greenlet, or kills that and goes on right
// behind it: when it has ended, or blocks again.
func (g *Greenlet) killNow(err error) {
	const op = "gevent.Kill"
	f, p := hub.Here()
	if p == &g.proc {
		hub.Unwind(orExit(err))
	}
	if !g.mayKill(op) || g.cancel(err) {
		return
	}
	g.proc.Interrupt(orExit(err))
	follow(op, f, p)
}

// follow lets p, the caller on fiber f, go on behind what it has made ready.
func follow(op string, f *baton.Fiber, p *hub.Proc) {
	if p == nil {
		hub.Require(op)
	}
	if err := p.Yield(f); err != nil {
		hub.Unwind(err)
	}
}

// KillAsync kills the greenlet without waiting for its end; it may be called in
// a callback. Of oneself, it takes effect in the next blocking call. A nil err
// means [ErrGreenletExit]. It mirrors kill(block=False).
func (g *Greenlet) KillAsync(err error) {
	if g.mayKill("gevent.Kill") && !g.cancel(err) {
		g.proc.Interrupt(orExit(err))
	}
}

// Throw kills the greenlet with err as [Greenlet.KillAsync] does, but there and
// then: before Throw returns the greenlet has run until it blocks again, or ends.
// The caller goes on after what was ready. Called in a callback, the greenlet runs
// when the callback has returned. One that has been woken already is not hurried:
// it takes err in its next blocking call. It mirrors Greenlet.throw.
func (g *Greenlet) Throw(err error) {
	f, p := hub.Here()
	switch {
	case p == &g.proc:
		hub.Unwind(orExit(err))
	case !g.mayKill("gevent.Throw") || g.cancel(err):
	case g.proc.InterruptNext(orExit(err)) && p != nil:
		if err := p.Yield(f); err != nil {
			hub.Unwind(err)
		}
	}
}

func (g *Greenlet) mayKill(op string) bool {
	if g.Ready() {
		return false
	}
	g.proc.Hub().CheckThread(op, g)
	return true
}

// cancel ends the greenlet if it has not run yet, and reports whether that was so.
func (g *Greenlet) cancel(err error) bool {
	if !g.proc.Cancel() {
		return false
	}
	g.proc.Owner().Cancelled(orExit(err))
	return true
}

func orExit(err error) error {
	if err == nil {
		return ErrGreenletExit
	}
	return err
}

// Killable is what [Kill] and [KillAll] take: a *[Greenlet], an *[Of], or a
// *greenlet.Greenlet such as [SpawnRaw] makes.
type Killable interface{ Dead() bool }

// Kill kills a greenlet of either kind without waiting for its end: see
// [Greenlet.KillAsync]. Of a greenlet of package greenlet the call of this module
// in which it is parked unwinds, and a Switch returns the error; one that has not
// begun never does. A nil err means [ErrGreenletExit]. It mirrors gevent.kill.
func Kill(g Killable, err error) {
	if g.Dead() {
		return
	}
	if !cancelAny("gevent.Kill", g, err) {
		interruptAny(g, err)
	}
}

// KillAll kills the greenlets and waits until they have ended. Those that have
// not begun end at once, before any other is told. Greenlets of package greenlet
// may be among them, but are not waited for. It mirrors gevent.killall. They are of
// one type, or else all [Killable]; for the rest see [Greenlet.Kill].
func KillAll[G Killable](gs ...G) {
	killAllNow("gevent.KillAll", nil, gs, allOf)
}

// KillAllWith is [KillAll] with another error than [ErrGreenletExit].
func KillAllWith[G Killable](err error, gs ...G) {
	killAllNow("gevent.KillAllWith", err, gs, allOf)
}

// KillAllAsync is [KillAllWith] without waiting; it may be called in a callback.
func KillAllAsync[G Killable](err error, gs ...G) { killAll("gevent.KillAll", err, gs) }

// KillAllTimeout is [KillAllWith], which waits for no longer than d. If not all
// have ended by then, the error matches [ErrTimeout].
func KillAllTimeout[G Killable](d time.Duration, err error, gs ...G) error {
	const op = "gevent.KillAllTimeout"
	o := allOf
	o.limited, o.limit = true, d
	if left := killAllNow(op, err, gs, o); left > 0 {
		return fmt.Errorf("%s: greenlets that have not ended, %d: %w", op, left, ErrTimeout)
	}
	return nil
}

// killAllNow kills, goes on right behind those that were killed, and waits for those
// that have not ended by then. It returns how many of them have not ended.
func killAllNow[G Killable](op string, err error, gs []G, o waiting) (left int) {
	f, p := hub.Here()
	killed, begun := killAll(op, err, gs)
	if begun {
		follow(op, f, p)
	}
	killed = slices.DeleteFunc(killed, func(g Joinable) bool { return g.greenlet().Ready() })
	return len(killed) - len(waitFor(op, killed, o))
}

// allOf is how to wait for any number of objects.
var allOf = waiting{count: 1<<31 - 1}

// killAll kills, and returns those that can be waited for, and whether there were any
// that had begun.
func killAll[G Killable](op string, err error, gs []G) (wait []Joinable, begun bool) {
	var all []Killable
	for _, g := range gs {
		if !g.Dead() && !cancelAny(op, g, err) {
			all = append(all, g)
			if j, ok := any(g).(Joinable); ok {
				wait = append(wait, j)
			}
		}
	}
	for _, g := range all {
		interruptAny(g, err)
	}
	return wait, len(all) > 0
}

// cancelAny ends a greenlet that has not begun, and reports whether that was so.
func cancelAny(op string, g Killable, err error) bool {
	switch g := g.(type) {
	case Joinable:
		return !g.greenlet().mayKill(op) || g.greenlet().cancel(err)
	case *greenlet.Greenlet:
		return cancelRaw(op, g, err)
	}
	panic(fmt.Sprintf("%s: a %T cannot be killed; pass greenlets", op, g))
}

func interruptAny(g Killable, err error) {
	if j, ok := g.(Joinable); ok {
		j.greenlet().proc.Interrupt(orExit(err))
	} else {
		interruptRaw(g.(*greenlet.Greenlet), orExit(err))
	}
}
