package gevent

import "github.com/baton-go/baton/internal/hub"

// A Link is a function that is to be called when something becomes ready: what a
// method Rawlink returns. [Link.Unlink] takes it back, and reports whether it
// could; from then on the function is not called any more. Unlink is for the
// thread of what was linked to, in greenlets and callbacks, and elsewhere panics with
// [ErrWrongThread]; what several threads may use, such as an event or a lock, may be
// unlinked from anywhere.
type Link = hub.Link

// Linkable is what can be waited for by [Wait] and [IWait]: a *[Greenlet], an
// *[Of], events and locks, and whatever a program adds. It mirrors gevent's
// AbstractLinkable.
type Linkable interface {
	// Ready reports whether there is nothing to wait for.
	Ready() bool
	// Rawlink has f called once, when this becomes ready, in a callback of the
	// loop: it must not block. If this is ready already, f is called in the next
	// iteration of the loop.
	Rawlink(f func()) *Link
}

// Rawlink has f called in a callback of the loop when the greenlet has ended, or
// in the loop's next iteration if it has already. F must not block; for one that
// does use [Greenlet.Link]. What is linked is called in the order of linking, each
// once and each whatever the others do; greenlets that [Greenlet.Join] stand in
// the same order. A panic in f is reported. It mirrors Greenlet.rawlink.
//
// Rawlink may be called in greenlets and callbacks of the greenlet's thread.
func (g *Greenlet) Rawlink(f func()) *Link {
	h := g.proc.Hub()
	h.CheckThread("gevent.Rawlink", g)
	return g.links.Rawlink(h, g.Ready(), f)
}

// Link has f called with the greenlet when that has ended, in a new greenlet, so
// that f may block. That greenlet runs where the callback of a [Greenlet.Rawlink]
// would. For the rest see there. It mirrors Greenlet.link.
func (g *Greenlet) Link(f func(*Greenlet)) *Link {
	return g.linkIf("gevent.Link", f, func() bool { return true })
}

// LinkValue is [Greenlet.Link] for a greenlet that ends successfully, which one
// that is killed does too. It mirrors Greenlet.link_value.
func (g *Greenlet) LinkValue(f func(*Greenlet)) *Link {
	return g.linkIf("gevent.LinkValue", f, g.Successful)
}

// LinkException is [Greenlet.Link] for a greenlet that fails. It mirrors
// Greenlet.link_exception.
func (g *Greenlet) LinkException(f func(*Greenlet)) *Link {
	return g.linkIf("gevent.LinkException", f, func() bool { return !g.Successful() })
}

func (g *Greenlet) linkIf(op string, f func(*Greenlet), when func() bool) *Link {
	if f == nil {
		panic(op + ": the function is nil; pass the function that is to be called")
	}
	return g.Rawlink(func() {
		if !when() {
			return
		}
		l := new(Greenlet)
		l.f = func() { f(g) }
		l.proc.Init(g.proc.Hub(), (*runner)(l), "")
		l.proc.SetName("link of " + g.Name())
		l.proc.Flags |= scheduled
		l.proc.StartNext()
	})
}

// UnlinkAll takes back all functions that were linked and have not been called.
// Greenlets that wait for the end go on waiting, where gevent's unlink_all would
// forget them.
func (g *Greenlet) UnlinkAll() {
	g.proc.Hub().CheckLook("gevent.UnlinkAll", g)
	g.links.UnlinkAll()
}

// HasLinks reports whether anybody is to be told of the greenlet's end.
func (g *Greenlet) HasLinks() bool { return !g.links.Empty() }

// LinkCount returns how many are to be told of the greenlet's end: linked
// functions that have not been called, and greenlets that wait. It counts them one
// by one.
func (g *Greenlet) LinkCount() int {
	g.proc.Hub().CheckLook("gevent.LinkCount", g)
	return g.links.Len()
}
