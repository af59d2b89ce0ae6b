package greenlet

import (
	"errors"
	"fmt"

	"github.com/baton-go/baton/internal/baton"
)

// A PanicError carries a panic out of the greenlet in which it happened: the
// parent's pending [Greenlet.Switch] panics with it. It keeps the value that
// panic was called with and the stack that it was called on, in its fields Value (any)
// and Stack ([]byte). Its message has the stack, so that it is printed if nobody
// recovers it.
type PanicError = baton.PanicError

var (
	// ErrExit ends a greenlet in an orderly way. A body that returns it, or an
	// error that wraps it, has not failed: its parent's Switch returns that error
	// as an ordinary value, with a nil error. It is what Throw(nil) throws, and
	// what [Run] throws at its end. It mirrors greenlet.GreenletExit.
	ErrExit = errors.New("greenlet: exit")

	// ErrWrongThread is returned by a Switch or Throw from another thread than
	// the greenlet's, or from a goroutine that belongs to no thread, and by a
	// SetParent across threads. The error names both threads. It mirrors
	// greenlet.error.
	ErrWrongThread = errors.New("greenlet: cannot switch to a different thread")

	// ErrThreadExited says that the greenlet's thread is over: the [Run] in which
	// it was made has returned. Such an error also matches [ErrWrongThread].
	ErrThreadExited = fmt.Errorf("%w (which happens to have exited)", ErrWrongThread)

	// ErrNoRun is returned by a Switch or Throw that would start a greenlet
	// without a body, that is, one that was made with a nil function.
	ErrNoRun = errors.New("greenlet: the greenlet has no run function")

	// ErrNotStarted is returned by a Switch or Throw to a greenlet that belongs
	// to an event loop (package gevent or asyncio) and has not begun: its loop
	// starts it.
	ErrNotStarted = errors.New("greenlet: the greenlet is to be started by its event loop")

	// ErrCyclicParent is returned by a SetParent that would make a greenlet its
	// own ancestor.
	ErrCyclicParent = errors.New("greenlet: cyclic parent chain")

	// ErrMainParent is returned by SetParent on the main greenlet of a thread,
	// which has no parent.
	ErrMainParent = errors.New("greenlet: cannot set the parent of a main greenlet")

	// ErrNilParent is returned by SetParent(nil): only a main greenlet has no
	// parent.
	ErrNilParent = errors.New("greenlet: the parent must be a greenlet, not nil")
)

// wrongThread returns the error of a use of g by the calling goroutine, which is
// not of g's thread.
func wrongThread(g *Greenlet) error {
	if g.exited() {
		return fmt.Errorf("%w: %v", ErrThreadExited, g)
	}
	caller := fmt.Sprintf("goroutine %d, which has no thread", baton.ID())
	if f := baton.Self(); f != nil {
		caller = fmt.Sprintf("thread %d, %v", f.Thread().Number(), Current())
	}
	return fmt.Errorf("%w: current: %s; expected: thread %d, %v", ErrWrongThread, caller, g.Thread(), g)
}
