package asyncio

import (
	"fmt"
	"slices"

	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

type state uint8

const (
	pending state = iota
	finished
	cancelled
)

// A future is what everything that can be awaited has in common. It goes from
// pending to finished or cancelled, once, and then tells its listeners, in the
// order in which they came. Nothing is run at that moment: a listener puts an
// entry into the loop's FIFO, so that whoever waits goes on one hop later, after
// what was ready before.
//
// All of it belongs to the holder of the loop's thread.
type future struct {
	_      noCopy
	loop   *Loop
	task   *task    // that it is, or nil
	first  listener // the head of the list of listeners, apart because most have one
	state  state
	taken  bool   // somebody has seen the error
	number uint32 // of a task, for its name, where there is room
	rare   *rare  // nil until it is needed
}

// rare is what few futures have. It is apart because of tasks: where there are many
// at a time, what each costs is its size.
type rare struct {
	entry        uintptr // of a task: where the code of its coroutine begins, if not where that is from
	err          error
	lost         *lost        // where err is kept until somebody sees it, see exception.go
	more         []listener   // those after the first
	canceller    canceller    // takes requests to cancel; if it is nil the future is cancelled at once
	cancellation cancellation // of a task
}

// rarely returns f's rare, made if need be.
func (f *future) rarely() *rare {
	if f.rare == nil {
		f.rare = new(rare)
	}
	return f.rare
}

// failure returns the error with which f ended, if any.
func (f *future) failure() error {
	if f.rare == nil {
		return nil
	}
	return f.rare.err
}

// canceller returns who takes requests to cancel f, if it is no task; nil for nobody.
func (f *future) canceller() canceller {
	if f.rare == nil {
		return nil
	}
	return f.rare.canceller
}

// more returns the listeners after the first.
func (f *future) more() []listener {
	if f.rare == nil {
		return nil
	}
	return f.rare.more
}

// A canceller decides what a request to cancel does, and reports whether
// somebody will be cancelled.
type canceller interface {
	requestCancel(*CancelledError) bool
}

// A listener is told that a future is done. It must only schedule what is to be
// done about that.
type listener interface {
	settled(*future)
}

// core makes everything that embeds a future something to wait for. What users have
// pointers to has a core of its own, that of none for nil.
func (f *future) core() *future { return f }

// listen adds a listener. The future must be pending.
func (f *future) listen(l listener) {
	if f.first == nil && len(f.more()) == 0 {
		f.first = l
		return
	}
	r := f.rarely()
	r.more = append(r.more, l)
}

// ignore removes a listener, and reports whether it was there.
func (f *future) ignore(l listener) bool {
	if f.first == l {
		f.first = nil
		return true
	}
	n := len(f.more())
	if n == 0 {
		return false
	}
	r := f.rare
	r.more = slices.DeleteFunc(r.more, func(m listener) bool { return m == l })
	return len(r.more) < n
}

// settle makes f done.
func (f *future) settle(s state, err error) {
	f.state = s
	if err != nil {
		f.rarely().err = err
	}
	if first := f.first; first != nil {
		f.first = nil
		first.settled(f)
	}
	if more := f.more(); more != nil {
		f.rare.more = nil
		for _, l := range more {
			l.settled(f)
		}
	}
}

// tell makes r ready, which tells somebody of f's end. Unlike a callback it has its
// turn also if the loop is closed but shares a thread that goes on: who waits there may
// be of another loop, or of the clean-up of this one.
func (f *future) tell(r netpoll.Runner) {
	if !f.loop.gone() {
		f.loop.hub.Loop.Enqueue(r)
	}
}

// gone reports whether nobody is left to be told of anything: the loop is closed, and
// so is its thread.
func (l *Loop) gone() bool {
	if !l.closed.Load() {
		return false
	}
	if !l.attached {
		return true
	}
	select {
	case <-l.hub.Closed():
		return true
	default:
		return false
	}
}

// cancel asks for f to be cancelled, and reports whether it or something on which
// it depends will be.
func (f *future) cancel(e *CancelledError) bool {
	if f.state != pending {
		return false
	}
	if f.task != nil {
		return f.task.requestCancel(e)
	}
	if c := f.canceller(); c != nil {
		return c.requestCancel(e)
	}
	f.settle(cancelled, e)
	return true
}

// take returns the error of a done future and notes that it was seen.
func (f *future) take() error {
	if f.rare == nil {
		return nil
	}
	return f.see()
}

// see is take of a future that may have an error.
func (f *future) see() error {
	r := f.rare
	f.taken = true
	if r.lost != nil {
		r.lost.found()
		r.lost = nil
	}
	return r.err
}

// String returns a task's name, or what else it is.
func (f *future) String() string {
	if f.task != nil {
		return f.task.Name()
	}
	if g, ok := f.canceller().(*gathering); ok {
		return fmt.Sprint(g.left, " of ", len(g.children))
	}
	return "a future"
}

// Done reports whether there is an outcome: a result, an error or a cancellation. It
// is for the loop's thread, which is not checked; so for Cancelled, Err, Result and
// String. A goroutine elsewhere uses [RunCoroutineThreadsafe].
func (f *future) Done() bool { return f.state != pending }

// Cancelled reports whether it was cancelled. Of a task that was asked to cancel
// it is true only when the task has ended that way.
func (f *future) Cancelled() bool { return f.state == cancelled }

// Err returns the error with which it ended, nil if it ended well, and an error
// that matches [ErrInvalidState] if it is not done. The error then counts as
// retrieved. It mirrors exception, which raises the CancelledError that Err
// returns.
func (f *future) Err() error {
	if f.state == pending {
		return errNoResult
	}
	return f.take()
}

// Cancel asks for cancellation, with an optional message, and reports whether it
// will take place: false if it is done already. See [Task.Cancel] for tasks; a
// future is cancelled at once, and whoever waits for it gets [ErrCancelled].
//
// Cancel does not park. It may be called in a task, in a greenlet or a callback
// of the loop's thread, and, while the loop does not run, by whoever owns it.
func (f *future) Cancel(msg ...string) bool {
	f.loop.mustOwn("asyncio.Cancel")
	e := new(CancelledError)
	if len(msg) > 0 {
		e.Msg = msg[0]
	}
	_, e.by = hub.Here()
	if t := f.task; t != nil {
		if w, parked := t.proc.Waits(); parked {
			e.in = w.Op
		}
	}
	done := !f.cancel(e)
	if f.state != pending {
		// Whoever cancels wants to hear no more of it.
		f.take()
	}
	return !done
}

// waker is a Proc as a listener: the future's end makes it ready.
type waker hub.Proc

func (w *waker) settled(*future) { (*hub.Proc)(w).Wake() }

// A callback is a function as a listener: the future's end schedules it.
type callback struct {
	handle Handle
}

func (c *callback) settled(f *future) { f.loop.enqueue(&c.handle) }

// addCallback schedules call for when f is done, at once if it is.
func (f *future) addCallback(op string, call func()) (remove func() bool) {
	f.loop.mustBeUsable(op)
	c := &callback{Handle{loop: f.loop, f: call}}
	if f.state != pending {
		c.settled(f)
	} else {
		f.listen(c)
	}
	return func() bool { return f.ignore(c) }
}

// A Future is a result that somebody will set: asyncio's Future. A [Task] is the
// kind whose result comes from a coroutine.
type Future[T any] struct {
	future
	value T
}

func (f *Future[T]) core() *future {
	if f == nil {
		return nil
	}
	return &f.future
}

// NewFuture returns a pending future of the loop. It mirrors create_future. It
// may be called as [Future.Cancel] may.
func NewFuture[T any](l *Loop) *Future[T] {
	if l == nil {
		misuse("asyncio.NewFuture", "the loop is nil", "pass that of RunningLoop")
	}
	return &Future[T]{future: future{loop: l}}
}

// SetResult makes the future done, with the value v; whoever waits for it goes on
// one hop of the loop later. It returns an error that matches [ErrInvalidState]
// if the future is done already. It may be called as [Future.Cancel] may.
func (f *Future[T]) SetResult(v T) error {
	return f.set("asyncio.Future.SetResult", v, nil)
}

// SetError makes the future done, with an error; all else is as for
// [Future.SetResult]. An error that nobody ever retrieves is reported to the
// exception handler. It mirrors set_exception.
func (f *Future[T]) SetError(err error) error {
	if err == nil {
		misuse("asyncio.Future.SetError", "the error is nil", "use SetResult")
	}
	var zero T
	return f.set("asyncio.Future.SetError", zero, err)
}

func (f *Future[T]) set(op string, v T, err error) error {
	f.loop.mustOwn(op)
	if f.state != pending {
		return inOp(op, errSet)
	}
	f.value = v
	f.settle(finished, err)
	lose(f, &f.future, "Future", nil)
	return nil
}

// Result returns the outcome without waiting: the value, or the error; an error
// that matches [ErrCancelled] if the future was cancelled, or [ErrInvalidState]
// if it is not done.
func (f *Future[T]) Result() (T, error) {
	if f.state == pending {
		return f.value, errNoResult
	}
	return f.value, f.take()
}

// AddDoneCallback schedules call for when the future is done, or at once if it
// is: see [Task.AddDoneCallback].
func (f *Future[T]) AddDoneCallback(call func(*Future[T])) (remove func() bool) {
	return f.addCallback("asyncio.Future.AddDoneCallback", func() { call(f) })
}
