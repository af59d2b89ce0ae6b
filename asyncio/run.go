package asyncio

import (
	"errors"
	"fmt"
	"strings"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// Run makes a loop, runs c on it as the main task, cancels the tasks that are
// left then, waits until they have ended, and closes the loop: goroutines,
// descriptors and all. It mirrors asyncio.run.
//
// It returns what c returned; the error is a [*PanicError] if c panicked, and a
// [*LoopExit] if it waited where nothing could ever wake it. What went wrong
// while the loop was closed is joined to it. A runtime.Goexit in a task, such as
// t.FailNow in a test, ends the calling goroutine after the clean-up.
//
// Run blocks the calling goroutine. Different goroutines may Run at the same
// time: their loops run in parallel and share nothing. In a greenlet of gevent it
// parks the greenlet, and the tasks run among the greenlets of its thread. In a
// task it returns [ErrLoopRunning].
func Run[T any](c Coroutine[T], opts ...Option) (v T, err error) {
	const op = "asyncio.Run"
	mustHaveCoroutine(op, c == nil)
	if err := mayRun(op, nil); err != nil {
		return v, err
	}
	l, err := NewLoop(opts...)
	if err != nil {
		return v, fmt.Errorf("%s: %w", op, err)
	}
	defer func() {
		if e := l.shutdown(op); e != nil {
			err = errors.Join(err, e)
		}
	}()
	return runTask(op, l, c)
}

// RunUntilComplete runs c on the loop as a task, and the loop until that has
// ended; it returns what c returned. The other tasks stay as they are, and go on
// when the loop is run again. Callbacks and tasks that were ready when the end of
// c became known still run. It mirrors run_until_complete.
//
// The error may also be a [*LoopExit], if the task waits and nothing is left that
// could wake it; [ErrLoopStopped], if [Loop.Stop] was called; [ErrLoopClosed]; or
// [ErrLoopRunning], if the caller is in a task already, or in another loop's
// thread, or the loop is run by somebody else.
//
// It blocks the calling goroutine. On a loop that was made in a thread of gevent
// it parks the calling greenlet, and the thread's greenlets run meanwhile too.
func RunUntilComplete[T any](l *Loop, c Coroutine[T]) (T, error) {
	const op = "asyncio.RunUntilComplete"
	mustHaveCoroutine(op, c == nil)
	return runTask(op, l, c)
}

func mustHaveCoroutine(op string, missing bool) {
	if missing {
		misuse(op, "the coroutine is nil", "pass the function that is to be run")
	}
}

func runTask[T any](op string, l *Loop, c Coroutine[T]) (v T, err error) {
	if err := mayRun(op, l); err != nil {
		return v, err
	}
	var t *Task[T]
	err = l.run(op, func() *future {
		t = newTask(l, l.Context(), c, nil)
		return &t.future
	})
	if t == nil || !t.Done() {
		return v, err
	}
	return t.Result()
}

// RunForever runs the loop until [Loop.Stop]; what is unfinished goes on when the
// loop is run again. The errors are those of [RunUntilComplete], but for
// ErrLoopStopped. It mirrors run_forever.
func (l *Loop) RunForever() error {
	const op = "asyncio.Loop.RunForever"
	if err := mayRun(op, l); err != nil {
		return err
	}
	return l.run(op, func() *future { return nil })
}

// Stop ends the run of the loop: what was ready when the current iteration began
// still runs, what that makes ready waits for the next run. If the loop does not
// run, its next run is one iteration. In a thread of gevent the run ends, and the
// loop goes on with the thread. It mirrors stop.
func (l *Loop) Stop() {
	l.mustBeUsable("asyncio.Loop.Stop")
	if l.runner == nil {
		l.stopping = true
		return
	}
	l.endRun()
}

// endRun makes run return at the end of the iteration.
func (l *Loop) endRun() {
	l.over = true
	if l.attached {
		l.runner.Wake()
	} else {
		l.hub.EndIteration()
	}
}

// mayRun says why the caller cannot run the loop, or a new one if l is nil.
func mayRun(op string, l *Loop) error {
	refuse := func(wrong, do string) error {
		return fmt.Errorf("%s: %w: %s; %s", op, ErrLoopRunning, wrong, do)
	}
	if l != nil && l.closed.Load() {
		return fmt.Errorf("%s: %w", op, ErrLoopClosed)
	}
	f, p := hub.Here()
	switch {
	case f == nil && l != nil && l.attached:
		return refuse("the loop shares a thread of gevent", "run it there")
	case f == nil:
		return nil
	case p == nil && hub.Current() != nil:
		return refuse("a callback cannot run a loop", "use CreateTask in it")
	case p == nil:
		return refuse("the goroutine is a thread of greenlets", "call it on a goroutine of its own, or in gevent.Run")
	case taskOf(p) != nil:
		return refuse("the caller is in a task", "call the coroutine, or use CreateTask and Await")
	case l != nil && l.hub != p.Hub():
		return refuse("the caller is in a thread that is not the loop's", "make the loop in the thread, or call asyncio.Run")
	}
	return nil
}

// run runs the loop until the future that start returns is done, or, if that is
// nil, until Stop.
func (l *Loop) run(op string, start func() *future) error {
	if !l.running.CompareAndSwap(false, true) {
		return fmt.Errorf("%s: %w: it is run by somebody else; wait for that to end", op, ErrLoopRunning)
	}
	defer l.running.Store(false)
	if !l.attached {
		l.hub.Enter()
		defer l.hub.Leave()
	}
	self, p := hub.Here()
	l.runner = p
	defer func() { l.runner = nil }()
	l.over = false
	if l.stopping {
		l.stopping = false
		l.enqueue(&Handle{loop: l, f: l.endRun})
	}
	until := start()
	end := &callback{Handle{loop: l, f: l.endRun}}
	wait := hub.Wait{Op: op}
	if until != nil {
		wait.On = until
		if until.state != pending {
			end.settled(until)
		} else if l.attached {
			until.listen((*waker)(p))
			defer until.ignore((*waker)(p))
		} else {
			until.listen(end)
			defer until.ignore(end)
		}
	}
	defer func() { end.handle.f = nil }()
	for !l.over && !(l.attached && until != nil && until.state != pending) {
		if _, err := p.Park(self, wait); err != nil {
			if l.attached {
				hub.Unwind(err)
			}
			return err
		}
	}
	if until != nil && until.state == pending {
		return ErrLoopStopped
	}
	return nil
}

// shutdown cancels the tasks that are left, waits for them, and closes the loop.
func (l *Loop) shutdown(op string) error {
	tasks := l.tasks()
	if len(tasks) == 0 {
		return l.Close()
	}
	all := make([]*future, len(tasks))
	for i, t := range tasks {
		all[i] = &t.future
		t.cancel(new(CancelledError))
	}
	g := newGathering(l, all, true)
	err := l.run(op, func() *future { return &g.future })
	for _, t := range tasks {
		if t.state == finished && t.err != nil {
			l.CallExceptionHandler(ExceptionContext{
				Message: "unhandled exception during asyncio.Run shutdown",
				Task:    t.Name(),
				Err:     t.take(),
			})
		}
	}
	return errors.Join(err, l.Close())
}

// Close ends the loop, which must not be running. Callbacks that are scheduled
// never run. Tasks that are left are reported to the exception handler and
// unwound, so that their deferred functions run; and so are errors that nobody
// retrieved. A second call does nothing. It mirrors close.
//
// The error is [ErrLoopRunning], or matches [ErrSurvivors]. On a loop that shares
// a thread of gevent Close does not wait for its tasks to end.
func (l *Loop) Close() error {
	const op = "asyncio.Loop.Close"
	if l.closed.Load() {
		return nil
	}
	switch {
	case l.attached:
		l.mustOwn(op)
	case baton.Self() != nil:
		return fmt.Errorf("%s: %w: the caller is in a thread; close the loop on the goroutine that ran it", op, ErrLoopRunning)
	}
	if !l.running.CompareAndSwap(false, true) {
		return fmt.Errorf("%s: %w: stop it first", op, ErrLoopRunning)
	}
	defer l.running.Store(false)
	for _, t := range l.tasks() {
		l.CallExceptionHandler(ExceptionContext{Message: "Task was destroyed but it is pending!", Task: t.Name()})
	}
	l.closed.Store(true)
	if l.attached {
		for _, t := range l.tasks() {
			t.cancel(&CancelledError{Err: ErrLoopClosed})
		}
		l.reportLost()
		l.hub.Drop((*resource)(l))
		return nil
	}
	l.hub.Enter()
	defer l.hub.Close()
	defer l.bury()
	left := l.hub.KillAll(ErrLoopClosed)
	if len(left) == 0 {
		return nil
	}
	var b strings.Builder
	for _, i := range left {
		i.Write(&b)
	}
	return fmt.Errorf("%s: %d tasks: %w:\n%s", op, len(left), ErrSurvivors, strings.TrimRight(b.String(), "\n"))
}

// bury settles tasks that never came to their end, and reports what was lost.
func (l *Loop) bury() {
	for _, t := range l.tasks() {
		t.finish(&CancelledError{Err: ErrLoopClosed})
	}
	l.reportLost()
}
