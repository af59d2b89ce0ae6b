package gevent

import (
	"context"
	"errors"
	"os"

	"github.com/baton-go/baton/greenlet"
	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// ErrGreenletExit is what [Greenlet.Kill] ends a greenlet with, and the error
// that [Greenlet.Get] returns then: gevent's GreenletExit, which is that of
// package greenlet. A greenlet that ends with it counts as successful.
var ErrGreenletExit = greenlet.ErrExit

// ErrSurvivors is returned by [Run] when greenlets were left that withstood
// being killed: they recover the kill and block again. Their goroutines are
// lost.
var ErrSurvivors = errors.New("not ended by being killed")

// ErrTimeout is returned by calls with a time limit that ran out, and matched by
// every [*Timeout]. It is also os.ErrDeadlineExceeded and context.DeadlineExceeded
// to errors.Is, and a net.Error whose Timeout method returns true.
var ErrTimeout error = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string   { return "gevent: timed out" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }
func (timeoutError) Is(target error) bool {
	return target == os.ErrDeadlineExceeded || target == context.DeadlineExceeded
}

// ErrLoopExit is matched by a [LoopExit].
var ErrLoopExit = hub.ErrLoopExit

// A LoopExit is the error of [Run] when its main greenlet waited and nothing was
// left that could wake it. Its fields:
//
//	Waiting   []Info     // the main greenlet and the parked ones, with stacks, at most 100
//	More      int        // how many more there are
//	Deadlocks []Deadlock // those of them that wait for each other, as far as it is known who has what
//	Hints     []string   // what may be wrong, a line for each: an object that is not shared, say
type LoopExit = hub.LoopExit

// A PanicError is the error of a greenlet that panicked. Its message is one line; the
// verb %+v adds the stack. It unwraps to Value if that is an error. Its fields:
//
//	Value any    // what panic was called with
//	Stack []byte // the stack where that happened
//
// One with which a call panics, such as [Offload] for its function, has the stack in its
// message, so that it is printed if nobody recovers it.
type PanicError = baton.PanicError
