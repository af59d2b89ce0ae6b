package baton

import (
	"runtime"
	"sync"
	"weak"
)

// A goroutine that uses a greenlet or a generator without having asked for a
// thread gets one of its own, an implicit thread. Nothing tells when such a
// goroutine ends, so its thread must not need an end: it is entered only while
// carriers of its are parked in a body (package greenlet and coro call Rest
// when one ends), keeps no pool in between, and is remembered by a weak
// pointer. A goroutine that leaves nothing suspended leaves nothing behind.

// dormant holds a weak pointer to the implicit thread of each goroutine that has
// one which is still referred to: uint64 (goroutine) to weak.Pointer[Thread].
var dormant sync.Map

// ImplicitThread returns the thread of the calling goroutine: the one whose
// fiber it is, or else its implicit one, which it does not enter.
func ImplicitThread() *Thread {
	if f := Self(); f != nil {
		return f.thread
	}
	id := currentID()
	if w, ok := dormant.Load(id); ok {
		if t := w.(weak.Pointer[Thread]).Value(); t != nil {
			return t
		}
	}
	t := NewThread()
	t.implicit = true
	w := weak.Make(t)
	dormant.Store(id, w)
	// The clean-up comes late: by then the goroutine may have another thread,
	// whose entry must stay.
	runtime.AddCleanup(t, func(id uint64) { dormant.CompareAndDelete(id, w) }, id)
	return t
}

// Implicit returns the calling goroutine's fiber. A foreign goroutine becomes
// the root of its implicit thread; it stays that until Rest finds nothing left
// to be root of.
func Implicit() *Fiber {
	if f := Self(); f != nil {
		return f
	}
	return ImplicitThread().Enter()
}

// Rest ends the stay of root self in its implicit thread if no body is left in
// it: the pool is emptied and the goroutine is foreign again. On other threads
// and fibers it does nothing.
func (t *Thread) Rest(self *Fiber) {
	if !t.implicit || t.root != self || len(t.fleet) != t.idlers+len(t.zombies) {
		return
	}
	t.Close(self)
	t.Leave()
}
