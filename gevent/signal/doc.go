// Package signal has greenlets handle the signals of the operating system. It is
// gevent.signal_handler, and what has a meaning here of gevent.signal.
//
//	_, err := signal.Handler(os.Interrupt, func() {
//		server.Stop() // in a greenlet of its own: it may wait
//	})
//
// A handler does not interrupt anything: it runs when its turn has come, in a new
// greenlet. What it returns as an error does interrupt, the main greenlet, from the
// call in which that waits:
//
//	signal.Handler(syscall.SIGTERM, func() error { return errStopped })
//
// As with gevent a handler does not keep its thread from ending, or from being told
// that nothing is left to wait for, unless [Signal.SetRef] says so.
//
// A signal that has a handler does not do any more what it does by default. It is
// that way for the whole process, and each thread that has a handler runs its own;
// see [os/signal], on which this stands. SIGCHLD is a signal like any other: who waits
// for a process does not need it.
package signal
