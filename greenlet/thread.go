package greenlet

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/baton-go/baton/internal/baton"
)

// state is what the package keeps for each thread, in Thread.Greenlets. What is
// not atomic belongs to the holder of the baton.
type state struct {
	thread *baton.Thread
	main   Greenlet
	tracer Tracer
	origin *Greenlet // who made the switch that is under way, if it is traced
	births uint64    // how many greenlets were started
	live   int       // how many of them have not ended
	shown  int       // what public says

	public  atomic.Int64 // live, for other threads: not more than slack behind
	closing atomic.Bool  // Run is ending the greenlets
	exited  atomic.Bool  // and has done so
	refused int          // switches refused to the greenlet that is being ended
	exiting bool         // one of them called runtime.Goexit in its clean-up
}

// slack is how far a thread's public count may be behind. An atomic write at each
// start and end of a greenlet would be a tenth of its cost.
const slack = 32

// states holds every thread's state for LiveCount, and keeps none of them.
var states struct {
	sync.Mutex
	all map[weak.Pointer[state]]struct{}
}

// stateOf returns the state of t. A greenlet of t exists only after its state,
// so for the thread of a greenlet any goroutine may call it.
func stateOf(t *baton.Thread) *state {
	if st, ok := t.Greenlets.(*state); ok {
		return st
	}
	return newState(t)
}

func newState(t *baton.Thread) *state {
	st := &state{thread: t}
	st.main.task = t.Main()
	st.main.phase.Store(foreign)
	t.Main().Greenlet = &st.main
	t.Greenlets = st
	t.OnEnd(baton.EndGreenlets, st.end)

	w := weak.Make(st)
	states.Lock()
	defer states.Unlock()
	if states.all == nil {
		states.all = make(map[weak.Pointer[state]]struct{})
	}
	states.all[w] = struct{}{}
	runtime.AddCleanup(st, forget, w)
	return st
}

func forget(w weak.Pointer[state]) {
	states.Lock()
	defer states.Unlock()
	delete(states.all, w)
}

// current returns the state of the calling goroutine's thread.
func current() *state {
	if f := baton.Self(); f != nil {
		return stateOf(f.Thread())
	}
	return stateOf(baton.ImplicitThread())
}

// begin makes g, which is pending, one of the live greenlets. The list of them is
// the list of the carriers' bodies.
func (st *state) begin(g *Greenlet) {
	g.phase.Store(started)
	st.births++
	g.birth = st.births
	st.count(1)
}

// retire makes g, which is live, dead.
func (st *state) retire(g *Greenlet) {
	g.locals, g.own.Fiber = nil, nil
	g.own.Ended = true
	g.phase.Store(dead)
	st.count(-1)
}

// all returns the live greenlets in the order in which they were started.
func (st *state) all() []*Greenlet {
	all := make([]*Greenlet, 0, st.live)
	for _, b := range st.thread.Bodies() {
		if b, ok := b.(*body); ok && b.phase.Load() == started {
			all = append(all, (*Greenlet)(b))
		}
	}
	slices.SortFunc(all, func(a, b *Greenlet) int { return cmp.Compare(a.birth, b.birth) })
	return all
}

// count adds n to the number of live greenlets.
func (st *state) count(n int) {
	st.live += n
	if d := st.live - st.shown; d > slack || d < -slack {
		st.show()
	}
}

// show brings the public count up to date.
func (st *state) show() {
	st.shown = st.live
	st.public.Store(int64(st.live))
}

// Current returns the greenlet that calls. Any goroutine may call it: one that
// belongs to no thread gets the main greenlet of a thread of its own, see [Run].
// Inside a greenlet of package gevent, or a task of package asyncio, it returns a
// Greenlet that stands for that one. It mirrors greenlet.getcurrent.
func Current() *Greenlet {
	if f := baton.Self(); f != nil {
		return of(f.Thread().Current)
	}
	return &stateOf(baton.ImplicitThread()).main
}

// Main returns the main greenlet of the calling goroutine's thread: the one whose
// parent is nil. Any goroutine may call it.
func Main() *Greenlet { return &current().main }

// Live returns the greenlets of the calling goroutine's thread that have begun
// and not ended, in the order in which they began, without the main greenlet. It
// is the answer to the garbage collection that Python has and Go has not: a
// suspended greenlet that everybody has forgotten is still here, so that it can
// be found, and ended with Throw(nil).
func Live() []*Greenlet { return current().all() }

// LiveCount returns how many greenlets have begun and not ended, in all threads
// of the process. The calling thread and those that are over count exactly, every
// other one as it was up to 32 starts and ends ago. Any goroutine may call it.
func LiveCount() int {
	if f := baton.Self(); f != nil {
		stateOf(f.Thread()).show()
	}
	states.Lock()
	defer states.Unlock()
	n := int64(0)
	for w := range states.all {
		if st := w.Value(); st != nil {
			n += st.public.Load()
		}
	}
	return int(n)
}
