package netpoll

import "time"

// A Timer makes a [Runner] ready at a time of the loop. It is meant to be
// embedded in, or kept next to, whatever waits, so that arming it allocates
// nothing; for a callback use [Loop.CallLater]. The zero Timer is ready for use.
// A Timer must not be copied while it is armed, and its methods are for the owner
// of the loop in which it is armed.
type Timer struct {
	when   time.Duration
	runner Runner
	loop   *Loop // in which it is armed, else nil
	index  int   // in loop.timers while it is armed
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
	switch t.loop {
	case nil:
		t.when, t.runner, t.loop = when, r, l
		l.timers.add(t)
	case l:
		t.when, t.runner = when, r
		l.timers.move(t)
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
	for len(l.timers.heap) > 0 && l.timers.heap[0].when <= l.now {
		t := l.timers.heap[0].timer
		r := t.runner
		l.timers.remove(t)
		t.runner, t.loop = nil, nil
		l.stats.Fired++
		l.wake(r)
	}
}

// A timerHeap is a 4-ary min-heap of timers, keyed (when, sequence). Four
// children to a node make it half as deep as a binary heap, and the four keys
// that are compared lie next to each other; the keys are copied into the heap so
// that comparing follows no pointer.
//
// Invariants:
//   - for i > 0, heap[(i-1)/4] is less than heap[i];
//   - heap[i].timer.index == i, and heap[i].when == heap[i].timer.when;
//   - sequence numbers are unique and grow with each arming, so that no two keys
//     are equal and the order of firing is fully defined.
type timerHeap struct {
	heap []timerNode
	seq  uint64
}

type timerNode struct {
	when  time.Duration
	seq   uint64
	timer *Timer
}

func (a *timerNode) less(b *timerNode) bool {
	return a.when < b.when || a.when == b.when && a.seq < b.seq
}

// add puts t, whose when is set, into the heap.
func (h *timerHeap) add(t *Timer) {
	h.seq++
	h.heap = append(h.heap, timerNode{})
	h.up(len(h.heap)-1, timerNode{t.when, h.seq, t})
}

// move restores the order after t.when changed.
func (h *timerHeap) move(t *Timer) {
	h.seq++
	h.fix(t.index, timerNode{t.when, h.seq, t})
}

// remove takes t out of the heap.
func (h *timerHeap) remove(t *Timer) {
	last := len(h.heap) - 1
	moved := h.heap[last]
	h.heap[last] = timerNode{}
	h.heap = h.heap[:last]
	if t.index != last {
		h.fix(t.index, moved)
	}
}

// fix puts n where it belongs, given that place i is vacant.
func (h *timerHeap) fix(i int, n timerNode) {
	if i > 0 && n.less(&h.heap[(i-1)/4]) {
		h.up(i, n)
	} else {
		h.down(i, n)
	}
}

// up moves the vacancy at i towards the root until n fits there.
func (h *timerHeap) up(i int, n timerNode) {
	for i > 0 {
		parent := (i - 1) / 4
		if !n.less(&h.heap[parent]) {
			break
		}
		h.set(i, h.heap[parent])
		i = parent
	}
	h.set(i, n)
}

// down moves the vacancy at i away from the root until n fits there.
func (h *timerHeap) down(i int, n timerNode) {
	for {
		first := 4*i + 1
		if first >= len(h.heap) {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, len(h.heap)); c++ {
			if h.heap[c].less(&h.heap[least]) {
				least = c
			}
		}
		if !h.heap[least].less(&n) {
			break
		}
		h.set(i, h.heap[least])
		i = least
	}
	h.set(i, n)
}

func (h *timerHeap) set(i int, n timerNode) {
	h.heap[i] = n
	n.timer.index = i
}
