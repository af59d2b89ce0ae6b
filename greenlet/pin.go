package greenlet

import (
	"sync"

	"github.com/baton-go/baton/internal/baton"
)

// An implicit thread in which nothing is suspended is remembered only as long as
// somebody refers to it. What its main greenlet was given must not be lost by
// that, so the thread is pinned until it has nothing more to keep.
var pinned struct {
	sync.Mutex
	threads map[*baton.Thread]pins
}

// pins is a set of reasons to keep a thread.
type pins uint8

const (
	pinTracer pins = 1 << iota
	pinLocals
	pinName
	pinContext
)

// pin keeps the thread, or no longer, for one reason.
func (st *state) pin(why pins, on bool) {
	t := st.thread
	if !t.Implicit() {
		return
	}
	pinned.Lock()
	defer pinned.Unlock()
	if pinned.threads == nil {
		pinned.threads = make(map[*baton.Thread]pins)
	}
	all := pinned.threads[t] &^ why
	if on {
		all |= why
	}
	if all == 0 {
		delete(pinned.threads, t)
	} else {
		pinned.threads[t] = all
	}
}

// pin keeps g's thread for what was set on g, if it is a main greenlet: only
// that one can be found again without a reference to it.
func (g *Greenlet) pin(why pins, on bool) {
	if g.isMain() {
		stateOf(g.task.Thread).pin(why, on)
	}
}
