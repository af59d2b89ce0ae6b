package waitlist

import "github.com/baton-go/baton/internal/hub"

// A callback is a function of the user's that is to run on its hub.
type callback[T any] struct {
	place Waiter[T]
	list  *List[T]
	guard *Guard // nil if the list has none
	hub   *hub.Hub
	f     func()
	ready bool // it was told, and has not run
}

// Rawlink adds a callback for the thread of h: f runs on the hub when it is told,
// once. If ready, it is told now. G is the list's Guard, locked, or nil.
func (l *List[T]) Rawlink(h *hub.Hub, g *Guard, ready bool, f func()) *hub.Link {
	c := &callback[T]{list: l, guard: g, hub: h, f: f}
	c.place.call = c
	if ready {
		c.told(h)
	} else {
		l.add(&c.place)
	}
	return hub.DelegatedLink(c)
}

// MustLink returns the hub of the caller of a Rawlink. It panics if that belongs
// to no thread, or f is nil.
func MustLink(op string, f func()) *hub.Hub {
	h := hub.Current()
	switch {
	case h == nil:
		panic(hub.NoThread(op))
	case f == nil:
		panic(op + ": the function is nil; pass the function that is to be called")
	}
	return h
}

// told has the function run. By is the hub of the caller's thread.
func (c *callback[T]) told(by *hub.Hub) {
	c.ready = true
	if by == c.hub {
		c.hub.Loop.Enqueue(c)
		return
	}
	// ErrClosed means that the thread has ended, and nothing runs there any more.
	_ = c.hub.Post(c.RunReady)
}

// RunReady runs the function, unless it was taken back.
func (c *callback[T]) RunReady() {
	if c.take() {
		c.f()
	}
}

func (c *callback[T]) take() bool {
	c.lock()
	defer c.unlock()
	was := c.ready
	c.ready = false
	return was
}

// Unlink takes the callback back, and reports whether it had not run. Without a Guard
// it is for the thread.
func (c *callback[T]) Unlink() bool {
	if c.guard == nil {
		c.hub.CheckLook("gevent.Link.Unlink", "what was linked to")
	}
	c.lock()
	defer c.unlock()
	switch {
	case c.place.in:
		c.list.remove(&c.place)
		return true
	case c.ready:
		c.ready = false
		return true
	}
	return false
}

// Outside reports whether others than one thread use the object: see hub.Outside.
func (c *callback[T]) Outside() bool {
	c.lock()
	defer c.unlock()
	return c.guard != nil && c.guard.shared
}

func (c *callback[T]) lock() {
	if c.guard != nil {
		c.guard.mu.Lock()
	}
}

func (c *callback[T]) unlock() {
	if c.guard != nil {
		c.guard.mu.Unlock()
	}
}
