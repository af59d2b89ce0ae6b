package gevent

import (
	"errors"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// A Greenlet is a function that runs in its thread, one greenlet at a time, from
// one blocking call to the next: gevent's Greenlet. It is made by [Spawn],
// [SpawnLater], [NewGreenlet] or, inside an [Of], by [SpawnValue] and [NewValue].
//
// # States
//
//	state                                 Started Ready Successful Killed  Err
//	made by NewGreenlet                   no      no    no         no      nil
//	scheduled by Start, Spawn, SpawnLater yes     no    no         no      nil
//	running or suspended                  yes     no    no         no      nil
//	returned, or returned a nil error     no      yes   yes        no      nil
//	returned an error, panicked           no      yes   no         no      the error
//	killed, also before the start         no      yes   yes        yes     nil
//	killed with another error             no      yes   no         no      the error
//
// # Who may call
//
// Its methods are for greenlets of its own thread; those that do not block may
// be called from callbacks of the thread's loop too. From another thread or a
// foreign goroutine what changes the greenlet, waits for it or walks through what it
// has panics with [ErrWrongThread]. Name may be called by any goroutine. Not checked,
// since they only read a word or two, are String, Started, Ready, Dead, Successful,
// Killed, Err, HasLinks, SpawnTreeLocals, SpawningStack and [Of.Value]; and Get, Join,
// Kill and the like of a greenlet that has ended, which do nothing but look. What they
// say of one that has ended does not change any more, so other goroutines may ask, if
// something, such as the end of [Run], lets them know of the end.
type Greenlet struct {
	proc  hub.Proc
	f     func()
	fe    func() error
	err   error
	links hub.Links // who is told of the end, in this order
}

// What proc.Flags says.
const (
	scheduled uint8 = 1 << iota // Start was called, or is not to have an effect any more
	ended
	quiet    // somebody asks for the error: a panic need not be reported
	hasIdent // see MinimalIdent
	starting // spawn callbacks are being told
)

// Joinable is what can be joined: a *[Greenlet], or an *[Of].
type Joinable interface {
	Linkable
	Name() string
	Successful() bool
	Err() error
	greenlet() *Greenlet
}

func (g *Greenlet) greenlet() *Greenlet { return g }

// Spawn makes a greenlet that runs f, a func() or a func() error, and schedules
// it: it runs when the caller next blocks, after what was scheduled before it.
// It mirrors gevent.spawn. [Run] does not wait for it: see [JoinAll] and [JoinHub].
//
// Spawn does not block. It may be called in a greenlet or in a callback of its
// thread's loop; from a foreign goroutine it panics.
//
// An error that f returns is for whoever asks: [Greenlet.Get], [Greenlet.Err],
// [Greenlet.Link]. If nobody does it is lost, unless [ReportErrors] is set; a panic is
// always reported.
//
// Budget: one allocation; no switch, and none at the greenlet's start either if
// the greenlet before it ended.
func Spawn[F func() | func() error](f F) *Greenlet {
	h := mustHub("gevent.Spawn")
	g := new(Greenlet)
	g.set("gevent.Spawn", any(f))
	g.proc.Init(h, (*runner)(g), "")
	g.born(h)
	if g.schedule(h) {
		g.proc.Start()
	}
	return g
}

// SpawnLater is [Spawn] of a greenlet that is scheduled when d has passed; a d
// that is not positive means after everything that is ready now. It mirrors
// gevent.spawn_later.
func SpawnLater[F func() | func() error](d time.Duration, f F) *Greenlet {
	h := mustHub("gevent.SpawnLater")
	g := new(Greenlet)
	g.set("gevent.SpawnLater", any(f))
	g.proc.Init(h, (*runner)(g), "")
	g.born(h)
	if g.schedule(h) {
		g.proc.StartAfter(d)
	}
	return g
}

// NewGreenlet makes a greenlet that runs f, a func() or a func() error, when
// [Greenlet.Start] or [Greenlet.StartLater] is called. Until then it can be named,
// linked to, joined and killed. Its thread keeps it until it has ended, also if
// it is never started. It mirrors gevent.Greenlet(f). For the rest see [Spawn].
func NewGreenlet[F func() | func() error](f F) *Greenlet {
	h := mustHub("gevent.NewGreenlet")
	g := new(Greenlet)
	g.set("gevent.NewGreenlet", any(f))
	g.proc.Init(h, (*runner)(g), "")
	g.born(h)
	return g
}

// Start schedules the greenlet as [Spawn] does. If it has been started before,
// or has ended, Start does nothing. Start does not block.
func (g *Greenlet) Start() {
	if g.startable("gevent.Start") {
		g.proc.Start()
	}
}

// StartLater schedules the greenlet as [SpawnLater] does. If it has been started
// before, or has ended, StartLater does nothing.
func (g *Greenlet) StartLater(d time.Duration) {
	if g.startable("gevent.StartLater") {
		g.proc.StartAfter(d)
	}
}

// startable is schedule of a greenlet that may have been started before.
func (g *Greenlet) startable(op string) bool {
	if g.proc.Flags&ended != 0 {
		return false
	}
	h := g.proc.Hub()
	h.CheckThread(op, g)
	return g.proc.Flags&(starting|scheduled) == 0 && g.schedule(h)
}

// schedule notes that the greenlet is about to be scheduled, and reports whether it
// is still to be: not if a spawn callback has killed it.
func (g *Greenlet) schedule(h *hub.Hub) bool {
	if h.Gevent != nil {
		g.scheduledIn(stateOf(h))
	}
	g.proc.Flags |= scheduled
	return g.proc.Flags&ended == 0
}

// born notes what is kept of the moment at which the greenlet is made.
func (g *Greenlet) born(h *hub.Hub) {
	if h.Gevent != nil {
		g.bornIn(stateOf(h))
	}
}

func (g *Greenlet) set(op string, f any) {
	switch f := f.(type) {
	case func():
		g.f = f
		if f != nil {
			return
		}
	case func() error:
		g.fe = f
		if f != nil {
			return
		}
	}
	panic(op + ": the function is nil; pass the function that the greenlet is to run")
}

func mustHub(op string) *hub.Hub {
	h := hub.Current()
	if h == nil {
		panic(hub.NoThread(op))
	}
	return h
}

// errExited is the error of a greenlet whose function called runtime.Goexit. Its
// thread's main greenlet is about to exit too.
var errExited = errors.New("gevent: the greenlet called runtime.Goexit")

// exec runs the greenlet's function, call, to its end.
func (g *Greenlet) exec(call func() error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		switch v := recover().(type) {
		case nil:
			g.proc.Hub().ReportGoexit("greenlet " + g.proc.Name())
			g.finish(errExited)
		case *baton.Unwind:
			g.fail(v.Err)
		default:
			err := baton.Recovered(v)
			g.finish(err)
			if g.proc.Flags&quiet == 0 {
				g.proc.Hub().Report("greenlet "+g.proc.Name(), err)
			}
		}
	}()
	err := call()
	returned = true
	if err != nil {
		g.fail(err)
		return
	}
	g.finish(nil)
}

// fail is finish with an error, which is reported if that is asked for, and nobody has
// asked for the error.
func (g *Greenlet) fail(err error) {
	h := g.proc.Hub()
	s, ok := h.Gevent.(*state)
	report := ok && s.reports && g.proc.Flags&quiet == 0 && !g.links.Asked() && !errors.Is(err, ErrGreenletExit)
	g.finish(err)
	if report {
		h.Report("greenlet "+g.proc.Name(), err)
	}
}

// finish notes the result and tells whoever waits for it.
func (g *Greenlet) finish(err error) {
	g.err = err
	g.proc.Flags |= ended
	g.f, g.fe = nil, nil
	if g.proc.Flags&hasIdent != 0 {
		g.freeIdent()
	}
	g.links.NotifyAll()
}

// runner is a Greenlet as what the hub runs.
type runner Greenlet

// Exec runs the function.
func (r *runner) Exec() {
	g := (*Greenlet)(r)
	g.exec(g.call)
}

// Exited has nothing to add to exec's deferred function.
func (r *runner) Exited() {}

// Cancelled ends the greenlet, which has not run.
func (r *runner) Cancelled(why error) { (*Greenlet)(r).finish(why) }

func (g *Greenlet) call() error {
	if g.f != nil {
		g.f()
		return nil
	}
	return g.fe()
}

// Name returns the greenlet's name, by default "Greenlet-N" with a number that
// counts the greenlets of the thread. Any goroutine may call it.
func (g *Greenlet) Name() string { return g.proc.Name() }

// SetName changes the name, which reports and dumps show.
func (g *Greenlet) SetName(name string) {
	g.proc.Hub().CheckLook("gevent.SetName", g)
	g.proc.SetName(name)
}

// String returns the name.
func (g *Greenlet) String() string { return g.Name() }

// Started reports whether the greenlet was scheduled and has not ended: from
// [Spawn] or [Greenlet.Start] to its end. It mirrors Greenlet.started, and what a
// greenlet is as a bool in Python.
func (g *Greenlet) Started() bool { return g.proc.Flags&(scheduled|ended) == scheduled }

// Ready reports whether the greenlet has ended: by return, panic or kill.
func (g *Greenlet) Ready() bool { return g.proc.Flags&ended != 0 }

// Dead is [Greenlet.Ready], under the name that package greenlet has for it.
func (g *Greenlet) Dead() bool { return g.Ready() }

// Successful reports whether the greenlet has ended without an error. Being
// killed is no error, as in gevent: see [Greenlet.Killed].
func (g *Greenlet) Successful() bool {
	return g.Ready() && (g.err == nil || errors.Is(g.err, ErrGreenletExit))
}

// Killed reports whether the greenlet has ended with [ErrGreenletExit]: because
// it was killed, or because its function returned that. Gevent has no such
// question; there one compares the value.
func (g *Greenlet) Killed() bool { return g.err != nil && errors.Is(g.err, ErrGreenletExit) }

// Err returns the error with which the greenlet ended, a [*PanicError] if it
// panicked, and nil if it has not ended or was killed. It mirrors
// Greenlet.exception.
func (g *Greenlet) Err() error {
	if !g.Ready() || g.Successful() {
		return nil
	}
	return g.err
}

// Current returns the greenlet that calls, or nil if that is the thread's main
// greenlet, a callback, a greenlet made with package greenlet, or a foreign
// goroutine.
func Current() *Greenlet {
	_, p := hub.Here()
	return greenletOf(p)
}

// greenletOf returns the greenlet that p, which may be nil, is the Proc of.
func greenletOf(p *hub.Proc) *Greenlet {
	if p == nil {
		return nil
	}
	if g, ok := p.Owner().(interface{ greenlet() *Greenlet }); ok {
		return g.greenlet()
	}
	return nil
}

func (r *runner) greenlet() *Greenlet { return (*Greenlet)(r) }

// String and HeldBy are for those who look at who waits for the greenlet's end.
func (r *runner) String() string { return (*Greenlet)(r).Name() }

// HeldBy makes a runner a hub.Holder: of its own end.
func (r *runner) HeldBy() []*hub.Proc { return []*hub.Proc{&r.proc} }
