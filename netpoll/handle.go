package netpoll

import (
	"math"
	"time"
)

// A Handle is a callback that was scheduled with [Loop.CallSoon],
// [Loop.CallLater] or [Loop.CallAt]: asyncio's Handle and TimerHandle. Its
// methods are for the loop's owner.
type Handle struct {
	timer Timer
	f     func() // nil when it has run or was cancelled
}

// cancelled is the runner of a cancelled Handle's timer, which is never armed
// again. With a field of its own a Handle would take 64 bytes instead of 48.
type cancelled struct{}

func (cancelled) RunReady() {}

// CallSoon makes f ready: it runs in the next iteration, after what was made
// ready before. It mirrors asyncio's call_soon. From another goroutine use
// [Loop.Post].
//
// Only the owner may call CallSoon; it panics if f is nil or the loop is closed.
//
// Budget: one allocation, the Handle.
func (l *Loop) CallSoon(f func()) *Handle {
	l.mustHave("CallSoon", f)
	h := &Handle{f: f}
	l.Enqueue(h)
	return h
}

// CallLater calls f when d has passed, measured from the call: it updates the
// loop's time first. If d is zero or less f still waits for the next iteration
// and runs after what is ready by then. It mirrors asyncio's call_later.
//
// Only the owner may call CallLater; it panics if f is nil or the loop is closed.
//
// Budget: one allocation, the Handle; one reading of the clock.
func (l *Loop) CallLater(d time.Duration, f func()) *Handle {
	l.mustHave("CallLater", f)
	return l.callAt(l.Deadline(d), f)
}

// CallAt calls f when the loop's time reaches when, on the scale of [Loop.Time].
// A time in the past means the next iteration. Callbacks with equal times run in
// the order of the calls. It mirrors asyncio's call_at.
//
// Only the owner may call CallAt; it panics if f is nil or the loop is closed.
func (l *Loop) CallAt(when time.Duration, f func()) *Handle {
	l.mustHave("CallAt", f)
	return l.callAt(when, f)
}

func (l *Loop) callAt(when time.Duration, f func()) *Handle {
	h := &Handle{f: f}
	l.Arm(&h.timer, when, h)
	return h
}

// after is now+d, held in range.
func after(now, d time.Duration) time.Duration {
	if d > math.MaxInt64-now {
		return math.MaxInt64
	}
	return now + d
}

// Cancel drops the callback, at once if it waits for its time. Cancelling again,
// or after the callback ran, or after the loop was closed, has no effect on the
// loop.
func (h *Handle) Cancel() {
	if l := h.timer.loop; l != nil {
		l.Disarm(&h.timer)
	}
	h.timer.runner = cancelled{}
	h.f = nil
}

// Cancelled reports whether [Handle.Cancel] was called.
func (h *Handle) Cancelled() bool { return h.timer.runner == cancelled{} }

// When is the loop's time at which the callback is due, or was. It is zero for a
// Handle of [Loop.CallSoon].
func (h *Handle) When() time.Duration { return h.timer.when }

// RunReady calls the callback unless it was cancelled. It makes the Handle a
// [Runner], and is for embedders that run entries of [Loop.Next]; a second call
// does nothing.
func (h *Handle) RunReady() {
	if f := h.f; f != nil {
		h.f = nil
		f()
	}
}
