package netpoll

import (
	"os"
	"sync"
)

// Wake makes a [Selector.Select] that waits, or if there is none the next one,
// return early, possibly with nothing ready. Several calls may have the effect of
// one. What happened before the call is seen by whom that Select returns to. Any
// goroutine may call Wake at any time. The error is [ErrClosed].
//
// Python has no such method; its programs register the one end of a socketpair and
// write to the other.
//
// Budget: one system call for all calls between two Selects, no allocation.
func (s *Selector) Wake() error { return s.waker.wake() }

// A selectorWaker is a descriptor that Wake makes readable, and that the next
// Select makes unreadable again.
type selectorWaker struct {
	mu      sync.Mutex // wakers against each other, against drain and against close
	pending bool       // readable, or just about to be
	opened  bool
	pipe    wakePipe
}

func (w *selectorWaker) open() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.pipe.open(); err != nil {
		return err
	}
	w.opened = true
	return nil
}

// fd is what becomes readable.
func (w *selectorWaker) fd() int { return w.pipe.rd }

func (w *selectorWaker) wake() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !w.opened:
		return ErrClosed
	case w.pending:
		return nil
	}
	if err := w.pipe.signal(); err != nil {
		return os.NewSyscallError("write", err)
	}
	w.pending = true
	return nil
}

func (w *selectorWaker) drain() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = false
	return os.NewSyscallError("read", w.pipe.drain())
}

func (w *selectorWaker) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened = false
	return w.pipe.close()
}
