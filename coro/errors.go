package coro

import (
	"errors"
	"fmt"

	"github.com/baton-go/baton/internal/baton"
)

// ErrDone says that the generator is finished: its body returned, or it was
// closed, or it failed before. Python raises StopIteration.
var ErrDone = errors.New("coro: the generator is finished")

// ErrClosed is what yield returns in a body whose generator is being closed. The
// body should clean up and return it, or nil. Python raises GeneratorExit.
var ErrClosed = errors.New("coro: the generator is being closed")

// ErrNotStarted says that Send was called before the first Next: no yield waits
// for the value. Python raises TypeError.
var ErrNotStarted = errors.New("coro: nothing waits for a value before the first yield; call Next first")

// ErrRunning says that the generator's body runs already, further up in the same
// chain of calls or in a greenlet that is parked inside it. Python raises
// ValueError.
var ErrRunning = errors.New("coro: the generator is running already")

// ErrIgnoredClose says that a body yielded although yield had told it to end
// with ErrClosed. The generator is suspended again. Python raises RuntimeError.
var ErrIgnoredClose = errors.New("coro: the body yielded instead of ending when it was closed")

// ErrReturnedDone says that a body returned an error that is ErrDone, which its
// caller would have taken for the end of this generator. Python raises
// RuntimeError, see PEP 479.
var ErrReturnedDone = errors.New("coro: the body returned ErrDone; return nil to finish")

// ErrNotDone says that Result was called before the generator was finished.
var ErrNotDone = errors.New("coro: the generator is not finished")

// ErrWrongThread says that a goroutine used a suspended or running generator
// that belongs to another thread, which is the one that first resumed it.
var ErrWrongThread = errors.New("coro: the generator belongs to another thread")

// errAborted is the Result of a body that neither returned nor panicked in a way
// that was seen.
var errAborted = errors.New("coro: the body did not return: it panicked or called runtime.Goexit")

// A PanicError carries a panic from the body in which it happened to whoever
// resumed it, where it is the value of the panic that goes on. It holds the
// original value and the original stack, in its fields Value (any) and Stack ([]byte).
// Its message as an error, of [Coroutine.Result], is one line, and %+v adds the stack;
// that of the value of a panic has the stack, so that it is printed if nobody recovers
// it.
type PanicError = baton.PanicError

// wrongThread describes the calling goroutine's mistake.
func wrongThread(op, name string, owner *baton.Thread) error {
	caller := "no thread"
	if f := baton.Self(); f != nil {
		caller = fmt.Sprintf("thread %d", f.Thread().Number())
	}
	return fmt.Errorf("coro.%s: %s belongs to thread %d, but goroutine %d, which belongs to %s, used it; "+
		"use it in its own thread, or make one generator for each thread: %w",
		op, name, owner.Number(), baton.ID(), caller, ErrWrongThread)
}
