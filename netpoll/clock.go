package netpoll

import (
	"sync/atomic"
	"time"
)

// Time is the loop's time: what has passed since the loop was created, on a
// monotonic clock, or the reading of its [VirtualClock]. It is cached, so that
// everything that happens in one iteration happens at one time: only
// [Loop.Turn] and [Loop.UpdateTime] (and [Loop.CallLater], which calls it)
// change it. It mirrors libuv's uv_now and asyncio's loop.time.
func (l *Loop) Time() time.Duration { return l.now }

// UpdateTime reads the clock, sets the loop's time and returns it. A callback
// that has worked for long calls it before it computes a deadline. It mirrors
// libuv's uv_update_time.
func (l *Loop) UpdateTime() time.Duration {
	if l.clock != nil {
		l.now = l.clock.Now()
	} else {
		l.now = time.Since(l.epoch)
	}
	return l.now
}

// Deadline returns the loop's time at which d will have passed, measured from the
// call: it updates the time first. A d so long that it has no end ends with the
// largest time. It is for [Loop.Arm].
func (l *Loop) Deadline(d time.Duration) time.Duration { return after(l.UpdateTime(), d) }

// A VirtualClock is a clock for tests: it stands still while anything can run,
// and a loop that would wait for a timer moves it to that timer instead. See
// [WithClock]. It mirrors trio's MockClock with an autojump threshold of zero.
//
// The clock does not jump while a [Loop.Ref] is outstanding: the loop then waits
// for the promised [Loop.Post]. It does jump while descriptors are waited for, if
// none is ready.
//
// One clock is for one loop.
type VirtualClock struct {
	now atomic.Int64
}

// NewVirtualClock returns a clock that shows zero.
func NewVirtualClock() *VirtualClock { return new(VirtualClock) }

// Now is the clock's reading. Any goroutine may call it.
func (c *VirtualClock) Now() time.Duration { return time.Duration(c.now.Load()) }

// Advance moves the clock forward by d. Timers that become due that way fire in
// order, at the next iteration. Only the loop's owner may call it. It panics if d
// is negative.
func (c *VirtualClock) Advance(d time.Duration) {
	if d < 0 {
		misuse("Advance", "negative duration", "a clock moves forward only")
	}
	c.now.Store(int64(after(c.Now(), d)))
}
