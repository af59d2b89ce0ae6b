package coro

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/baton-go/baton/internal/baton"
)

// A Coroutine is a generator: a function that stops at each yield, hands a value
// of type Out to whoever resumed it, and goes on when it is resumed again, with a
// value of type In. At its end it leaves a value of type Ret. Python: a generator
// object.
//
// Make one with [New], [Generate] or [FromSeq]; the zero value is of no use.
//
// A generator belongs to the thread of its first resumption, and only goroutines
// of that thread may use it until it is finished: before and after, one goroutine
// at a time may. None of its methods parks the calling greenlet, but the body may
// call what does, and then its caller is parked with it.
type Coroutine[In, Out, Ret any] struct {
	// What each resumption touches, in front. The fields down to out belong to
	// the holder of the thread's baton, save the atomics.

	next     func() leap   // prepares Next
	send     func(In) leap // prepares Send
	lastID   atomic.Uint64 // goroutine of resumer, 0 before the start and after the end
	resumer  *baton.Fiber  // who resumed it last: yield and the end go back to it
	owner    atomic.Pointer[baton.Thread]
	fiber    *baton.Fiber  // the carrier that the body runs on, between start and end
	bodyID   uint64        // goroutine of the body
	life     atomic.Uint32 // lifeNew, lifeBegun or lifeOver
	state    State         // while lifeBegun: Running or Suspended
	left     bool          // ranging: the loop was left
	goexited bool          // the body ended by runtime.Goexit
	thrown   error         // what yield is to return
	in       In            // what yield is to return
	out      Out           // what was yielded

	loop     func(Out) bool // ranging: the body of the loop
	ret      Ret
	err      error // how the body ended
	panicked any   // what its caller is to panic with

	name  string
	full  func(yield func(Out) (In, error)) (Ret, error) // the body, or nil
	plain func(yield func(Out) error) error              // the body of Generate, or nil
}

// Whether a generator has begun is decided by a compare-and-swap of life, so that
// two goroutines that wrongly share a new one do not both start it.
const (
	lifeNew uint32 = iota
	lifeBegun
	lifeOver
)

// A Generator is a Coroutine that only yields: it gets no values and returns
// none.
type Generator[Out any] = Coroutine[struct{}, Out, struct{}]

// An Option sets up a generator that is made.
type Option func(*options)

type options struct{ name string }

// WithName names the generator, for messages and stack dumps of yours.
func WithName(name string) Option {
	return func(o *options) { o.name = name }
}

// New returns a generator that runs body when it is first resumed. Any goroutine
// may call it. Nothing is kept for a generator that is never started.
//
// Body gets yield, which stops the body until it is resumed, and returns what
// Send sent (the zero value for Next), or the error that Throw threw, or
// [ErrClosed] when the generator is to end. When body returns a value and nil,
// its resumer gets [ErrDone], and the value is the generator's [Coroutine.Result];
// an error goes to the resumer. A panic goes on in the resumer, as a
// [*PanicError] with the original stack; so does runtime.Goexit, and with it
// t.FailNow.
//
// Only body itself may call yield, on the goroutine that it runs on. Python: the
// call of a generator function.
func New[In, Out, Ret any](body func(yield func(Out) (In, error)) (Ret, error), opts ...Option) *Coroutine[In, Out, Ret] {
	if body == nil {
		panic("coro.New: the body is nil; pass the function to run")
	}
	c := &Coroutine[In, Out, Ret]{full: body}
	c.init(opts)
	return c
}

// Generate returns a generator that only yields: the short form of New for a
// body that gets and returns no values. Its yield returns what went wrong, or
// ErrClosed, and body should then return that.
func Generate[Out any](body func(yield func(Out) error) error, opts ...Option) *Generator[Out] {
	if body == nil {
		panic("coro.Generate: the body is nil; pass the function to run")
	}
	g := &Generator[Out]{plain: body}
	g.init(opts)
	return g
}

func (c *Coroutine[In, Out, Ret]) init(opts []Option) {
	if len(opts) > 0 {
		var o options
		for _, opt := range opts {
			opt(&o)
		}
		c.name = o.name
	}
	c.prepare()
}

// Next resumes the generator until it yields, and returns what it yields. The
// body's yield returns the zero In.
//
// When the body returns, Next returns ErrDone or the error of the body, and
// ErrDone from then on. It returns ErrRunning or ErrWrongThread if the generator
// cannot be resumed, and leaves it as it is. Python: next(generator).
func (c *Coroutine[In, Out, Ret]) Next() (out Out, err error) {
	// This function and Send are written for the inliner, see resume.go.
again:
	w := glideNext(c.next, nil)
	if w == nil {
		out = c.out
	} else if err, _ = w.(error); err == nil {
		goto again
	}
	return
}

// Send is Next with a value: the body's yield returns in. A generator that is not
// started has no yield that could take it, and Send returns ErrNotStarted. Python:
// generator.send(in).
func (c *Coroutine[In, Out, Ret]) Send(in In) (out Out, err error) {
again:
	w := glideSend(c.send, in, nil)
	if w == nil {
		out = c.out
	} else if err, _ = w.(error); err == nil {
		goto again
	}
	return
}

// Throw resumes the generator with an error, which its yield returns, and
// returns what the generator yields next. If the body does not handle the error
// but returns it, Throw returns it too. A generator that is not started finishes
// at once, without running its body, and Throw returns err; so it does for one
// that is finished. Else Throw fails as Next does. Python: generator.throw(err).
func (c *Coroutine[In, Out, Ret]) Throw(err error) (Out, error) {
	if err == nil {
		panic("coro.Throw: the error is nil; pass the one that yield is to return, or call Next")
	}
	return c.drive(opThrow, err)
}

// Close ends the generator: its yield returns ErrClosed, and the body is expected
// to clean up and return. Close returns nil if it does, with nil or with an error
// that is ErrClosed, and nil for a generator that was not started or is finished.
// It returns any other error of the body; ErrIgnoredClose if the body yields once
// more, which leaves it suspended; and ErrRunning or ErrWrongThread if the
// generator cannot be resumed. Python: generator.close().
func (c *Coroutine[In, Out, Ret]) Close() error {
	if c.life.CompareAndSwap(lifeNew, lifeOver) {
		c.full, c.plain = nil, nil
		return nil
	}
	if c.over() {
		return nil
	}
	_, err := c.drive(opClose, ErrClosed)
	switch {
	case err == nil:
		return fmt.Errorf("%w: %s", ErrIgnoredClose, c.label())
	case errors.Is(err, ErrDone):
		return nil
	case errors.Is(err, ErrClosed):
		c.err = nil // it did what it was told to
		return nil
	}
	return err
}

// Result returns what the body returned, once the generator is finished. The
// error is the one that the body returned, a *PanicError if it panicked, nil if
// it ended because it was told to. Before that it is ErrNotDone. Python:
// StopIteration.value.
func (c *Coroutine[In, Out, Ret]) Result() (Ret, error) {
	if !c.over() {
		var none Ret
		return none, ErrNotDone
	}
	return c.ret, c.err
}
