package gevent

import (
	"context"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/baton-go/baton/internal/hub"
)

// WithSpawnTree keeps for each greenlet of the thread what it has from the one
// that made it: the [Greenlet.SpawnTreeLocals], and, if frames is positive, that
// many frames of the stack on which it was made, for [Greenlet.SpawningStack]. It
// mirrors gevent's track_greenlet_tree, which is on by default there, and
// Greenlet.spawning_stack_limit, which is 10.
//
// Without it a spawn is one allocation. It adds one, and another for each greenlet
// that main or a callback makes: 70 ns. Frames add one more and, if they are ten,
// a microsecond, which is as long as eight spawns.
func WithSpawnTree(frames int) Option {
	if frames < 0 {
		panic("gevent.WithSpawnTree: a negative number of frames; pass 0 for none")
	}
	return func(o *options) { o.tree = &frames }
}

// state is what gevent keeps for a thread, if anything.
type state struct {
	callbacks []*spawnCallback // replaced, never changed
	tracked   bool             // see WithSpawnTree
	reports   bool             // see ReportErrors
	frames    int
	idents    []bool // those that are taken, see MinimalIdent
}

func stateOf(h *hub.Hub) *state {
	s, ok := h.Gevent.(*state)
	if !ok {
		s = new(state)
		h.Gevent = s
	}
	return s
}

// lineage is what few greenlets have.
type lineage struct {
	locals map[any]any
	stack  []uintptr
	ident  int
	ctx    context.Context // see Context
}

func (g *Greenlet) lineage() *lineage {
	l, ok := g.proc.Extra().(*lineage)
	if !ok {
		l = new(lineage)
		g.proc.SetExtra(l)
	}
	return l
}

// bornIn notes what is kept of the moment at which the greenlet is made.
func (g *Greenlet) bornIn(s *state) {
	if !s.tracked {
		return
	}
	l := g.lineage()
	if parent := Current(); parent != nil {
		l.locals = parent.lineage().locals
	}
	if l.locals == nil {
		l.locals = make(map[any]any)
	}
	if s.frames > 0 {
		l.stack = make([]uintptr, s.frames)
		l.stack = l.stack[:runtime.Callers(4, l.stack)] // without Callers, bornIn, born and its caller
	}
}

// scheduledIn tells the spawn callbacks.
func (g *Greenlet) scheduledIn(s *state) {
	g.proc.Flags |= starting
	defer func() { g.proc.Flags &^= starting }()
	for _, c := range s.callbacks {
		c.f(g)
	}
}

type spawnCallback struct{ f func(*Greenlet) }

// AddSpawnCallback has f called with each greenlet of the calling thread that is
// started from now on, in [Spawn] and the like or [Greenlet.Start], before it is
// scheduled. F must not block; if it kills the greenlet, that never runs. The returned function takes f back; calling it
// again has no effect. It mirrors Greenlet.add_spawn_callback, which is for the
// whole process there.
//
// Not told are greenlets that are killed before they are started, those that a
// [Greenlet.Link] makes, tasks of asyncio, and greenlets of package greenlet.
func AddSpawnCallback(f func(*Greenlet)) (remove func()) {
	const op = "gevent.AddSpawnCallback"
	h := mustHub(op)
	if f == nil {
		panic(op + ": the function is nil; pass the function that is to be called")
	}
	s, c := stateOf(h), &spawnCallback{f}
	s.callbacks = append(slices.Clip(s.callbacks), c)
	return func() {
		h.CheckLook("gevent.AddSpawnCallback: the returned function", "the callback")
		s.callbacks = slices.DeleteFunc(slices.Clone(s.callbacks), func(other *spawnCallback) bool { return other == c })
	}
}

// SpawningGreenlet returns the greenlet that made this one, or nil if that has
// ended, or was none: the main greenlet, a callback, a task of asyncio. It looks
// through all greenlets of the thread. It mirrors Greenlet.spawning_greenlet,
// which is a weak reference for the same purpose: that who spawns keeps nothing
// alive.
func (g *Greenlet) SpawningGreenlet() *Greenlet {
	number := g.proc.Spawner()
	if number == 0 {
		return nil
	}
	g.proc.Hub().CheckLook("gevent.SpawningGreenlet", g)
	return greenletOf(g.proc.Hub().Find(number))
}

// SpawnTreeLocals returns what the greenlet shares with the one that made it, and
// with all that either makes: one map for each greenlet that main or a callback
// makes, and its descendants. It is nil without [WithSpawnTree]. Keys are best
// values of a type of their own, as with package context. It mirrors
// Greenlet.spawn_tree_locals.
func (g *Greenlet) SpawnTreeLocals() map[any]any {
	if l, ok := g.proc.Extra().(*lineage); ok {
		return l.locals
	}
	return nil
}

// SpawningStack returns where the greenlet was made, in the form of a stack
// trace, or "" if that is not kept: see [WithSpawnTree]. It mirrors
// Greenlet.spawning_stack.
func (g *Greenlet) SpawningStack() string {
	l, ok := g.proc.Extra().(*lineage)
	if !ok || len(l.stack) == 0 {
		return ""
	}
	var b strings.Builder
	for frames := runtime.CallersFrames(l.stack); ; {
		f, more := frames.Next()
		b.WriteString(f.Function + "(...)\n\t" + f.File + ":" + strconv.Itoa(f.Line) + "\n")
		if !more {
			return b.String()
		}
	}
}

// MinimalIdent returns a number for the greenlet, which is the smallest one from 0
// up that no other greenlet of its thread has that asked for one and has not
// ended. So it can be the index of a table. It stays the same until the greenlet
// has ended; then it is -1. It mirrors Greenlet.minimal_ident, which is free
// again only when the greenlet is collected.
func (g *Greenlet) MinimalIdent() int {
	switch {
	case g.Ready():
		return -1
	}
	g.proc.Hub().CheckThread("gevent.MinimalIdent", g)
	if g.proc.Flags&hasIdent == 0 {
		s := stateOf(g.proc.Hub())
		i := slices.Index(s.idents, false)
		if i < 0 {
			i = len(s.idents)
			s.idents = append(s.idents, false)
		}
		s.idents[i] = true
		g.lineage().ident = i
		g.proc.Flags |= hasIdent
	}
	return g.lineage().ident
}

func (g *Greenlet) freeIdent() {
	stateOf(g.proc.Hub()).idents[g.lineage().ident] = false
}
