package asyncio

import (
	"os"

	"github.com/baton-go/baton/netpoll"
)

// AddSignalHandler has f called on the loop whenever the process gets sig, until
// [Loop.RemoveSignalHandler]: as a callback like any other, not in the middle of one.
// It must not wait; a panic in it goes to the exception handler. Like package
// os/signal it takes away what the signal does by default. A handler that the loop has
// for sig already is replaced. Those of others, such as package gevent/signal in the
// same thread, os/signal and other loops, are called as well. It mirrors
// add_signal_handler, which works in the main thread only; this works on each loop.
//
// While there is a handler for os.Interrupt, [Run] and [RunnerRun] on this loop leave
// Ctrl-C to it: see [WithInterrupt].
//
// Signals of one kind that come at the same time may count as one: see
// netpoll.Loop.AddSignal. A handler keeps the loop waiting.
//
// The error matches [ErrLoopClosed], or netpoll.ErrSignal if sig cannot be caught or is
// none. It does not park, and may be called as [Loop.CallSoon] may.
func (l *Loop) AddSignalHandler(sig os.Signal, f func()) error {
	const op = "asyncio.Loop.AddSignalHandler"
	l.mustOwn(op)
	if f == nil {
		misuse(op, "the function is nil", "pass the handler, or remove it with RemoveSignalHandler")
	}
	if l.closed.Load() {
		return inOp(op, ErrLoopClosed)
	}
	s, err := l.hub.Loop.AddSignal(sig, func(os.Signal) { l.call(f, nil) })
	if err != nil {
		return inOp(op, err)
	}
	if old := l.signals[sig]; old != nil {
		old.Remove()
	}
	if l.signals == nil {
		l.signals = make(map[os.Signal]*netpoll.Signal)
	}
	l.signals[sig] = s
	if sig == os.Interrupt {
		l.interrupter.suspend()
	}
	return nil
}

// RemoveSignalHandler undoes [Loop.AddSignalHandler]: the handler is not called any
// more, also for a signal that has come, and the signal does again what it did before,
// unless somebody else has asked for it; os.Interrupt, in a [Run] that takes care of it,
// what that does. It reports whether there was a handler; on a
// closed loop there is none. It mirrors remove_signal_handler.
func (l *Loop) RemoveSignalHandler(sig os.Signal) bool {
	l.mustOwn("asyncio.Loop.RemoveSignalHandler")
	s := l.signals[sig]
	delete(l.signals, sig)
	if s != nil && sig == os.Interrupt {
		l.interrupter.resume() // before the handler goes, so that no interrupt is nobody's
	}
	return s != nil && s.Remove()
}

// closeSignals removes all handlers.
func (l *Loop) closeSignals() {
	for _, s := range l.signals {
		s.Remove()
	}
	l.signals = nil
}
