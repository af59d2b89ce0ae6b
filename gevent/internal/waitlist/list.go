// Package waitlist holds the lists of those who wait for an event, a lock or a
// queue: greenlets of any thread, goroutines that belong to none, and callbacks.
//
// # Telling
//
// Who waits is told that it may go on, in the order of the list, and then acts
// itself when it runs: takes the permit, or the item, if that is still there. Who
// was told stays in its place until then, so that one who finds that another was
// quicker waits on where it stood.
//
//	state   meaning                           left by                       for
//	-       in no list                        Park                          waits
//	waits   parked, in the list               NotifyOne, NotifyAll          told
//	                                          its time; an interrupt        -
//	told    ready, or about to be; in the     its turn: Park returns Woken  -
//	        list, passed over by notifications
//
// An interrupt that comes after the telling is put back for the next call. One
// that came before makes the waiter one that cannot be told: the notification goes
// to the next. Whose time is up, or whom something else has woken, can be told until
// it runs. So what is notified is never lost, and nobody who gives up takes it along.
//
// # Threads
//
// A list has no lock of its own. That of an object that several threads may use is
// touched only under the object's [Guard], also where a comment says nothing of
// it. A waiter of another thread is woken by a Post to its hub.
package waitlist

import (
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// A List is a list of waiters. The zero List is empty.
type List[T any] struct {
	first, last *Waiter[T]
	untold      *Waiter[T] // the first who was not told
	spare       *Waiter[T] // for reuse, linked by next
	spares      int
}

// maxSpares is how many Waiters a List keeps for reuse.
const maxSpares = 64

// A Waiter is a place in a List. It belongs to one blocking call, or is that of a
// callback.
type Waiter[T any] struct {
	Item  T    // what is handed over
	Done  bool // it was handed over: see Claim
	Looks bool // it does not take what there is

	prev, next *Waiter[T]
	in, told   bool
	parked     bool // its greenlet is in Park; that one's thread reads and writes it
	hopes      bool // likewise: its hub has been told to hope
	away       bool // a Post that refers to it may be on its way
	limited    bool
	until      time.Duration // the limit, as a time of the loop
	proc       *hub.Proc     // nil for a goroutine, and for a callback
	wake       chan struct{} // for a goroutine
	at         time.Time     // its limit
	call       *callback[T]
}

// A Caller is who blocks.
type Caller struct {
	Fiber *baton.Fiber
	Proc  *hub.Proc // nil in a callback, and for a goroutine that belongs to no thread
	Hub   *hub.Hub  // of the thread, nil for such a goroutine
}

// Here returns the caller, whose Proc is nil in a callback too.
func Here() Caller {
	f, p := hub.Here()
	if p == nil {
		return Caller{Hub: hub.Current()}
	}
	return Caller{f, p, p.Hub()}
}

// Blocking returns the caller of a blocking function. It panics in a callback.
func Blocking(op string) Caller {
	c := Here()
	if c.Proc == nil && c.Hub != nil {
		hub.Require(op)
	}
	return c
}

// Len returns how many greenlets, goroutines and callbacks are in the list and
// were not told.
func (l *List[T]) Len() (n int) {
	for w := l.first; w != nil; w = w.next {
		if !w.told {
			n++
		}
	}
	return n
}

// First returns the first waiter, told or not, or nil.
func (l *List[T]) First() *Waiter[T] { return l.first }

// Told reports whether the waiter was told and has not acted yet.
func (w *Waiter[T]) Told() bool { return w.told }

// Of reports whether it is a greenlet of h that waits.
func (w *Waiter[T]) Of(h *hub.Hub) bool { return w.proc != nil && w.proc.Hub() == h }

// Proc returns the Proc that waits, or nil.
func (w *Waiter[T]) Proc() *hub.Proc { return w.proc }

// New returns a Waiter for a call of c that may last as long as d, if limited.
func (l *List[T]) New(c Caller, limited bool, d time.Duration) *Waiter[T] {
	w := l.spare
	if w == nil {
		w = new(Waiter[T])
	} else {
		l.spare, w.next = w.next, nil
		l.spares--
	}
	w.proc, w.limited = c.Proc, limited
	switch {
	case c.Proc == nil:
		w.wake = make(chan struct{}, 1)
		w.at = time.Now().Add(max(d, 0))
	case limited:
		w.until = c.Hub.Loop.Deadline(max(d, 0))
	}
	return w
}

// Free takes w, which is in no list any more, back for reuse.
func (l *List[T]) Free(w *Waiter[T]) {
	if w.away || w.wake != nil || l.spares == maxSpares {
		return // somebody may still wake it, or there are enough
	}
	var none T
	w.Item, w.Done, w.Looks, w.proc = none, false, false, nil
	w.next = l.spare
	l.spare = w
	l.spares++
}

// add puts w at the end.
func (l *List[T]) add(w *Waiter[T]) {
	w.in, w.told = true, false
	w.prev, w.next = l.last, nil
	if l.last != nil {
		l.last.next = w
	} else {
		l.first = w
	}
	l.last = w
	if l.untold == nil {
		l.untold = w
	}
}

// remove takes w out.
func (l *List[T]) remove(w *Waiter[T]) {
	if l.untold == w {
		l.advance()
	}
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		l.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		l.last = w.prev
	}
	w.prev, w.next = nil, nil
	w.in, w.told = false, false
}

// advance moves untold to the next one.
func (l *List[T]) advance() {
	w := l.untold.next
	for w != nil && w.told {
		w = w.next
	}
	l.untold = w
}

// NotifyOne tells the first who can be told, and reports whether there was one.
// Callbacks that stand before that one are called as well: they take nothing. By
// is the hub of the caller's thread, or nil.
func (l *List[T]) NotifyOne(by *hub.Hub) bool {
	for l.untold != nil {
		w := l.untold
		l.advance()
		if l.tell(w, by) {
			return true
		}
	}
	return false
}

// NotifyAll tells everybody.
func (l *List[T]) NotifyAll(by *hub.Hub) {
	for l.NotifyOne(by) {
	}
}

// Claim takes the first, told or not, with whom the caller can deal at once: it
// tells it, sets Done and returns it; or it returns nil. Callbacks and those who
// only look are passed over. If quiet, one of the caller's own thread is not woken:
// the caller does that before it gives way.
func (l *List[T]) Claim(by *hub.Hub, quiet bool) *Waiter[T] {
	for w := l.first; w != nil; w = w.next {
		if w.Done || w.Looks || w.call != nil {
			continue
		}
		if !w.told {
			if l.untold == w {
				l.advance()
			}
			if quiet && w.Of(by) {
				w.told = w.proc.Notifiable()
			} else {
				l.tell(w, by)
			}
			if !w.told {
				continue
			}
		}
		w.Done = true
		return w
	}
	return nil
}

// tell tells w, and reports whether it could be.
func (l *List[T]) tell(w *Waiter[T], by *hub.Hub) bool {
	switch {
	case w.call != nil:
		l.remove(w)
		w.call.told(by)
		return false
	case w.proc == nil:
		w.told = true
		w.wake <- struct{}{}
	case w.proc.Hub() == by:
		w.told = w.proc.Notify()
	default:
		w.told, w.away = true, true
		if w.proc.Hub().Post(w.arrive) != nil {
			w.told = false // its thread has ended
		}
	}
	return w.told
}

// arrive wakes the greenlet in its own thread.
func (w *Waiter[T]) arrive() {
	if w.parked {
		w.proc.Wake()
	}
}
