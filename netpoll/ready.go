package netpoll

// A Runner is an entry of the ready queue: the [Handle] of a callback, or
// whatever an embedder puts there with [Loop.Enqueue], such as a greenlet that is
// to be resumed. RunReady is called once for each time that it was made ready, by
// [Loop.RunOnce] or by the embedder that got it from [Loop.Next].
type Runner interface {
	RunReady()
}

// A Waker is a Runner that decides for itself what it means that its timer is due
// or its descriptor ready: instead of being put into the ready queue it is woken,
// by a [Loop.Turn] or a [Loop.Next]. An embedder needs that for something that
// waits for several causes at once and must become ready by the first only. Wake
// must be short and must not panic: it may call [Loop.Enqueue], arm and disarm
// timers (not for a time that has come), and drop waiters, and must not run what
// became ready. RunReady is not called unless the Waker is itself enqueued.
type Waker interface {
	Runner
	Wake()
}

// wake makes ready what waited for a time or a descriptor.
func (l *Loop) wake(r Runner) {
	if w, ok := r.(Waker); ok {
		w.Wake()
		return
	}
	l.Enqueue(r)
}

// readyQueue is a FIFO of Runners in a ring buffer, whose length is zero or a
// power of two.
//
// Budget of push and pop: no allocation unless the ring must grow, which it does
// by doubling; no atomics.
type readyQueue struct {
	ring []Runner
	head uint // of the oldest entry; used modulo len(ring)
	n    uint // entries in the queue, at most len(ring)
	room uint // len(ring), or 0 if every push is to be seen: see debugger
}

const minRing = 64

// full reports whether push has no room, or is to be seen.
func (q *readyQueue) full() bool { return q.n >= q.room }

// push appends r. The queue must not be full.
func (q *readyQueue) push(r Runner) {
	q.ring[(q.head+q.n)&uint(len(q.ring)-1)] = r
	q.n++
}

// pop removes the oldest entry, and clears its place so that the queue keeps
// nothing alive. The queue must not be empty.
func (q *readyQueue) pop() Runner {
	p := &q.ring[q.head&uint(len(q.ring)-1)]
	r := *p
	*p = nil
	q.head++
	q.n--
	return r
}

// at returns the entry of which i are older.
func (q *readyQueue) at(i uint) Runner { return q.ring[(q.head+i)&uint(len(q.ring)-1)] }

// grow doubles the ring.
func (q *readyQueue) grow() {
	ring := make([]Runner, max(minRing, 2*len(q.ring)))
	for i := range q.n {
		ring[i] = q.ring[(q.head+i)&uint(len(q.ring)-1)]
	}
	q.ring, q.head = ring, 0
}

// Enqueue appends r to the ready queue, to be run in the next iteration. It is
// how an embedder makes its own kind of entry ready; callbacks have
// [Loop.CallSoon]. Callbacks and other Runners share the one FIFO.
//
// Only the owner may call Enqueue; it panics if r is nil or the loop is closed.
//
// Budget: no allocation, amortised; no system call.
func (l *Loop) Enqueue(r Runner) {
	if r == nil || l.ready.full() {
		l.enqueueSlow(r)
	}
	l.ready.push(r)
}

// enqueueSlow makes room. A closed loop has no room, so that it always gets here
// and the usual path need not look; nor has one in debug mode.
func (l *Loop) enqueueSlow(r Runner) {
	l.mustBeOpen("Enqueue")
	if r == nil {
		misuse("Enqueue", "nil Runner", "pass the entry that is to be run")
	}
	if l.ready.n == uint(len(l.ready.ring)) {
		l.ready.grow()
	}
	if l.debug == nil {
		l.ready.room = uint(len(l.ready.ring))
		return
	}
	l.ready.room = 0
	l.debug.enqueued(r)
}
