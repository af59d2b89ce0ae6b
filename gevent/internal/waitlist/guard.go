package waitlist

import (
	"sync"

	"github.com/baton-go/baton/internal/hub"
)

// A Guard is the lock of an object that several threads may use, and goroutines
// that belong to none. It is held for some ns only, never while somebody waits or
// a function of the user's runs. The zero Guard is free.
//
// It knows whether anybody but one thread has used the object: only then can
// somebody outside end a wait for it, and the thread of a waiter must not take it
// for endless.
//
// Budget: an uncontended Lock and Unlock are two atomic instructions, 10-15 ns.
type Guard struct {
	mu     sync.Mutex
	home   *hub.Hub // the thread that used the object first
	shared bool     // others did, or will: see Share
}

// Lock locks it for a caller of the thread of h, which is nil for a goroutine that
// belongs to none.
func (g *Guard) Lock(h *hub.Hub) {
	g.mu.Lock()
	if h != g.home || h == nil {
		g.meet(h)
	}
}

// Peek locks it for somebody who only looks.
func (g *Guard) Peek() { g.mu.Lock() }

// Unlock unlocks it.
func (g *Guard) Unlock() { g.mu.Unlock() }

// Share notes that others than one thread will use the object.
func (g *Guard) Share() {
	g.mu.Lock()
	g.shared = true
	g.mu.Unlock()
}

// Shared reports whether others than one thread have used the object, or will.
func (g *Guard) Shared() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shared
}

// meet notes a caller who is not of the thread that used the object first, or who
// is the first. When that thread has ended, the caller's becomes the first.
func (g *Guard) meet(h *hub.Hub) {
	if g.home != nil && closed(g.home) {
		g.home = nil
	}
	if h == nil || g.home != nil {
		g.shared = true
	} else {
		g.home = h
	}
}

func closed(h *hub.Hub) bool {
	select {
	case <-h.Closed():
		return true
	default:
		return false
	}
}
