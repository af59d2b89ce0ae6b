// Package queue hands items from greenlet to greenlet: [Queue], [LifoQueue] and
// [PriorityQueue], which may have a limit and count what is still to be done,
// [SimpleQueue], and [Channel], which has no room at all. It is Python's
// gevent.queue for Go.
//
//	jobs := queue.New[string](10)
//	for range 3 {
//		gevent.Spawn(func() {
//			for job := range jobs.All() { // waits for jobs until the Shutdown
//				do(job)
//				jobs.TaskDone()
//			}
//		})
//	}
//	for _, job := range all {
//		jobs.Put(job) // waits while ten are in the queue
//	}
//	jobs.Join() // waits until every job is done
//	jobs.Shutdown(false)
//
// Waiting parks the calling greenlet and lets others run. Who waits is served in
// the order of coming. A greenlet that is killed while it waits, or whose time is
// up, takes nothing along: its item is not in the queue, and the one that it waited
// for is somebody else's.
//
// # Several threads
//
// A queue belongs to the thread that uses it first. Only a Channel is for several
// threads, and for goroutines that belong to none.
package queue
