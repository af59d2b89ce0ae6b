// Package lock has the locks of greenlets: [Semaphore], [BoundedSemaphore],
// [RLock], [DummySemaphore], and on top of them [Condition] and [Barrier]. It is
// Python's gevent.lock, and what threading has beside it, for Go.
//
//	slots := lock.NewSemaphore(5)
//	for _, url := range urls {
//		gevent.Spawn(func() {
//			slots.With(func() { fetch(url) }) // five at a time
//		})
//	}
//
// What runs between two blocking calls needs no lock: no other greenlet of the
// thread can run there. Locks are for what must stay whole across a blocking call,
// and for limits.
//
// # Fairness
//
// Who waits is woken in the order of coming. Being woken means that a permit is
// there, not that it is taken: the greenlet takes it when it runs. So one that
// releases and acquires again without blocking in between keeps the permit, and
// who was woken in vain waits on in the same place. A greenlet that is killed
// while it waits, or whose time is up, takes nothing along.
//
// # Several threads
//
// A lock may be used from several threads; who waits is woken in its own. A
// goroutine that belongs to none may use all but an [RLock], whose owner is a
// greenlet: it just blocks. A thread in which nothing is left that could wake
// anybody gives up with a [gevent.LoopExit], unless others have used the lock for
// which it waits, or Share has said that they will.
//
// # Deadlocks
//
// Each lock knows who holds it, see Holders, and says so in the list of a LoopExit.
package lock
