package greenlet

import (
	"errors"
	"runtime"

	"github.com/baton-go/baton/internal/baton"
)

// What a Handover's Mark says beside its value. A mark of 0 is the common case:
// the parked Switch returns the value.
const (
	markError = baton.MarkThrown           // Err is returned
	markPanic = baton.MarkPanicked         // Value is what to panic with
	markTrace = baton.MarkPanicked << iota // the tracer must be called
	markRest                               // a greenlet ended, so an implicit thread may be over
	markNone                               // for a start: there is no argument
	markMany                               // for a start: Value is an Args of all arguments
)

// Switch gives control to g and waits until control comes back to the calling
// greenlet, from whichever greenlet; it returns what was sent with it.
//
// If g has not begun, it is started and args are the arguments of its body.
// Otherwise they become what the Switch or Throw returns in which g is waiting:
// nothing is nil, one argument is itself, several are an [Args]. (Python's
// keyword arguments have no counterpart; send a struct or a map.) A dead g stands
// for its parent. To switch to oneself returns the arguments at once.
//
// The error is what was thrown into the calling greenlet meanwhile: by Throw, by
// a child that returned an error, or by [Run] at its end. If a child panicked,
// Switch panics with a [*PanicError].
//
// Without a switch it returns [ErrWrongThread] or [ErrThreadExited] when the
// caller is not in g's thread, [ErrNoRun] and [ErrNotStarted] when g cannot be
// started.
//
// It mirrors greenlet.switch. Budget to a greenlet that has begun: one coroutine
// switch, no allocation, no lock, no atomic write, and some 10 ns beside it, of
// which 4 are the question who calls. It is flat because each frame on the way to
// the switch costs a mispredicted return. BenchmarkRatios has the figures.
func (g *Greenlet) Switch(args ...any) (any, error) {
	self, task := baton.Self(), g.task
	if self == nil || len(args) > 1 {
		return g.detour(self, args)
	}
	t := self.Thread()
	me := t.Current
	if task.Thread != t || task == me || t.Watched {
		return g.detour(self, args)
	}
	var v any
	var mark uint8
	dest := task.Fiber
	if len(args) != 0 {
		v = args[0]
	}
	if dest == nil {
		if dest = g.start(); dest == nil {
			return g.detour(self, args)
		}
		if len(args) == 0 {
			mark = markNone
		}
	}
	h := &t.Handover
	h.Mark = mark
	h.To = task
	h.Value = v
	me.Fiber = self
	t.Current = task
	if s := self.Take(dest); s.Pulling {
		s.Next()
	} else {
		s.Yield(struct{}{})
	}
	if self.Signalled() {
		self.Obey()
	}
	if h.To == me && h.Mark == 0 {
		v = h.Value
		h.Value = nil
		return v, nil
	}
	return arrive(me)
}

// start gives g a carrier if it is pending and nothing is in the way. The caller
// is in its thread.
func (g *Greenlet) start() *baton.Fiber {
	t := g.task.Thread
	if g.phase.Load() != pending || g.plain == nil && g.full == nil || g.parent.task.Thread != t {
		return nil
	}
	stateOf(t).begin(g)
	return t.Carrier((*body)(g))
}

// detour is every Switch but the common one.
func (g *Greenlet) detour(self *baton.Fiber, args []any) (any, error) {
	var m message
	switch len(args) {
	case 0:
		m.mark = markNone
	case 1:
		m.value = args[0]
	default:
		m.value, m.mark = append(Args(nil), args...), markMany
	}
	self, dest := g.depart(self, &m)
	if dest == nil {
		return m.value, m.err
	}
	t := self.Thread()
	me := t.Current
	me.Fiber = self
	t.Current = t.Handover.To
	self.Resume(dest)
	return arrive(me)
}

// Throw gives control to g as [Greenlet.Switch] does, but there the waiting
// Switch returns err. A nil err means [ErrExit]. Like Switch it returns what is
// sent to the caller when control comes back.
//
// A g that has not begun dies without running anything, and err goes to its
// parent. If g is dead, err goes to its parent as an error, or as a value if it
// matches ErrExit. To throw into oneself returns err at once.
//
// Its own errors are those of Switch. It mirrors greenlet.throw.
func (g *Greenlet) Throw(err error) (any, error) {
	if err == nil {
		err = ErrExit
	}
	m := message{err: err, mark: markError}
	self, dest := g.depart(baton.Self(), &m)
	if dest == nil {
		return m.value, m.err
	}
	t := self.Thread()
	me := t.Current
	me.Fiber = self
	t.Current = t.Handover.To
	self.Resume(dest)
	return arrive(me)
}

// A message is what a switch carries: the fields of a baton.Handover.
type message struct {
	value any
	err   error
	mark  uint8
}

// depart prepares every switch that is not the common one: it checks, finds the
// real target and leaves m for it. It returns the calling fiber and the one to
// resume; if that is nil, there is nothing to resume and m holds what the call
// returns.
func (g *Greenlet) depart(self *baton.Fiber, m *message) (*baton.Fiber, *baton.Fiber) {
	t := g.task.Thread
	if self == nil {
		if baton.ImplicitThread() != t {
			return m.refuse(wrongThread(g))
		}
	} else if self.Thread() != t {
		return m.refuse(wrongThread(g))
	}
	st := stateOf(t)
	if st.closing.Load() {
		return m.refuse(st.refuse())
	}
	if m.err != nil && g.Dead() && errors.Is(m.err, ErrExit) {
		*m = exit(m.err)
	}
	target, err := g.resolve()
	if err != nil {
		return m.refuse(err)
	}
	if target.task == t.Current {
		if st.tracer != nil {
			if err := st.trace(m.mark, target, target); err != nil {
				return m.refuse(err)
			}
		}
		return nil, nil
	}
	if self == nil {
		self = t.Enter()
	}
	dest := target.task.Fiber
	if dest == nil {
		st.begin(target)
		dest = t.Carrier((*body)(target))
	}
	st.leave(target, *m)
	return self, dest
}

// exit returns the message of an orderly end: err as a value. A parent that has
// not begun is started without an argument by it, as Python does.
func exit(err error) message {
	return message{value: err, mark: markNone}
}

// refuse makes err what the call returns.
func (m *message) refuse(err error) (*baton.Fiber, *baton.Fiber) {
	*m = message{err: err}
	return nil, nil
}

// resolve returns the greenlet that a switch to g reaches: g, or if it is dead
// its nearest ancestor that is not. The caller is in g's thread. With an error it
// returns the greenlet that cannot be switched to.
func (g *Greenlet) resolve() (*Greenlet, error) {
	t := g.task.Thread
	for ; g.task.Thread == t; g = g.parent {
		switch phase := g.phase.Load(); {
		case phase == started || g.isMain():
			return g, nil
		case phase == pending:
			if g.plain == nil && g.full == nil {
				return g, ErrNoRun
			}
			if p := g.parent; p.task.Thread != t {
				return g, wrongThread(p)
			}
			return g, nil
		case phase == foreign && !g.task.Ended:
			if !g.begun() {
				return g, ErrNotStarted
			}
			return g, nil
		}
	}
	return g, wrongThread(g)
}

// leave puts m where target finds it when it runs.
func (st *state) leave(target *Greenlet, m message) {
	if st.tracer != nil {
		st.origin = of(st.thread.Current)
		m.mark |= markTrace
	}
	st.thread.Handover = baton.Handover{To: target.task, Value: m.value, Err: m.err, Mark: m.mark}
}

// take returns what was left for the current greenlet, and from whom.
func (st *state) take() (message, *Greenlet) {
	h, origin := &st.thread.Handover, st.origin
	m := message{value: h.Value, err: h.Err, mark: h.Mark}
	*h, st.origin = baton.Handover{}, nil
	return m, origin
}

// arrive ends the Switch or Throw in which me was parked, in every case but the
// common one.
func arrive(me *baton.Task) (any, error) {
	t := me.Thread
	if t.Handover.To != me {
		return nil, nil // another package resumed it
	}
	st := stateOf(t)
	m, origin := st.take()
	if m.mark&markRest != 0 {
		st.show()
		t.Rest(me.Fiber)
	}
	if m.mark&markTrace != 0 {
		if err := st.trace(m.mark, origin, of(me)); err != nil {
			return nil, err
		}
	}
	if m.mark&markPanic != 0 {
		panic(m.value)
	}
	return m.value, m.err
}

// persistence is how many times a greenlet may recover from the panic with which
// it is ended before it is ended by Goexit, from which nothing recovers.
const persistence = 100

// refuse answers a switch that is asked for while the thread ends. A greenlet
// that went on although ErrExit was thrown into it is unwound.
func (st *state) refuse() error {
	if st.thread.Current == st.thread.Main() {
		return ErrExit
	}
	st.refused++
	if st.refused > persistence {
		runtime.Goexit()
	}
	panic(&baton.Unwind{Err: ErrExit})
}
