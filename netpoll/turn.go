package netpoll

import "time"

// pollInterval is the number of entries that may be handed out between two polls
// while the queue never runs dry, if they are short ones. A poll that finds nothing
// costs 250 ns, so at most 4 ns fall to an entry. It is looked at between batches
// only.
//
// It is approached in steps, see adapt: the loop polls after 1, 2, 4, ... entries,
// and goes back if they took longer than tardiness, so that long entries make
// nobody late.
const pollInterval = 64

// tardiness is how late a time or a descriptor may be noticed on account of
// entries of which each takes less.
const tardiness = 500 * time.Microsecond

// defaultBudget is how many entries are handed out without a poll if an iteration
// has more: see [WithBudget]. A Turn in between costs 250 ns, so 0.25 ns for an
// entry: 5 % of one that does nothing.
const defaultBudget = 1024

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
// Next returns nil if nothing is ready or a poll is due, because 64 entries have
// been handed out since the last, or fewer that took long, or as many as the budget
// allows (see [WithBudget]), or because there are hooks, or callbacks of descriptors:
// the loop must take a [Loop.Turn]. It never makes a system call.
//
// Only the owner may call Next. In debug mode (see [Loop.SetDebug]) Next ends the
// entry that it handed out before, and reports it if it was slow.
//
// Budget: 2-3 ns within a batch, no allocation, no atomics; at the end of a batch
// one atomic load and one comparison more. Hooks, budget and debug mode cost
// nothing here where they are not used.
func (l *Loop) Next() Runner {
	if l.batch == 0 && !l.nextBatch() {
		return nil
	}
	l.batch--
	return l.ready.pop()
}

// Batch returns how many entries of the current iteration [Loop.Next] has still to
// hand out: zero means that it would begin the next one. Only the owner may call
// it.
func (l *Loop) Batch() int { return int(l.batch + l.held + l.rest) }

// nextBatch begins a batch without polling. It reports false if that cannot be,
// because nothing is ready or a poll is due.
func (l *Loop) nextBatch() bool {
	if l.sincePoll >= l.pollAfter {
		return l.debug != nil && l.debug.next(l)
	}
	if l.clock != nil {
		l.now = l.clock.Now()
	} else if l.stale && l.timers.live() > 0 {
		l.UpdateTime()
	}
	l.drain()
	l.expire()
	n := l.ready.n
	if n > l.limit {
		return l.beginBatch()
	}
	l.batch = n
	l.sincePoll += n
	l.stats.Entries += uint64(n)
	return n > 0
}

// beginBatch makes all that is ready the current batch, or, if an iteration was
// cut, the rest of that; but no more than the budget. It reports false if that is
// nothing. In nextBatch stands the usual case of it.
func (l *Loop) beginBatch() bool {
	left := l.batch + l.held
	n := l.ready.n
	switch {
	case left > 0:
	case l.rest > 0:
		n = l.rest
	case l.shuffler != nil:
		l.shuffler.shuffle(l, n)
	}
	l.batch = min(n, max(l.budget, left))
	l.rest = n - l.batch
	l.held = 0
	l.stats.Entries += uint64(l.batch - left)
	l.sincePoll += l.batch - left
	if l.rest > 0 {
		l.stats.Cuts++
		l.sincePoll = max(l.sincePoll, pollInterval) // a Turn comes next
	}
	if l.debug != nil {
		l.held, l.batch = l.batch, 0
	}
	l.pace()
	return l.batch+l.held > 0
}

// adapt works out how many entries may run until the next poll, from how long the
// last ones took. After a sleep it is not known of what kind they will be. Where
// there is neither a timer nor a descriptor, or the clock is virtual, nobody can be
// late.
func (l *Loop) adapt(slept bool) {
	most := min(pollInterval, l.budget)
	took := l.now - l.lookedAt
	l.lookedAt = l.now
	switch {
	case l.stale || l.clock != nil:
		l.interval = most
	case slept:
		l.interval = 1
	case took > tardiness:
		l.interval = max(1, uint(time.Duration(l.interval)*tardiness/took))
	default:
		l.interval = min(most, 2*l.interval)
	}
}

// pace sets up what Next and beginBatch compare with, so that one comparison each
// finds all that is not usual.
func (l *Loop) pace() {
	l.pollAfter, l.limit = l.interval, l.budget
	if l.closed || l.hooks.count > 0 || l.sources.watches > 0 || l.debug != nil {
		l.pollAfter = 0
	}
	if l.rest > 0 || l.debug != nil || l.shuffler != nil {
		l.limit = 0
	}
}

// Turn is the second part of an iteration, steps 2 to 5 of the package comment:
// call the idle and prepare hooks, work out the wait, poll, update the time, call
// the check hooks, make ready what was woken (by descriptors, then by Post, then
// by timers), and begin the next batch, which [Loop.Next] then hands out. It does
// not wait if anything is ready already; otherwise it waits until something is.
// In the middle of an iteration, when the budget was used up, it goes on with
// that.
//
// Turn returns false, without waiting, when nothing is ready and nothing ever can
// be: no timer is armed, no side of a descriptor is waited for, there is no
// reader or writer callback, no [Loop.Ref], and no signal handler, child or hook
// that keeps the loop. While a [Loop.Stop] is pending it does not wait either, and
// returns true even if nothing is ready; so it does while there is an idle hook.
//
// Only the owner may call Turn; it panics if the loop is closed, or if a hook
// calls it.
//
// Budget: no allocation; one non-blocking system call if there are descriptors,
// one blocking call if there is nothing to do, and one or two readings of the
// clock.
func (l *Loop) Turn() bool {
	return l.turn(true)
}

// turn is Turn. If it must not wait it returns false instead.
func (l *Loop) turn(mayWait bool) bool {
	l.mustBeOpen("Turn")
	l.stats.Turns++
	if l.debug != nil {
		l.debug.finish(l)
	}
	for {
		wait := l.wait()
		if wait == never {
			return l.unblock() && l.beginBatch()
		}
		l.sincePoll = 0
		hooked := l.hooks.count > 0
		if hooked {
			wait = l.beforePoll()
		}
		// Whether the loop is blocked shows when a poll that does not wait has
		// found nothing.
		probe := (len(l.blocked) > 0 || !mayWait) && !l.busy()
		if probe {
			wait = 0
			l.parking.see()
		}
		waits := l.stats.Waits
		l.poll(wait)
		l.adapt(l.stats.Waits != waits)
		if hooked {
			l.callHooks(checkHook)
		}
		if l.closed {
			return false // by a Waker or a hook
		}
		l.drain()
		l.expire()
		if l.beginBatch() || l.stopping {
			return true
		}
		if probe {
			if l.unblock() {
				return l.beginBatch()
			}
			if !mayWait {
				return false
			}
		}
		if len(l.hooks.lists[idleHook]) > 0 {
			return l.passTime()
		}
	}
}

// busy reports whether there is a reason not to wait, even if the poller has
// nothing.
func (l *Loop) busy() bool {
	return l.ready.n > 0 || l.stopping || l.posted.Load() != nil
}

// wait works out how long the poller may wait.
func (l *Loop) wait() time.Duration {
	switch {
	case l.busy():
		return 0
	case len(l.hooks.lists[idleHook]) > 0 && l.alive():
		return 0
	case l.timers.live() > 0:
		return l.untilTimer(l.UpdateTime())
	case l.alive():
		return forever
	}
	return never
}

// alive reports whether there is something that may yet make an entry ready.
func (l *Loop) alive() bool {
	return l.sources.waiting > 0 || l.refs > 0 || l.kept > 0 || l.timers.live() > 0
}

// poll makes ready what the descriptors woke, after waiting for no longer than
// wait, and updates the time.
//
// First the poller is asked without waiting, by a system call of which the Go
// scheduler does not know and which is therefore cheap; only when nothing came
// does the loop go to sleep: see park.go. If a Waker panicked, or ran the loop, in
// the midst of the events of the last poll, the others of those come first: an edge
// that is lost does not come again.
//
// The parking is written out here because each frame between a switch of goroutines
// and the code that asked for it costs a mispredicted return, as in internal/baton.
func (l *Loop) poll(wait time.Duration) {
	if l.delivered == l.fetched {
		l.delivered, l.fetched = 0, 0
		if l.files != nil && l.files.flush() {
			wait = 0
		}
		if l.sources.count > 0 && !l.blind() {
			l.stats.Polls++
			l.fetched = l.poller.poll(0)
		}
		if l.fetched == 0 && wait != 0 && !l.jump() {
			if l.clock != nil {
				wait = forever
			}
			if !l.prefersPark(wait) {
				l.fetched = l.sleep(wait)
			} else if l.lieDown(wait) {
				<-l.parking.bell
				l.getUp()
			}
		}
	}
	// Without timers and descriptors perhaps nobody wants to know.
	if l.stale = l.clock == nil && l.timers.live() == 0 && l.sources.count == 0; !l.stale {
		l.UpdateTime()
	}
	for l.delivered < l.fetched {
		l.delivered++
		l.deliver(l.poller.event(l.delivered - 1))
	}
}

// jump moves a virtual clock to the next timer, if that is what the loop is
// waiting for, and reports whether it was.
func (l *Loop) jump() bool {
	if l.clock == nil || l.refs > 0 || l.timers.live() == 0 || l.clock.manual.Load() {
		return false
	}
	if l.posted.Load() == nil {
		l.clock.Advance(l.untilTimer(l.clock.Now()))
	}
	return true
}
