// Package netpoll is a single-threaded event loop: libuv for Go, in Go.
//
// A [Loop] runs callbacks one at a time, so that the data they share needs no
// locks. It offers what such a loop needs: a queue of callbacks that are ready,
// timers, descriptors that become readable or writable, and a way for other
// goroutines to get a function run on the loop.
//
//	loop, err := netpoll.NewLoop()
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer loop.Close()
//
//	loop.CallSoon(func() { fmt.Println("at once") })
//	loop.CallLater(time.Second, func() { fmt.Println("a second later") })
//	loop.Run() // returns when nothing is left to do, or after loop.Stop()
//
// # One goroutine owns a loop
//
// Every method is for the loop's owner: the goroutine that runs the loop, which
// means in practice the callbacks themselves, and the code before and after
// [Loop.Run]. Nothing checks that: a call from elsewhere is a data race. Any
// goroutine may call [Loop.Done], and [Loop.Post]:
//
//	loop.Ref() // a promise: somebody outside will post
//	go func() {
//		sum := compute()
//		loop.Post(func() { loop.Unref(); show(sum) })
//	}()
//
// A loop may pass from one goroutine to another as long as they synchronise, as
// the greenlets of one thread do.
//
// # One iteration
//
//  1. Run the entries of the ready queue that were there when the iteration
//     began, in order. Entries that are added meanwhile wait for the next one.
//  2. Call the idle hooks and the prepare hooks. Work out the wait: none if
//     anything is ready, else until the next timer, else for ever.
//  3. Poll the descriptors for as long as that.
//  4. Update the loop's time.
//  5. Make ready what the descriptors woke; call the check hooks; make ready the
//     functions that were posted, then the timers that are due; equal deadlines in
//     the order of arming.
//
// [Loop.Run] and [Loop.RunOnce] do all of it. A program that has a scheduler of
// its own, such as gevent's hub, takes step 1 in its own hands: it asks
// [Loop.Next] for one entry after the other and calls [Loop.Turn], which is
// steps 2 to 5, when Next has no more.
//
// While the queue is busy the loop goes from step 1 to step 1, and looks at the
// clock and the descriptors after up to 64 entries only, so that handing over
// between two callbacks costs no system call. If the entries take long it looks more
// often: half a millisecond's worth of them, but at least one, lie between two looks.
// Posted functions are made ready between any two iterations all the same. While there
// are callbacks of descriptors (see [Loop.AddReader]) every iteration takes the look. An
// iteration of more entries than the budget (see [WithBudget]) takes steps 2 to 5 in
// between as well.
//
// docs/loop.md in the repository has a picture of this, and compares it with libuv
// and asyncio.
//
// # What else a loop does
//
//   - [Loop.AddSignal] calls a function when the process gets a signal, and
//     [Loop.AddChild] when a process that it started has ended.
//   - [Loop.AddIdle], [Loop.AddPrepare] and [Loop.AddCheck] call a function in
//     every iteration.
//   - [Loop.OpenFile] and [Loop.NewFile] are for files, of which a poller knows nothing.
//   - [Loop.SetDebug] reports callbacks that keep all others waiting.
//
// The loop runs until [Loop.Stop], or until nothing is left that it could wait for:
// no timer, callback of a descriptor, waiter, [Loop.Ref], operation of a [File],
// signal handler, child or hook. The last three need not count: they have Unref.
//
// # Time
//
// [Loop.Time] is the time since the loop was created on a monotonic clock. It is
// cached: it moves in step 4 and when [Loop.UpdateTime] is called. With
// [WithClock] a [VirtualClock] replaces the real one, and instead of waiting for
// a timer the loop jumps to it. A test of an hour then takes a microsecond and
// gives the same result each time. [Loop.RunUntilBlocked] and
// [Loop.CallWhenBlocked] tell when everything has happened that was to happen at
// this time.
//
// # Descriptors
//
// There are two kinds. A [Desc] is a descriptor that the program itself opened,
// made non-blocking, and reads and writes through the loop: it is registered
// once, edge-triggered, and never touched again until it is released. For a
// descriptor that came from elsewhere, [Loop.AddReader] and [Loop.AddWriter] call
// a function, level-triggered, for as long as the descriptor is ready. Waits for a
// Desc end in time with [Desc.SetDeadline].
//
// # Selectors
//
// A [Selector] is the part below: it watches descriptors and answers which are
// ready, over epoll, kqueue, poll or select. It is the twin of Python's selectors,
// for programs that have a loop of their own.
//
// # Platforms
//
// Linux (epoll), and macOS and the BSDs (kqueue). Elsewhere the loop works, with
// timers, callbacks and posting, but takes no descriptor: see [ErrNoPoller].
package netpoll
