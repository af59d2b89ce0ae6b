// Package threadpool runs functions on real, parallel goroutines, a limited number
// of them at a time, for greenlets that wait for the results without blocking their
// thread. It is Python's gevent.threadpool for Go.
//
// # A pool
//
//	pool := threadpool.New(max(1, runtime.NumCPU()-1))
//	sums, err := threadpool.Map(pool, sha256OfFile, names)
//
// One core is left for the thread. If functions compute on all of them, the thread that
// has something to do waits until the Go scheduler takes a processor from one of them,
// 20 to 40 ms.
//
// [Apply] runs one function and waits for it, [Spawn] runs one and returns a
// [Future], [Map], [IMap] and [IMapUnordered] run one for each of many items. What
// they run shares nothing with greenlets unless it locks it, and must not call what
// is for greenlets only; it may call [gevent.Run].
//
// For a single function, without a limit, there is [gevent.OffloadValue].
//
// # Who waits for whom
//
// A pool of n runs n functions at the same time, keeps one more ready, and makes a
// greenlet that comes with another one wait. Results are delivered in the thread
// that made the pool, which is the only one that may use it and its Futures.
// Callbacks are called there.
//
// A panic in a function is the error of its Future, a [*gevent.PanicError] with the
// goroutine's own stack, and is reported, like that of a greenlet. A greenlet that is
// killed while it waits for a function leaves that alone: a goroutine cannot be
// killed.
//
// # Goroutines
//
// A goroutine ends when there is nothing to do for it. So a pool need not be closed,
// and needs none of gevent's ways to start and end idle threads.
//
// On a virtual clock no time passes while a function runs.
package threadpool
