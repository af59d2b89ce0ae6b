package netpoll

import "runtime"

// How other goroutines reach the loop: a lock-free stack of functions, which the
// owner takes as a whole and reverses, and a wake-up for an owner that sleeps. The
// wake-up is dear, so it is made on the edge only: by the first poster that finds
// the owner asleep.
//
// The states of Loop.state:
//
//	state     meaning                               left by                      for
//	awake     the owner runs; it will look at the   owner, about to sleep        polling, parked
//	          queue before it sleeps
//	polling   the owner sleeps in the poller,       a poster, which then wakes   awake
//	          or is about to                        the owner; or the owner,
//	                                                when it comes back by itself
//	parked    the owner waits for its bell,         a poster, the sentry or      awake
//	          or is about to                        the alarm, which then rings
//	                                                it; or the owner, when it
//	                                                does not wait after all
//
// No wake-up is lost: the owner stores polling or parked and then looks at the
// queue; a poster pushes and then looks at the state. Both are sequentially
// consistent, so at least one of them sees what the other did: the owner does not
// sleep, or the poster wakes it.
//
// A wake-up may come late, when the owner came back by itself between the
// poster's swap and its wake-up. Then a later sleep ends early for nothing, and
// Turn waits again. A wake-up of the poller must not come so late that the
// poller's descriptors are closed and their numbers belong to somebody else: a
// poster counts itself in Loop.wakers before it tries the swap, and Close waits
// for the count to be zero. At that time the state is awake for good, so no
// further poster gets that far.
//
// The end of the queue shows in the queue itself: Close replaces it by the
// closedQueue, onto which nothing is pushed.
const (
	awake uint32 = iota
	polling
	parked
)

// A posted function is its own link in the stack, and its own ready entry.
type posted struct {
	next *posted
	f    func()
}

// RunReady calls the function.
func (p *posted) RunReady() {
	f := p.f
	p.f = nil
	f()
}

var closedQueue = new(posted)

// Post makes f ready, from any goroutine: it runs on the loop, after the
// functions that this goroutine posted before. The loop is woken if it waits. It
// returns [ErrClosed] if the loop is closed; f may also be dropped if the loop is
// closed before it gets to run. It mirrors libuv's uv_async_send and asyncio's
// call_soon_threadsafe.
//
// A loop that has nothing else to wait for ends, rather than wait for a Post of
// which it does not know: see [Loop.Ref].
//
// Budget: one allocation; one compare-and-swap if no other goroutine posts at the
// same time; if the loop sleeps, a channel operation or a system call (see
// park.go).
func (l *Loop) Post(f func()) error {
	if f == nil {
		misuse("Post", "nil function", "pass the function that is to be run")
	}
	p := &posted{f: f}
	if o := l.posts.Load(); o != nil {
		o.note(p)
	}
	for {
		head := l.posted.Load()
		if head == closedQueue {
			return ErrClosed
		}
		p.next = head
		if l.posted.CompareAndSwap(head, p) {
			break
		}
	}
	l.rouse()
	return nil
}

// rouse wakes the owner if it sleeps. Any goroutine may call it.
func (l *Loop) rouse() {
	switch l.state.Load() {
	case polling:
		l.wakers.Add(1)
		if l.state.CompareAndSwap(polling, awake) {
			l.poller.wake()
		}
		l.wakers.Add(-1)
	case parked:
		if l.state.CompareAndSwap(parked, awake) {
			l.parking.ring()
		}
	}
}

// drain makes the posted functions ready in the order of posting.
func (l *Loop) drain() {
	if l.posted.Load() == nil {
		return
	}
	var first *posted
	for p := l.posted.Swap(nil); p != nil; {
		p.next, first, p = first, p, p.next
	}
	for p := first; p != nil; {
		next := p.next
		p.next = nil
		l.stats.Posted++
		l.Enqueue(p)
		p = next
	}
}

// closePosts ends posting: what is in the queue is dropped, and no poster is, or
// ever will be, on its way to wake the poller.
func (l *Loop) closePosts() {
	l.posted.Swap(closedQueue)
	for l.wakers.Load() != 0 {
		runtime.Gosched()
	}
}

// Ref tells the loop that somebody outside will call [Loop.Post]. While a Ref is
// outstanding the loop waits instead of ending when nothing else is left to do,
// and a [VirtualClock] does not jump. Refs are counted; each is taken back by
// [Loop.Unref], usually in the posted function. Only the owner may call Ref and
// Unref. It mirrors libuv's uv_ref of an async handle.
func (l *Loop) Ref() {
	l.refs++
	l.parking.promised = true
}

// Unref takes back one [Loop.Ref]. It panics if there is none.
func (l *Loop) Unref() {
	if l.refs == 0 || l.files != nil && l.refs == l.files.pending {
		misuse("Unref", "no Ref is outstanding", "call Unref once for each Ref")
	}
	l.refs--
}
