package asyncio

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/baton-go/baton/internal/hub"
)

// loopExecutor is what a loop has of its default executor: the executor itself and
// the jobs that it was given and that have not ended.
type loopExecutor struct {
	executor    Executor
	down        bool
	first, last *jobInfo
	idle        []*future // of those who wait until there is none
}

// SetDefaultExecutor makes e the executor of [ToThread], and of [RunInExecutor] with
// nil. Jobs that were given to the one before stay there, but count as the loop's. By
// default it is a [ThreadPoolExecutor] of the default size, which belongs to the
// loop. It panics if e is nil. It mirrors set_default_executor.
//
// It may be called as [Loop.CallSoon] may.
func (l *Loop) SetDefaultExecutor(e Executor) {
	const op = "asyncio.Loop.SetDefaultExecutor"
	l.mustBeUsable(op)
	if e == nil {
		misuse(op, "the executor is nil", "pass one, such as that of NewThreadPoolExecutor(0)")
	}
	l.executor.executor = e
}

// defaultExecutor returns the default executor, made when it is first used.
func (l *Loop) defaultExecutor() Executor {
	if l.executor.executor == nil {
		l.executor.executor = NewThreadPoolExecutor(0)
	}
	return l.executor.executor
}

// ShutdownDefaultExecutor makes the loop's default executor refuse jobs, and waits
// until those have ended that it has from this loop, the ones included that have not
// begun; then it shuts the executor down. [Run] and [Runner.Close] do it. A second
// call waits, too. It mirrors shutdown_default_executor.
//
// It parks as [Future.Await] does. If ctx ends before the jobs, the error matches
// [ErrJobsRunning] and ctx.Err(), and names them; they go on alone.
func (l *Loop) ShutdownDefaultExecutor(ctx context.Context) error {
	const op = "asyncio.Loop.ShutdownDefaultExecutor"
	l.mustBeUsable(op)
	x := &l.executor
	x.down = true
	if idle := x.awaitIdle(l); idle != nil {
		l.hub.Loop.Ref() // jobs whose Futures were cancelled have no other
		defer l.hub.Loop.Unref()
		if err := idle.result(ctx, op); err != nil {
			if isCancel(err) {
				return err
			}
			return inOp(op, fmt.Errorf("%w: %w", x.left(), err))
		}
	}
	x.shutdown()
	return nil
}

// awaitIdle returns a future that is done when no job is left; nil if none is.
func (x *loopExecutor) awaitIdle(l *Loop) *future {
	if x.first == nil {
		return nil
	}
	f := &future{loop: l}
	x.idle = append(x.idle, f)
	return f
}

// shutdown has the executor told that the loop has no use for it any more.
func (x *loopExecutor) shutdown() {
	x.down = true
	e := x.executor
	x.executor = nil
	if e, ok := e.(interface {
		Shutdown(wait, cancelFutures bool)
	}); ok {
		e.Shutdown(false, false)
	}
}

// left is the error that names the jobs that have not ended.
func (x *loopExecutor) left() error {
	var names []string
	for i := x.first; i != nil; i = i.next {
		names = append(names, i.String())
	}
	return fmt.Errorf("%w: %s", ErrJobsRunning, strings.Join(names, "; "))
}

func (x *loopExecutor) add(i *jobInfo) {
	i.listed = true
	i.prev = x.last
	if x.last != nil {
		x.last.next = i
	} else {
		x.first = i
	}
	x.last = i
}

// remove takes a job out of the list, if it is there.
func (x *loopExecutor) remove(i *jobInfo) {
	if !i.listed {
		return
	}
	i.listed = false
	if i.prev != nil {
		i.prev.next = i.next
	} else {
		x.first = i.next
	}
	if i.next != nil {
		i.next.prev = i.prev
	} else {
		x.last = i.prev
	}
	i.prev, i.next = nil, nil
	if x.first != nil {
		return
	}
	for _, f := range x.idle {
		if f.state == pending {
			f.settle(finished, nil)
		}
	}
	x.idle = nil
}

// funcPC is where a function begins.
func funcPC(f any) uintptr { return reflect.ValueOf(f).Pointer() }

// callerName is the name of the task or greenlet that calls; "" in a callback.
func callerName() string {
	if _, p := hub.Here(); p != nil {
		return p.Name()
	}
	return ""
}
