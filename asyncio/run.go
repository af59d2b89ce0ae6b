package asyncio

import (
	"errors"
	"fmt"

	"github.com/baton-go/baton/internal/hub"
)

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
	t, err := runMain(op, l, c, func(*task) {})
	if err != nil {
		return v, err
	}
	return t.Result()
}

// runMain makes a task of c and runs the loop until that has ended. Made is told of
// the task. If there is an error the task has not ended, and may not have been made.
func runMain[T any](op string, l *Loop, c Coroutine[T], made func(*task)) (t *Task[T], err error) {
	err = l.run(op, func() *future {
		t = newTask(l, l.Context(), c, nil)
		made(&t.task)
		return &t.future
	})
	return t, err
}

// RunForever runs the loop until [Loop.Stop]; what is unfinished goes on when the
// loop is run again. The errors are those of [RunUntilComplete], but for
// ErrLoopStopped. It mirrors run_forever.
//
// It also returns, at once, when a callback or a task panics with an error that
// matches [ErrKeyboardInterrupt], with that error: what is ready stays so until the
// next run. So do RunUntilComplete and the others that run a loop.
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
		return inOp(op, fmt.Errorf("%w: %s; %s", ErrLoopRunning, wrong, do))
	}
	if l != nil && l.closed.Load() {
		return inOp(op, ErrLoopClosed)
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
		return inOp(op, fmt.Errorf("%w: it is run by somebody else; wait for that to end", ErrLoopRunning))
	}
	defer l.running.Store(false)
	if l.closed.Load() { // since mayRun, or a Runner was given a closed one
		return inOp(op, ErrLoopClosed)
	}
	if !l.attached {
		l.hub.Enter()
		defer l.hub.Leave()
	}
	if l.watchdog != nil {
		defer l.watchdog.watch(l.hub)()
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
			if l.attached && !errors.Is(err, ErrKeyboardInterrupt) {
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
