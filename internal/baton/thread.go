package baton

import "sync/atomic"

// A Thread is one logical thread: fibers of which exactly one runs at a time.
// Its fields belong to whoever holds the baton.
type Thread struct {
	// Current is the task that runs. Whoever gives the baton to another task
	// sets it first.
	Current *Task
	// Greenlets and Hub hold the state that package greenlet and internal/hub
	// keep for each thread.
	Greenlets, Hub any
	// Generators says that package coro has called OnEnd.
	Generators bool
	// Handover passes values from task to task, see its type. Watched tells
	// package greenlet to take the long way at each switch: the thread is
	// traced, or it ends.
	Handover Handover
	Watched  bool
	// LoopTask returns the task of the thread's event loop, if it has one: the
	// parent of the greenlets that package greenlet has not made. Exiting is told
	// before the main task exits, see ExitRoot. Both may be nil.
	LoopTask func() *Task
	Exiting  func()

	number   uint64
	root     *Fiber
	main     Task   // what the root runs for
	implicit bool   // made for a goroutine that asked for no thread, see Implicit
	idle     *Fiber // the pool, last in first out, so that warm stacks are used first
	idlers   int
	fleet    []*Fiber // all carriers: busy, idle and zombies, in no order
	zombies  []*Fiber // ended by Goexit, waiting in a deferred call to be reaped
	atEnd    [stages][]func(*Fiber)
}

var threads atomic.Uint64

// NewThread makes a thread without a root: nothing runs in it until a goroutine
// enters it.
func NewThread() *Thread {
	t := &Thread{number: threads.Add(1)}
	t.main.Thread = t
	t.Current = &t.main
	return t
}

// Number returns the thread's number, counted from 1 in each process.
func (t *Thread) Number() uint64 { return t.number }

// Root returns the fiber that entered the thread, or nil when nobody has.
func (t *Thread) Root() *Fiber { return t.root }

// Main returns the task of the root. It is the same one at each entry.
func (t *Thread) Main() *Task { return &t.main }

// Implicit reports whether the thread was made by the function [Implicit].
func (t *Thread) Implicit() bool { return t.implicit }

// Carriers returns the number of the thread's carriers, and how many of them
// are idle. Those that ended by Goexit count as idle.
func (t *Thread) Carriers() (all, idle int) {
	return len(t.fleet), t.idlers + len(t.zombies)
}

// Enter makes the calling goroutine, which must be foreign, the root of the
// thread, which must have none.
func (t *Thread) Enter() *Fiber {
	if t.root != nil {
		panic("baton.Thread.Enter: the thread has a root; leave it first")
	}
	if Self() != nil {
		panic("baton.Thread.Enter: the goroutine belongs to a thread already")
	}
	f := &Fiber{id: currentID(), thread: t}
	f.place = newPlace()
	t.root = f
	register(f)
	return f
}

// Leave undoes Enter: the calling goroutine, the root, is foreign again.
// Carriers stay parked and may be resumed after the next Enter.
func (t *Thread) Leave() {
	unregister(t.root)
	t.root.left = true
	t.root = nil
}

// Carrier returns a parked fiber of the thread that runs b when it is resumed:
// an idle one, or a new one if there is none. A new one costs 6 allocations and
// half a microsecond, an idle one nothing.
func (t *Thread) Carrier(b Body) *Fiber {
	f := t.idle
	if f != nil {
		t.idle, f.next = f.next, nil
		t.idlers--
	} else {
		f = &Fiber{thread: t, berth: len(t.fleet)}
		f.launch()
		t.fleet = append(t.fleet, f)
	}
	f.body = b
	return f
}

// discharge forgets the carrier f, whose goroutine ends.
func (t *Thread) discharge(f *Fiber) {
	last := len(t.fleet) - 1
	t.fleet[f.berth] = t.fleet[last]
	t.fleet[f.berth].berth = f.berth
	t.fleet[last] = nil
	t.fleet = t.fleet[:last]
}

// Bodies returns what the thread's carriers have begun to run and not ended, in
// no order. It is how a package finds its suspended bodies without keeping a
// list of them.
func (t *Thread) Bodies() []Body {
	var all []Body
	for _, f := range t.fleet {
		if f.body != nil {
			all = append(all, f.body)
		}
	}
	return all
}

// Pooled reports whether Carrier would find an idle carrier.
func (t *Thread) Pooled() bool { return t.idle != nil }

// putIdle puts f in the pool.
func (t *Thread) putIdle(f *Fiber) {
	f.next = t.idle
	t.idle = f
	t.idlers++
}

// ExitRoot makes the root call runtime.Goexit, and returns the fiber that is to
// be resumed for that: the one where the root's task is parked, so that a
// generator that it drives exits first. It is what a Body's Goexit does when
// nothing nearer is to end.
func (t *Thread) ExitRoot() *Fiber {
	if t.Exiting != nil {
		t.Exiting()
	}
	f := t.main.Fiber
	if f == nil {
		f = t.root
	}
	f.signal = signalExit
	return f
}

// Trim reaps idle carriers until keep are left in the pool, and all that ended
// by Goexit, which are of no more use. Self is the calling fiber. Each costs up
// to three switches.
func (t *Thread) Trim(self *Fiber, keep int) {
	for n := len(t.zombies); n > 0; n = len(t.zombies) {
		f := t.zombies[n-1]
		t.zombies[n-1] = nil
		t.zombies = t.zombies[:n-1]
		f.reap(self)
	}
	for t.idlers > keep {
		f := t.idle
		t.idle, f.next = f.next, nil
		t.idlers--
		f.reap(self)
	}
}

// Close reaps every carrier that is idle and every one that ended by Goexit,
// and returns how many are left: those that are parked inside a body. The
// caller is the root, self.
func (t *Thread) Close(self *Fiber) (left int) {
	t.Trim(self, 0)
	return len(t.fleet)
}
