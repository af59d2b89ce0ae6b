package asyncio

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// ErrCancelled is matched by the error of whatever was cancelled: an awaiting
// call in a cancelled task, and a cancelled [Task] or [Future] that is awaited.
// The errors themselves are [*CancelledError]s. To errors.Is it is context.Canceled,
// and not the reverse: the error of a context, which an awaiting call returns as
// ctx.Err(), does not match ErrCancelled. It mirrors asyncio.CancelledError.
//
// A coroutine that returns an error which matches ErrCancelled ends its task as
// cancelled, whoever cancelled what, as in asyncio. So does one of a task that was
// asked to cancel if it returns ctx.Err(), or another error that matches
// context.Canceled; the message of the request is then in context.Cause(ctx).
var ErrCancelled error = new(CancelledError)

// A CancelledError says that a task or a future was cancelled, and with which
// message.
type CancelledError struct {
	Msg string // what [Task.Cancel] was given; may be empty
	Err error  // what ended the task from outside asyncio, such as a gevent kill; nil after a Cancel

	by *hub.Proc // who called Cancel; nil for a callback
	in string    // the call in which the task was parked; "" if it was not
}

// Origin says who called [Task.Cancel], and in which call the task was parked then:
// "Task-1, in asyncio.Sleep". Either is left out if it is not known, or if it was the
// package itself that cancelled.
func (e *CancelledError) Origin() string {
	var parts []string
	if e.by != nil {
		parts = append(parts, e.by.Name())
	}
	if e.in != "" {
		parts = append(parts, "in "+e.in)
	}
	return strings.Join(parts, ", ")
}

// Error returns the message.
func (e *CancelledError) Error() string {
	switch {
	case e.Err != nil:
		return "asyncio: cancelled: " + e.Err.Error()
	case e.Msg != "":
		return "asyncio: cancelled: " + e.Msg
	}
	return "asyncio: cancelled"
}

// Is makes every CancelledError match ErrCancelled and context.Canceled.
func (e *CancelledError) Is(target error) bool {
	return target == ErrCancelled || target == context.Canceled
}

// Unwrap returns Err.
func (e *CancelledError) Unwrap() error { return e.Err }

// ErrInvalidState is matched by the error of asking for a result that is not
// there yet, and of setting one that is there already: asyncio's
// InvalidStateError. [Timeout.Reschedule] returns it, too.
var ErrInvalidState = errors.New("asyncio: invalid state")

var (
	errNoResult = fmt.Errorf("%w: the result is not ready; await it", ErrInvalidState)
	errSet      = fmt.Errorf("%w: the result is set already", ErrInvalidState)
)

// ErrLoopClosed is returned by calls that run a closed loop, or schedule
// something on it from outside. It stands for asyncio's RuntimeError "Event loop
// is closed".
var ErrLoopClosed = errors.New("asyncio: the event loop is closed")

// ErrLoopRunning is matched by the error of running a loop where that cannot be:
// in a task, which is run by a loop already; in a thread that is another loop's;
// and while somebody else runs it. It stands for asyncio's RuntimeErrors "This
// event loop is already running" and "Cannot run the event loop while another
// loop is running".
var ErrLoopRunning = errors.New("asyncio: an event loop is running")

// ErrLoopStopped is returned by [RunUntilComplete] when [Loop.Stop] ended it
// before its task was done; the task goes on when the loop runs again.
var ErrLoopStopped = errors.New("asyncio: the event loop was stopped before the task was done")

// ErrSurvivors is matched by the error of [Loop.Close] and [Run] when tasks were
// left that would not end: they recover what unwinds them and wait again. Their
// goroutines are lost.
var ErrSurvivors = errors.New("not ended when their loop was closed")

// ErrLoopExit is matched by a [*LoopExit].
var ErrLoopExit = hub.ErrLoopExit

// A LoopExit is the error of running a loop when the main task waits and nothing
// is left that could wake it: asyncio would wait for ever. errors.As finds it, and it
// matches [ErrLoopExit]. Its Error is a report on many lines. Its fields are
//
//	Waiting   []Info     // who waits, the main task first, at most 100
//	More      int        // how many more there are
//	Deadlocks []Deadlock // those of them that wait for each other, as far as that is known
//	Hints     []string   // what may be the mistake, a line for each
//	Kind      string     // "tasks"; "" in a thread of gevent: greenlets
//
// and an Info has, among others, the fields Name, Waits, which is the call and what it
// was called on, For, how long it has waited, and Stack.
type LoopExit = hub.LoopExit

// A PanicError is the error of a task that panicked. errors.As finds it. Its fields are
//
//	Value any    // what panic was called with
//	Stack []byte // where, as in the dump of a panic
//
// Its Error is the value alone, and so is the error with %v; with %+v the stack comes
// too. If the value is an error, errors.Is and errors.As find that as well.
type PanicError = baton.PanicError

// misuse panics for a call that is a mistake in the program.
func misuse(op, wrong, do string) {
	panic(op + ": " + wrong + "; " + do)
}

// mustPark returns the calling fiber and its Proc, for calls that park: it panics where
// that cannot be.
func mustPark(op string) (*baton.Fiber, *hub.Proc) {
	f, p := hub.Here()
	if p == nil {
		refuse(op)
	}
	return f, p
}

// refuse panics for a caller that nobody can park.
func refuse(op string) {
	if hub.Current() != nil {
		misuse(op, "a callback of the loop must not wait", "create a task in it, and wait there")
	}
	misuse(op, "the calling goroutine runs no loop (it was started by go, time.AfterFunc, net/http, iter.Pull, t.Run ...)",
		"call it in a coroutine, or hand one over with asyncio.RunCoroutineThreadsafe")
}

// mustHaveContext panics for a call that got none.
func mustHaveContext(op string) {
	misuse(op, "the context is nil", "pass the coroutine's, or context.Background()")
}

// An opError is an error of this package, and the call that returns it, which says
// already whose it is.
type opError struct {
	op  string
	err error
}

// inOp returns err with the call that returns it.
func inOp(op string, err error) error { return &opError{op, err} }

// Error does not repeat the name of the package.
func (e *opError) Error() string {
	return e.op + ": " + strings.TrimPrefix(e.err.Error(), "asyncio: ")
}

func (e *opError) Unwrap() error { return e.err }

// isCancel reports whether err ends a task as cancelled.
func isCancel(err error) bool { return errors.Is(err, ErrCancelled) }
