package baton

import (
	"fmt"
	"runtime/debug"
)

// A PanicError carries a panic from the fiber in which it happened to the one
// that gets it, together with the stack that it had. It is an error, so it can
// be kept, compared and reported; packages greenlet and coro panic with it
// again where the original's exception would go on.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // the stack of the goroutine that panicked, as debug.Stack gives it
}

// Recovered makes a PanicError of what recover returned. It must be called in
// the deferred function that recovered, while the stack still stands. A value
// that is a *PanicError already is kept as it is, with its first stack.
func Recovered(v any) *PanicError {
	if e, ok := v.(*PanicError); ok {
		return e
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// Error returns the value and the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("panic: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// An Unwind is what a parked call panics with when its greenlet is to end or to
// leave a block: a kill, a time-out. It is no failure, so it passes through
// generators and greenlets as it is, without a PanicError around it.
type Unwind struct {
	Err error // why
}

// Error returns the reason.
func (u *Unwind) Error() string { return u.Err.Error() }

// Unwrap returns the reason.
func (u *Unwind) Unwrap() error { return u.Err }

// Rethrow returns what to panic with where v, which recover returned, goes on in
// another fiber: an Unwind as it is, all else as a *PanicError. Like Recovered
// it must be called in the deferred function.
func Rethrow(v any) any {
	if u, ok := v.(*Unwind); ok {
		return u
	}
	return Recovered(v)
}
