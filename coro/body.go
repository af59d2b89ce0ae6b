package coro

import (
	"fmt"

	"github.com/baton-go/baton/internal/baton"
)

// runner is the side of a Coroutine that its carrier sees. The type of its own
// keeps these methods out of the documentation.
type runner[In, Out, Ret any] Coroutine[In, Out, Ret]

// Run runs the body on its carrier.
func (r *runner[In, Out, Ret]) Run(f *baton.Fiber) (baton.Body, *baton.Fiber) {
	c := (*Coroutine[In, Out, Ret])(r)
	c.bodyID = f.ID()
	c.run()
	return nil, c.retire()
}

// Goexit is called in place of Run's return if the body called runtime.Goexit.
// Its resumer does the same.
func (r *runner[In, Out, Ret]) Goexit(*baton.Fiber) *baton.Fiber {
	c := (*Coroutine[In, Out, Ret])(r)
	c.err = errAborted
	c.goexited = true
	return c.retire()
}

// run calls the body and keeps what comes of it.
func (c *Coroutine[In, Out, Ret]) run() {
	defer func() {
		if v := recover(); v != nil {
			c.panicked = baton.Rethrow(v)
			c.err = c.panicked.(error)
			if e, ok := c.err.(*PanicError); ok {
				c.err = baton.Recovered(e)
			}
		}
	}()
	if c.plain != nil {
		c.err = doneWith(c.plain(c.plainYield()))
		return
	}
	ret, err := c.full(c.fullYield())
	if c.err = doneWith(err); err == nil {
		c.ret = ret
	}
}

// retire marks the generator as finished and returns who is to be continued.
func (c *Coroutine[In, Out, Ret]) retire() *baton.Fiber {
	var (
		noIn  In
		noOut Out
	)
	c.in, c.out, c.thrown = noIn, noOut, nil
	c.fiber = nil
	c.finish()
	c.resumer.Tell()
	return c.resumer
}

// finish is the part of an end that all ends have that had a beginning.
func (c *Coroutine[In, Out, Ret]) finish() {
	c.state = Closed
	c.full, c.plain = nil, nil
	c.life.Store(lifeOver)
	live.Add(-1)
}

// fullYield returns the yield of a body that New got. It is written out twice,
// here and in plainYield, because a call would cost a frame, see resume.go.
//
//go:noinline
func (c *Coroutine[In, Out, Ret]) fullYield() func(Out) (In, error) {
	return func(v Out) (in In, err error) {
		if baton.ID() != c.bodyID || c.state != Running {
			panic(c.misuse())
		}
		c.out, c.state = v, Suspended
		f := c.fiber
		if s := take(f, c.resumer); s.Pulling {
			s.Next()
		} else {
			s.Yield(nil)
		}
		if signalled(f) {
			f.Obey()
		}
		if c.thrown != nil {
			err, c.thrown = c.thrown, nil
			return in, err
		}
		return c.in, nil
	}
}

// plainYield returns the yield of a body that Generate got.
//
//go:noinline
func (c *Coroutine[In, Out, Ret]) plainYield() func(Out) error {
	return func(v Out) (err error) {
		if baton.ID() != c.bodyID || c.state != Running {
			panic(c.misuse())
		}
		c.out, c.state = v, Suspended
		f := c.fiber
		if s := take(f, c.resumer); s.Pulling {
			s.Next()
		} else {
			s.Yield(nil)
		}
		if signalled(f) {
			f.Obey()
		}
		if c.thrown != nil {
			err, c.thrown = c.thrown, nil
		}
		return err
	}
}

// misuse says what is wrong with a call of yield.
func (c *Coroutine[In, Out, Ret]) misuse() string {
	if baton.ID() != c.bodyID {
		return fmt.Sprintf("coro.yield: called on goroutine %d, but the body of %s runs on goroutine %d; "+
			"only the body itself may yield: let it drive a generator that is called in it, or delegate with YieldFrom",
			baton.ID(), c.label(), c.bodyID)
	}
	return fmt.Sprintf("coro.yield: %s is finished; do not keep its yield after the body has returned", c.label())
}

// returnedDone is the error of a body that returned ErrDone. It does not unwrap
// to what was returned, because that is what makes it safe to pass on.
type returnedDone struct{ err error }

func (e *returnedDone) Error() string {
	return fmt.Sprintf("%v: %v", ErrReturnedDone, e.err)
}

func (e *returnedDone) Unwrap() error { return ErrReturnedDone }
