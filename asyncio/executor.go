package asyncio

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/baton-go/baton/internal/baton"
)

// An Executor runs functions that block, on goroutines, side by side with the
// loop: concurrent.futures.Executor. [ThreadPoolExecutor] is one, and so is that of
// package gevent/threadpool.
//
// One that also has a method Shutdown(wait, cancelFutures bool) is shut down with
// the loop whose default it is.
type Executor interface {
	// Execute has run called on another goroutine, as soon as there is room, and
	// returns at once. Run recovers panics, but may call runtime.Goexit. Take, which
	// the caller of Execute may call, takes it back, and reports whether it could:
	// not if run has been called; nil says that it never can. If the executor itself decides that run never
	// will be, it calls dropped, from any goroutine.
	Execute(run, dropped func()) (take func() bool, err error)
}

// ErrExecutorShutdown is matched by the error of what an executor is to run that
// was shut down. It stands for Python's RuntimeErrors "Executor shutdown has been
// called" and "cannot schedule new futures after shutdown".
var ErrExecutorShutdown = errors.New("the executor was shut down")

// ErrJobsRunning is matched by the error of shutting an executor down within a
// limit of time when jobs have not ended by then. Its text names them.
var ErrJobsRunning = errors.New("jobs of the executor have not ended")

// errJobExited is the error of a job that called runtime.Goexit.
var errJobExited = errors.New("asyncio: the job called runtime.Goexit; return from it instead")

// ToThread runs f, which may block, on a goroutine of the loop's default executor,
// and returns what it returned; a panic of f is a [*PanicError]. The loop goes on
// meanwhile. It mirrors asyncio.to_thread.
//
// It parks as [Future.Await] does. If the wait ends early, because the calling task
// is cancelled or ctx ends, an f that has begun goes on alone, since nothing can
// stop it, and its outcome is dropped; one that has not begun never will. F ends
// soon in that case if it heeds ctx.
func ToThread[T any](ctx context.Context, f func() (T, error)) (T, error) {
	const op = "asyncio.ToThread"
	return execute(ctx, op, nil, f).Await(ctx)
}

// RunInExecutor has e, or if that is nil the default executor of the loop, run f,
// which may block. The outcome is the Future's: what f returned; a [*PanicError] if
// it panicked; an error that matches [ErrExecutorShutdown] if e takes nothing any
// more. It mirrors run_in_executor.
//
// Cancelling the Future takes f back if it has not begun; otherwise f goes on, and
// its outcome is dropped. It is dropped, too, when the loop is closed before it
// comes. Until then a loop that has nothing else to do waits for it, and a virtual
// clock stands still.
//
// It does not park, and may be called as [CreateTask] may.
func RunInExecutor[T any](ctx context.Context, e Executor, f func() (T, error)) *Future[T] {
	return execute(ctx, "asyncio.RunInExecutor", e, f)
}

func execute[T any](ctx context.Context, op string, e Executor, f func() (T, error)) *Future[T] {
	if f == nil {
		misuse(op, "the function is nil", "pass the function that is to be run")
	}
	l := loopOf(ctx, op)
	j := &executorJob[T]{f: f, err: errJobExited}
	j.Future.loop = l
	j.Future.rarely().canceller = j
	j.who = jobInfo{loop: l, since: time.Now()}
	j.who.pc, j.who.task = funcPC(f), callerName()
	own := e == nil
	if own {
		if l.executor.down {
			j.refuse(inOp(op, ErrExecutorShutdown))
			return &j.Future
		}
		e = l.defaultExecutor()
	}
	take, err := e.Execute(j.run, j.drop)
	if err != nil {
		j.refuse(inOp(op, err))
		return &j.Future
	}
	j.take = take
	if own {
		l.executor.add(&j.who)
	}
	l.hub.Loop.Ref()
	j.waited = true
	return &j.Future
}

// An executorJob is the Future of a function that an executor runs. What run
// writes, deliver reads when it was posted; all else is the loop's.
type executorJob[T any] struct {
	Future[T]
	f      func() (T, error)
	result T
	err    error
	take   func() bool
	waited bool // the loop waits for it
	who    jobInfo
}

// refuse ends a job that no executor takes.
func (j *executorJob[T]) refuse(err error) {
	j.settle(finished, err)
	lose(&j.Future, &j.future, "Future", nil)
}

// run is called by the executor.
func (j *executorJob[T]) run() {
	defer func() {
		if v := recover(); v != nil {
			j.err = baton.Recovered(v)
		}
		// ErrClosed means that nobody is left to be told.
		_ = j.loop.hub.Post(j.deliver)
	}()
	j.who.begun.Store(true)
	j.result, j.err = j.f()
}

// deliver settles the Future, on the hub.
func (j *executorJob[T]) deliver() {
	j.end()
	if j.state != pending || j.loop.gone() {
		return
	}
	j.value = j.result
	j.settle(finished, j.err)
	lose(&j.Future, &j.future, "Future", nil)
}

// drop is called by an executor that has given the job up.
func (j *executorJob[T]) drop() {
	_ = j.loop.hub.Post(func() {
		j.end()
		if j.state == pending {
			j.settle(cancelled, &CancelledError{Err: ErrExecutorShutdown})
		}
	})
}

// end notes that the job is over.
func (j *executorJob[T]) end() {
	j.who.loop.executor.remove(&j.who)
	j.release()
}

// release lets the loop end without the job.
func (j *executorJob[T]) release() {
	if j.waited {
		j.waited = false
		j.loop.hub.Loop.Unref()
	}
}

// requestCancel cancels the Future, and the job if it has not begun.
func (j *executorJob[T]) requestCancel(e *CancelledError) bool {
	if j.take != nil && j.take() {
		j.end()
	}
	j.release()
	j.settle(cancelled, e)
	return true
}

// jobInfo describes a job of a default executor, for those who wait for it. It is
// in the list of its loop until it has ended.
type jobInfo struct {
	loop       *Loop
	pc         uintptr
	task       string // who asked for it
	since      time.Time
	begun      atomic.Bool
	listed     bool
	prev, next *jobInfo
}

// String is the name of the function, and who asked for it.
func (i *jobInfo) String() string {
	s := "a function"
	if f := runtime.FuncForPC(i.pc); f != nil {
		s = f.Name()
	}
	if i.task != "" {
		s += " of " + i.task
	}
	verb := "running"
	if !i.begun.Load() {
		verb = "waiting"
	}
	return fmt.Sprintf("%s, %s for %v", s, verb, time.Since(i.since).Round(time.Millisecond))
}
