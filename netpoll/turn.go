package netpoll

import (
	"runtime"
	"time"
)

// pollInterval is the number of entries that may be handed out between two polls
// while the queue never runs dry. A poll that finds nothing costs 250 ns, so at
// most 4 ns fall to an entry. It is looked at between batches only.
const pollInterval = 64

// Waits that are not a length of time.
const (
	forever time.Duration = -1 // until something happens
	never   time.Duration = -2 // nothing can happen
)

// Next hands out the next entry of the current batch, for an embedder that runs
// entries itself: call its RunReady, or, for an entry of one's own kind, do what
// it stands for. At the end of a batch the next one begins, with posted functions
// and due timers added after what is ready, unless a poll is due.
//
// Next returns nil if nothing is ready or a poll is due: the loop must take a
// [Loop.Turn]. It never makes a system call.
//
// Only the owner may call Next.
//
// Budget: 2-3 ns within a batch, no allocation, no atomics; at the end of a batch
// one atomic load and one comparison more.
func (l *Loop) Next() Runner {
	if l.batch == 0 && !l.nextBatch() {
		return nil
	}
	l.batch--
	return l.ready.pop()
}

// Batch returns how many entries of the current batch [Loop.Next] has still to
// hand out: zero means that it would begin the next iteration. Only the owner may
// call it.
func (l *Loop) Batch() int { return int(l.batch) }

// nextBatch begins a batch without polling. It reports false if that cannot be,
// because nothing is ready or a poll is due.
func (l *Loop) nextBatch() bool {
	if l.sincePoll >= pollInterval || l.closed {
		return false
	}
	if l.clock != nil {
		l.now = l.clock.Now()
	}
	l.drain()
	l.expire()
	return l.beginBatch()
}

// beginBatch makes all that is ready the current batch, and reports false if
// that is nothing.
func (l *Loop) beginBatch() bool {
	l.sincePoll += l.ready.n - l.batch
	l.stats.Entries += uint64(l.ready.n - l.batch)
	l.batch = l.ready.n
	return l.batch > 0
}

// Turn is the second part of an iteration, steps 2 to 5 of the package comment:
// work out the wait, poll, update the time, make ready what was woken (by
// descriptors, then by Post, then by timers), and begin the next batch, which
// [Loop.Next] then hands out. It does not wait if anything is ready already;
// otherwise it waits until something is.
//
// Turn returns false, without waiting, when nothing is ready and nothing ever can
// be: no timer is armed, no side of a descriptor is waited for, there is no
// reader or writer callback and no [Loop.Ref]. While a [Loop.Stop] is pending it
// does not wait either, and returns true even if nothing is ready.
//
// Only the owner may call Turn; it panics if the loop is closed.
//
// Budget: no allocation; one non-blocking system call if there are descriptors,
// one blocking call if there is nothing to do, and one or two readings of the
// clock.
func (l *Loop) Turn() bool {
	l.mustBeOpen("Turn")
	l.stats.Turns++
	for {
		wait := l.wait()
		if wait == never {
			return false
		}
		l.sincePoll = 0
		l.poll(wait)
		l.drain()
		l.expire()
		if l.beginBatch() || l.stopping {
			return true
		}
	}
}

// wait works out how long the poller may wait.
func (l *Loop) wait() time.Duration {
	switch {
	case l.ready.n > 0 || l.stopping || l.posted.Load() != nil:
		return 0
	case len(l.timers.heap) > 0:
		return max(0, l.timers.heap[0].when-l.UpdateTime())
	case l.sources.waiting > 0 || l.refs > 0:
		return forever
	}
	return never
}

// poll makes ready what the descriptors woke, after waiting for no longer than
// wait, and updates the time.
//
// First the poller is asked without waiting, by a system call of which the Go
// scheduler does not know and which is therefore cheap; only when nothing came
// does the goroutine go to sleep in the kernel, which costs the scheduler a
// thread and, when it returns, the search for a processor.
func (l *Loop) poll(wait time.Duration) {
	n := 0
	if l.sources.count > 0 {
		l.stats.Polls++
		n = l.poller.poll(0)
	}
	if n == 0 && wait != 0 && !l.jump() {
		if l.clock != nil {
			wait = forever
		}
		n = l.sleep(wait)
	}
	l.UpdateTime()
	for i := range n {
		l.deliver(l.poller.event(i))
	}
}

// jump moves a virtual clock to the next timer, if that is what the loop is
// waiting for, and reports whether it was.
func (l *Loop) jump() bool {
	if l.clock == nil || l.refs > 0 || len(l.timers.heap) == 0 {
		return false
	}
	if l.posted.Load() == nil {
		l.clock.Advance(max(0, l.timers.heap[0].when-l.clock.Now()))
	}
	return true
}

// sleep waits in the poller and returns the number of its events. See the table
// in post.go.
//
// It lets other goroutines run first. One of them may be about to post, and while
// the kernel has this goroutine, its processor is given to others only when the
// scheduler notices, after 20 µs or more. Measured with a goroutine that posts in
// answer to the loop: 1.2 µs for the round trip, against 25 µs without Gosched,
// and with one processor 3 µs against 140. The price is paid with one processor and
// goroutines that keep each other busy: they may have it for a whole time slice.
func (l *Loop) sleep(wait time.Duration) (n int) {
	runtime.Gosched()
	l.state.Store(idle)
	if l.posted.Load() == nil {
		l.stats.Waits++
		n = l.poller.poll(wait)
	}
	l.state.Store(awake)
	return n
}
