package asyncio

import (
	"context"
	"fmt"

	"github.com/baton-go/baton/internal/hub"
)

// A binding is the loop for whose tasks a lock or a queue is: that of its first
// wait, or if that one is closed, of the next.
type binding struct {
	_    noCopy
	loop *Loop // nil before the first wait
}

// enter panics if the caller is not of the loop's thread. It is for what does not
// wait.
//
// Budget: 3 ns.
func (b *binding) enter(op string) {
	if b.loop != nil && !b.loop.here() && !b.loop.idle() {
		misuse(op, otherLoop, useTwo)
	}
}

const (
	otherLoop = "it is bound to the loop of another thread"
	useTwo    = "use one for each loop, or run the call there with Loop.CallSoonThreadsafe"
)

// bind makes the loop of p, which is about to wait and runs the task t if that is
// not nil, that of b.
func (b *binding) bind(op string, p *hub.Proc, t *task) {
	switch {
	case b.loop == nil || b.loop.closed.Load():
		if t != nil {
			b.loop = t.loop
		} else {
			b.loop = hubLoop(p.Hub())
		}
	case b.loop.hub != p.Hub():
		misuse(op, otherLoop, useTwo)
	}
}

// A line is who waits for one thing, first come, first served. Each waits for a
// future of its own, so that all goes hop for hop as in CPython: who is told goes
// on one hop later, and stands in the line until then, unless it was taken out.
//
// Told and done is not the same: a wait may also end by a cancellation, a context
// or a kill. So wait reports both, and whoever was told and cannot go on has to
// tell the next one, or what it was told of is lost.
type line struct {
	first, last *waiter
	untold      *waiter // the first that may be pending
	n           int
	spare       *waiter // for reuse, linked by next
	spares      int
}

// maxSpares is how many waiters a line keeps for reuse.
const maxSpares = 64

// A waiter is a place in a line.
type waiter struct {
	future
	prev, next *waiter
	in         bool
}

// A killed is the error of a wait that a kill or a time-out of gevent has ended,
// and which is to unwind when all is in order again.
type killed struct{ error }

// unwound returns err, but unwinds the caller if that is what it says.
func unwound(err error) error {
	if k, ok := err.(killed); ok {
		hub.Unwind(k.error)
	}
	return err
}

// wait parks the caller at the end of the line until somebody tells it, and
// reports whether that was so. The error says why it cannot go on all the same.
// On is what the wait is for, to people who look at it.
//
// Budget: one switch; no allocation when the line has been as long before.
func (l *line) wait(ctx context.Context, op string, on any, b *binding) (told bool, err error) {
	self, p := mustPark(op)
	t := callingTask(ctx, p)
	b.bind(op, p, t)
	other, err := others(ctx, t)
	if err != nil {
		return false, err
	}
	o := watch(other, p)
	w := l.join(b.loop)
	w.first = (*waker)(p)
	var kill error
	if t != nil {
		t.awaits = &w.future
		if e := t.takeRequest(); e != nil {
			// A request that is due is for what the task awaits, as in asyncio.
			w.cancel(e)
			kill = p.Yield(self) // p was told already, but not parked yet
		}
	}
	for kill == nil && w.state == pending && !o.fired() {
		if p.Interrupted() {
			_, kill = p.Park(self, hub.Wait{Op: op, On: on})
			break
		}
		if to := p.Leave(self, hub.Wait{Op: op, On: on}); to != self {
			if s := self.Take(to); s.Pulling {
				s.Next()
			} else {
				s.Yield(struct{}{})
			}
			if self.Signalled() {
				self.Obey()
			}
		}
		_, kill = p.Back()
	}
	o.close()
	var e *CancelledError
	if t != nil {
		t.awaits = nil
		if kill == nil {
			e = t.takeRequest()
		}
	}
	told = w.state == finished
	switch {
	case kill != nil:
		err = killed{kill}
	case w.state == cancelled:
		err = w.failure()
	case e != nil:
		err = e
	case !told:
		err = reason(other)
	}
	l.leave(w)
	return told, err
}

// callingTask is taskOf for the Proc that calls with ctx.
func callingTask(ctx context.Context, p *hub.Proc) *task {
	switch c := ctx.(type) {
	case *ownContext:
		if &c.proc == p {
			return (*task)(c)
		}
	case *scopeContext:
		if &c.task.proc == p {
			return c.task
		}
	}
	return taskOf(p)
}

// join puts a new waiter at the end.
func (l *line) join(loop *Loop) *waiter {
	w := l.spare
	if w == nil {
		w = new(waiter)
	} else {
		l.spare, w.next = w.next, nil
		l.spares--
	}
	w.loop = loop
	w.in = true
	w.prev = l.last
	if l.last != nil {
		l.last.next = w
	} else {
		l.first = w
	}
	l.last = w
	if l.untold == nil {
		l.untold = w
	}
	l.n++
	return w
}

// remove takes w out, if it is in.
func (l *line) remove(w *waiter) {
	if !w.in {
		return
	}
	if l.untold == w {
		l.untold = w.next
	}
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		l.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		l.last = w.prev
	}
	w.prev, w.next, w.in = nil, nil, false
	l.n--
}

// leave takes w, whose wait is over, out and keeps it for reuse.
func (l *line) leave(w *waiter) {
	l.remove(w)
	if l.spares == maxSpares {
		return
	}
	w.future = future{}
	w.next = l.spare
	l.spare = w
	l.spares++
}

// tell tells w.
func (w *waiter) tell() { w.settle(finished, nil) }

// tellFirst tells the first in the line, if that is not done already. If it was
// cancelled it will tell the next one itself.
func (l *line) tellFirst() {
	if l.first != nil && l.first.state == pending {
		l.first.tell()
	}
}

// tellNext tells the first that is not done, and reports whether there was one.
func (l *line) tellNext() bool {
	for w := l.untold; w != nil; w = w.next {
		if w.state == pending {
			l.untold = w.next
			w.tell()
			return true
		}
	}
	l.untold = nil
	return false
}

// tellAll tells all who are not done.
func (l *line) tellAll() {
	for l.tellNext() {
	}
}

// call takes the first who is not done out of the line and tells it, and reports
// whether there was one.
func (l *line) call() bool {
	for w := l.first; w != nil; w = l.first {
		l.remove(w)
		if w.state == pending {
			w.tell()
			return true
		}
	}
	return false
}

// callAll empties the line and tells all.
func (l *line) callAll() {
	for l.call() {
	}
}

// deserted reports whether nobody is in the line but who was cancelled.
func (l *line) deserted() bool {
	for w := l.first; w != nil; w = w.next {
		if w.state != cancelled {
			return false
		}
	}
	return true
}

// describe is the String of something for which a line waits, like Python's repr.
func (l *line) describe(kind string, at any, state string) string {
	if l.n > 0 {
		state = fmt.Sprint(state, ", waiters:", l.n)
	}
	return fmt.Sprintf("<asyncio.%s %p [%s]>", kind, at, state)
}
