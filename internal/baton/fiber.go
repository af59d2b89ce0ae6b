package baton

import (
	"runtime"
	"sync/atomic"
)

// A Fiber is a goroutine that runs only while it holds its thread's baton.
//
//	state     where it is                       left by
//	running   holds the baton                   Resume of another, its body's end
//	parked    inside Resume                     another fiber's Resume of it
//	idle      parked, in its thread's pool      Carrier takes it, Trim reaps it
//	ended     its goroutine is gone             -
type Fiber struct {
	place         // the back-end's part: where it is parked
	signal signal // what it is told when it is resumed instead of "go on"
	hopTo  *Fiber // with signalHop
	id     uint64 // number of its goroutine
	thread *Thread
	body   Body   // carriers: what is run next, or now
	next   *Fiber // carriers: the next one in the pool
	berth  int    // carriers: the index in the thread's fleet
	ended  bool   // carriers: the loop was left in order, not by Goexit
	left   bool   // a root that has left its thread, where its goroutine may be another fiber by now
	label  atomic.Pointer[Label]
}

// signal tells a parked fiber why it is resumed, when it is not to just go on.
type signal uint8

const (
	signalNone signal = iota
	signalHop         // give the baton to hopTo at once, and stay parked (in hopTo's place)
	signalDie         // an idle carrier: return from the goroutine
	signalExit        // the root, or who acts for it: another fiber called runtime.Goexit, do the same
	signalTold        // nothing but that it is not to go on without a look, see Tell
)

// A Body is what a carrier runs. Its methods are called on the carrier.
type Body interface {
	// Run runs the body on fiber f to its end and says how the carrier goes on:
	// with another body at once, or, if that is nil, by giving the baton to a
	// parked fiber and going idle. Run must recover every panic of user code.
	Run(f *Fiber) (Body, *Fiber)

	// Goexit is called instead of Run's return when the body ended by
	// runtime.Goexit. It returns the parked fiber that gets the baton.
	Goexit(f *Fiber) *Fiber
}

// A Task is what fibers run for: a greenlet, whichever package made it. Which
// one runs stands in its thread's Current, not in the fiber, because fibers
// nest: a greenlet that drives a generator is parked on its own fiber while the
// generator's carrier acts for it.
type Task struct {
	Thread *Thread
	// Fiber is where the task is parked: what must be resumed to continue it.
	// It is nil before the start and after the end, and stale while it runs.
	Fiber *Fiber
	// Proc and Greenlet hold the state of internal/hub and of package greenlet.
	Proc, Greenlet any
	// Ended says that the task's body is over.
	Ended bool
}

// Thread returns the thread that the fiber belongs to.
func (f *Fiber) Thread() *Thread { return f.thread }

// ID returns the number of the fiber's goroutine.
func (f *Fiber) ID() uint64 { return f.id }

// Left reports whether the fiber was a root and has left its thread. A fiber of
// the calling goroutine that has not left is the one that Self returns.
func (f *Fiber) Left() bool { return f.left }

// IsRoot reports whether f is its thread's root.
func (f *Fiber) IsRoot() bool { return f.thread.root == f }

// Signalled reports whether f was resumed with a signal, which it has to Obey.
func (f *Fiber) Signalled() bool { return f.signal != signalNone }

// Obey acts on the signal with which f was resumed, for callers of Take.
func (f *Fiber) Obey() {
	if to := f.obey(); to != nil {
		f.Resume(to)
	}
}

// Tell makes Signalled true for f, a parked fiber that is resumed next. What it
// then has to look for is between the caller and f.
func (f *Fiber) Tell() { f.signal = signalTold }

// word is what a Slot's Next returns where the one who continued f had no means
// to pass it.
func (f *Fiber) word() any {
	if f.signal == signalNone {
		return nil
	}
	return struct{}{}
}

// obey acts on the signal with which f was resumed. It returns the fiber to
// which f must hop, or nil if f goes on.
func (f *Fiber) obey() (hop *Fiber) {
	switch f.signal {
	case signalHop:
		hop = f.hopTo
		f.signal, f.hopTo = signalNone, nil
	case signalExit:
		f.signal = signalNone
		f.thread.Rest(f) // an implicit thread has nobody else to leave it
		runtime.Goexit()
	case signalTold:
		f.signal = signalNone
	}
	return hop
}

// main is the carrier's goroutine.
func (f *Fiber) main() {
	f.id = currentID()
	register(f)
	defer f.leave()
	for f.signal != signalDie {
		next, to := f.body.Run(f)
		f.body = next
		if next != nil {
			continue
		}
		f.thread.putIdle(f)
		if s := f.Take(to); s.Pulling { // Resume, without its frame
			s.Next()
		} else {
			s.Yield(struct{}{})
		}
		if f.Signalled() {
			f.Obey()
		}
	}
	f.ended = true
}

// leave runs when the carrier's goroutine ends. A goroutine that ends by Goexit
// cannot be kept from it and must not end yet: another fiber may be parked in
// its slot. So it parks here, in a deferred call, until it is reaped.
func (f *Fiber) leave() {
	if !f.ended {
		if v := recover(); v != nil {
			// A Body recovers what user code panics with, so this is a bug of
			// ours. Pull would lose the panic; a goroutine of its own does not,
			// and a PanicError takes the stack there.
			go panic(Recovered(v).Flying())
			select {}
		}
		to := f.body.Goexit(f)
		f.body = nil
		f.thread.zombies = append(f.thread.zombies, f)
		f.Resume(to)
	}
	unregister(f)
	f.thread.discharge(f)
}
