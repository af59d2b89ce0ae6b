package pool

import (
	"context"
	"errors"
	"os"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/queue"
)

// ErrPoolFull is returned when there is no free place in a [Pool] and the call does
// not wait for one. It is [queue.ErrFull] too. If a limit of time ran out the error
// is also [gevent.ErrTimeout] and a net.Error. It mirrors PoolFull.
var ErrPoolFull error = fullError{}

// A fullError is ErrPoolFull, because of a limit of time or not.
type fullError struct{ timeout bool }

func (e fullError) Error() string {
	if e.timeout {
		return "pool: full until the time was up"
	}
	return "pool: full"
}

func (e fullError) Timeout() bool   { return e.timeout }
func (e fullError) Temporary() bool { return true }

// Is makes errors.Is work as ErrPoolFull says.
func (e fullError) Is(target error) bool {
	switch target {
	case ErrPoolFull, queue.ErrFull:
		return true
	case gevent.ErrTimeout, os.ErrDeadlineExceeded, context.DeadlineExceeded:
		return e.timeout
	}
	return false
}

// join returns the errors as one: nil, the only one as it is, or errors.Join.
func join(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
