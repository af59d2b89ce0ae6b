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
//	async def f(): ...                   func f(ctx context.Context) (T, error)
//	await f()                            v, err := f(ctx)
//	asyncio.run(f())                     v, err := asyncio.Run(f)
//	asyncio.Runner()                     r := asyncio.NewRunner(); asyncio.RunnerRun(r, f)
//	loop.run_until_complete(f())         asyncio.RunUntilComplete(loop, f)
//	asyncio.get_running_loop()           asyncio.RunningLoop(ctx)
//	t = asyncio.create_task(f())         t := asyncio.CreateTask(ctx, f)
//	..., eager_start=True                asyncio.CreateTask(ctx, f, asyncio.WithEagerStart())
//	async def f(): ..., no result        asyncio.NoResult(f), for an f that returns only an error
//	create_task(f()), no result          t := asyncio.Go(ctx, f)
//	await t                              v, err := t.Await(ctx)
//	await asyncio.sleep(1)               err := asyncio.Sleep(ctx, time.Second)
//	await asyncio.gather(t, u)           vs, err := asyncio.Gather(ctx, t, u)
//	..., return_exceptions=True          os, err := asyncio.GatherOutcomes(ctx, t, u)
//	g = asyncio.gather(t, u)             g := asyncio.GatherFuture(ctx, t, u)
//	await asyncio.gather(*ts)            vs, err := asyncio.Gather(ctx, ts...)
//	..., task and future                 asyncio.Gather[asyncio.AwaitableOf[T]](ctx, t, f)
//	await asyncio.wait([t, u])           done, pending, err := asyncio.Wait(ctx, ts)
//	async for t in as_completed(ts)      for t, err := range asyncio.AsCompleted(ctx, ts)
//	await asyncio.wait_for(t, 1)         v, err := asyncio.WaitFor(ctx, t, time.Second)
//	await asyncio.wait_for(f(), 1)       v, err := asyncio.WaitForCoroutine(ctx, f, time.Second)
//	await asyncio.shield(t)              v, err := asyncio.Shield(ctx, t)
//	async with asyncio.timeout(1): ...   err := asyncio.WithTimeout(ctx, time.Second, func(ctx context.Context) error { ... })
//	async with TaskGroup() as g: ...     err := asyncio.WithTaskGroup(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error { ... })
//	g.create_task(f())                   t, err := asyncio.GroupCreateTask(g, f)
//	except CancelledError:               if errors.Is(err, asyncio.ErrCancelled)
//	except TimeoutError:                 if errors.Is(err, asyncio.ErrTimeout)
//	async with lock: ...                 err := lock.With(ctx, func() error { ... })
//	await cond.wait_for(p)               err := cond.WaitFor(ctx, p)
//	await q.put(v); v = await q.get()    err := q.Put(ctx, v); v, err := q.Get(ctx)
//	await asyncio.to_thread(f)           v, err := asyncio.ToThread(ctx, f)
//	loop.run_in_executor(e, f)           asyncio.RunInExecutor(ctx, e, f)
//	run_coroutine_threadsafe(f(), l)     asyncio.RunCoroutineThreadsafe(l, f)
//	r, w = await open_connection(h, p)   r, w, err := asyncio.OpenConnection(ctx, "tcp", address)
//	await start_server(cb, h, p)         s, err := asyncio.StartServer(ctx, handler, "tcp", address)
//	await r.read(n)                      b, err := r.ReadSome(ctx, n); or, into p, n, err := r.Read(ctx, p)
//	await r.readline()                   line, err := r.ReadLine(ctx)
//	async for line in r                  for line, err := range r.Lines(ctx)
//	w.write(b); await w.drain()          w.Write(b); err := w.Drain(ctx)
//	loop.create_connection(P, h, p)      t, p, err := asyncio.CreateConnection(ctx, newP, "tcp", address)
//	loop.create_server(P, h, p)          s, err := asyncio.CreateServer(ctx, newP, "tcp", address)
//	loop.create_unix_connection(P, x)    the same, with network "unix"
//	loop.create_datagram_endpoint(P)     t, p, err := asyncio.CreateDatagramEndpoint(ctx, newP, "udp", ...)
//	loop.connect_read_pipe(P, pipe)      t, p, err := asyncio.ConnectReadPipe(ctx, newP, file)
//	..., ssl=c, sock=s                   asyncio.WithTLS(config), asyncio.WithConn(c), asyncio.WithFD(fd)
//	loop.sendfile(t, f)                  asyncio.SendFile(ctx, t, f, 0, -1)
//	create_subprocess_exec("ls", "-l")   p, err := asyncio.CreateSubprocessExec(ctx, "ls", []string{"-l"})
//	..., stdout=PIPE                     asyncio.WithStdout(asyncio.PIPE)
//	out, err = await p.communicate(b)    out, errs, err := p.Communicate(ctx, b)
//	loop.add_reader(fd, f)               err := loop.AddReader(fd, f)
//	loop.sock_recv(s, n)                 n, err := asyncio.SockRecv(ctx, fd, p)
//	loop.add_signal_handler(sig, f)      err := loop.AddSignalHandler(sig, f)
//	asyncio.print_call_graph()           fmt.Print(loop.Graph())
//
// Calling a coroutine runs it in the caller's task; there is no such thing as a
// coroutine that was made and never awaited. A context is passed where Python
// passes nothing: it carries the task, its cancellation, and values. Pass each
// coroutine's calls the context that it got.
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
// once; calls of other packages that get ctx see that it is cancelled. To limit the
// time of a clean-up use [WithTimeout]: a context that package context derives from one
// which has ended is over from the start; or derive from context.WithoutCancel(ctx). An
// error of the context, ctx.Err(), is context.Canceled and does not match ErrCancelled;
// the task counts as cancelled all the same. A coroutine
// that returns a value instead is done with that value. A task that awaits
// another passes its cancellation on to that one, and waits for it.
//
// A [Timeout] and a [TaskGroup] cancel their task, and take that back at their end.
// The context that their body gets ends then; the task's own ends by [Task.Cancel]
// only.
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
// handed to the exception handler, once, unless it is that of a context which ended
// from outside ([WithContext]). So are panics of callbacks. With %+v a panic's error
// shows its stack.
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
//		g := gevent.Spawn(func() { fmt.Println(t.Await(context.Background())) })
//		g.Join() // Run returns when its function does
//	})
//
// # Who waits for whom
//
// [Loop.Graph] tells which tasks await which, as text and for Graphviz. A watchdog
// ([WithWatchdog]) tells, while it is so, which task keeps the loop. gevent.Dump
// shows the stacks of all tasks and greenlets, and [Task.Stack] that of one.
//
// # Tests
//
// On a virtual clock ([WithClock]) a loop does not wait for a time but jumps to
// it. A test of an hour takes a microsecond and gives the same result each time.
// Package asynciotest has more: Run for a test's main task, WaitAllBlocked,
// Sequencer, Shuffled to find what relies on an order by accident, CancelEverywhere
// to cancel a task at each place where it can be, AssertYields, and connections in
// memory: Transports, Streams, and a Network whose OpenConnection stands in for the
// real one.
package asyncio
