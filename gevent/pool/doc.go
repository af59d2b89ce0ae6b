// Package pool keeps greenlets together: a [Group] knows those that have not ended,
// so that one can wait for all of them or kill them, and a [Pool] lets no more than
// a number of them run at a time. It is Python's gevent.pool for Go.
//
//	p := pool.New(10)
//	for _, url := range urls {
//		p.Spawn(func() error { return fetch(url) }) // waits while ten are at work
//	}
//	if err := p.JoinError(); err != nil {
//		log.Print(err) // all that failed
//	}
//
// A greenlet is a member from [Group.Spawn], [Group.Start] or [Group.Add] until its
// end has been noticed, in the iteration of the loop after it; then its place is
// free for the next one that waits, in the order in which they came.
//
// # Functions for many items
//
// [Apply] runs one function in a greenlet of the pool and waits for its value; [Map]
// runs one for each item and returns all values, in order; [IMap] and
// [IMapUnordered] give them out one by one as they come. Items are a slice, a
// sequence, or a sequence with errors: see [Items].
//
//	pages, err := pool.Map(p, fetch, urls)
//
//	for page, err := range pool.IMapUnordered(p, fetch, urls) {
//		...
//	}
//
// # Which to use
//
// A [gevent.WithScope] ends its greenlets before it returns, and the first failure
// ends the others: it is the better choice where all belong to one task. A Pool is
// for a limit, and for greenlets that come and go.
//
// # Deadlocks
//
// A member of a full Pool that spawns into it and waits for that waits for ever,
// unless by [Apply], which runs the function in the member itself.
//
// # Threads
//
// A Group or Pool belongs to the thread that uses it first. In another one, methods
// that change it, wait or look through it panic with an error that is greenlet.ErrWrongThread. When the
// thread has ended, the Group is the next one's that uses it, and empty.
package pool
