// Package event has what greenlets tell each other with: an [Event], which is a
// flag to wait for, and an [AsyncResult], which is a value to wait for. It is
// Python's gevent.event for Go.
//
//	ready := event.New()
//	gevent.Spawn(func() {
//		load()
//		ready.Set() // wakes everybody who waits, in the order in which they came
//	})
//	ready.Wait()
//
// Waiting parks the calling greenlet and lets others run. If that is killed or a
// Timeout ends its wait it unwinds, and leaves nothing behind.
//
// # Several threads
//
// Both may be used from several threads, and from goroutines that belong to none:
// whoever waits is woken in its own thread, and a goroutine that belongs to none
// just blocks. This is the way to bring a result into a thread:
//
//	r := event.NewAsyncResult[int]().Share()
//	go func() { r.Set(compute()) }()
//	n, err := r.Get() // parks this greenlet, others run
//
// A thread in which nothing is left that could wake anybody gives up with a
// [gevent.LoopExit]. It cannot know whether somebody outside is going to set the
// event for which it waits. Share tells it; and it knows when anybody else has
// called a method that changes or waits for the event before. As long as a
// greenlet waits for such an event, by itself or by gevent.Wait among others, its
// thread waits too.
package event
