package hub

import (
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/netpoll"
)

// Links is the list of those who wait for something, in the order in which they
// came: for the end of a greenlet, an event, a permit, an item. What they wait
// for embeds it; the zero Links is empty. It belongs to one hub.
//
// # Who waits
//
//	who                       how                  told by
//	a parked Proc             ParkOn               Wake
//	a callback of the user's  Rawlink              an entry of the ready queue
//	a Listener, which counts  Add of its NewLink   Told, at once
//
// Each is taken out of the list before it is told, so it is told once. Nobody's
// code runs during a notification: a Proc and a callback are put into the ready
// queue, and a Listener only notes and wakes. So the list may be changed by
// anybody at any time, and who comes after a notification waits for the next one.
//
// # The order
//
// Gevent schedules one callback, _notify_links, which calls the links one by one
// when its turn has come; the link of a parked greenlet switches to it at once.
// Here the notification puts everybody into the ready queue at the place where
// that callback would stand, one behind the other. What they make ready in their
// turn comes after all of them, there as here. So who runs when is the same, but
// in these cases:
//
//   - Who comes between the notification and the callback's turn is told by the
//     same callback in gevent, and not here. It matters only to something that is
//     no longer ready by then; all else it would not wait for.
//   - A second notification before the callback's turn, such as a second release
//     of a semaphore, has no place of its own in gevent: the one callback wakes
//     both. Here the second one wakes at its own place, which is later by what was
//     made ready in between.
//   - Who is to be told and is interrupted before its turn has been told already,
//     and gets the interrupt afterwards; in gevent an interrupt that was scheduled
//     before the notification comes first. Here, too: it has made the Proc ready,
//     which is therefore passed over.
//
// Budget: no operation allocates; Add, Remove and the telling of one are some ns.
type Links struct {
	first *Link // of a ring: its prev is the last
}

// A Link is somebody's place in a list of those who wait: see [Links]. Its owner
// gets it from a method Rawlink, and may take it back with Unlink.
type Link struct {
	list       *Links // in which it stands, told if its callback is to run, or nil
	prev, next *Link
	to         any // a *Proc or a Listener
}

// told marks the Link of a callback that stands in the ready queue.
var told Links

// A Listener is told at once when what it waits for has come. It must only note
// that, and wake or enqueue somebody, and it must not add itself to the list that
// tells it. It returns whether it took what was notified, so that a NotifyOne
// need not look for somebody else; one that only looks on returns false.
type Listener interface{ Told() bool }

// NewLink returns a Link, to be kept where it does not move, that tells w.
func NewLink(w Listener) Link { return Link{to: w} }

// Empty reports whether nobody waits.
func (ls *Links) Empty() bool { return ls.first == nil }

// Len returns how many wait. It counts them one by one.
func (ls *Links) Len() (n int) {
	for range ls.all {
		n++
	}
	return n
}

// all goes through the list, of which the one that it has come to may be removed.
func (ls *Links) all(yield func(*Link) bool) {
	if ls.first == nil {
		return
	}
	last := ls.first.prev
	for l := ls.first; ; {
		next := l.next
		if !yield(l) || l == last {
			return
		}
		l = next
	}
}

// Add puts l, which must be in no list, at the end.
func (ls *Links) Add(l *Link) {
	if l.list != nil {
		panic("hub.Links.Add: the Link is in a list already; Unlink it first")
	}
	l.list = ls
	first := ls.first
	if first == nil {
		l.prev, l.next = l, l
		ls.first = l
		return
	}
	last := first.prev
	l.prev, l.next = last, first
	last.next, first.prev = l, l
}

// Remove takes l out, and reports whether it stood in this list.
func (ls *Links) Remove(l *Link) bool {
	if l.list != ls {
		return false
	}
	ls.take(l)
	return true
}

func (ls *Links) take(l *Link) {
	if l.next == l {
		ls.first = nil
	} else {
		l.prev.next, l.next.prev = l.next, l.prev
		if ls.first == l {
			ls.first = l.next
		}
	}
	l.list, l.prev, l.next = nil, nil, nil
}

// NotifyOne wakes the first who takes what there is, and reports whether there was
// one. A Proc that is ready already, because its time was up or it was
// interrupted, is taken out and passed over. Callbacks before that one are called,
// too: they take nothing.
func (ls *Links) NotifyOne() bool {
	for ls.first != nil {
		l := ls.first
		ls.take(l)
		if l.tell() {
			return true
		}
	}
	return false
}

// NotifyAll tells everybody, and returns how many took it: Procs that were woken.
func (ls *Links) NotifyAll() (n int) {
	for ls.first != nil {
		l := ls.first
		ls.take(l)
		if l.tell() {
			n++
		}
	}
	return n
}

// tell tells whose Link it is.
func (l *Link) tell() bool {
	if p, ok := l.to.(*Proc); ok {
		return p.Wake()
	}
	return l.to.(Listener).Told()
}

// Unlink takes the link back, and reports whether it could: false means that the
// callback has run, or that it was taken back before. Once Unlink was called the
// callback does not run any more. It is for the thread of what was linked to, in
// greenlets and callbacks; elsewhere it panics with a [*WrongThread], until that thread
// has ended. What several threads may use, such as an event, may be unlinked from
// anywhere.
func (l *Link) Unlink() bool {
	if c, ok := l.to.(*callback); ok {
		c.hub.CheckLook("gevent.Link.Unlink", "what was linked to")
	}
	return l.unlink()
}

// unlink is Unlink for the thread.
func (l *Link) unlink() bool {
	switch l.list {
	case nil:
		return false
	case &told:
		l.list = nil // its entry is passed over
	case &elsewhere:
		return l.to.(Unlinker).Unlink()
	default:
		l.list.take(l)
	}
	return true
}

// A callback is a function that is to run on the hub.
type callback struct {
	Link
	hub *Hub
	f   func()

	asks func() bool // see Bystander; nil for one that does
}

func (h *Hub) newCallback(f func()) *callback {
	if f == nil {
		panic("gevent.Rawlink: the function is nil; pass the function that is to be called")
	}
	c := &callback{hub: h, f: f}
	c.to = c
	return c
}

// Rawlink adds a callback: f runs on the hub when the list is notified, once, and
// must not block. If what was linked to is ready already, f runs in the next
// iteration of the loop. One allocation.
func (ls *Links) Rawlink(h *Hub, ready bool, f func()) *Link {
	c := h.newCallback(f)
	if ready {
		c.Told()
	} else {
		ls.Add(&c.Link)
	}
	return &c.Link
}

// Bystander says of a Link of [Links.Rawlink] that was just made whether it stands for
// somebody who asks for the outcome of what it is linked to: that is so if asks
// returns true.
func Bystander(l *Link, asks func() bool) {
	if c, ok := l.to.(*callback); ok {
		c.asks = asks
	}
}

// Asked reports whether anybody is in the list who asks for the outcome: no bystander,
// and no Listener that has a method Asks which returns false.
func (ls *Links) Asked() bool {
	for l := range ls.all {
		switch to := l.to.(type) {
		case *callback:
			if to.asks == nil || to.asks() {
				return true
			}
		case interface{ Asks() bool }:
			if to.Asks() {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// UnlinkAll takes back all callbacks. Those who are parked, and Listeners, stay.
func (ls *Links) UnlinkAll() {
	for l := range ls.all {
		if _, ok := l.to.(*callback); ok {
			ls.take(l)
		}
	}
}

// Told makes the callback ready.
func (c *callback) Told() bool {
	c.list = &told
	c.hub.Loop.Enqueue(c)
	return false
}

// RunReady runs the function, unless it was taken back.
func (c *callback) RunReady() {
	if c.list != &told {
		return
	}
	c.list = nil
	c.f()
}

var _ netpoll.Runner = (*callback)(nil)

// ParkOn parks p, which is current on fiber f, at the end of the list until it is
// notified, or, if limited, until d has passed; a d that is not positive still
// lets everything run that is ready. It returns Woken if p was notified, and only
// then; TimedOut; or Interrupted with the reason, also if that came while p ran.
// In any case p is out of the list. Who was notified and interrupted after that
// gets Woken, and the interrupt in its next call; so nothing is lost that was
// handed over with the notification.
//
// Budget: as [Proc.Park], and some ns more.
func (p *Proc) ParkOn(f *baton.Fiber, ls *Links, w Wait, limited bool, d time.Duration) (Cause, error) {
	if p.interrupted {
		return Interrupted, p.takePending()
	}
	ls.Add(&p.link)
	if limited {
		p.arm(d)
	}
	p.waits = w
	p.state = parked
	if to := p.leave(f); to != f {
		if s := f.Take(to); s.Pulling {
			s.Next()
		} else {
			s.Yield(struct{}{})
		}
		if f.Signalled() {
			f.Obey()
		}
	}
	c, err := p.back()
	if p.link.list != nil {
		return p.unnotified(f, w, limited, c, err)
	}
	return c, err
}

// unnotified is the rest of a ParkOn that no notification has ended. Whom a stray
// Wake woke keeps its place and waits on.
func (p *Proc) unnotified(f *baton.Fiber, w Wait, limited bool, c Cause, err error) (Cause, error) {
	for c == Woken && p.link.list != nil && !p.interrupted {
		if limited {
			p.armAt(p.timer.When())
		}
		c, err = p.Park(f, w)
	}
	if c == Woken && p.link.list != nil {
		c, err = Interrupted, p.takePending()
	}
	p.link.unlink()
	return c, err
}
