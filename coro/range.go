package coro

import (
	"errors"
	"iter"

	"github.com/baton-go/baton/internal/baton"
)

// All returns an iterator over what the generator has yet to yield. It is for one
// loop: a generator cannot be started again. Leaving the loop early closes the
// generator. What the body returned, and its error if it failed, which ends the
// loop too, stand in [Coroutine.Result], as a [bufio.Scanner] keeps its error.
//
// A loop over a generator that was not started needs no switches. The body runs
// on the caller's own stack and calls the loop's body, as a Go iterator does,
// which is some fifty times cheaper than Next. So a panic passes through both
// without being wrapped; in the loop's body the generator is running, and Next
// returns ErrRunning; and after the loop was left, yield returns ErrClosed
// whenever it is called. A loop over a started generator calls Next.
//
// It panics to range over a generator that is running, or that belongs to another
// thread. Python: for value in generator.
func (c *Coroutine[In, Out, Ret]) All() iter.Seq[Out] {
	return func(loop func(Out) bool) {
		if c.life.CompareAndSwap(lifeNew, lifeBegun) {
			c.push(loop)
			return
		}
		c.pull(loop)
	}
}

// pull runs the loop over a started generator.
func (c *Coroutine[In, Out, Ret]) pull(loop func(Out) bool) {
	left := true
	defer func() {
		if left {
			c.Close() // by whatever means it was left; see Result for the error
		}
	}()
	v, err := c.drive(opAll, nil)
	for ; err == nil; v, err = c.Next() {
		if !loop(v) {
			return
		}
	}
	left = false
	switch {
	case c.over():
	case errors.Is(err, ErrRunning):
		panic("coro.All: " + c.label() + " is running; range over it where it is not, or make another one")
	default:
		panic(err.Error())
	}
}

// push runs the loop over a new generator: its body calls the loop's body.
func (c *Coroutine[In, Out, Ret]) push(loop func(Out) bool) {
	live.Add(1)
	c.bodyID = baton.ID()
	c.state = Running
	if f := baton.Self(); f != nil {
		c.owner.Store(f.Thread())
	}
	c.loop = loop
	c.err = errAborted
	defer func() {
		c.loop = nil
		c.owner.Store(nil)
		c.finish()
	}()
	var err error
	if c.plain != nil {
		err = c.plain(c.plainPush())
	} else {
		c.ret, err = c.full(c.fullPush())
	}
	if c.left && errors.Is(err, ErrClosed) {
		err = nil // it did what it was told to
	}
	c.err = doneWith(err)
}

// fullPush returns the yield for push of a body that New got.
//
//go:noinline
func (c *Coroutine[In, Out, Ret]) fullPush() func(Out) (In, error) {
	return func(v Out) (in In, err error) {
		if baton.ID() != c.bodyID || c.state != Running {
			panic(c.misuse())
		}
		if c.left || !c.loop(v) {
			c.left = true
			err = ErrClosed
		}
		return in, err
	}
}

// plainPush returns the yield for push of a body that Generate got.
//
//go:noinline
func (c *Coroutine[In, Out, Ret]) plainPush() func(Out) error {
	return func(v Out) error {
		if baton.ID() != c.bodyID || c.state != Running {
			panic(c.misuse())
		}
		if c.left || !c.loop(v) {
			c.left = true
			return ErrClosed
		}
		return nil
	}
}
