package coro

import (
	"errors"

	"github.com/baton-go/baton/internal/baton"
)

// A thread that ends closes the generators that are suspended in it, as the
// collector of a Python process does. An implicit thread does not end: it lasts
// until its generators are finished.

// abandonable is a body of a thread that is a generator.
type abandonable interface{ abandon() }

// watch has the generators of t closed when t ends.
func watch(t *baton.Thread) {
	if t.Generators || t.Implicit() {
		return
	}
	t.Generators = true
	end := func(*baton.Fiber) { abandonAll(t.Bodies()) }
	t.OnEnd(baton.EndGenerators, end)
	t.OnEnd(baton.EndLateGenerators, end)
}

// abandonAll closes every generator, even if the body of one panics.
func abandonAll(bodies []baton.Body) {
	if len(bodies) == 0 {
		return
	}
	defer abandonAll(bodies[1:])
	if g, ok := bodies[0].(abandonable); ok {
		g.abandon()
	}
}

// maxCloses is how often a body may ignore the end of its thread.
const maxCloses = 100

// abandon closes the generator, whose error nobody asks for any more, save with
// Result. One that runs is left to the greenlet that is parked in it.
func (r *runner[In, Out, Ret]) abandon() {
	c := (*Coroutine[In, Out, Ret])(r)
	for range maxCloses {
		if err := c.Close(); !errors.Is(err, ErrIgnoredClose) {
			return
		}
	}
}
