package asyncio

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/baton-go/baton/internal/baton"
)

// shutdown ends what a Runner has run: it cancels the tasks that are left and waits
// for them, then for the jobs of the default executor, but not longer than limit, and
// closes the loop.
func (l *Loop) shutdown(op string, limit time.Duration) error {
	return errors.Join(l.cancelAll(op), l.endExecutor(op, limit), l.Close())
}

// cancelAll cancels the tasks that are left, and waits for them.
func (l *Loop) cancelAll(op string) error {
	tasks := l.tasks()
	if len(tasks) == 0 {
		return nil
	}
	all := make([]*future, len(tasks))
	for i, t := range tasks {
		all[i] = &t.future
		t.cancel(new(CancelledError))
	}
	g := newGathering(l, all, true)
	err := l.run(op, func() *future { return &g.future })
	for _, t := range tasks {
		if t.state == finished && t.failure() != nil && !t.excused() {
			l.CallExceptionHandler(ExceptionContext{
				Message: "unhandled exception during asyncio.Run shutdown",
				Task:    t.Name(),
				Future:  t.public(),
				Err:     t.take(),
				Source:  t.source(),
			})
		}
	}
	return err
}

// endExecutor waits for the jobs of the default executor, and shuts that down.
func (l *Loop) endExecutor(op string, limit time.Duration) error {
	x := &l.executor
	x.down = true
	idle := x.awaitIdle(l)
	if idle == nil {
		return nil // Close shuts it down
	}
	l.hub.Loop.Ref() // jobs whose Futures were cancelled have no other
	defer l.hub.Loop.Unref()
	late := false
	// A job takes real time, whatever the loop's clock.
	timer := time.AfterFunc(limit, func() {
		// ErrClosed means that the wait is over.
		_ = l.hub.Post(func() {
			if idle.state == pending {
				late = true
				idle.settle(finished, nil)
			}
		})
	})
	defer timer.Stop()
	err := l.run(op, func() *future { return idle })
	if late {
		return inOp(op, x.left())
	}
	return err
}

// Close ends the loop, which must not be running. Callbacks that are scheduled
// never run. Tasks that are left are reported to the exception handler and
// unwound, so that their deferred functions run; and so are errors that nobody
// retrieved. The default executor is shut down, and not waited for. A second call
// does nothing. It mirrors close.
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
		return inOp(op, fmt.Errorf("%w: the caller is in a thread; close the loop on the goroutine that ran it", ErrLoopRunning))
	}
	if !l.running.CompareAndSwap(false, true) {
		return inOp(op, fmt.Errorf("%w: stop it first", ErrLoopRunning))
	}
	defer l.running.Store(false)
	for _, t := range l.tasks() {
		l.CallExceptionHandler(ExceptionContext{
			Message: "Task was destroyed but it is pending!",
			Task:    t.Name(),
			Future:  t.public(),
			Source:  t.source(),
		})
	}
	l.closed.Store(true)
	l.executor.shutdown()
	l.fds.close(l)
	l.closeSignals()
	if l.attached {
		for _, t := range l.tasks() {
			t.cancel(&CancelledError{Err: ErrLoopClosed})
		}
		l.reportLost()
		l.abandonResources()
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
	for _, t := range append(l.unborn, l.tasks()...) {
		t.finish(&CancelledError{Err: ErrLoopClosed})
	}
	l.reportLost()
}
