package asyncio

import (
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/netpoll"
)

// A Handle is a callback that was scheduled with [Loop.CallSoon],
// [Loop.CallLater] or [Loop.CallAt]: asyncio's Handle and TimerHandle. Its
// methods may be called as those may.
type Handle struct {
	loop      *Loop
	f         func()
	timer     netpoll.Timer
	cancelled bool
}

// Cancel drops the callback, also if its time has come but not its turn. A
// second call, or one after the callback ran, does nothing.
func (h *Handle) Cancel() {
	if h.cancelled {
		return
	}
	h.loop.mustOwn("asyncio.Handle.Cancel")
	h.cancelled = true
	h.f = nil
	h.loop.hub.Loop.Disarm(&h.timer)
}

// Cancelled reports whether Cancel was called.
func (h *Handle) Cancelled() bool { return h.cancelled }

// When returns the loop's time at which the callback is due, or was; zero for a
// handle of [Loop.CallSoon].
func (h *Handle) When() time.Duration { return h.timer.When() }

// RunReady calls the callback. It is for the loop only.
func (h *Handle) RunReady() {
	f := h.f
	h.f = nil
	if f == nil || h.loop.closed.Load() {
		return
	}
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			h.loop.CallExceptionHandler(ExceptionContext{Message: "Exception in callback", Err: baton.Recovered(v)})
		}
	}()
	f()
	returned = true
}
