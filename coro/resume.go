package coro

import (
	"errors"
	"runtime"

	"github.com/baton-go/baton/internal/baton"
)

// How a resumption is made.
//
// A switch of coroutines makes the processor mispredict the return from each
// call frame that lies between the switch and the code that asked for it, on
// either side, at 6-9 ns for a frame, where the whole of a switch costs some 45.
// So Next and Send must not be frames: the compiler has to inline them into their
// callers. The inliner allows 80 nodes and charges 57 extra for a call, but 17 if
// what is called is a parameter, which explains the odd shape of what follows:
//
//	Next       inlined: calls glideNext until there is a result
//	glideNext  inlined: calls next, then the leap that next returned
//	next       a closure that returns before the switch: checks, and prepares
//	leap       the switch itself, a function of iter.Pull's
//
// A leap returns nil after a plain yield, in which case nothing is left to do but
// to load the value; an error, if there was nothing to switch to; and something
// else if the generator ended or the resumer was woken for a reason of its
// thread's. Then Next asks again, and next finds out (settle) and returns a leap
// that says it.
//
// Budget of a round trip: two switches, the number of the goroutine read twice,
// no allocation, no atomic operation but loads.

// leap is what makes the switch, or what stands for it.
type leap = func() (any, bool)

// glideNext calls next, and then the leap that it returns. The parameter l is
// only there to be a parameter.
//
//lint:ignore SA4009 a parameter costs the inliner less than a variable, see above
func glideNext(next func() leap, l leap) (word any) {
	l = next()
	word, _ = l()
	return
}

// glideSend is glideNext for Send.
//
//lint:ignore SA4009 as in glideNext
func glideSend[In any](send func(In) leap, in In, l leap) (word any) {
	l = send(in)
	word, _ = l()
	return
}

// Take, left and signalled are methods of Fiber. Generic code is compiled in the
// package that uses it, where the compiler can inline a function of a package that
// the user does not import only if code of this package that is not generic has
// made the package carry it along.
func take(f, to *baton.Fiber) *baton.Slot { return f.Take(to) }
func left(f *baton.Fiber) bool            { return f.Left() }
func signalled(f *baton.Fiber) bool       { return f.Signalled() }

// op is the operation that resumes a generator.
type op uint8

const (
	opNext op = iota
	opSend
	opThrow
	opClose
	opAll
)

func (o op) String() string {
	return [...]string{"Next", "Send", "Throw", "Close", "All"}[o]
}

// prepare makes the two closures. The compiler inlines nothing in a closure that
// it copies, which it does when it inlines the function around it.
//
//go:noinline
func (c *Coroutine[In, Out, Ret]) prepare() {
	c.next = func() leap {
		var in In
		// The goroutine that resumed the generator last may resume it again
		// without a search for its fiber, if it still is that fiber: a root may
		// have left the thread.
		if baton.ID() != c.lastID.Load() || c.state != Suspended || left(c.resumer) {
			return c.admit(in, opNext, nil)
		}
		c.state, c.in = Running, in
		if s := take(c.resumer, c.fiber); s.Pulling {
			return s.Next
		}
		return c.resumer.YieldAsNext()
	}
	c.send = func(in In) leap {
		if baton.ID() != c.lastID.Load() || c.state != Suspended || left(c.resumer) {
			return c.admit(in, opSend, nil)
		}
		c.state, c.in = Running, in
		if s := take(c.resumer, c.fiber); s.Pulling {
			return s.Next
		}
		return c.resumer.YieldAsNext()
	}
}

// depart prepares the switch from f, the calling fiber, to the body.
func (c *Coroutine[In, Out, Ret]) depart(in In, f *baton.Fiber) leap {
	c.state = Running
	c.in = in
	if s := take(f, c.fiber); s.Pulling {
		return s.Next
	}
	return f.YieldAsNext()
}

// drive is the form of Next that is not inlined, for the other operations: yield
// returns thrown.
func (c *Coroutine[In, Out, Ret]) drive(o op, thrown error) (out Out, _ error) {
	var in In
	for {
		word, _ := c.admit(in, o, thrown)()
		if word == nil {
			return c.out, nil
		}
		if e, ok := word.(error); ok {
			return out, e
		}
	}
}

// admit does what the closures of prepare do, for all cases.
func (c *Coroutine[In, Out, Ret]) admit(in In, o op, thrown error) leap {
	id := baton.ID()
	if id == c.lastID.Load() && c.resumer.Signalled() {
		return c.settle()
	}
	switch c.life.Load() {
	case lifeNew:
		return c.begin(in, o, thrown)
	case lifeOver:
		if o == opThrow {
			return refuse(thrown)
		}
		return refuseDone
	}
	// Whoever ranges over it need not have a thread.
	owner, f := c.owner.Load(), baton.Self()
	if owner == nil {
		return refuse(ErrRunning)
	}
	if f == nil || f.Thread() != owner {
		return refuse(wrongThread(o.String(), c.label(), owner))
	}
	if c.state != Suspended {
		return refuse(ErrRunning)
	}
	c.resumer = f
	c.lastID.Store(id)
	c.thrown = thrown
	return c.depart(in, f)
}

// begin starts the generator, or finishes it if it cannot be started with o.
func (c *Coroutine[In, Out, Ret]) begin(in In, o op, thrown error) leap {
	switch o {
	case opSend:
		return refuse(ErrNotStarted)
	case opThrow:
		if !c.life.CompareAndSwap(lifeNew, lifeOver) {
			return refuse(ErrRunning)
		}
		c.full, c.plain, c.err = nil, nil, thrown
		return refuse(thrown)
	}
	if !c.life.CompareAndSwap(lifeNew, lifeBegun) {
		return refuse(ErrRunning)
	}
	live.Add(1)
	f := baton.Implicit()
	t := f.Thread()
	watch(t)
	c.resumer = f
	c.owner.Store(t)
	c.lastID.Store(f.ID())
	c.fiber = t.Carrier((*runner[In, Out, Ret])(c))
	return c.depart(in, f)
}

// settle is what the resumer does when it was woken by anything but a yield. If
// the body ended, it is the last to do something for the generator.
func (c *Coroutine[In, Out, Ret]) settle() leap {
	f := c.resumer
	for f.Signalled() {
		f.Obey()
	}
	if c.fiber != nil {
		return passed // f had to hop, and then the body yielded
	}
	t := c.owner.Load()
	c.owner.Store(nil)
	c.lastID.Store(0)
	c.resumer = nil
	t.Rest(f)
	if c.goexited {
		runtime.Goexit()
	}
	if v := c.panicked; v != nil {
		c.panicked = nil
		panic(v)
	}
	if c.err != nil {
		return refuse(c.err)
	}
	return refuseDone
}

// passed is the leap that finds the yielded value there already.
func passed() (any, bool) { return nil, true }

// refuseDone is the leap of a generator that is finished.
func refuseDone() (any, bool) { return ErrDone, false }

// refuse returns the leap that returns err.
func refuse(err error) leap {
	return func() (any, bool) { return err, false }
}

// doneWith returns the error with which a generator ends whose body returned err.
func doneWith(err error) error {
	if err != nil && errors.Is(err, ErrDone) {
		return &returnedDone{err}
	}
	return err
}
