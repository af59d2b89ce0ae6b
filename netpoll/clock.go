package netpoll

import (
	"sync/atomic"
	"time"
)

// Time is the loop's time: what has passed since the loop was created, on a
// monotonic clock, or the reading of its [VirtualClock]. It is cached, so that
// everything that happens in one iteration happens at one time: it moves in
// [Loop.Turn], between two iterations, and with [Loop.UpdateTime], [Loop.CallLater]
// and [Loop.Deadline]. While there is neither timer nor descriptor the clock is read
// when somebody first asks after a Turn.
// It mirrors libuv's uv_now and asyncio's loop.time.
func (l *Loop) Time() time.Duration {
	if l.stale {
		l.UpdateTime()
	}
	return l.now
}

// UpdateTime reads the clock, sets the loop's time and returns it. A callback
// that has worked for long calls it before it computes a deadline. It mirrors
// libuv's uv_update_time.
func (l *Loop) UpdateTime() time.Duration {
	if l.clock != nil {
		l.now = l.clock.Now()
	} else {
		l.now = time.Since(l.epoch)
	}
	l.stale = false
	return l.now
}

// Deadline returns the loop's time at which d will have passed, measured from the
// call: it updates the time first. A d so long that it has no end ends with the
// largest time. It is for [Loop.Arm].
func (l *Loop) Deadline(d time.Duration) time.Duration { return after(l.UpdateTime(), d) }

// A VirtualClock is a clock for tests: it stands still while anything can run,
// and a loop that would wait for a timer moves it to that timer instead, unless
// [VirtualClock.SetAutojump] says no. See [WithClock]. It mirrors trio's MockClock
// with an autojump threshold of zero.
//
// The clock does not jump while a [Loop.Ref] is outstanding: the loop then waits
// for the promised [Loop.Post]. It does jump while descriptors are waited for, if
// none is ready.
//
// One clock is for one loop.
type VirtualClock struct {
	now    atomic.Int64
	manual atomic.Bool // does not jump
	loop   atomic.Pointer[Loop]
}

// NewVirtualClock returns a clock that shows zero.
func NewVirtualClock() *VirtualClock { return new(VirtualClock) }

// VirtualClock returns the clock that [WithClock] has set; nil if the loop uses the
// real one. Any goroutine may call it.
func (l *Loop) VirtualClock() *VirtualClock { return l.clock }

// Now is the clock's reading. Any goroutine may call it.
func (c *VirtualClock) Now() time.Duration { return time.Duration(c.now.Load()) }

// SetAutojump says whether the clock jumps when the loop would wait for a timer,
// as it does at first. If not, the loop waits for somebody to call
// [VirtualClock.Advance]. Any goroutine may call it; a loop that waits takes notice.
// It mirrors the autojump_threshold of trio's MockClock, where false is infinity.
func (c *VirtualClock) SetAutojump(on bool) {
	c.manual.Store(!on)
	c.tick()
}

// Advance moves the clock forward by d. Timers that become due that way fire in
// order, at the next iteration. It panics if d is negative.
//
// While the clock jumps by itself only the loop's owner may call it. With
// SetAutojump(false) any goroutine may; a loop that waits then wakes up. To know
// when what that led to is over, the owner calls [Loop.RunUntilBlocked].
func (c *VirtualClock) Advance(d time.Duration) {
	if d < 0 {
		misuse("Advance", "negative duration", "a clock moves forward only")
	}
	c.advance(d)
	if c.manual.Load() {
		c.tick()
	}
}

// advance moves the clock.
func (c *VirtualClock) advance(d time.Duration) {
	for {
		now := c.now.Load()
		if c.now.CompareAndSwap(now, int64(after(time.Duration(now), d))) {
			return
		}
	}
}

// tick makes a loop that waits look at the clock. A loop that has not been made
// yet, or is closed, does not wait.
func (c *VirtualClock) tick() {
	if l := c.loop.Load(); l != nil {
		_ = l.Post(func() {})
	}
}
