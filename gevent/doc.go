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
// the baton and holds up the whole thread: [Offload] runs such a thing on an
// ordinary goroutine while its greenlet waits.
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
// them it was can be seen from the error.
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
// # Differences from Python's gevent
//
// There is no implicit hub: greenlets live inside Run. A killed greenlet's Get
// returns the error [ErrGreenletExit], where gevent returns the exception as a
// value; it counts as successful in both, and [Greenlet.Killed] tells. An error
// that a greenlet's function returns is not reported, as an exception would be:
// ask Get or Err for it. A function that recovers all panics swallows kills and
// time-outs, as a bare except does; it must pass them on:
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
// greenlet that calls it, and then the main greenlet exits too.
//
// A call that blocks is refused in a callback of the loop, as
// BlockingSwitchOutError does there, by a panic that says what to do. Calls that do
// not block work there: Spawn, KillAsync, Rawlink.
package gevent
