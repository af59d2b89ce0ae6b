package coro

import "errors"

// YieldFrom delegates to the generator sub: it drives sub to its end and yields
// all that sub yields, with yield, which is the one of the body that calls it.
// Meanwhile whoever resumes the body talks to sub: what Send sends and what Throw
// throws goes to sub, and closing the body closes sub first. At the end YieldFrom
// returns what sub returned. Python: ret = yield from sub (PEP 380).
//
// If sub fails, YieldFrom returns its error; if sub cannot be resumed, ErrRunning
// or ErrWrongThread. When the body is closed, it returns the error of closing sub,
// or else ErrClosed. For a sub that was finished before, it returns the zero Ret
// at once: a value is returned once. If the body is left by a panic or by
// runtime.Goexit, sub is closed too.
//
// Each level of delegation costs a round trip for each value. A body that wants
// no more than sub's values has them without switches if it ranges over a new
// sub: for v := range sub.All() { yield(v) }.
func YieldFrom[In, Out, Ret any](yield func(Out) (In, error), sub *Coroutine[In, Out, Ret]) (Ret, error) {
	var none Ret
	unwound := true
	defer func() {
		if unwound {
			sub.Close()
		}
	}()
	over := sub.over()
	out, err := sub.Next()
	for err == nil {
		in, told := yield(out)
		over = sub.over()
		switch {
		case told == nil:
			out, err = sub.Send(in)
		case errors.Is(told, ErrClosed):
			unwound = false
			if err := sub.Close(); err != nil {
				return none, err
			}
			return none, told
		default:
			out, err = sub.Throw(told)
		}
	}
	unwound = false
	if !errors.Is(err, ErrDone) {
		return none, err
	}
	if over {
		return none, nil // somebody else got the value
	}
	return sub.ret, nil
}

// YieldAll is YieldFrom for the bodies of [Generate]: it yields all that sub
// yields, passes on what yield returns, and returns nil when sub is finished.
func YieldAll[Out any](yield func(Out) error, sub *Generator[Out]) error {
	_, err := YieldFrom(func(v Out) (struct{}, error) { return struct{}{}, yield(v) }, sub)
	return err
}

// over reports whether the generator is finished.
func (c *Coroutine[In, Out, Ret]) over() bool { return c.life.Load() == lifeOver }
