package netpoll

import (
	"errors"
	"fmt"
)

// ErrClosed is returned by an operation on a loop after [Loop.Close], on a
// selector after [Selector.Close], and by [Desc.Release] of a descriptor that was
// released before.
var ErrClosed = errors.New("netpoll: closed")

// ErrNoPoller is matched by the errors of [Loop.Open], [Loop.AddReader],
// [Loop.AddWriter] and [NewSelector] on a platform for which this package has no
// poller. It also matches [errors.ErrUnsupported].
var ErrNoPoller = fmt.Errorf("netpoll: no poller for this platform: %w", errors.ErrUnsupported)

// ErrSignal is matched by the error of [Loop.AddSignal] for what is no signal of
// this system, for SIGKILL and SIGSTOP, which no process can catch, and for the
// few that the Go runtime keeps from programs. It mirrors the ValueError and the
// RuntimeError of asyncio's add_signal_handler.
var ErrSignal = errors.New("the signal cannot be caught")

// misuse panics for a call that is a mistake in the program. The message names
// the function, says what is wrong, and what to do.
func misuse(function, wrong, do string) {
	panic("netpoll." + function + ": " + wrong + "; " + do)
}

// fdError wraps err with the operation and the descriptor.
func fdError(function string, fd int, err error) error {
	return fmt.Errorf("netpoll.%s: descriptor %d: %w", function, fd, err)
}
