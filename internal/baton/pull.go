//go:build !baton_chan

package baton

import "iter"

// Backend names the switch that this program was built with.
const Backend = "pull"

// A Slot is one iter.Pull used as a place in which exactly one goroutine is
// parked. Calling its next and yield alternately, from whichever goroutine
// runs, parks the caller in it and continues the one that was there: one
// coroutine switch, straight from one fiber to the other.
//
// Each carrier brings one slot into its thread, and a fiber is parked in
// whichever slot the fiber that it resumed was in. So slots outnumber nobody:
// as many slots as carriers, each with one fiber parked in it, and one fiber
// that runs and is in none.
type Slot struct {
	// The value that Yield passes and Next returns is nil if the fiber in Next
	// may go on without a look at anything, which only package coro says and
	// asks. Everybody else passes struct{}{} and ignores what it gets.
	Next  func() (any, bool)
	Yield func(any) bool
	// Pulling says that the call to make is Next, see Take; between switches it
	// says that the last one was.
	Pulling  bool
	occupant *Fiber // who is parked in it
}

// place is a fiber's part of the back-end.
type place struct {
	at  *Slot // where it is parked
	own *Slot // carriers: the slot whose end is the end of its goroutine

	yieldAsNext func() (any, bool) // made when it is first needed
}

func newPlace() place { return place{} }

// launch makes the carrier's goroutine, parked in its own slot.
func (f *Fiber) launch() {
	s := &Slot{occupant: f}
	s.Next, _ = iter.Pull(func(yield func(any) bool) {
		s.Yield = yield
		defer f.coverGoexit()
		f.main()
	})
	f.at, f.own = s, s
}

// reaped is what the end of a zombie panics with.
type reaped struct{}

// coverGoexit keeps a zombie's Goexit to its own goroutine. Pull passes it on to
// whoever is continued by the end of a goroutine and came by next, as it does
// with a panic. A panic out of here takes the Goexit's place, and reap recovers
// that.
func (f *Fiber) coverGoexit() {
	if !f.ended {
		panic(reaped{})
	}
}

// Take is the first half of Resume, for callers that cannot afford its frame (see
// there): it gives the place of to, a parked fiber, to the calling fiber f. The
// caller continues to at once with
//
//	if s := f.Take(to); s.Pulling {
//		s.Next()
//	} else {
//		s.Yield(struct{}{})
//	}
//	if f.Signalled() {
//		f.Obey()
//	}
func (f *Fiber) Take(to *Fiber) *Slot {
	s := to.at
	f.at = s
	s.occupant = f
	s.Pulling = !s.Pulling
	return s
}

// Resume parks the calling fiber f and continues to, a parked fiber of the same
// thread. It returns when another fiber resumes f. Nobody checks that f is the
// caller and to is parked: that is the duty of the packages above.
//
// Budget: one coroutine switch, no allocation, no atomic operation of our own.
// Every call frame between a switch and the code that asked for it costs a
// mispredicted return (7-10 ns), which is why this function is written flat. A
// fiber that hops stays in it, so hops leave nothing on its stack.
func (f *Fiber) Resume(to *Fiber) {
	for {
		if s := f.Take(to); s.Pulling {
			s.Next()
		} else {
			s.Yield(struct{}{})
		}
		if !f.Signalled() {
			return
		}
		if to = f.obey(); to == nil {
			return
		}
	}
}

// YieldAsNext returns the call of Slot.Yield in the shape of Slot.Next, for a
// fiber that keeps the call in a variable: it is parked in its place by Take
// already. It costs a frame, which does not matter: the fibers of a generator
// that is driven by calls alone never need it.
func (f *Fiber) YieldAsNext() func() (any, bool) {
	if f.yieldAsNext == nil {
		f.yieldAsNext = func() (any, bool) {
			f.at.Yield(struct{}{})
			return f.word(), true
		}
	}
	return f.yieldAsNext
}

// reap ends the carrier f, which is idle or a zombie. When a carrier's goroutine
// returns, whoever is parked in its own slot is continued, and that must be the
// caller. So the caller takes that place; if a third fiber is there, it hops
// into the place from which f is woken.
func (f *Fiber) reap(self *Fiber) {
	defer func() {
		if v := recover(); v != nil && v != any(reaped{}) {
			panic(v)
		}
	}()
	f.signal = signalDie
	u := f.own.occupant
	if u != f {
		u.signal, u.hopTo = signalHop, f
	}
	self.Resume(u)
}
