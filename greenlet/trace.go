package greenlet

// An Event says what a [Tracer] is called for. There may be more events in
// future versions: a tracer should ignore what it does not know.
type Event string

const (
	// EventSwitch is a switch that carries a value, the end of a greenlet that
	// returned among them.
	EventSwitch Event = "switch"
	// EventThrow is a switch that carries an error or a panic.
	EventThrow Event = "throw"
)

// A Tracer is called after each switch of its thread, in the greenlet target to
// which control went from origin. It may itself switch, and those switches are
// traced too. If it returns an error or panics, it is removed, and the error or
// panic is raised in target in the place of what was sent; a target that was
// about to start dies without running.
type Tracer func(event Event, origin, target *Greenlet) error

// SetTrace makes f the tracer of the calling goroutine's thread and returns the
// one before. Nil means none, which is what a new thread has. The tracer sees the
// switches of this package; those with which an event loop of package gevent or
// asyncio parks and wakes its greenlets are not among them, and a call in which
// such a loop has parked a greenlet does not report its end.
//
// Any goroutine may call it. Outside of [Run] remove the tracer in the end, or
// the goroutine's thread is remembered for good. It mirrors greenlet.settrace.
func SetTrace(f Tracer) (previous Tracer) {
	st := current()
	previous = st.tracer
	st.setTracer(f)
	return previous
}

// Trace returns the tracer of the calling goroutine's thread, or nil. It mirrors
// greenlet.gettrace.
func Trace() Tracer { return current().tracer }

func (st *state) setTracer(f Tracer) {
	st.tracer = f
	st.thread.Watched = f != nil || st.closing.Load()
	st.pin(pinTracer, f != nil)
}

// trace calls the tracer, which is set, in target, where a message marked mark
// arrived.
func (st *state) trace(mark uint8, origin, target *Greenlet) error {
	ok := false
	defer func() {
		if !ok {
			st.setTracer(nil)
		}
	}()
	event := EventSwitch
	if mark&(markError|markPanic) != 0 {
		event = EventThrow
	}
	err := st.tracer(event, origin, target)
	ok = err == nil
	return err
}
