package queue

import (
	"context"
	"errors"
	"os"

	"github.com/baton-go/baton/gevent"
)

var (
	// ErrEmpty is returned by a get or peek that finds nothing and does not wait.
	// When a limit of time ran out the error is ErrEmpty as well, and also
	// [gevent.ErrTimeout] and a net.Error. It mirrors queue.Empty.
	ErrEmpty = errors.New("queue: empty")

	// ErrFull is returned by a put that finds no room and does not wait, and when
	// a limit of time ran out: see [ErrEmpty]. It mirrors queue.Full.
	ErrFull = errors.New("queue: full")

	// ErrShutDown is returned when the queue was shut down. It mirrors
	// queue.ShutDown.
	ErrShutDown = errors.New("queue: shut down")
)

// A timeoutError is an ErrEmpty or ErrFull because of a limit of time.
type timeoutError struct{ is error }

var errEmptyTimeout, errFullTimeout error = timeoutError{ErrEmpty}, timeoutError{ErrFull}

func (e timeoutError) Error() string { return e.is.Error() + " until the time was up" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

// Is makes errors.Is work as ErrEmpty says.
func (e timeoutError) Is(target error) bool {
	return target == e.is || target == gevent.ErrTimeout || target == os.ErrDeadlineExceeded || target == context.DeadlineExceeded
}
