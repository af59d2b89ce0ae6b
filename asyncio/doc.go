// Package asyncio is Python's asyncio for Go: coroutines and tasks that wait for
// each other on an event loop, and run one at a time, so that the data they share
// needs no locks.
//
// A coroutine is a function that takes a context and returns a value and an
// error. [Run] runs one, and all that it starts:
//
//	answer, err := asyncio.Run(func(ctx context.Context) (int, error) {
//		a := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
//			return 40, asyncio.Sleep(ctx, time.Second)
//		})
//		b := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
//			return 2, asyncio.Sleep(ctx, time.Second)
//		})
//		n, err := asyncio.Gather(ctx, a, b) // one second, not two
//		if err != nil {
//			return 0, err
//		}
//		return n[0] + n[1], nil
//	})
//
// # From Python
//
//	async def f(): ...                 func f(ctx context.Context) (T, error)
//	await f()                          v, err := f(ctx)
//	asyncio.run(f())                   v, err := asyncio.Run(f)
//	t = asyncio.create_task(f())       t := asyncio.CreateTask(ctx, f)
//	await t                            v, err := t.Await(ctx)
//	await asyncio.sleep(1)             err := asyncio.Sleep(ctx, time.Second)
//	await asyncio.gather(t, u)         vs, err := asyncio.Gather(ctx, t, u)
//	await asyncio.wait([t, u])         done, pending, err := asyncio.Wait(ctx, ts)
//	asyncio.get_running_loop()         asyncio.RunningLoop(ctx)
//	loop.run_until_complete(f())       asyncio.RunUntilComplete(loop, f)
//	except CancelledError:             if errors.Is(err, asyncio.ErrCancelled)
//
// Calling a coroutine runs it in the caller's task; there is no such thing as a
// coroutine that was made and never awaited. A context is passed where Python
// passes nothing: it carries the task, its cancellation, and values.
//
// # One at a time, in order
//
// A loop has one queue. Making a task puts it there, and so do the end of a
// sleep, a callback that is scheduled, and the end of what a task awaits: then the
// task goes on one hop later, after what was in the queue before. A task runs
// until it waits in an awaiting call, one that takes a context; between two of
// those nobody else runs. The order is that of CPython 3.13, hop for hop.
//
// An awaiting call on something that is done does not wait. A call that blocks
// the goroutine, such as receiving from a Go channel, blocks the loop.
//
// # Cancellation
//
// [Task.Cancel] makes the awaiting call in which the task is parked return an
// error that matches [ErrCancelled], and context.Canceled. A coroutine cleans up
// and returns it. It may use awaiting calls to do so, since the error is returned
// once; calls of other packages that get ctx see that it is cancelled. A coroutine
// that returns a value instead is done with that value. A task that awaits
// another passes its cancellation on to that one, and waits for it.
//
// Any awaiting call takes any context. One that has a deadline, or a cancel
// function that somebody calls, ends the call with the context's error, and
// nothing else: a task that was awaited goes on.
//
// # Errors and panics
//
// What a coroutine returns is what [Task.Await] returns. A panic becomes the
// task's error too, a [*PanicError] with its stack. An error that nobody has
// asked for when its task is garbage, or at the latest when the loop closes, is
// handed to the exception handler, once. So are panics of callbacks.
//
// A loop that has nothing left to wait for while its main task waits does not
// hang: [Run] returns a [*LoopExit] that lists all tasks, what each waits for, and
// where.
//
// # Together with gevent
//
// A task and a greenlet are the same kind of thing, and live on the same loop. A
// task may call gevent.Sleep, or any green code. In a thread of gevent, Run parks
// the calling greenlet while others go on; and a greenlet may await a task, with
// context.Background() if it has no other:
//
//	gevent.Run(func() {
//		t := asyncio.CreateTask(context.Background(), f)
//		gevent.Spawn(func() { v, err := t.Await(context.Background()) })
//	})
//
// # Tests
//
// On a virtual clock ([WithClock]) a loop does not wait for a time but jumps to
// it. A test of an hour takes a microsecond and gives the same result each time.
package asyncio
