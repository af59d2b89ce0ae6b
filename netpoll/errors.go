package netpoll

import (
	"errors"
	"fmt"
)

// ErrClosed is returned by an operation on a loop after [Loop.Close], and by
// [Desc.Release] of a descriptor that was released before.
var ErrClosed = errors.New("netpoll: closed")

// ErrNoPoller is matched by the errors of [Loop.Open], [Loop.AddReader] and
// [Loop.AddWriter] on a platform for which this package has no poller. It also
// matches [errors.ErrUnsupported].
var ErrNoPoller = fmt.Errorf("netpoll: no poller for this platform: %w", errors.ErrUnsupported)

// misuse panics for a call that is a mistake in the program. The message names
// the function, says what is wrong, and what to do.
func misuse(function, wrong, do string) {
	panic("netpoll." + function + ": " + wrong + "; " + do)
}

// fdError wraps err with the operation and the descriptor.
func fdError(function string, fd int, err error) error {
	return fmt.Errorf("netpoll.%s: descriptor %d: %w", function, fd, err)
}
