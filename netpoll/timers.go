package netpoll

import "time"

// A Timer makes a [Runner] ready at a time of the loop. It is meant to be
// embedded in, or kept next to, whatever waits, so that arming it allocates
// nothing; for a callback use [Loop.CallLater]. The zero Timer is ready for use.
// A Timer must not be copied while it is armed, and its methods are for the owner
// of the loop in which it is armed.
type Timer struct {
	when   time.Duration
	runner Runner // nil unless it is armed, but see Handle.Cancel
	loop   *Loop  // in which it is armed, else nil
	slot   uint32 // in loop.timers while it is armed
	seq    uint32 // of the last arming
}

// Arm makes r ready when the loop's time reaches when, on the scale of
// [Loop.Time]; a time in the past means the next iteration. A timer that is
// armed already is moved. Timers with equal deadlines fire in the order in which
// they were armed, the last arming of each counting.
//
// Only the owner may call Arm. It panics if r is nil, if the loop is closed, or
// if t is armed in another loop.
//
// Budget: no allocation beyond the growth of the heap; no system call.
func (l *Loop) Arm(t *Timer, when time.Duration, r Runner) {
	if r == nil {
		misuse("Arm", "nil Runner", "pass the entry that is to be made ready")
	}
	l.mustBeOpen("Arm")
	if l.debug != nil {
		l.debug.scheduled(t)
	}
	switch t.loop {
	case nil:
		t.when, t.runner, t.loop = when, r, l
		l.timers.add(t)
	case l:
		t.runner = r
		l.timers.move(t, when)
	default:
		misuse("Arm", "the timer is armed in another loop", "Disarm it there first")
	}
}

// Disarm stops t and reports whether it was armed. After false the timer has
// never been armed, or has fired, and then its Runner was made ready.
//
// Only the owner may call Disarm. It panics if t is armed in another loop.
func (l *Loop) Disarm(t *Timer) bool {
	switch t.loop {
	case nil:
		return false
	case l:
		l.timers.remove(t)
		t.runner, t.loop = nil, nil
		if l.debug != nil {
			l.debug.forget(t)
		}
		return true
	}
	misuse("Disarm", "the timer is armed in another loop", "call Disarm of that loop")
	return false
}

// Armed reports whether the timer is waiting for its time.
func (t *Timer) Armed() bool { return t.loop != nil }

// When is the loop's time for which the timer was armed last.
func (t *Timer) When() time.Duration { return t.when }

// expire makes ready every timer that is due, earliest first.
func (l *Loop) expire() {
	h := &l.timers
	for fired := uint(0); h.n > 0 && h.at(root).when <= ordered(l.now); fired++ {
		if fired > fewDue && fired > h.n/32 {
			l.expireMany()
			fired = 0
			continue
		}
		t := h.first()
		if t == nil || t.when > l.now {
			return
		}
		h.removeFirst()
		l.fire(t)
	}
}

// fewDue is how many timers are taken from the heap one by one in any case.
const fewDue = 64

// expireMany does as expire, but sorts those that are due instead of taking them
// out of the heap one by one: at a million half the time. It reads the whole
// heap, so that it is for when a good part of it was due already.
//
// What is sorted is keys and not timers, since a Waker may disarm timers that are
// to follow, or arm them anew. It may even make the heap rebuild itself, after
// which the keys are good for nothing.
func (l *Loop) expireMany() {
	h := &l.timers
	rebuilt := h.rebuilt
	for _, n := range h.due(l.now) {
		s := h.slot(n.slot())
		t := *s
		if t == nil || t.seq != n.seq() {
			continue
		}
		*s = nil
		h.stale++
		l.fire(t)
		if l.closed || h.rebuilt != rebuilt {
			return
		}
	}
	if h.stale > h.n/8 {
		h.rebuild()
	}
}

// fire makes ready what waits for t, which is out of the heap.
func (l *Loop) fire(t *Timer) {
	r := t.runner
	t.runner, t.loop = nil, nil
	l.stats.Fired++
	if l.debug != nil {
		l.debug.fires(t)
	}
	l.wake(r)
}

// untilTimer is how long it is from now until the first timer is due: nothing if
// it is. A timer must be armed.
func (l *Loop) untilTimer(now time.Duration) time.Duration {
	return max(now, l.timers.first().when) - now
}

// closeTimers disarms all.
func (l *Loop) closeTimers() {
	for _, page := range l.timers.slots {
		for _, t := range page {
			if t != nil {
				t.runner, t.loop = nil, nil
			}
		}
	}
	l.timers = timerHeap{}
}
