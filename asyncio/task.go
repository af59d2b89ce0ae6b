package asyncio

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strconv"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// A Coroutine is a function that may wait: its awaiting calls take ctx, and let
// other tasks run meanwhile. Called directly it runs in the caller's task, as
// "await f()" does in Python; [CreateTask] runs it in a task of its own.
type Coroutine[T any] = func(ctx context.Context) (T, error)

// A Task runs a coroutine on a loop: asyncio's Task. It is made by [CreateTask]
// and [RunUntilComplete]. Its methods are for its loop's thread; those that only
// look may also be called by the loop's owner while the loop does not run.
type Task[T any] struct {
	task
	coroutine Coroutine[T]
	value     T
}

// task is what does not depend on T.
//
// A request to cancel goes one of two ways. If the task awaits a future, the
// future is asked to cancel, and the task learns of it when that is done. In all
// other cases the request is noted, to be delivered by the task's next awaiting
// call, or the one in which it is. So that calls of gevent, which know nothing of
// tasks, deliver it too, the request is made an interrupt of the Proc as well;
// whoever takes it first has taken both.
type task struct {
	proc   hub.Proc
	parent context.Context // of the task's context: see derive
	inner  lazyContext     // the task's context
	// awaits is the future in whose await the task is parked.
	awaits *future
	future
}

// What proc.Flags says. All is said before the coroutine runs; so whoever has its
// context, on any goroutine, may read it.
const (
	started uint8 = 1 << iota
	eager         // it is to start at once: see WithEagerStart
	bound         // its context is: see ownedContext
)

// A cancellation is what there is of a task that was asked to cancel.
type cancellation struct {
	// request is the one that is to be delivered; interrupting says that the Proc
	// has it as an interrupt.
	request      *CancelledError
	requests     int // how many there were that were not taken back
	interrupting bool
	// passed is the request that was passed on last to what the task awaits.
	passed *CancelledError
	// asking says that pass is at work, circle that the request came back to the
	// task, and adrift that the task must not go on waiting for awaits.
	asking, circle, adrift bool
}

// cancellation returns t's, or nil if t was never asked to cancel.
func (t *task) cancellation() *cancellation {
	if t.rare == nil {
		return nil
	}
	return &t.rare.cancellation
}

// A TaskOption changes a task that is being made.
type TaskOption func(*task)

// WithName gives the task a name, which dumps and reports show. By default it is
// "Task-N", where N counts the tasks of the loop. It mirrors name=.
func WithName(name string) TaskOption {
	return func(t *task) { t.proc.SetName(name) }
}

// CreateTask makes a task that runs c, and schedules it: it starts when the
// caller next waits, after what was scheduled before. It mirrors create_task.
//
// The task belongs to the loop of ctx: that of the task whose context it is, or
// from which it was derived, or of [Loop.Context]. With any other context it is
// the loop on which the caller runs; in a gevent thread every thread has one.
// The loop keeps the task until it has ended.
//
// The coroutine's context is a new one, with the values of ctx. It ends when the
// task is cancelled. It does not end when the task is cancelled to which ctx
// belongs, or the [Timeout] or [TaskGroup] in that, as in asyncio; but if ctx has a
// deadline or a cancel function, given to it by somebody with package context, the
// end of ctx is its end too.
//
// CreateTask does not park. It may be called in a task, in a greenlet or a
// callback of the loop's thread, and, while the loop does not run, by whoever
// owns it; elsewhere, and on a closed loop, it panics.
//
// Budget: one allocation, no switch; at the task's start none either if the task
// before it has ended.
func CreateTask[T any](ctx context.Context, c Coroutine[T], opts ...TaskOption) *Task[T] {
	const op = "asyncio.CreateTask"
	if c == nil {
		misuse(op, "the coroutine is nil", "pass the function that the task is to run")
	}
	return newTask(loopOf(ctx, op), ctx, c, opts)
}

func newTask[T any](l *Loop, ctx context.Context, c Coroutine[T], opts []TaskOption) *Task[T] {
	if l.factory != nil {
		return factoryTask(l, ctx, c, opts)
	}
	return makeTask(l, ctx, c, opts)
}

func makeTask[T any](l *Loop, ctx context.Context, c Coroutine[T], opts []TaskOption) *Task[T] {
	t := &Task[T]{coroutine: c}
	t.task.init(l, ctx, (*runner[T])(t))
	if l.debug.on.Load() {
		t.proc.SetExtra(sourceHere())
	}
	for _, opt := range opts {
		opt(&t.task)
	}
	if t.proc.Flags&eager != 0 && l.lends() {
		t.proc.StartEager()
	} else {
		t.proc.Start()
	}
	return t
}

func (t *task) init(l *Loop, ctx context.Context, owner hub.Owner) {
	t.loop = l
	t.task = t
	t.derive(ctx)
	l.names++
	t.number = l.names
	t.proc.Init(l.hub, owner, "")
}

// runner is a Task as what the hub runs.
type runner[T any] Task[T]

// Exec runs the coroutine to its end. One that was cancelled before its start
// never runs, as in asyncio.
func (r *runner[T]) Exec() {
	t := (*Task[T])(r)
	t.proc.Flags |= started
	if e := t.takeRequest(); e != nil {
		t.finish(e)
		return
	}
	returned := false
	defer func() {
		if !returned {
			t.fail(recover())
		}
		if t.failure() != nil {
			lose(t, &t.future, "Task", t)
		}
	}()
	v, err := t.coroutine((*ownContext)(&t.task))
	returned = true
	if err == nil {
		if e := t.takeRequest(); e != nil {
			t.finish(e)
			return
		}
	}
	t.value = v
	t.finish(err)
}

// entry is where the code of the coroutine begins.
func (t *Task[T]) entry() uintptr {
	if t.rare != nil && t.rare.entry != 0 {
		return t.rare.entry
	}
	return reflect.ValueOf(t.coroutine).Pointer()
}

// Exited has nothing to add to Exec's deferred function.
func (r *runner[T]) Exited() {}

// Cancelled leaves it to the loop's end to settle the task.
func (r *runner[T]) Cancelled(error) {
	t := r.base()
	t.loop.unborn = append(t.loop.unborn, t)
}

// ProcName is the name that a task has without one.
func (r *runner[T]) ProcName() string {
	return "Task-" + strconv.FormatUint(uint64(r.number), 10)
}

func (r *runner[T]) base() *task { return &(*Task[T])(r).task }

// taskOf returns the task that p runs, or nil.
func taskOf(p *hub.Proc) *task {
	if r, ok := p.Owner().(interface{ base() *task }); ok {
		return r.base()
	}
	return nil
}

// errExited is the error of a task that called runtime.Goexit. The goroutine that
// runs the loop is about to exit too.
var errExited = errors.New("asyncio: the task called runtime.Goexit")

// fail ends the task with what recover returned.
func (t *task) fail(v any) {
	switch v := v.(type) {
	case nil:
		t.reportExit()
		t.finish(errExited)
	case *baton.Unwind:
		// A call of gevent delivers a cancellation by unwinding; and a kill or a
		// time-out of gevent that gets this far ends the task likewise.
		if isCancel(v.Err) {
			t.finish(v.Err)
		} else {
			t.finish(&CancelledError{Err: v.Err})
		}
	default:
		if err := interrupted(v); err != nil && t.loop.abort(err) {
			t.finish(err)
			t.taken = true // by whoever runs the loop
			return
		}
		t.finish(baton.Recovered(v))
	}
}

// finish ends the task. An error that says that something was cancelled ends it
// as cancelled.
func (t *task) finish(err error) {
	t.inner.end(context.Canceled)
	if err != nil && t.gaveIn(err) {
		t.settle(cancelled, err)
	} else {
		t.settle(finished, err)
	}
}

// requestCancel asks the task to cancel: see the type's comment. Tasks that await
// each other in a circle would pass the request on for ever: there the one that
// was asked first gives up its wait. (CPython raises a RecursionError.)
func (t *task) requestCancel(e *CancelledError) bool { return t.cancelScope(&t.inner, e) }

// pass asks what the task awaits to cancel, and reports whether the task will
// learn of it that way.
func (t *task) pass(e *CancelledError) bool {
	c := t.cancellation()
	c.asking = true
	asked := t.awaits.cancel(e)
	c.asking = false
	if c.circle {
		c.circle, c.adrift = false, true
		t.proc.Wake()
		return false
	}
	if asked {
		c.passed = e
	}
	return asked
}

// note makes e the request that is to be delivered. Of several the last counts,
// unless one is on its way.
func (t *task) note(e *CancelledError) {
	c := t.cancellation()
	if c.interrupting && t.proc.Pending(c.request) && !t.proc.Withdraw(c.request) {
		return
	}
	c.request = e
	c.interrupting = t.proc.Flags&started != 0 && t.awaits == nil
	if c.interrupting {
		t.proc.Interrupt(e)
	}
}

// takeRequest returns the request that is to be delivered, if there is one, for
// the caller to deliver. One that a call of gevent has delivered is there no
// more.
func (t *task) takeRequest() *CancelledError {
	if c := t.cancellation(); c != nil && c.request != nil {
		return t.takeFrom(c)
	}
	return nil
}

func (t *task) takeFrom(c *cancellation) *CancelledError {
	e := c.request
	c.request = nil
	if c.interrupting {
		c.interrupting = false
		if !t.proc.Withdraw(e) {
			return nil
		}
	}
	return e
}

// adrift reports whether the task must not go on waiting for what it awaits.
func (t *task) adrift() bool {
	c := t.cancellation()
	return c != nil && c.adrift
}

// Name returns the task's name.
func (t *task) Name() string { return t.proc.Name() }

// SetName changes the name.
func (t *task) SetName(name string) { t.proc.SetName(name) }

// Await waits until the task has ended, and returns what its coroutine returned.
// If it panicked the error is a [*PanicError]; if it was cancelled the error
// matches [ErrCancelled]. A task that has ended is not waited for: then Await
// does not even yield. It mirrors "await task".
//
// It parks the calling task or greenlet, which goes on one hop of the loop after
// the awaited task's end. Until then,
//   - if the calling task is cancelled, so is the awaited one; Await returns when
//     that has ended, whichever way it does, as in asyncio;
//   - if ctx ends, and it is not just the calling task's own, Await returns
//     ctx.Err() at once, and the awaited task goes on.
//
// In a greenlet, a kill of gevent unwinds. Await panics in a
// callback, in a foreign goroutine, in another thread than the task's, and in
// the task itself.
//
// Budget: one switch; no allocation for the first that waits for a task.
func (t *Task[T]) Await(ctx context.Context) (T, error) {
	if t.state == pending {
		if err := t.await(ctx, "asyncio.Task.Await"); err != nil {
			var zero T
			return zero, err
		}
	}
	return t.value, t.take()
}

// Await waits until the future is done, and returns its value or its error. All
// else is as for [Task.Await]; cancelling a task that awaits a future cancels the
// future.
func (f *Future[T]) Await(ctx context.Context) (T, error) {
	if f.state == pending {
		if err := f.await(ctx, "asyncio.Future.Await"); err != nil {
			var zero T
			return zero, err
		}
	}
	return f.value, f.take()
}

// Cancel asks the task to cancel, with an optional message, and reports whether
// it may: false if it has ended. It mirrors Task.cancel.
//
// A task that has not started never will. Otherwise its context ends, and the
// awaiting call in which the task is parked, or the next one, returns a
// [*CancelledError], once: asyncio's cancellation is an event, so that a task may
// clean up with further awaiting calls. (A context that was derived with a
// deadline or a cancel function is a state instead: calls with such a one keep
// failing, also if it is derived when the task was cancelled already. To limit the time
// of a clean-up use [WithTimeout], or derive from context.WithoutCancel(ctx).) A call that awaits another task or a future cancels that, and returns
// with its outcome. A gevent call unwinds. A result that was on its way to an
// awaiting call is not delivered.
//
// The task is [Task.Cancelled] only if its coroutine then returns the error, or
// one that wraps it, or ctx.Err(), of which the message is in context.Cause(ctx); one
// that returns a value is done with it.
//
// Cancel does not park. It may be called in a task, in a greenlet or a callback
// of the loop's thread, and, while the loop does not run, by whoever owns it.
func (t *Task[T]) Cancel(msg ...string) bool { return t.future.Cancel(msg...) }

// Cancelling returns how many requests to cancel the task has got that were not
// taken back by [Task.Uncancel]. It mirrors Task.cancelling.
func (t *task) Cancelling() int {
	if c := t.cancellation(); c != nil {
		return c.requests
	}
	return 0
}

// Uncancel takes one request to cancel back, and returns how many are left. It is
// for code that ends a cancellation which it asked for itself, as [Timeout] and
// [TaskGroup] do: the task then does not count as being cancelled any more. A
// request that nobody has delivered is dropped with the last one; an awaiting call
// that is about to return [ErrCancelled] still does. The task's context, which
// ended when it was cancelled, stays ended: give what can be cancelled alone a
// scope with [Timeout.Do] or [TaskGroup.Do]. It mirrors Task.uncancel, and may be
// called as [Task.Cancel] may.
func (t *task) Uncancel() int {
	t.loop.mustOwn("asyncio.Task.Uncancel")
	return t.uncancel()
}

// Result returns the outcome without waiting: what the coroutine returned, or an
// error as [Task.Await] describes. If the task has not ended, the error matches
// [ErrInvalidState].
func (t *Task[T]) Result() (T, error) {
	if t.state == pending {
		return t.value, errNoResult
	}
	return t.value, t.take()
}

// AddDoneCallback schedules call for when the task has ended, in the order of the
// calls with the tasks that await it; or at once if it has. It is never called
// directly. Remove takes it back, and reports whether it had not been scheduled.
// It mirrors add_done_callback and remove_done_callback.
//
// It does not park, and may be called as [CreateTask] may.
func (t *Task[T]) AddDoneCallback(call func(*Task[T])) (remove func() bool) {
	return t.addCallback("asyncio.Task.AddDoneCallback", func() { call(t) })
}

// AnyTask is a [*Task] of whatever type.
type AnyTask interface {
	Awaitable
	Name() string
	SetName(name string)
	Cancelling() int
	Uncancel() int
	Stack() string
	PrintStack(w io.Writer) error
	String() string
}

// Awaitable is what can be waited for: a [*Task] or a [*Future].
type Awaitable interface {
	Done() bool
	Cancelled() bool
	Err() error
	Cancel(msg ...string) bool
	core() *future
}

// AwaitableOf is an [Awaitable] with a result of type T.
type AwaitableOf[T any] interface {
	Awaitable
	Await(ctx context.Context) (T, error)
	Result() (T, error)
}

// CurrentTask returns the task to which ctx belongs, which is the one that calls
// if it passes its own context; with another context, such as context.Background(), the
// task that calls; nil if there is none. Any goroutine may call it. It mirrors
// current_task.
func CurrentTask(ctx context.Context) AnyTask {
	if t, ok := ctx.Value(taskKey{}).(*task); ok {
		return t.public()
	}
	if _, p := hub.Here(); p != nil {
		if t := taskOf(p); t != nil {
			return t.public()
		}
	}
	return nil
}

// public returns the Task of which t is part.
func (t *task) public() AnyTask {
	return t.proc.Owner().(interface{ public() AnyTask }).public()
}

func (r *runner[T]) public() AnyTask { return (*Task[T])(r) }

func (t *Task[T]) core() *future {
	if t == nil {
		return nil
	}
	return &t.future
}
