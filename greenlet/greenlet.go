package greenlet

import (
	"context"
	"sync/atomic"

	"github.com/baton-go/baton/internal/baton"
)

// A Greenlet is a function with a stack of its own that runs only when it is
// switched to. See the package comment. It is made by [New], and by the package
// itself for the main greenlet of each thread; it must not be copied.
//
// Any goroutine may hold a Greenlet and call those methods that say so. Only the
// greenlets of its own thread can switch to it. A Greenlet that stands for one of
// package gevent, or for a task of package asyncio, should be left to its own
// thread altogether: what its state methods read belongs to that.
type Greenlet struct {
	own  baton.Task  // the task of a greenlet made by New
	task *baton.Task // own, or the task that this greenlet only stands for

	// Any goroutine may read what is atomic.
	phase   atomic.Uint32 // see phase
	name    atomic.Pointer[string]
	context atomic.Pointer[context.Context]

	// The rest belongs to the holder of the thread's baton.
	parent *Greenlet
	plain  func()                         // the body until it is started: one of the two,
	full   func(args ...any) (any, error) // or neither for a greenlet without a body
	locals map[any]any                    // see Local
	birth  uint64                         // the how manyth of its thread to be started
}

// A phase is how far a greenlet has come.
//
//	phase    Task.Fiber          left by
//	pending  nil                 a Switch or Throw that reaches it
//	started  where it is parked  the end of its body
//	dead     nil                 -
//	foreign  the other package's a greenlet that stands for a task of another
//	                             package, or for the root of a thread
type phase = uint32

const (
	pending phase = iota
	started
	dead
	foreign
)

// Func is what can be the body of a greenlet: a plain function, or one that
// takes the arguments of the first [Greenlet.Switch] and whose results go to the
// parent.
type Func interface {
	func() | func(args ...any) (any, error)
}

// Args is what [Greenlet.Switch] returns when several arguments were sent.
type Args []any

// An Option changes a greenlet that is being made: see [New].
type Option func(*Greenlet)

// WithParent makes p the parent instead of the current greenlet. The new
// greenlet belongs to p's thread, and only there can it be started. A nil p
// changes nothing.
func WithParent(p *Greenlet) Option {
	return func(g *Greenlet) {
		if p != nil {
			g.adopt(p)
		}
	}
}

// WithName gives the greenlet a name, which [Greenlet.String] shows.
func WithName(name string) Option {
	return func(g *Greenlet) { g.name.Store(&name) }
}

// WithContext makes ctx what [Greenlet.Context] returns. Without it that is
// context.Background, not the context of the greenlet that calls New: see
// [Context].
func WithContext(ctx context.Context) Option {
	return func(g *Greenlet) {
		if ctx != nil {
			g.context.Store(&ctx)
		}
	}
}

// New returns a greenlet that will run f. It neither starts f nor makes a
// goroutine: the first [Greenlet.Switch] does. The greenlet's parent, which gets
// what f returns, is the greenlet that calls New. Any goroutine may call it; one
// that has no thread becomes a main greenlet, see [Run].
//
// With a nil f the greenlet has no body, and [ErrNoRun] is the error of every
// attempt to start it.
//
// It mirrors greenlet.greenlet(run, parent). Budget: one allocation.
func New[F Func](f F, opts ...Option) *Greenlet {
	g := &Greenlet{}
	switch f := any(f).(type) {
	case func():
		g.plain = f
	case func(args ...any) (any, error):
		g.full = f
	}
	g.init(opts)
	return g
}

func (g *Greenlet) init(opts []Option) {
	g.task = &g.own
	g.own.Greenlet = g
	for _, o := range opts {
		o(g)
	}
	if g.own.Thread != nil {
		return
	}
	if f := baton.Self(); f != nil {
		t := f.Thread()
		if p, ok := t.Current.Greenlet.(*Greenlet); ok { // Current, inlined
			g.own.Thread = t
			g.parent = p
			return
		}
	}
	g.adopt(Current())
}

// adopt makes p the parent of g, which has not started, and p's thread its own.
func (g *Greenlet) adopt(p *Greenlet) {
	g.task.Thread = p.task.Thread
	g.parent = p
}

// wrap returns the greenlet that stands for a task of another package. Its parent
// is the event loop of its thread, as in gevent, or else the main greenlet.
func wrap(task *baton.Task) *Greenlet {
	g := &Greenlet{task: task}
	g.phase.Store(foreign)
	g.parent = &stateOf(task.Thread).main
	task.Greenlet = g
	if loop := task.Thread.LoopTask; loop != nil {
		if p := loop(); p != task {
			g.parent = of(p)
		}
	}
	return g
}

// of returns the greenlet that the task runs for.
func of(task *baton.Task) *Greenlet {
	if g, ok := task.Greenlet.(*Greenlet); ok {
		return g
	}
	if task == task.Thread.Main() {
		return &stateOf(task.Thread).main
	}
	return wrap(task)
}

// Dead reports whether the greenlet has finished: its body returned, panicked or
// exited, something was thrown into it before it began, or its thread exited
// after it had begun. A greenlet that has not begun is not dead. Any goroutine
// may call it. It mirrors greenlet.dead.
func (g *Greenlet) Dead() bool {
	switch g.phase.Load() {
	case pending:
		return false
	case dead:
		return true
	case foreign:
		return g.task.Ended || g.exited()
	}
	return g.exited()
}

// Active reports whether the greenlet has begun and is not dead. Any goroutine
// may call it. It mirrors bool(greenlet).
func (g *Greenlet) Active() bool {
	return g.Started() && !g.Dead()
}

// Started reports whether the greenlet has ever been switched to or thrown into;
// it stays true after its end. Any goroutine may call it. It mirrors
// PyGreenlet_STARTED.
func (g *Greenlet) Started() bool {
	switch g.phase.Load() {
	case pending:
		return false
	case foreign:
		return g.begun()
	}
	return true
}

// begun reports whether the task of another package has begun.
func (g *Greenlet) begun() bool {
	task := g.task
	return g.isMain() || task.Ended || task.Fiber != nil || task.Thread.Current == task
}

// isMain reports whether g is the main greenlet of its thread.
func (g *Greenlet) isMain() bool {
	return g.task == g.task.Thread.Main()
}

// exited reports whether the greenlet's thread has exited.
func (g *Greenlet) exited() bool {
	return stateOf(g.task.Thread).exited.Load()
}

// Thread returns the number of the thread that the greenlet belongs to, counted
// from 1 in each process. Any goroutine may call it.
func (g *Greenlet) Thread() uint64 { return g.task.Thread.Number() }
