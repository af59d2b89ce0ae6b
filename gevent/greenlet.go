package gevent

import (
	"errors"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// A Greenlet is a function that runs in its thread, one greenlet at a time, from
// one blocking call to the next: gevent's Greenlet. It is made by [Spawn],
// [SpawnLater] or, inside an [Of], by [SpawnValue].
//
// Its methods are for greenlets of its own thread; those that do not block may
// be called from callbacks of the thread's loop too. From another thread or a
// foreign goroutine they panic.
type Greenlet struct {
	proc  hub.Proc
	f     func()
	fe    func() error
	err   error
	begun bool
	ended bool
	first *link // who is told of the end, in this order
	last  *link
}

// Joinable is what can be joined: a *[Greenlet], or an *[Of].
type Joinable interface {
	Name() string
	Ready() bool
	Successful() bool
	Err() error
	greenlet() *Greenlet
}

func (g *Greenlet) greenlet() *Greenlet { return g }

// Spawn makes a greenlet that runs f, a func() or a func() error, and schedules
// it: it runs when the caller next blocks, after what was scheduled before it.
// It mirrors gevent.spawn.
//
// Spawn does not block. It may be called in a greenlet or in a callback of its
// thread's loop; from a foreign goroutine it panics.
//
// Budget: one allocation; no switch, and none at the greenlet's start either if
// the greenlet before it ended.
func Spawn[F func() | func() error](f F) *Greenlet {
	h := mustHub("gevent.Spawn")
	g := new(Greenlet)
	g.set(any(f))
	g.proc.Init(h, (*runner)(g), "")
	g.proc.Start()
	return g
}

// SpawnLater is [Spawn] of a greenlet that is scheduled when d has passed; a d
// that is not positive means after everything that is ready now. It mirrors
// gevent.spawn_later.
func SpawnLater[F func() | func() error](d time.Duration, f F) *Greenlet {
	h := mustHub("gevent.SpawnLater")
	g := new(Greenlet)
	g.set(any(f))
	g.proc.Init(h, (*runner)(g), "")
	g.proc.StartAfter(d)
	return g
}

func (g *Greenlet) set(f any) {
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
	panic("gevent.Spawn: the function is nil; pass the function that the greenlet is to run")
}

func mustHub(op string) *hub.Hub {
	h := hub.Current()
	if h == nil {
		panic(op + ": the calling goroutine belongs to no thread; call it inside gevent.Run, in the function itself or in a greenlet spawned there")
	}
	return h
}

// errExited is the error of a greenlet whose function called runtime.Goexit. Its
// thread's main greenlet is about to exit too.
var errExited = errors.New("gevent: the greenlet called runtime.Goexit")

// exec runs the greenlet's function, call, to its end.
func (g *Greenlet) exec(call func() error) {
	g.begun = true
	ended := false
	defer func() {
		if ended {
			return
		}
		switch v := recover().(type) {
		case nil:
			g.finish(errExited)
		case *baton.Unwind:
			g.finish(v.Err)
		default:
			err := baton.Recovered(v)
			g.finish(err)
			g.proc.Hub().Report("greenlet "+g.proc.Name(), err)
		}
	}()
	err := call()
	ended = true
	g.finish(err)
}

// finish notes the result and tells whoever waits for it.
func (g *Greenlet) finish(err error) {
	g.err = err
	g.ended = true
	g.f, g.fe = nil, nil
	for l := g.first; l != nil; l = l.next {
		l.tell()
	}
	g.first, g.last = nil, nil
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
// counts the greenlets of the thread.
func (g *Greenlet) Name() string { return g.proc.Name() }

// SetName changes the name, which reports and dumps show.
func (g *Greenlet) SetName(name string) { g.proc.SetName(name) }

// String returns the name.
func (g *Greenlet) String() string { return g.Name() }

// Started reports whether the greenlet has begun to run, which one that was
// killed before never does. (Gevent's started is true from the spawn to the end.)
func (g *Greenlet) Started() bool { return g.begun }

// Ready reports whether the greenlet has ended: by return, panic or kill.
func (g *Greenlet) Ready() bool { return g.ended }

// Successful reports whether the greenlet has ended without an error. Being
// killed is no error, as in gevent.
func (g *Greenlet) Successful() bool {
	return g.ended && (g.err == nil || errors.Is(g.err, ErrGreenletExit))
}

// Err returns the error with which the greenlet ended, a [*PanicError] if it
// panicked, and nil if it has not ended or was killed. It mirrors
// Greenlet.exception.
func (g *Greenlet) Err() error {
	if !g.ended || g.Successful() {
		return nil
	}
	return g.err
}

// Current returns the greenlet that calls, or nil if that is the thread's main
// greenlet, a callback, a greenlet made with package greenlet, or a foreign
// goroutine.
func Current() *Greenlet {
	_, p := hub.Here()
	if p == nil {
		return nil
	}
	if g, ok := p.Owner().(interface{ greenlet() *Greenlet }); ok {
		return g.greenlet()
	}
	return nil
}

func (r *runner) greenlet() *Greenlet { return (*Greenlet)(r) }
