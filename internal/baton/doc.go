// Package baton is the switch under everything: threads, the fibers that run
// in them, and the question "which fiber calls?".
//
// # Words
//
// A [Thread] is a set of fibers of which exactly one runs at any time. A
// [Fiber] is a goroutine that is parked except while it holds its thread's
// baton: either the thread's root, which is the goroutine that entered it, or a
// carrier, which the thread made and keeps in a pool. A [Task] is what a fiber
// runs for: packages greenlet and internal/hub hang their state on it.
//
// # The switch
//
// A fiber gives the baton to another with [Fiber.Resume], which parks the
// caller and continues the other in one step, without the Go scheduler. There
// are two back-ends with the same few functions: the default one over
// [iter.Pull] (file pull.go), and one with an unbuffered channel for each fiber
// (file chan.go, build tag baton_chan), which is the reference semantics and
// the way out should Go ever restrict Pull.
//
// # Who may touch what
//
// All state of a thread belongs to whoever holds its baton; there are no locks.
// Each switch is a happens-before edge from the fiber that parks to the one
// that continues, so the race detector sees the program as one thread, which it
// is. The registry that answers [Self] is the only state that goroutines share,
// and it is read without a lock.
package baton
