// Package coro has generators with the meaning that they have in Python: a
// function that stops at each yield, gives a value to whoever resumed it, gets
// one back when it is resumed, and can be ended, failed, nested and delegated to.
//
// # A generator
//
// [Generate] makes one from a function that yields:
//
//	fibonacci := coro.Generate(func(yield func(int) error) error {
//		for a, b := 0, 1; ; a, b = b, a+b {
//			if err := yield(a); err != nil {
//				return err
//			}
//		}
//	})
//	for n := range fibonacci.All() {
//		if n > 100 {
//			break
//		}
//		fmt.Println(n)
//	}
//
// Nothing runs before the loop asks for the first value. Leaving the loop closes
// the generator: the yield in its body returns [ErrClosed], the body returns, and
// its deferred functions run. So a body returns what yield returns, unless it
// knows better.
//
// # Values both ways
//
// [New] makes a [Coroutine], which gets values too, and leaves one at its end.
// This one is sent numbers, yields their mean so far, and returns their count:
//
//	mean := coro.New(func(yield func(float64) (float64, error)) (int, error) {
//		sum, n := 0.0, 0
//		for mean := 0.0; ; mean = sum / float64(n) {
//			x, err := yield(mean)
//			if err != nil {
//				return n, nil
//			}
//			sum, n = sum+x, n+1
//		}
//	})
//	mean.Next()             // runs to the first yield
//	m, err := mean.Send(10) // 10
//	m, err = mean.Send(20)  // 15
//	err = mean.Close()
//	n, err := mean.Result() // 2
//
// Next and Send return [ErrDone] when the generator is finished. An error that
// the body returns comes out of the call that resumed it, once, and Throw is its
// counterpart: it makes the body's yield return an error. [YieldFrom] hands the
// whole conversation over to another generator.
//
// # Python's words
//
//	next(g)                     g.Next()
//	g.send(v)                   g.Send(v)
//	g.throw(e)                  g.Throw(e)
//	g.close()                   g.Close()
//	for v in g                  for v := range g.All()
//	v = yield from g            v, err := YieldFrom(yield, g)
//	StopIteration               ErrDone, and g.Result() for its value
//	GeneratorExit               ErrClosed
//	TypeError                   ErrNotStarted
//	ValueError                  ErrRunning
//	RuntimeError                ErrIgnoredClose, ErrReturnedDone
//	inspect.getgeneratorstate   g.State()
//
// # Panics
//
// A panic in a body finishes the generator and goes on in whoever resumed it, as
// a [*PanicError] that has the value and the stack of the body. runtime.Goexit
// does the same, so t.FailNow may be called in a body of a test. In a loop over
// All that runs the body itself both simply pass through.
//
// # Threads
//
// A body runs on a goroutine of its own, but it acts for the one that resumes it:
// exactly one of the two runs at any time, and no lock is needed between them. The
// first resumption ties the generator to a thread, that is to a goroutine and the
// greenlets that it runs, if any. Every greenlet of the thread may resume it; a
// goroutine of another thread gets [ErrWrongThread]. If a body calls something
// that parks its greenlet, such as a sleep, it is its caller that is parked, and
// for other greenlets the generator is running.
//
// # Leaks
//
// The goroutine of a generator that is started and neither finished nor closed
// stays. [Live] counts such generators. A thread that ends closes its own, but a
// goroutine that never asked for a thread has nothing that tells its end: there,
// finish what you start, as a loop over All does, or defer Close.
//
// # Costs
//
// A Next and the yield that answers it cost two switches and no allocation, some
// 1.3 times an [iter.Pull]. A loop over All of a new generator costs a function
// call for each value. A generator's first Next takes a goroutine from its
// thread's pool, if there is one.
package coro
