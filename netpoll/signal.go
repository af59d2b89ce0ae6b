package netpoll

import (
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"slices"
)

// A Signal is a handler that [Loop.AddSignal] set. Its methods are for the loop's
// owner.
type Signal struct {
	keeper
	kind *signalKind
	f    func(os.Signal)
}

// A signalKind is one signal for which a loop has handlers.
type signalKind struct {
	sig      os.Signal
	arrived  chan os.Signal
	handlers []*Signal // in the order in which they were added; replaced, never changed
}

// signalPending is how many signals of one kind may have arrived and not have
// been taken by the relay; it takes them whether the loop is busy or not. What
// arrives beyond that coalesces with those.
const signalPending = 128

// signals is what a loop has of signals.
type signals struct {
	kinds  []*signalKind // by number
	change chan []*signalKind
	done   chan struct{}
}

// AddSignal calls f on the loop whenever the process gets sig, until
// [Signal.Remove]; an entry like any other, not in the middle of something. Like
// os/signal it takes away what the signal does by default. Several handlers of one
// signal, of one loop or of several, are all called, those of a loop in the order in
// which they were added, each as an entry of its own. (asyncio's add_signal_handler,
// which AddSignal mirrors, has one, and replaces it.)
//
// # What arrives
//
// Signals are delivered by [Loop.Post], from the one goroutine that a loop has
// while it has handlers. Signals of one kind arrive in order; several kinds that
// come at the same time arrive in the order of their numbers, as they do from the
// kernel, and otherwise in that of their coming. The handler runs after the last
// signal in any case, but signals of one kind may be counted as one: by the kernel
// and by the Go runtime, if they come before those have passed on the first, and
// here, if 128 of them wait for the goroutine. One kind does not take the place of
// another. The loop being busy loses nothing.
//
// A handler keeps the loop from ending, unless [Signal.Unref] is called. It does
// not hold back a [VirtualClock].
//
// The error is [ErrSignal] for a signal that cannot be caught, or [ErrClosed].
// Only the owner may call AddSignal; it panics if f is nil.
func (l *Loop) AddSignal(sig os.Signal, f func(os.Signal)) (*Signal, error) {
	if f == nil {
		misuse("AddSignal", "nil function", "pass the handler, or remove it with RemoveSignal")
	}
	if l.closed {
		return nil, fmt.Errorf("netpoll.AddSignal: %v: %w", sig, ErrClosed)
	}
	if !catchable(sig) {
		return nil, fmt.Errorf("netpoll.AddSignal: %v: %w", sig, ErrSignal)
	}
	k := l.signals.find(sig)
	if k == nil {
		k = &signalKind{sig: sig, arrived: make(chan os.Signal, signalPending)}
		signal.Notify(k.arrived, sig)
		l.signals.kinds = append(l.signals.kinds, k)
		slices.SortFunc(l.signals.kinds, func(a, b *signalKind) int { return signalNumber(a.sig) - signalNumber(b.sig) })
		l.signals.changed(l)
	}
	s := &Signal{kind: k, f: f}
	s.begin(l)
	k.handlers = append(slices.Clip(k.handlers), s)
	return s, nil
}

// RemoveSignal removes all handlers that the loop has for sig, as [Signal.Remove]
// does one, and reports whether it had any. Only the owner may call it. It mirrors
// asyncio's remove_signal_handler.
func (l *Loop) RemoveSignal(sig os.Signal) bool {
	k := l.signals.find(sig)
	if k == nil {
		return false
	}
	for _, s := range k.handlers {
		s.Remove()
	}
	return true
}

// Remove removes the handler and reports whether it was in place: not if it was
// removed before. It is not called any more, even if a signal has arrived. With the
// last handler of the loop the signal does again what it did before, unless somebody
// else in the process has asked for it.
func (s *Signal) Remove() bool {
	if !s.end() {
		return false
	}
	signals, k := &s.loop.signals, s.kind
	k.handlers = slices.DeleteFunc(slices.Clone(k.handlers), func(other *Signal) bool { return other == s })
	if len(k.handlers) > 0 {
		return true
	}
	signal.Stop(k.arrived)
	signals.kinds = slices.DeleteFunc(signals.kinds, func(other *signalKind) bool { return other == k })
	signals.changed(s.loop)
	return true
}

// find returns the kind of sig, or nil.
func (s *signals) find(sig os.Signal) *signalKind {
	for _, k := range s.kinds {
		if k.sig == sig {
			return k
		}
	}
	return nil
}

// changed tells the relay for which kinds there are handlers. It starts with the
// first and ends with the last.
func (s *signals) changed(l *Loop) {
	if s.change == nil {
		s.change, s.done = make(chan []*signalKind), make(chan struct{})
		go relaySignals(l, s.change, s.done)
	}
	if len(s.kinds) > 0 {
		s.change <- slices.Clone(s.kinds)
		return
	}
	close(s.change)
	<-s.done
	s.change, s.done = nil, nil
}

// close removes all handlers.
func (s *signals) close(l *Loop) {
	for _, k := range s.kinds {
		signal.Stop(k.arrived)
		for _, h := range k.handlers {
			h.end()
		}
		k.handlers = nil
	}
	if s.kinds = nil; s.change != nil {
		s.changed(l)
	}
}

// relaySignals posts the signals that arrive. It never waits for the loop.
func relaySignals(l *Loop, change <-chan []*signalKind, done chan<- struct{}) {
	defer close(done)
	var kinds []*signalKind
	var cases []reflect.SelectCase
	for {
		cases = append(cases[:0], reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(change)})
		for _, k := range kinds {
			cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(k.arrived)})
		}
		i, v, ok := reflect.Select(cases)
		if i == 0 {
			if !ok {
				return
			}
			kinds, _ = v.Interface().([]*signalKind)
			continue
		}
		chosen := kinds[i-1]
		// Of what came with it, lower numbers go first.
		for _, k := range kinds {
			if k == chosen {
				l.postSignal(k)
			}
			for range len(k.arrived) {
				<-k.arrived
				l.postSignal(k)
			}
		}
	}
}

// postSignal has the handlers called. ErrClosed means that they need not be.
func (l *Loop) postSignal(k *signalKind) {
	_ = l.Post(func() {
		if len(k.handlers) == 1 {
			k.handlers[0].RunReady()
			return
		}
		for _, h := range k.handlers {
			l.Enqueue(h)
		}
	})
}

// RunReady calls the handler, for a signal that has come. It is for the loop only.
func (s *Signal) RunReady() {
	if l := s.loop; s.active {
		l.stats.Signalled++
		l.calls(s.f)
		s.f(s.kind.sig)
	}
}
