package baton

import (
	"bytes"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
)

// A PanicError carries a panic from the fiber in which it happened to the one
// that gets it, together with the stack that it had. It is an error, so it can
// be kept, compared and reported; packages greenlet and coro panic with it
// again where the original's exception would go on.
//
// Its message is one line, and %+v adds the stack. That of one with which somebody
// panics has the stack as well: the runtime prints nothing else if nobody recovers
// it.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // the stack of the goroutine that panicked, as debug.Stack gives it, from the call of panic down

	flying bool // it is what somebody panics with
}

// Recovered makes a PanicError of what recover returned, to be kept as an error. It
// must be called in the deferred function that recovered, while the stack still
// stands. A value that is a *PanicError already keeps its first stack.
func Recovered(v any) *PanicError {
	e, ok := v.(*PanicError)
	switch {
	case !ok:
		return &PanicError{Value: v, Stack: stack()}
	case e.flying:
		return &PanicError{Value: e.Value, Stack: e.Stack}
	}
	return e
}

// Flying returns e as what is to be panicked with.
func (e *PanicError) Flying() *PanicError {
	if e.flying {
		return e
	}
	return &PanicError{Value: e.Value, Stack: e.Stack, flying: true}
}

// stack is debug.Stack without the frames of who recovers, and of the runtime.
func stack() []byte {
	lines := bytes.SplitAfter(debug.Stack(), []byte("\n"))
	header, frames := lines[0], lines[1:] // of which each has two lines
	drop := func(prefix string) {
		for len(frames) > 1 && bytes.HasPrefix(frames[0], []byte(prefix)) {
			frames = frames[2:]
		}
	}
	isPanic := func(line []byte) bool { return bytes.HasPrefix(line, []byte("panic(")) }
	if i := slices.IndexFunc(frames, isPanic); i >= 0 {
		frames = frames[i+2:]
		drop("runtime.") // what a nil pointer or a bad index calls
	} else {
		drop("runtime/debug.")
		drop("github.com/baton-go/baton/internal/baton.")
	}
	return slices.Concat(header, bytes.Join(frames, nil))
}

// Error returns "panic: " and the value: see [PanicError].
func (e *PanicError) Error() string {
	if e.flying {
		return e.detailed()
	}
	return e.message()
}

func (e *PanicError) message() string { return fmt.Sprintf("panic: %v", e.Value) }

func (e *PanicError) detailed() string { return e.message() + "\n\n" + string(e.Stack) }

// Format adds the stack to the message for the verb %+v. All other verbs are those
// of the message.
func (e *PanicError) Format(s fmt.State, verb rune) {
	if verb == 'v' && s.Flag('+') {
		_, _ = io.WriteString(s, e.detailed()) // a State keeps its errors to itself
		return
	}
	_, _ = fmt.Fprintf(s, fmt.FormatString(s, verb), e.message())
}

// Details is what %+v prints for an error, and, if it wraps PanicErrors, their
// stacks.
func Details(err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%+v", err)
	if _, itself := err.(*PanicError); !itself {
		writeStacks(&b, err)
	}
	return b.String()
}

// writeStacks adds the PanicErrors that err wraps.
func writeStacks(b *strings.Builder, err error) {
	if e, ok := err.(*PanicError); ok {
		b.WriteString("\n\n" + e.detailed())
		return
	}
	switch w := err.(type) {
	case interface{ Unwrap() error }:
		if err := w.Unwrap(); err != nil {
			writeStacks(b, err)
		}
	case interface{ Unwrap() []error }:
		for _, err := range w.Unwrap() {
			writeStacks(b, err)
		}
	}
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
	return Recovered(v).Flying()
}
