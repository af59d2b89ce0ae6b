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
// # Ending
//
// [Greenlet.Get] and [Greenlet.Join] wait for the end; [JoinAll] for several. A
// greenlet ends when its function returns or panics, or when it is killed:
// [Greenlet.Kill] unwinds the stack from the call in which it waits, so that
// deferred functions run. A panic is the error of its greenlet, is reported once
// with its stack, and harms no other.
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
// value; it counts as successful in both. An error that a greenlet's function
// returns is not reported, as an exception would be: ask Get or Err for it. A
// function that recovers all panics must pass a kill on:
//
//	if err, ok := v.(error); ok && errors.Is(err, gevent.ErrGreenletExit) {
//		panic(v)
//	}
//
// Started means that the function has begun. A kill that comes when its victim has
// been woken already takes effect in the victim's next blocking call, so that
// what it was woken with is not lost.
package gevent
