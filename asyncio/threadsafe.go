package asyncio

import (
	"context"
	"sync"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// A ConcurrentFuture is the result of a coroutine that runs on a loop, for other
// goroutines: concurrent.futures.Future as run_coroutine_threadsafe returns it. Any
// goroutine may call its methods at any time.
type ConcurrentFuture[T any] struct {
	loop *Loop
	done chan struct{}
	task *Task[T] // made, and used, in the loop's thread

	mu    sync.Mutex
	state state
	value T
	err   error
	watch sync.Once // of Done
}

// RunCoroutineThreadsafe makes a task of c on the loop, from any goroutine, and returns
// its result as something that goroutines may wait for. If the loop is closed, or is
// before c has ended, the result is an error that matches [ErrLoopClosed] or
// [ErrCancelled]. A loop that nobody runs does nothing until somebody does. It mirrors
// run_coroutine_threadsafe, and does not block.
//
// As with [Loop.CallSoonThreadsafe], a loop that has nothing else to wait for needs a
// [Loop.Ref] to be there when the call comes.
func RunCoroutineThreadsafe[T any](l *Loop, c Coroutine[T], opts ...TaskOption) *ConcurrentFuture[T] {
	const op = "asyncio.RunCoroutineThreadsafe"
	mustHaveCoroutine(op, c == nil)
	f := &ConcurrentFuture[T]{loop: l, done: make(chan struct{})}
	if _, err := l.callSoonThreadsafe(func() { f.start(c, opts) }, func() { f.fail(finished, ErrLoopClosed) }); err != nil {
		f.fail(finished, err)
	}
	return f
}

// start makes the task. A panic of a task factory is the result, and the exception
// handler's.
func (f *ConcurrentFuture[T]) start(c Coroutine[T], opts []TaskOption) {
	f.mu.Lock()
	over := f.state != pending
	f.mu.Unlock()
	if over {
		return // it was cancelled
	}
	defer func() {
		if v := recover(); v != nil {
			err := baton.Recovered(v)
			f.fail(finished, err)
			panic(err)
		}
	}()
	f.task = CreateTask(f.loop.Context(), c, opts...)
	if t := &f.task.task; t.state == pending {
		t.listen(f)
	} else {
		f.settled(&t.future)
	}
}

// settled takes over the outcome of the task. There is nothing to schedule: whoever
// waits is elsewhere.
func (f *ConcurrentFuture[T]) settled(t *future) {
	f.mu.Lock()
	over := f.state != pending
	f.mu.Unlock()
	if over {
		return // whoever cancelled it wants to hear no more; an error is reported
	}
	f.finish(t.state, f.task.value, t.take())
}

// finish makes it done, and reports whether it was not.
func (f *ConcurrentFuture[T]) finish(s state, v T, err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != pending {
		return false
	}
	f.state, f.value, f.err = s, v, err
	close(f.done)
	return true
}

func (f *ConcurrentFuture[T]) fail(s state, err error) bool {
	var none T
	return f.finish(s, none, err)
}

// Result waits until the coroutine has ended, and returns what it returned, as
// [Task.Await] does; or until ctx ends, and returns ctx.Err(): the task goes on then,
// unless the caller cancels it. It mirrors result with a timeout.
//
// It blocks the calling goroutine. In the loop's own thread, which would wait for
// itself, it panics if there is no result yet. A task of another loop does not call it,
// but awaits a [WrapFuture] of it.
func (f *ConcurrentFuture[T]) Result(ctx context.Context) (v T, err error) {
	select {
	case <-f.done:
		return f.value, f.err
	default:
	}
	if hub.Current() == f.loop.hub {
		misuse("asyncio.ConcurrentFuture.Result", "the caller is in the thread of the loop for which it waits", "use CreateTask and Await there")
	}
	if err := f.await(ctx); err != nil {
		return v, err
	}
	return f.value, f.err
}

// Done returns a channel that is closed when there is a result. The first call that
// comes before starts a goroutine, which ends then.
func (f *ConcurrentFuture[T]) Done() <-chan struct{} {
	f.watch.Do(func() {
		select {
		case <-f.done:
		default:
			go f.await(context.Background())
		}
	})
	return f.done
}

// await waits until there is a result, or ctx ends.
func (f *ConcurrentFuture[T]) await(ctx context.Context) error {
	select {
	case <-f.done:
	case <-ctx.Done():
		return ctx.Err()
	case <-f.loop.hub.Closed():
		f.fail(finished, ErrLoopClosed) // the call has never come to its turn
	}
	return nil
}

// Cancelled reports whether the result is a cancellation.
func (f *ConcurrentFuture[T]) Cancelled() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state == cancelled
}

// Cancel makes the result a cancellation at once, and has the task cancelled. It
// reports false if there was another result already. It mirrors cancel.
func (f *ConcurrentFuture[T]) Cancel() bool {
	e := new(CancelledError)
	if !f.fail(cancelled, e) {
		return f.Cancelled()
	}
	// ErrLoopClosed means that there is nothing left to cancel.
	_, _ = f.loop.CallSoonThreadsafe(func() {
		if f.task != nil {
			f.task.future.cancel(e)
		}
	})
	return true
}
