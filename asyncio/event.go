package asyncio

import "context"

// An Event is something that happens, for which tasks wait: asyncio's Event. The
// zero Event is not set. It must not be copied. It is for one thread, and bound to
// a loop, as a [Lock] is.
type Event struct {
	binding
	set     bool
	waiters line
}

// Wait waits until the event is set. If it is, Wait neither waits nor yields, and
// does not look at ctx. Otherwise it parks the calling task or greenlet; the errors
// are those of [Lock.Acquire]. Who was waiting when the event was set goes on also
// if it is cleared meanwhile. It mirrors wait.
//
// Budget: one switch to somebody else, if it waits; no allocation.
func (e *Event) Wait(ctx context.Context) error {
	const op = "asyncio.Event.Wait"
	e.enter(op)
	if e.set {
		return nil
	}
	_, err := e.waiters.wait(ctx, op, e, &e.binding)
	return unwound(err)
}

// Set sets the event and makes all who wait go on, in the order in which they came,
// one hop of the loop later. If it is set already nothing happens. It does not
// park. It mirrors set.
func (e *Event) Set() {
	e.enter("asyncio.Event.Set")
	if !e.set {
		e.set = true
		e.waiters.tellAll()
	}
}

// Clear takes Set back: from now on [Event.Wait] waits again. It mirrors clear.
func (e *Event) Clear() {
	e.enter("asyncio.Event.Clear")
	e.set = false
}

// IsSet reports whether the event is set. It mirrors is_set.
func (e *Event) IsSet() bool { return e.set }

// String says what the event is, and how many wait for it.
func (e *Event) String() string {
	state := "unset"
	if e.set {
		state = "set"
	}
	return e.waiters.describe("Event", e, state)
}
