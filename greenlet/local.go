package greenlet

// A Local is a variable that has a value of its own in each greenlet. The zero
// value is ready to use, and is mostly a package variable. A Local must not be
// copied after first use.
//
// Its methods act for the calling greenlet, whichever goroutine that is on; a
// goroutine outside of any thread is its own main greenlet. Nothing switches. A
// value is freed when its greenlet ends, that of a main greenlet with its [Run];
// outside of Run only by Delete.
//
// Python has no such type in greenlet itself: there one sets attributes on the
// greenlet, or uses gevent.local.
type Local[T any] struct {
	_ byte // a Local of its own has an address of its own
}

// Get returns the calling greenlet's value, and whether one was set.
func (l *Local[T]) Get() (value T, ok bool) {
	v, ok := Current().locals[l]
	value, _ = v.(T) // a nil interface is in no type
	return value, ok
}

// Set sets the calling greenlet's value.
func (l *Local[T]) Set(value T) {
	g := Current()
	if g.locals == nil {
		g.locals = make(map[any]any)
	}
	g.locals[l] = value
	g.pin(pinLocals, true)
}

// Delete removes the calling greenlet's value.
func (l *Local[T]) Delete() {
	g := Current()
	delete(g.locals, l)
	g.pin(pinLocals, len(g.locals) > 0)
}
