package asyncio

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/netpoll"
)

// A Handle is a callback that was scheduled with [Loop.CallSoon],
// [Loop.CallLater] or [Loop.CallAt]: asyncio's Handle and TimerHandle. Its
// methods may be called as those may; those of a Handle of
// [Loop.CallSoonThreadsafe] by any goroutine.
type Handle struct {
	loop  *Loop
	f     func()
	timer netpoll.Timer
	extra *handleExtra // nil if it has none
}

// A handleExtra is what few handles have. It is apart so that a Handle is 64 bytes.
type handleExtra struct {
	cancelled bool

	// source is where it was made, in debug mode; and pc its function, from then on,
	// or else once it has panicked.
	source *source
	pc     uintptr

	// A handle of CallSoonThreadsafe is shared: mu is held while the callback runs,
	// so that another goroutine's Cancel waits for its end. That it runs is for its
	// own thread to know, where nobody else can be the one who asks.
	shared  bool
	running bool
	mu      sync.Mutex
	dropped func() // called instead, if the loop is closed; may be nil
}

// cancelledHandle is the extra of all cancelled handles that have no other.
var cancelledHandle = handleExtra{cancelled: true}

// newHandle returns a handle, which is not scheduled.
func newHandle(op string, l *Loop, f func()) *Handle {
	if f == nil {
		misuse(op, "the function is nil", "pass the callback")
	}
	h := &Handle{loop: l, f: f}
	if l.debug.on.Load() {
		h.extra = &handleExtra{source: sourceHere(), pc: funcPC(f)}
	}
	return h
}

// Cancel drops the callback, also if its time has come but not its turn. A
// second call, or one after the callback ran, does nothing.
//
// If the handle is of [Loop.CallSoonThreadsafe] and the caller another goroutine than
// the loop's, Cancel waits, without parking, while the callback is running: when it
// returns the callback has ended, or never will begin.
func (h *Handle) Cancel() {
	defer h.lock("asyncio.Handle.Cancel")()
	switch {
	case h.extra == nil:
		h.extra = &cancelledHandle
	case h.extra.cancelled:
		return
	default:
		h.extra.cancelled = true
	}
	h.f = nil
	h.loop.hub.Loop.Disarm(&h.timer)
}

// Cancelled reports whether Cancel was called. It mirrors cancelled.
func (h *Handle) Cancelled() bool {
	defer h.lock("asyncio.Handle.Cancelled")()
	return h.extra != nil && h.extra.cancelled
}

// lock returns the function that unlocks the handle, if it is shared; it panics if the
// caller may not use it.
func (h *Handle) lock(op string) (unlock func()) {
	x := h.extra
	if x == nil || !x.shared {
		if x != &cancelledHandle { // which is nobody's any more
			h.loop.mustOwn(op)
		}
		return func() {}
	}
	if h.loop.here() && x.running {
		return func() {}
	}
	x.mu.Lock()
	return x.mu.Unlock
}

// here reports whether the caller is in the loop's thread.
func (l *Loop) here() bool {
	f := baton.Self()
	return f != nil && f.Thread() == l.hub.Thread
}

// When returns the loop's time at which the callback is due, or was; zero for a
// handle of [Loop.CallSoon]. It mirrors when. (asyncio compares timer handles by it.)
func (h *Handle) When() time.Duration { return h.timer.When() }

// String describes the handle: what it calls and when, and, in debug mode, where it
// was made.
func (h *Handle) String() string {
	defer h.lock("asyncio.Handle.String")()
	var b strings.Builder
	if when := h.When(); when != 0 {
		fmt.Fprintf(&b, "<TimerHandle when=%v", when)
	} else {
		b.WriteString("<Handle")
	}
	if h.extra != nil && h.extra.cancelled {
		b.WriteString(" cancelled")
	}
	pc := uintptr(0)
	switch {
	case h.f != nil:
		pc = funcPC(h.f)
	case h.extra != nil:
		pc = h.extra.pc
	}
	if place := placeOf(pc); place != "" {
		b.WriteString(" " + place)
	}
	if x := h.extra; x != nil && x.source != nil {
		if made := x.source.frames(); len(made) > 0 {
			fmt.Fprintf(&b, " created at %s:%d", made[0].File, made[0].Line)
		}
	}
	return b.String() + ">"
}

// placeOf names the function that begins at pc, and says where it is; "" if pc is none's.
func placeOf(pc uintptr) string {
	f := runtime.FuncForPC(pc)
	if f == nil {
		return ""
	}
	file, line := f.FileLine(pc)
	return fmt.Sprintf("%s at %s:%d", f.Name(), file, line)
}

// keepName notes which function the handle calls, or called, for a report.
func (h *Handle) keepName(f func()) {
	switch x := h.extra; {
	case x == nil:
		h.extra = &handleExtra{pc: funcPC(f)}
	case x == &cancelledHandle:
		h.extra = &handleExtra{pc: funcPC(f), cancelled: true}
	default:
		x.pc = funcPC(f)
	}
}

// RunReady calls the callback. It is for the loop only.
func (h *Handle) RunReady() {
	if x := h.extra; x != nil && x.shared {
		x.mu.Lock()
		x.running = true
		defer func() {
			x.running = false
			x.mu.Unlock()
		}()
	}
	f := h.f
	h.f = nil
	switch {
	case f == nil:
	case !h.loop.closed.Load():
		if h.loop.debug.on.Load() {
			h.keepName(f) // it may be slow
		}
		h.loop.call(f, h)
	case h.extra != nil && h.extra.dropped != nil:
		h.extra.dropped()
	}
}

// call calls f for h, which may be nil, and tells the exception handler if it panics,
// unless the panic is for whoever runs the loop.
func (l *Loop) call(f func(), h *Handle) {
	returned := false
	defer func() {
		if returned {
			return
		}
		v := recover()
		if err := interrupted(v); err != nil && l.abort(err) {
			return
		}
		if v != nil {
			c := ExceptionContext{Message: "Exception in callback", Err: baton.Recovered(v), Handle: h}
			if h != nil {
				h.keepName(f)
				c.Source = h.extra.source.frames()
			}
			l.CallExceptionHandler(c)
		}
	}()
	f()
	returned = true
}
