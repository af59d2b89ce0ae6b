package gevent

import (
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// A waiter waits for greenlets to end.
type waiter struct {
	proc  *hub.Proc
	left  int        // greenlets that have not ended yet
	done  []Joinable // the others, in the order in which they ended
	all   []Joinable // what was to be waited for
	links []link     // one for each greenlet that had not ended at the beginning

	// What all, done and links are made of for one greenlet.
	one struct {
		all, done [1]Joinable
		links     [1]link
	}
}

// A link is a waiter's place in the list of one greenlet.
type link struct {
	waiter *waiter
	as     Joinable // the greenlet, as the waiter was given it
	next   *link
}

// String says what is waited for, for a dump.
func (w *waiter) String() string {
	names := ""
	for _, j := range w.all[:min(len(w.all), 5)] {
		if g := j.greenlet(); !g.ended {
			names += " " + g.Name()
		}
	}
	if len(w.all) > 5 {
		names += " ..."
	}
	return names[min(1, len(names)):]
}

// tell notes that the greenlet has ended.
func (l *link) tell() {
	w := l.waiter
	w.done = append(w.done, l.as)
	if w.left--; w.left == 0 {
		w.proc.Wake()
	}
}

// tellAtEnd adds l to those that are told of the end.
func (g *Greenlet) tellAtEnd(l *link) {
	if g.last != nil {
		g.last.next = l
	} else {
		g.first = l
	}
	g.last = l
}

// untell takes l out of those that are told of the end.
func (g *Greenlet) untell(l *link) {
	var before *link
	for x := g.first; x != l; x = x.next {
		before = x
	}
	if before != nil {
		before.next = l.next
	} else {
		g.first = l.next
	}
	if g.last == l {
		g.last = before
	}
}

// waitFor parks until every greenlet of gs has ended, or, if limited, d has
// passed. It returns those that have, and unwinds if it is interrupted.
func waitFor(op string, gs []Joinable, limited bool, d time.Duration) []Joinable {
	w := &waiter{all: gs, done: make([]Joinable, 0, len(gs))}
	for _, j := range gs {
		if j.greenlet().ended {
			w.done = append(w.done, j)
		}
	}
	if n := len(gs) - len(w.done); n > 0 {
		w.links = make([]link, n)
		w.wait(op, limited, d)
	}
	return w.done
}

// waitForOne is waitFor of one greenlet that has not ended: one allocation.
func waitForOne(op string, g *Greenlet, limited bool, d time.Duration) {
	w := new(waiter)
	w.one.all[0] = g
	w.all, w.done, w.links = w.one.all[:], w.one.done[:0], w.one.links[:]
	w.wait(op, limited, d)
}

// wait parks until every greenlet of w.all has ended or the time is up.
func (w *waiter) wait(op string, limited bool, d time.Duration) {
	f, p := hub.Require(op)
	w.proc = p
	for _, j := range w.all {
		mustOwn(op, j.greenlet(), p)
	}
	for _, j := range w.all {
		if g := j.greenlet(); !g.ended {
			w.links[w.left] = link{waiter: w, as: j}
			g.tellAtEnd(&w.links[w.left])
			w.left++
		}
	}
	defer w.forget()
	if err := w.park(op, f, limited, d); err != nil {
		hub.Unwind(err)
	}
}

func (w *waiter) park(op string, f *baton.Fiber, limited bool, d time.Duration) error {
	p := w.proc
	var until time.Duration
	if limited {
		until = p.Hub().Loop.Deadline(d)
	}
	for w.left > 0 {
		var cause hub.Cause
		var err error
		if limited {
			cause, err = p.ParkFor(f, hub.Wait{Op: op, On: w}, until-p.Hub().Loop.Time())
		} else {
			cause, err = p.Park(f, hub.Wait{Op: op, On: w})
		}
		if err != nil || cause == hub.TimedOut {
			return err
		}
	}
	return nil
}

// forget takes w out of the lists in which it still stands.
func (w *waiter) forget() {
	for i := range w.links {
		if g := w.links[i].as.greenlet(); !g.ended {
			g.untell(&w.links[i])
		}
	}
}

// mustOwn panics if g belongs to another thread than p.
func mustOwn(op string, g *Greenlet, p *hub.Proc) {
	if g.proc.Hub() != p.Hub() {
		panic(op + ": " + g.Name() + " belongs to another thread; wait for it there, and tell this thread of the result")
	}
}

// JoinAll waits until all of the greenlets have ended, and returns them in the
// order of their ends. They are of one type, or else all [Joinable]:
//
//	gevent.JoinAll(a, b)                  // two of type *Greenlet
//	gevent.JoinAll(list...)               // a []*Greenlet
//	gevent.JoinAll[gevent.Joinable](a, v) // a *Greenlet and an *Of[int]
//
// It mirrors gevent.joinall.
//
// It parks the calling greenlet unless all have ended already. If that is killed
// meanwhile, or nothing is left that could end one of gs, it unwinds.
func JoinAll[G Joinable](gs ...G) []G {
	return as[G](waitFor("gevent.JoinAll", joinables(gs), false, 0))
}

// JoinAllTimeout is [JoinAll] for no longer than d: it returns those greenlets
// that have ended by then.
func JoinAllTimeout[G Joinable](d time.Duration, gs ...G) []G {
	return as[G](waitFor("gevent.JoinAllTimeout", joinables(gs), true, d))
}

// joinables makes a list of any kind of greenlets one of all kinds.
func joinables[G Joinable](gs []G) []Joinable {
	all := make([]Joinable, len(gs))
	for i, g := range gs {
		all[i] = g
	}
	return all
}

// as undoes joinables.
func as[G Joinable](all []Joinable) []G {
	gs := make([]G, len(all))
	for i, g := range all {
		gs[i] = g.(G)
	}
	return gs
}

// Join waits until the greenlet has ended. It parks the caller unless it has
// ended already.
func (g *Greenlet) Join() {
	if !g.ended {
		waitForOne("gevent.Join", g, false, 0)
	}
}

// JoinTimeout is [Greenlet.Join] for no longer than d, and reports whether the
// greenlet has ended.
func (g *Greenlet) JoinTimeout(d time.Duration) bool {
	if !g.ended {
		waitForOne("gevent.JoinTimeout", g, true, d)
	}
	return g.ended
}

// Get waits until the greenlet has ended and returns the error with which it
// did: nil, what its function returned, a [*PanicError] if it panicked, or
// [ErrGreenletExit] if it was killed. (In gevent, get returns GreenletExit as a
// value.) For a value use [SpawnValue]. It parks the caller unless the greenlet
// has ended already.
func (g *Greenlet) Get() error {
	g.Join()
	return g.err
}

// GetTimeout is [Greenlet.Get] for no longer than d; then it returns
// [ErrTimeout].
func (g *Greenlet) GetTimeout(d time.Duration) error {
	if !g.JoinTimeout(d) {
		return ErrTimeout
	}
	return g.err
}

// Kill ends the greenlet and waits until it has ended. Its parked call unwinds
// the stack, so that deferred functions run; a greenlet that has not run yet
// never will. Kill does nothing to one that has ended. A greenlet that recovers
// the unwinding and goes on is waited for until it ends. Killing oneself unwinds
// at once. It mirrors Greenlet.kill.
//
// A kill is delivered where the greenlet is parked, or, if it has just been
// woken, in its next blocking call, so that what it was woken with is not lost. A
// Switch of package greenlet in which it waits returns it as an error.
//
// It parks the caller unless the greenlet has ended or not begun; in a callback
// use KillAsync.
func (g *Greenlet) Kill() { g.KillWith(ErrGreenletExit) }

// KillWith is [Greenlet.Kill] with another error than [ErrGreenletExit]: it
// becomes the greenlet's error, and the greenlet counts as failed.
func (g *Greenlet) KillWith(err error) {
	if err == nil {
		err = ErrGreenletExit
	}
	if _, p := hub.Here(); p == &g.proc {
		hub.Unwind(err)
	}
	g.KillAsync(err)
	g.Join()
}

// KillAsync kills the greenlet without waiting for its end; it may be called in
// a callback. Of oneself, it takes effect in the next blocking call. A nil err
// means [ErrGreenletExit]. It mirrors kill(block=False).
func (g *Greenlet) KillAsync(err error) {
	if g.ended {
		return
	}
	if mustHub("gevent.Kill") != g.proc.Hub() {
		panic("gevent.Kill: " + g.Name() + " belongs to another thread; kill it there")
	}
	if err == nil {
		err = ErrGreenletExit
	}
	if g.proc.Cancel() {
		g.proc.Owner().Cancelled(err)
		return
	}
	g.proc.Interrupt(err)
}
