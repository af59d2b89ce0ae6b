package gevent

import (
	"fmt"
	"iter"
	"math"
	"strings"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// A WaitOption changes how [JoinAllWith], [WaitWith] and [IWaitWith] wait.
type WaitOption func(*waiting)

type waiting struct {
	limited bool
	limit   time.Duration
	counted bool
	count   int
	raise   bool
}

// Within limits the wait: when d has passed the call returns what there is by
// then. A d that is not positive still lets everything run that is ready, and
// counts what is ready. It mirrors timeout=.
func Within(d time.Duration) WaitOption {
	return func(w *waiting) { w.limited, w.limit = true, d }
}

// Count ends the wait when n objects are ready; there may be fewer objects. It
// mirrors count=.
func Count(n int) WaitOption {
	return func(w *waiting) { w.counted, w.count = true, n }
}

// RaiseError ends the wait of [JoinAllWith] with the error of the first greenlet
// that fails, while the others run on. It mirrors raise_error=True.
func RaiseError() WaitOption { return func(w *waiting) { w.raise = true } }

// newWaiting applies the options for a wait for n objects.
func newWaiting(opts []WaitOption, n int) waiting {
	w := waiting{}
	for _, o := range opts {
		o(&w)
	}
	if !w.counted || w.count > n {
		w.count = n
	}
	return w
}

// A waiter waits for objects to become ready.
//
// A greenlet notes its end at once, in done, and wakes the waiter only when that
// has enough. All other objects are linked to as their users would, and a callback
// notes them; it has the waiter run right after it, as gevent's link switches to
// it straight away.
type waiter[O Linkable] struct {
	proc  *hub.Proc
	op    string
	objs  []O
	done  []int32 // the indices of those that are ready, in the order in which they became so
	need  int     // how many of them let the Proc go on
	fresh bool    // begin has found one that was ready, and the Proc has not given way since
	joins []join[O]
	links []*Link
	hopes int           // how many of the links may be told by somebody outside the thread
	until time.Duration // if limited
}

// busy is the need of a waiter whose Proc does something else: no number of objects
// may wake that.
const busy = math.MaxInt

// A join is a waiter's place in the list of one greenlet.
type join[O Linkable] struct {
	hub.Link
	waiter *waiter[O]
	i      int32
}

// Told notes that the greenlet has ended.
func (j *join[O]) Told() bool {
	w := j.waiter
	w.done = append(w.done, j.i)
	if len(w.done) == w.need {
		w.proc.Wake()
	}
	return false
}

// String says what is waited for, for a dump.
func (w *waiter[O]) String() string {
	var names []string
	for _, o := range w.objs {
		if o.Ready() {
			continue
		}
		if len(names) == maxNames {
			names = append(names, "...")
			break
		}
		if j, ok := any(o).(Joinable); ok {
			names = append(names, j.Name())
		} else {
			names = append(names, fmt.Sprint(o))
		}
	}
	return strings.Join(names, " ")
}

// Shared reports whether those of the objects that know of it are shared.
func (w *waiter[O]) Shared() bool {
	for _, o := range w.objs {
		if s, ok := any(o).(interface{ Shared() bool }); ok && !s.Shared() {
			return false
		}
	}
	return true
}

// HeldBy makes a waiter a hub.Holder.
func (w *waiter[O]) HeldBy() (procs []*hub.Proc) {
	for _, o := range w.objs {
		if o.Ready() {
			continue
		}
		if j, ok := any(o).(Joinable); ok {
			procs = append(procs, &j.greenlet().proc)
		} else {
			procs = append(procs, nil)
		}
	}
	return procs
}

// Needed returns how many of those must end.
func (w *waiter[O]) Needed() int { return w.need - len(w.done) }

const maxNames = 5 // in a waiter's String

// begin links the waiter, for p, to all objects.
func (w *waiter[O]) begin(p *hub.Proc) {
	w.proc = p
	for i, o := range w.objs {
		if j, ok := any(o).(Joinable); ok {
			j.greenlet().mustBeOf(w.op, p.Hub())
		}
		if o.Ready() {
			w.done = append(w.done, int32(i))
			w.fresh = true
		}
	}
	n := len(w.objs) - len(w.done)
	if len(w.done) >= w.need || n == 0 {
		return
	}
	w.joins = make([]join[O], 0, n) // which do not move
	ready := w.done                 // nobody is asked again: another thread may change the answer
	for i, o := range w.objs {
		if len(ready) > 0 && ready[0] == int32(i) {
			ready = ready[1:]
			continue
		}
		if j, ok := any(o).(Joinable); ok {
			w.joins = append(w.joins, join[O]{waiter: w, i: int32(i)})
			l := &w.joins[len(w.joins)-1]
			l.Link = hub.NewLink(l)
			j.greenlet().links.Add(&l.Link)
		} else {
			w.link(o, int32(i))
		}
	}
}

// link links the waiter to an object that is no greenlet.
func (w *waiter[O]) link(o O, i int32) {
	hope := 0
	l := o.Rawlink(func() {
		w.hopes -= hope
		w.told(i)
	})
	if hub.Outside(l) {
		hope = 1
	}
	w.hopes += hope
	w.links = append(w.links, l)
}

// told notes that an object is ready. It is a callback.
func (w *waiter[O]) told(i int32) {
	w.done = append(w.done, i)
	if len(w.done) >= w.need {
		w.proc.WakeNext()
	}
}

// end takes the waiter out of all lists in which it still stands.
func (w *waiter[O]) end() {
	for i := range w.joins {
		w.joins[i].Unlink()
	}
	for _, l := range w.links {
		l.Unlink()
	}
}

// wait parks until n objects are ready, and reports whether they are: not if the
// time was up. If they were so from the beginning everything runs first that is
// ready. It unwinds if it is interrupted.
func (w *waiter[O]) wait(n int, o *waiting) bool {
	w.need = n
	for len(w.done) < n || w.fresh {
		f, p := hub.Require(w.op)
		if p != w.proc {
			panic(w.op + ": it is used by " + p.Name() + " and was begun by " + w.proc.Name() + "; use it where it was begun")
		}
		var cause hub.Cause
		var err error
		switch {
		case len(w.done) >= n:
			err = p.Yield(f)
		default:
			cause, err = w.park(f, o)
		}
		w.fresh = false
		if err != nil {
			hub.Unwind(err)
		}
		if cause == hub.TimedOut {
			return len(w.done) >= n
		}
	}
	return true
}

// park parks the waiter's Proc once.
func (w *waiter[O]) park(f *baton.Fiber, o *waiting) (hub.Cause, error) {
	if w.hopes > 0 {
		w.proc.Hub().Hope()
		defer w.proc.Hub().Unhope()
	}
	on := hub.Wait{Op: w.op, On: w}
	if o.limited {
		return w.proc.ParkUntil(f, on, w.until)
	}
	return w.proc.Park(f, on)
}

// start begins a wait for n objects.
func (w *waiter[O]) start(n int, o *waiting) {
	w.need = n
	_, p := hub.Require(w.op)
	w.begin(p)
	if o.limited {
		w.until = p.Hub().Loop.Deadline(max(o.limit, 0))
	}
}

// waitFor waits for o.count of the objects, and returns those that are ready.
func waitFor[O Linkable](op string, objs []O, o waiting) []O {
	if o.count = min(o.count, len(objs)); o.count <= 0 {
		return nil
	}
	w := &waiter[O]{op: op, objs: objs, done: make([]int32, 0, len(objs))}
	defer w.end()
	w.start(o.count, &o)
	w.wait(o.count, &o)
	if o.counted && len(w.done) > o.count {
		w.done = w.done[:o.count]
	}
	ready := make([]O, len(w.done))
	for i, k := range w.done {
		ready[i] = objs[k]
	}
	return ready
}

// JoinAll waits until all of the greenlets have ended, and returns them in the
// order of their ends. They are of one type, or else all [Joinable]:
//
//	gevent.JoinAll(a, b)                  // two of type *Greenlet
//	gevent.JoinAll(list...)               // a []*Greenlet
//	gevent.JoinAll[gevent.Joinable](a, v) // a *Greenlet and an *Of[int]
//
// A greenlet that is named twice is returned twice. It mirrors gevent.joinall.
//
// It parks the calling greenlet; if all have ended already, until everything has run
// that is ready. For none it returns at once. If the caller is killed
// meanwhile, or nothing is left that could end one of gs, it unwinds.
//
// Budget: four allocations, whatever the number of greenlets.
func JoinAll[G Joinable](gs ...G) []G {
	return waitFor("gevent.JoinAll", gs, waiting{count: len(gs)})
}

// JoinAllTimeout is [JoinAll] for no longer than d: it returns those greenlets
// that have ended by then.
func JoinAllTimeout[G Joinable](d time.Duration, gs ...G) []G {
	return waitFor("gevent.JoinAllTimeout", gs, waiting{count: len(gs), limited: true, limit: d})
}

// JoinAllWith is [JoinAll] with options: [Within], [Count], [RaiseError]. The
// error is always nil without RaiseError.
func JoinAllWith[G Joinable](gs []G, opts ...WaitOption) ([]G, error) {
	o := newWaiting(opts, len(gs))
	if !o.raise {
		return waitFor("gevent.JoinAllWith", gs, o), nil
	}
	var ended []G
	for g := range iwait("gevent.JoinAllWith", gs, o) {
		ended = append(ended, g)
		if err := g.Err(); err != nil {
			return ended, err
		}
	}
	return ended, nil
}

// Wait waits until all objects are ready, and returns them in the order in which
// they became so: greenlets, events, semaphores, whatever is [Linkable]. They are
// of one type, or else all Linkable, as with [JoinAll]. It mirrors gevent.wait;
// what that does without objects is [JoinHub].
//
// An object counts when it has become ready, even if it is not ready any more
// when Wait returns. Wait parks the calling greenlet, as JoinAll does.
func Wait[O Linkable](objs ...O) []O {
	return waitFor("gevent.Wait", objs, waiting{count: len(objs)})
}

// WaitWith is [Wait] with options: [Within] and [Count].
func WaitWith[O Linkable](objs []O, opts ...WaitOption) []O {
	return waitFor("gevent.WaitWith", objs, withoutRaise("gevent.WaitWith", opts, len(objs)))
}

// IWait returns a sequence of the objects in the order in which they become
// ready. The loop over it parks its greenlet between two of them, and its body may
// block; what becomes ready meanwhile is kept for it. Nothing is linked to before
// the loop begins, nor after it has ended, by break or otherwise. It mirrors
// gevent.iwait, and is its context manager too.
//
//	for g := range gevent.IWait(fetch1, fetch2, fetch3) {
//		if g.Successful() {
//			break // the first one that succeeds
//		}
//	}
func IWait[O Linkable](objs ...O) iter.Seq[O] {
	return iwait("gevent.IWait", objs, waiting{count: len(objs)})
}

// IWaitWith is [IWait] with options: [Within], which limits the time of the whole
// loop, and [Count].
func IWaitWith[O Linkable](objs []O, opts ...WaitOption) iter.Seq[O] {
	return iwait("gevent.IWaitWith", objs, withoutRaise("gevent.IWaitWith", opts, len(objs)))
}

func withoutRaise(op string, opts []WaitOption, n int) waiting {
	o := newWaiting(opts, n)
	if o.raise {
		panic(op + ": RaiseError is for JoinAllWith; ask the objects for their errors")
	}
	return o
}

func iwait[O Linkable](op string, objs []O, o waiting) iter.Seq[O] {
	return func(yield func(O) bool) {
		if o.count <= 0 {
			return
		}
		w := &waiter[O]{op: op, objs: objs}
		defer w.end()
		w.start(len(objs), &o)
		for i := range o.count {
			if !w.wait(i+1, &o) {
				return
			}
			w.need = busy
			if !yield(objs[w.done[i]]) {
				return
			}
		}
	}
}
