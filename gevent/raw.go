package gevent

import (
	"fmt"

	"github.com/baton-go/baton/greenlet"
	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// SpawnRaw makes a greenlet of package greenlet that runs f, and schedules it as
// [Spawn] does. Its parent is the loop, so that it gives the baton to whoever is
// next when it blocks in calls of this module and when it ends. Nobody can join it
// or ask for its result; a panic in f is reported. [Kill] ends it. It mirrors
// gevent.spawn_raw.
//
// It is for who switches by hand, and is no cheaper than Spawn.
func SpawnRaw(f func()) *greenlet.Greenlet {
	h := mustHub("gevent.SpawnRaw")
	if f == nil {
		panic("gevent.SpawnRaw: the function is nil; pass the function that the greenlet is to run")
	}
	g := greenlet.New(f)
	h.Loop.CallSoon(func() {
		if g.Started() {
			return // killed, or switched to by hand
		}
		defer func() {
			if v := recover(); v != nil {
				h.Report("raw greenlet", baton.Recovered(v))
			}
		}()
		// Neither can fail: g has not begun, and belongs to this thread.
		_ = g.SetParent(greenlet.Current())
		_, _ = g.Switch()
	})
	return g
}

// cancelRaw ends a greenlet that has not begun, and reports whether that was so.
func cancelRaw(op string, g *greenlet.Greenlet, err error) bool {
	if h := mustHub(op); h.Thread.Number() != g.Thread() {
		panic(&hub.WrongThread{Op: op, Object: fmt.Sprint(g), Owner: fmt.Sprint("thread ", g.Thread()), Caller: h.Name(),
			Advice: "kill it there"})
	}
	if g.Started() {
		return false
	}
	// What is thrown goes on to the parent: the caller, who takes it back.
	if g.SetParent(greenlet.Current()) == nil {
		_, _ = g.Throw(orExit(err))
	}
	return true
}

// interruptRaw kills a greenlet that has begun.
func interruptRaw(g *greenlet.Greenlet, err error) {
	h := hub.Current()
	if p := h.RawProc(g); p != nil {
		p.Interrupt(err)
		return
	}
	if g == greenlet.Current() {
		_, p := hub.Here()
		p.Interrupt(err)
		return
	}
	// It is suspended in a Switch, and has never parked in the hub.
	h.Loop.CallSoon(func() {
		if !g.Dead() {
			_, _ = g.Throw(err)
		}
	})
}
