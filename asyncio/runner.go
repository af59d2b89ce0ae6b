package asyncio

import (
	"errors"
	"fmt"
	"time"
)

// Run makes a loop, runs c on it as the main task, cancels the tasks that are
// left then, waits until they have ended, and for the jobs of the default executor
// (see [WithShutdownTimeout]), and closes the loop: goroutines, descriptors and all.
// It mirrors asyncio.run.
//
// It returns what c returned; for a function without a result see [NoResult]. The error
// is a [*PanicError] if c panicked, which shows its stack when it is printed with %+v; a
// [*LoopExit] if it waited where nothing could ever wake it, and
// [ErrKeyboardInterrupt] if the user interrupted it: see [WithInterrupt]. What went
// wrong while the loop was closed is joined to it. A runtime.Goexit in a task, such
// as t.FailNow in a test, ends the calling goroutine after the clean-up.
//
// Run blocks the calling goroutine. Different goroutines may Run at the same
// time: their loops run in parallel and share nothing. In a greenlet of gevent it
// parks the greenlet, and the tasks run among the greenlets of its thread. In a
// task it returns [ErrLoopRunning].
func Run[T any](c Coroutine[T], opts ...Option) (v T, err error) {
	const op = "asyncio.Run"
	mustHaveCoroutine(op, c == nil)
	r := NewRunner(opts...)
	defer func() {
		if e := r.close(op); e != nil {
			err = errors.Join(err, e)
		}
	}()
	return runnerRun(op, r, c)
}

// ErrRunnerClosed is matched by the error of using a [Runner] that was closed. It
// stands for asyncio's RuntimeError "Runner is closed".
var ErrRunnerClosed = errors.New("asyncio: the runner is closed")

// shutdownTimeout is how long a Runner waits for the jobs of the default executor if
// nobody says otherwise: asyncio's constant.
const shutdownTimeout = 5 * time.Minute

// WithShutdownTimeout makes [Runner.Close], and so [Run], wait no longer than d, in
// real time, for jobs of the default executor that have not ended: see [ToThread].
// The error then names them, and matches [ErrJobsRunning]. The default is 5 minutes,
// as in asyncio, which only warns; so it is if d is not positive. It has no effect on a
// loop of [NewLoop].
func WithShutdownTimeout(d time.Duration) Option {
	return func(o *options) { o.shutdown = d }
}

// WithLoopFactory makes f the maker of the loop of a [Runner], or of [Run]. It is
// called once, when the loop is first needed; the other options that change loops
// have no effect then. It mirrors loop_factory.
func WithLoopFactory(f func() (*Loop, error)) Option {
	return func(o *options) { o.factory = f }
}

// A Runner runs several main tasks on one loop, which it makes when it is first
// needed and closes in the end. It is for one goroutine at a time. It mirrors
// asyncio.Runner.
//
//	r := asyncio.NewRunner()
//	defer r.Close()
//	v, err := asyncio.RunnerRun(r, first)
//
// What the main tasks are to share goes into the context of [WithContext], from which
// all of theirs are derived.
type Runner struct {
	options []Option
	set     options
	loop    *Loop
	closed  bool
	aborted bool // an interrupt has ended a run before its task
}

// NewRunner returns a Runner. The options are those of its loop, and
// [WithInterrupt], [WithShutdownTimeout] and [WithLoopFactory].
func NewRunner(opts ...Option) *Runner {
	return &Runner{options: opts, set: newOptions(opts)}
}

// Loop returns the Runner's loop, the same at each call, made by the first. The
// errors are that of [NewLoop] and [ErrRunnerClosed]. It mirrors get_loop.
func (r *Runner) Loop() (*Loop, error) { return r.get("asyncio.Runner.Loop") }

func (r *Runner) get(op string) (l *Loop, err error) {
	switch {
	case r.closed:
		err = ErrRunnerClosed
	case r.loop != nil:
	case r.set.factory != nil:
		if r.loop, err = r.set.factory(); r.loop == nil && err == nil {
			misuse("asyncio.WithLoopFactory", "the function returned neither a loop nor an error", "return that of NewLoop")
		}
	default:
		r.loop, err = NewLoop(r.options...)
	}
	if err != nil {
		return nil, inOp(op, err)
	}
	return r.loop, nil
}

// RunnerRun runs c on the Runner's loop as the main task, and returns what it
// returned: see [RunUntilComplete]. Tasks that are left go on in the next RunnerRun.
// The error is [ErrRunnerClosed] after [Runner.Close]; for interrupts see
// [WithInterrupt]. It mirrors Runner.run.
func RunnerRun[T any](r *Runner, c Coroutine[T]) (T, error) {
	const op = "asyncio.RunnerRun"
	mustHaveCoroutine(op, c == nil)
	return runnerRun(op, r, c)
}

func runnerRun[T any](op string, r *Runner, c Coroutine[T]) (v T, err error) {
	if !r.closed {
		if err := mayRun(op, r.loop); err != nil {
			return v, err
		}
	}
	l, err := r.get(op)
	if err != nil {
		return v, err
	}
	i := r.set.interrupts(l)
	defer i.close()
	t, err := runMain(op, l, c, i.watch)
	i.close()
	switch {
	case err != nil:
		r.aborted = errors.Is(err, ErrKeyboardInterrupt)
		return v, err
	case i.reached(&t.task):
		return v, inOp(op, ErrKeyboardInterrupt)
	}
	return t.Result()
}

// Close cancels the tasks that are left, waits until they have ended, then for the
// jobs of the default executor, and closes the loop. Errors of tasks that end now go
// to the exception handler. Close blocks as [RunnerRun] does, and may be called
// again. It mirrors Runner.close.
//
// The error says what went wrong meanwhile: a [*LoopExit], [ErrSurvivors],
// [ErrJobsRunning]; or it is [ErrLoopRunning], if the caller is in a task or the
// Runner is at work: then nothing was done. After a run that an interrupt ended
// before its task, Close waits for nothing: tasks are unwound as by [Loop.Close].
func (r *Runner) Close() error { return r.close("asyncio.Runner.Close") }

func (r *Runner) close(op string) error {
	if r.closed {
		return nil
	}
	if r.loop == nil || r.loop.closed.Load() {
		r.closed = true
		return nil
	}
	if err := mayRun(op, r.loop); err != nil {
		return err
	}
	if r.loop.running.Load() {
		return inOp(op, fmt.Errorf("%w: it is run by somebody else; wait for that to end", ErrLoopRunning))
	}
	r.closed = true
	if r.aborted {
		return r.loop.Close()
	}
	limit := shutdownTimeout
	if r.set.shutdown > 0 {
		limit = r.set.shutdown
	}
	return r.loop.shutdown(op, limit)
}
