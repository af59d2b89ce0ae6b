package asyncio

import (
	"container/list"
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

// A Loop runs tasks and callbacks, one at a time: asyncio's event loop. It is
// made by [NewLoop] and run by [RunUntilComplete] or [Loop.RunForever], as often
// as one likes; what is unfinished waits in between. [Run] does all of that.
//
// While it runs, a loop is for the tasks, callbacks and greenlets of its thread;
// while it does not, for one goroutine at a time. [Loop.CallSoonThreadsafe] is
// for any goroutine at any time.
type Loop struct {
	hub *hub.Hub
	// attached loops share the hub of a gevent thread, which runs them whenever
	// its greenlets wait. Others have a hub to themselves.
	attached bool
	context  loopContext
	epoch    time.Time // when its time was 0, if it has a real clock
	handler  func(*Loop, ExceptionContext)

	running atomic.Bool // somebody is in run or Close
	closed  atomic.Bool

	stopping bool      // Stop was called while nobody was in run
	over     bool      // run is to return
	runner   *hub.Proc // parked in run

	names  uint32    // how many tasks have been made
	unborn []*task   // those that will never start, because the thread ends
	alarms *alarm    // for reuse, linked by next
	lost   list.List // of *lost

	logger   *slog.Logger // nil for none
	debug    loopDebug
	factory  TaskFactory // nil for none
	executor loopExecutor
	fds      fdWatches
	signals  map[os.Signal]*netpoll.Signal

	interrupter *interrupter // of the Run that is at work, nil for none

	watchdog   *watchdog // nil for none
	resources  loopResources
	readBuffer []byte // of transports: sockread.go
}

// An Option changes a loop that is being made.
type Option func(*options)

type options struct {
	loop      []netpoll.Option
	context   context.Context
	handler   func(*Loop, ExceptionContext)
	debug     *bool
	logger    *slog.Logger
	interrupt *bool
	shutdown  time.Duration
	factory   func() (*Loop, error)
	watchdog  *watchdog
}

func newOptions(opts []Option) options {
	o := options{context: context.Background()}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// WithClock makes the loop live on a virtual clock: where it would wait for a
// time it jumps there, so that a test of time is exact and instant. A deadline of
// package context goes by the real time all the same. In a gevent thread, give
// the clock to gevent.Run.
func WithClock(c *netpoll.VirtualClock) Option {
	return func(o *options) { o.loop = append(o.loop, netpoll.WithClock(c)) }
}

// WithContext makes ctx the context from which those of the loop's main tasks are
// derived: they see its values, and their contexts end with it. That of
// signal.NotifyContext ends all of a program's waits so. A task that then returns the
// error of its context, or the cause, has not failed: nobody has to retrieve that. The
// default is context.Background().
func WithContext(ctx context.Context) Option {
	return func(o *options) { o.context = ctx }
}

// WithExceptionHandler makes f the place where errors go that nobody else is told
// of:
//   - panics of callbacks, and of the methods of protocols, with the transport;
//   - errors of tasks and futures that nobody retrieves, which is found out when they
//     are garbage, or when the loop closes; those of tasks that end during Run's
//     clean-up, or after their TaskGroup was unwound; and a task that calls
//     runtime.Goexit;
//   - errors of a server: it cannot accept, make a transport or a protocol, or the
//     handler of a stream failed;
//   - what is left when the loop closes: tasks that have not ended, transports and
//     servers that nobody has closed.
//
// The default prints them to standard error or, in a
// gevent thread, hands them to its error hook. F runs in the loop's thread and
// must not wait. It mirrors set_exception_handler.
func WithExceptionHandler(f func(*Loop, ExceptionContext)) Option {
	return func(o *options) { o.handler = f }
}

// NewLoop makes a loop. The error is that of getting descriptors from the system.
// Close it to give them back, and the goroutines of its tasks. It mirrors
// new_event_loop.
//
// Called in a thread of gevent, or in a task, it returns a loop that shares that
// thread: its tasks run whenever the thread's greenlets and tasks wait.
func NewLoop(opts ...Option) (*Loop, error) {
	o := newOptions(opts)
	h := hub.Current()
	attached := h != nil
	switch {
	case !attached:
		var err error
		if h, err = hub.New(o.loop...); err != nil {
			return nil, fmt.Errorf("asyncio.NewLoop: %w", err)
		}
	case o.loop != nil:
		misuse("asyncio.NewLoop", "WithClock or WithShuffle in a thread that has a loop", "give the option to gevent.Run")
	case o.watchdog != nil:
		misuse("asyncio.NewLoop", "WithWatchdog in a thread that has a loop", "give gevent.Run a WithMonitor")
	}
	return newLoop(h, attached, o), nil
}

func newLoop(h *hub.Hub, attached bool, o options) *Loop {
	l := &Loop{hub: h, attached: attached, handler: o.handler, logger: o.logger, watchdog: o.watchdog}
	l.context = loopContext{o.context, l}
	l.epoch = time.Now().Add(-h.Loop.UpdateTime())
	l.debug.init(l, o.debug)
	if h.OnExit == nil { // a loop that shares the thread of another one leaves it that
		h.OnExit = l.explain
	}
	if attached {
		h.Hold((*resource)(l))
	} else {
		h.Asyncio = l
		h.OnError = func(where string, err error) {
			l.CallExceptionHandler(ExceptionContext{Message: where + " failed", Err: err})
		}
	}
	return l
}

// explain adds to the error of a hub where everybody waits what asyncio knows.
func (l *Loop) explain(e *LoopExit) {
	if !l.attached {
		e.Kind = "tasks"
	}
	for p := range l.hub.All {
		if taskOf(p) != nil {
			e.Hints = append(e.Hints, "if another goroutine was to wake it (CallSoonThreadsafe, RunCoroutineThreadsafe), call Loop.Ref before, or await a WrapFuture or WrapChannel")
			return
		}
	}
}

// resource is an attached loop as something that ends with its hub.
type resource Loop

// Abandon closes the loop. Its tasks have been killed.
func (r *resource) Abandon() {
	l := (*Loop)(r)
	l.closed.Store(true)
	l.bury()
}

// hubLoop returns the loop that a hub has, or else gets.
func hubLoop(h *hub.Hub) *Loop {
	if l, ok := h.Asyncio.(*Loop); ok {
		return l
	}
	l := newLoop(h, true, options{context: context.Background()})
	h.Asyncio = l
	return l
}

// loopOf returns the loop that ctx names, or that of the calling thread, which the
// caller may use.
func loopOf(ctx context.Context, op string) *Loop {
	l := findLoop(ctx, op)
	l.mustBeUsable(op)
	return l
}

// findLoop is loopOf for a caller that may be anywhere.
func findLoop(ctx context.Context, op string) *Loop {
	var l *Loop
	if own, ok := ctx.(*ownContext); ok {
		l = own.loop
	} else if ctx == nil {
		mustHaveContext(op)
	} else if l, ok = ctx.Value(loopKey{}).(*Loop); !ok {
		h := hub.Current()
		if h == nil {
			misuse(op, "no event loop runs here", "call it in a coroutine, pass it the context of a loop (Loop.Context), or hand a coroutine over with asyncio.RunCoroutineThreadsafe")
		}
		l = hubLoop(h)
	}
	return l
}

// RunningLoop returns the loop of the task to which ctx belongs, or that from
// whose [Loop.Context] it was derived; with another context, the loop on which
// the caller runs. It panics where there is none, and if the loop is closed. Any
// goroutine may call it with such a context: it only looks the loop up, of which others
// may use what says so, as [Loop.CallSoonThreadsafe]. It mirrors get_running_loop.
func RunningLoop(ctx context.Context) *Loop {
	const op = "asyncio.RunningLoop"
	l := findLoop(ctx, op)
	l.mustBeOpen(op)
	return l
}

// String says what the loop is: whether it runs, is closed, and is in debug mode. Any
// goroutine may call it.
func (l *Loop) String() string {
	return fmt.Sprintf("<asyncio.Loop %p running=%t closed=%t debug=%t>", l, l.IsRunning(), l.IsClosed(), l.debug.on.Load())
}

// Context returns a context that names the loop, for [CreateTask] and
// [RunningLoop] outside the loop's tasks.
func (l *Loop) Context() context.Context { return &l.context }

// mustOwn panics if the caller may not use the loop.
func (l *Loop) mustOwn(op string) {
	if l == nil {
		misuse(op, "it belongs to no loop", "make it with CreateTask or NewFuture")
	}
	if !l.here() && !l.gone() && (l.attached || l.running.Load()) {
		misuse(op, "the caller is not in the thread that runs the loop", "use Loop.CallSoonThreadsafe")
	}
}

// idle reports whether nobody runs the loop, which then is its owner's.
func (l *Loop) idle() bool { return l.closed.Load() || !l.attached && !l.running.Load() }

// mustBeUsable panics if the caller may not use the loop, or it is closed.
func (l *Loop) mustBeUsable(op string) {
	l.mustOwn(op)
	l.mustBeOpen(op)
}

func (l *Loop) mustBeOpen(op string) {
	if l.closed.Load() {
		misuse(op, "the event loop is closed", "make another")
	}
}

// enqueue makes a handle ready. The loop may have been closed meanwhile.
func (l *Loop) enqueue(h *Handle) {
	if !l.closed.Load() {
		l.hub.Loop.Enqueue(h)
	}
}

// CallSoon schedules f, which runs after what was scheduled before, tasks and
// callbacks alike. F must not wait: it may make tasks that do. A panic in f goes
// to the exception handler. It mirrors call_soon.
//
// It does not park. It may be called in a task, in a greenlet or a callback of
// the loop's thread, and, while the loop does not run, by whoever owns it;
// elsewhere, and on a closed loop, it panics. So for [Loop.CallLater],
// [Loop.CallAt] and [Loop.Stop].
func (l *Loop) CallSoon(f func()) *Handle {
	const op = "asyncio.Loop.CallSoon"
	l.mustBeUsable(op)
	h := newHandle(op, l, f)
	l.enqueue(h)
	return h
}

// CallLater schedules f for when d has passed. Even if d is not positive, f runs
// after what is ready now. Of callbacks for the same time the first one scheduled
// runs first. It mirrors call_later.
func (l *Loop) CallLater(d time.Duration, f func()) *Handle {
	const op = "asyncio.Loop.CallLater"
	l.mustBeUsable(op)
	return l.callAt(op, l.hub.Loop.Deadline(d), f)
}

// CallAt schedules f for when the loop's time, as [Loop.Time] tells it, is when.
// It mirrors call_at.
func (l *Loop) CallAt(when time.Duration, f func()) *Handle {
	const op = "asyncio.Loop.CallAt"
	l.mustBeUsable(op)
	return l.callAt(op, when, f)
}

func (l *Loop) callAt(op string, when time.Duration, f func()) *Handle {
	h := newHandle(op, l, f)
	l.hub.Loop.Arm(&h.timer, when, h)
	return h
}

// CallSoonThreadsafe is [Loop.CallSoon] for any goroutine: it wakes the loop if
// that waits. What one goroutine schedules runs in the order of its calls. The error
// is [ErrLoopClosed] if the loop is closed; f may also be dropped if it is closed
// before f's turn. It mirrors call_soon_threadsafe.
//
// A loop that has nothing left to wait for ends with a [LoopExit] rather than
// wait for a call of which it does not know: see [Loop.Ref].
func (l *Loop) CallSoonThreadsafe(f func()) (*Handle, error) {
	return l.callSoonThreadsafe(f, nil)
}

// callSoonThreadsafe is CallSoonThreadsafe; dropped, which may be nil, is called in f's
// turn if the loop is closed then and its thread goes on.
func (l *Loop) callSoonThreadsafe(f, dropped func()) (*Handle, error) {
	h := newHandle("asyncio.Loop.CallSoonThreadsafe", l, f)
	if h.extra == nil {
		h.extra = new(handleExtra)
	}
	h.extra.shared, h.extra.dropped = true, dropped
	if l.closed.Load() {
		return nil, ErrLoopClosed
	}
	if l.here() {
		l.enqueue(h)
	} else if l.hub.Post(h.RunReady) != nil {
		return nil, ErrLoopClosed
	}
	return h, nil
}

// Ref promises the loop a [Loop.CallSoonThreadsafe]: until [Loop.Unref] takes it
// back it waits even if nothing else is left to wait for, and a virtual clock
// stands still. Both may be called as [Loop.CallSoon] may. asyncio needs no such
// promise, since its loops wait for ever.
func (l *Loop) Ref() {
	l.mustBeUsable("asyncio.Loop.Ref")
	l.hub.Loop.Ref()
}

// Unref takes back one [Loop.Ref].
func (l *Loop) Unref() {
	l.mustBeUsable("asyncio.Loop.Unref")
	l.hub.Loop.Unref()
}

// Time returns the loop's time: what has passed since it was made on a monotonic
// clock, or on its virtual clock. It mirrors time.
func (l *Loop) Time() time.Duration {
	if l.closed.Load() {
		return l.hub.Loop.Time()
	}
	return l.hub.Loop.UpdateTime()
}

// IsClosed reports whether the loop was closed. Any goroutine may call it.
func (l *Loop) IsClosed() bool { return l.closed.Load() }

// IsRunning reports whether the loop is being run. One that shares the thread of
// gevent always is, until it is closed. Any goroutine may call it.
func (l *Loop) IsRunning() bool {
	return !l.closed.Load() && (l.attached || l.running.Load())
}

// tasks returns those that have not ended, oldest first. The hub has a list of all
// that runs in it; another one would cost each task a tenth of its life.
func (l *Loop) tasks() []*task {
	var ts []*task
	for p := range l.hub.All {
		if t := taskOf(p); t != nil && t.loop == l && t.state == pending {
			ts = append(ts, t)
		}
	}
	return ts
}

// AllTasks returns the loop's tasks that have not ended, oldest first. It mirrors
// all_tasks. It may be called as [Loop.CallSoon] may.
func (l *Loop) AllTasks() []AnyTask {
	l.mustOwn("asyncio.Loop.AllTasks")
	var ts []AnyTask
	for _, t := range l.tasks() {
		ts = append(ts, t.public())
	}
	return ts
}
