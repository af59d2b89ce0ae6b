package signal

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

// A Signal is a handler that [Handler] has set. Its methods are for its thread, for
// greenlets and for callbacks; anybody else panics with [gevent.ErrWrongThread] as long
// as the handler is active. Active, Ref and String only look, and do not check that.
// None parks.
type Signal struct {
	kind   *kind
	f      func() error
	ref    bool
	active bool
}

// A kind is one signal for which a thread has handlers. The loop has one for all of
// them, so that those of one signal begin side by side.
type kind struct {
	sig      os.Signal
	thread   *thread
	source   *netpoll.Signal
	handlers []*Signal // in the order of setting; replaced, never changed
}

// A thread is what the package keeps for a thread while it has handlers.
type thread struct {
	hub   *hub.Hub
	kinds map[os.Signal]*kind
}

// threads has those of all hubs.
var threads struct {
	sync.Mutex
	of map[*hub.Hub]*thread
}

// threadOf returns the calling thread's, made if need be.
func threadOf(h *hub.Hub) *thread {
	threads.Lock()
	defer threads.Unlock()
	t := threads.of[h]
	if t == nil {
		t = &thread{h, make(map[os.Signal]*kind)}
		if threads.of == nil {
			threads.of = make(map[*hub.Hub]*thread)
		}
		threads.of[h] = t
		h.Hold(t)
	}
	return t
}

// forget undoes threadOf.
func (t *thread) forget() {
	threads.Lock()
	defer threads.Unlock()
	delete(threads.of, t.hub)
}

// Abandon ends the handlers with the thread. The loop, which is about to close, takes
// its own back.
func (t *thread) Abandon() {
	for _, k := range t.kinds {
		for _, s := range k.handlers {
			s.active = false
		}
	}
	t.forget()
}

// Handler has f, a func() or a func() error, called in a new greenlet of the calling
// thread whenever the process gets sig, until [Signal.Cancel]. Several handlers of one
// signal are all called, in the order in which they were set, each once for a signal;
// but signals of one kind that come at the same time may count as one.
//
// An error that f returns goes to the main greenlet of the thread, which it unwinds
// from the call in which it waits, or will wait next: [gevent.Try] catches it, and
// otherwise [gevent.Run] returns it. A panic is reported, as that of any greenlet;
// in gevent it would go to the main greenlet as well.
//
// The error matches [netpoll.ErrSignal] if the signal cannot be caught. Handler panics
// if f is nil or the caller belongs to no thread. It does not park. It mirrors
// gevent.signal_handler.
func Handler[F func() | func() error](sig os.Signal, f F) (*Signal, error) {
	const op = "signal.Handler"
	h := hub.Current()
	if h == nil {
		hub.Require(op)
	}
	s := &Signal{active: true}
	switch f := any(f).(type) {
	case func():
		if f != nil {
			s.f = func() error { f(); return nil }
		}
	case func() error:
		s.f = f
	}
	if s.f == nil {
		panic(op + ": the function is nil; pass the handler, or Cancel the one that there is")
	}
	k, err := threadOf(h).kind(sig)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	s.kind = k
	k.handlers = append(slices.Clip(k.handlers), s)
	return s, nil
}

// kind returns what the thread has for the signal.
func (t *thread) kind(sig os.Signal) (*kind, error) {
	if k := t.kinds[sig]; k != nil {
		return k, nil
	}
	k := &kind{sig: sig, thread: t}
	source, err := t.hub.Loop.AddSignal(sig, func(os.Signal) { k.arrived() })
	if err != nil {
		t.drop()
		return nil, err
	}
	source.Unref()
	k.source = source
	t.kinds[sig] = k
	return k, nil
}

// drop forgets the thread if it has no handlers.
func (t *thread) drop() {
	if len(t.kinds) == 0 {
		t.hub.Drop(t)
		t.forget()
	}
}

// arrived is called by the loop.
func (k *kind) arrived() {
	for _, s := range k.handlers {
		g := gevent.Spawn(s.handle)
		g.SetName(s.String())
	}
}

// handle is what the greenlet runs.
func (s *Signal) handle() error {
	if !s.active {
		return nil // cancelled, when the signal had come
	}
	err := s.f()
	if err != nil && !errors.Is(err, gevent.ErrGreenletExit) {
		s.kind.thread.hub.Root().Interrupt(err)
		return nil // it is told, and not to be reported as well
	}
	return err
}

// Cancel ends the handler, which is not called any more, also for a signal that has
// come; greenlets in which it is at work go on. With the last one the signal does
// again what it does by default. Cancelling again has no effect. It mirrors
// signal.cancel.
func (s *Signal) Cancel() {
	if !s.active {
		return
	}
	s.mustBeHere("signal.Cancel")
	s.active = false
	k := s.kind
	k.handlers = slices.DeleteFunc(slices.Clone(k.handlers), func(other *Signal) bool { return other == s })
	if len(k.handlers) > 0 {
		k.keep()
		return
	}
	k.source.Remove()
	delete(k.thread.kinds, k.sig)
	k.thread.drop()
}

// String describes the handler in messages.
func (s *Signal) String() string { return "handler of signal " + s.kind.sig.String() }

// Active reports whether the handler has not been cancelled, and its thread has not
// ended.
func (s *Signal) Active() bool { return s.active }

// Ref reports whether the handler keeps its thread from ending. It mirrors
// signal.ref.
func (s *Signal) Ref() bool { return s.ref }

// SetRef changes what [Signal.Ref] returns, which is false at first. A main greenlet
// that waits for nothing but handlers waits on if one of them is kept so; otherwise
// it is told that it would wait for ever.
func (s *Signal) SetRef(ref bool) {
	s.mustBeHere("signal.SetRef")
	s.ref = ref
	if s.active {
		s.kind.keep() // the rest may have other handlers, and another thread
	}
}

// keep has the loop know whether a handler keeps it.
func (k *kind) keep() {
	if slices.ContainsFunc(k.handlers, func(s *Signal) bool { return s.ref }) {
		k.source.Ref()
	} else {
		k.source.Unref()
	}
}

func (s *Signal) mustBeHere(op string) {
	if s.active {
		s.kind.thread.hub.CheckThread(op, s)
	}
}

// Wait parks the calling greenlet until the process gets one of the signals, and
// returns that. Signals that came before do not count. Meanwhile the thread is kept
// from ending. The error matches [netpoll.ErrSignal] if one of them cannot be caught.
// It mirrors sigwait of Python's module signal, which blocks the thread.
func Wait(sigs ...os.Signal) (os.Signal, error) {
	const op = "signal.Wait"
	self, p := hub.Require(op)
	var (
		got  os.Signal
		come hub.Links
		all  []*Signal
	)
	defer func() {
		for _, s := range all {
			s.Cancel()
		}
	}()
	for _, sig := range sigs {
		s, err := Handler(sig, func() {
			if got == nil {
				got = sig
				come.NotifyAll()
			}
		})
		if err != nil {
			return nil, err
		}
		s.SetRef(true)
		all = append(all, s)
	}
	if _, err := p.ParkOn(self, &come, hub.Wait{Op: op, On: sigs}, false, 0); err != nil {
		hub.Unwind(err)
	}
	return got, nil
}
