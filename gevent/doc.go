// Package gevent runs blocking-style code on one thread: greenlets that give way
// to each other where they wait, and only there. It is Python's gevent for Go.
//
// # A thread
//
// [Run] makes a thread and runs a function in it. The function, and every
// greenlet that it spawns, run one at a time, so what they share needs no locks,
// and their order is defined: first in, first out.
//
//	err := gevent.Run(func() {
//		counter := 0 // no lock, no atomic
//		for range 10 {
//			gevent.Spawn(func() {
//				gevent.Sleep(time.Second) // all ten sleep side by side
//				counter++
//			})
//		}
//		gevent.Sleep(2 * time.Second)
//		fmt.Println(counter)
//	})
//
// [Spawn] only schedules: a greenlet begins when its spawner next blocks. What
// blocks, and therefore lets others run, are the calls of this package and of
// the packages below it, such as gevent/net; each says so. Everything else, a
// loop that computes, a Go channel, a contended sync.Mutex, a system call, keeps
// the baton and holds up the whole thread: [Offload] and [OffloadValue] run such a
// thing on an ordinary goroutine while its greenlet waits.
//
// Run does not wait for the greenlets that are left when its function returns. One that
// only spawns returns at once, and nothing has run: it joins them, or ends with
// [JoinHub].
//
// # From Python
//
//	gevent.spawn(f, x)                  g := gevent.Spawn(func() error { return f(x) })
//	gevent.spawn_later(1, f)            g := gevent.SpawnLater(time.Second, f)
//	g.join(), g.join(timeout=1)         g.Join(), g.JoinTimeout(time.Second)
//	g.get()                             err := g.Get()
//	g.get(timeout=t)                    err := t.Do(g.Get); for a time g.GetTimeout(time.Second)
//	g.value                             v := gevent.SpawnValue(h); n, err := v.Get(), or v.Value()
//	g.exception, g.successful()         g.Err(), g.Successful()
//	gevent.getcurrent()                 gevent.Current()
//	class Actor(Greenlet)               type Actor struct{ *gevent.Greenlet; ... }
//	    def _run(self): ...             func (a *Actor) run() error { ... }
//	Actor().start()                     a := &Actor{}; a.Greenlet = gevent.NewGreenlet(a.run); a.Start()
//	gevent.sleep(1), gevent.sleep()     gevent.Sleep(time.Second), gevent.Sleep(0)
//	gevent.joinall(gs)                  gevent.JoinAll(gs...)
//	gevent.joinall(gs, raise_error=True) ended, err := gevent.JoinAllWith(gs, gevent.RaiseError())
//	gevent.wait()                       gevent.JoinHub()
//	gevent.wait(gs, count=1)            gevent.WaitWith(gs, gevent.Count(1))
//	for g in gevent.iwait(gs)           for g := range gevent.IWait(gs...)
//	g.kill(), g.kill(block=False)       g.Kill(), g.KillAsync(nil)
//	gevent.killall(gs)                  gevent.KillAll(gs...)
//	gevent.killall(gs, block=False)     gevent.KillAllAsync(nil, gs...)
//	g.link(f), g.rawlink(f)             g.Link(f), g.Rawlink(f)
//	with Timeout(1): f()                err := gevent.WithTimeout(time.Second, f)
//	except Timeout                      if errors.Is(err, gevent.ErrTimeout)
//	except Timeout as x, if x is t      if err := gevent.Try(f); err == t
//	with_timeout(1, h, timeout_value=0) n, err := gevent.WithTimeoutValue(time.Second, 0, h)
//	except GreenletExit                 if errors.Is(gevent.Try(f), gevent.ErrGreenletExit)
//	finally                             defer
//	get_hub().threadpool.apply(h)       n, err := gevent.OffloadValue(h)
//	run_callback_threadsafe(callback)   gevent.CurrentHub() in the thread, and its Post(callback) anywhere
//	Event(), AsyncResult()              event.New(), event.NewAsyncResult[int]()
//	Semaphore(2), RLock()               lock.NewSemaphore(2), lock.NewRLock()
//	Queue(), JoinableQueue()            queue.New[int](0)
//	Pool(10), Pool()                    pool.New(10), pool.New(pool.Unlimited)
//	p.map(f, items)                     values, err := pool.Map(p, double, items)
//	group.add(v)                        group.Add(&v.Greenlet), of an Of
//	local()                             var name local.Local[string]
//	signal_handler(SIGTERM, f)          signal.Handler(syscall.SIGTERM, f)
//	except KeyboardInterrupt, finally   signal.Handler(os.Interrupt, func() error { return errInterrupted })
//	from gevent import socket           import "github.com/baton-go/baton/gevent/net"
//
// The error of a signal's handler unwinds the main greenlet, so that its deferred
// functions run and [Run] returns it; without a handler the signal just ends the
// process.
//
// There is no select over several queues. Have all senders put into one queue, an inbox
// of a type that says what it is; or spawn a greenlet for each queue that forwards its
// items to the inbox:
//
//	for _, q := range queues {
//		gevent.Spawn(func() {
//			for item := range q.All() {
//				inbox.Put(item)
//			}
//		})
//	}
//
// # Waiting
//
// [Greenlet.Get] and [Greenlet.Join] wait for the end; [JoinAll] for several.
// [Wait] and [IWait] wait for whatever is [Linkable], greenlets and events alike,
// and [Greenlet.Link] has a function called instead. Whoever waits is told in the
// order in which he came.
//
// Each call has a form with a limit. For several calls together, and for those
// without one, there are [WithTimeout] and [Timeout], which may be nested: which of
// them it was can be seen from the error. The deadline of a socket or a pipe is that of
// package net: its error is os.ErrDeadlineExceeded and a net.Error, and not
// [ErrTimeout].
//
// # Ending
//
// A greenlet ends when its function returns or panics, or when it is killed:
// [Greenlet.Kill] unwinds the stack from the call in which it waits, so that
// deferred functions run. A panic is the error of its greenlet, is reported once
// with its stack, and harms no other. Greenlets of a [WithScope] end before it
// does, and the first that fails ends the others.
//
// A kill and a time-out unwind in the same way: by a panic of its own kind, which
// passes through everything that does not recover it. [Try] catches it as an
// error, where Python would use except, and [Raise] lets it go on.
//
// When the function of Run returns, what is left is killed and the thread is
// gone. When it waits for something that nothing can ever bring about, Run
// returns a [LoopExit] that lists who waits for what, and where.
//
// # Time in tests
//
// With [WithClock] and a virtual clock a thread does not wait, it jumps: a test
// in which greenlets sleep for hours takes microseconds, and always the same
// way.
//
// Code that reads time.Now is tested in a bubble of testing/synctest, which works as it
// is: there threads, as long as they have no sockets, live on the bubble's clock.
//
// A sub-test is a goroutine of its own, and t.Run blocks the one that calls it, so it
// cannot be used in a thread: call Run in each sub-test. T.FailNow works in greenlets. A
// greenlet's panic does not fail the test: use
// WithErrorHook(func(where string, err error) { t.Errorf("%s: %+v", where, err) }).
//
// # Differences from Python's gevent
//
// There is no implicit hub: greenlets live inside Run. A killed greenlet's Get
// returns the error [ErrGreenletExit], where gevent returns the exception as a
// value; it counts as successful in both, and [Greenlet.Killed] tells. An error
// that a greenlet's function returns is not reported, as an exception would be: ask
// Get or Err for it, or set [ReportErrors]. A function that recovers all panics
// swallows kills and time-outs, as a bare except does; it must pass them on:
//
//	if err, ok := v.(error); ok && (errors.Is(err, gevent.ErrGreenletExit) || errors.Is(err, gevent.ErrTimeout)) {
//		panic(v)
//	}
//
// A kill that comes when its victim has been woken already takes effect in the
// victim's next blocking call, so that what it was woken with is not lost.
//
// There are no exceptions that must reach the main greenlet (SYSTEM_ERROR in
// gevent: SystemExit, KeyboardInterrupt). The one thing in Go that does is
// runtime.Goexit, and so t.FailNow: called anywhere in a thread it ends the
// greenlet that calls it, and then the main greenlet exits too. Unless it is a test
// that fails, the error hook is told who called it.
//
// A call that blocks is refused in a callback of the loop, as
// BlockingSwitchOutError does there, by a panic that says what to do. Calls that do
// not block work there: Spawn, KillAsync, Rawlink.
package gevent
