package gevent

import (
	"time"

	"github.com/baton-go/baton/internal/hub"
)

// Sleep parks the calling greenlet for d. If d is not positive, everything that
// is ready runs first, and neither a time nor a descriptor need be looked at. It
// mirrors gevent.sleep. From a foreign goroutine it panics.
//
// Budget: one switch and no allocation; with a positive d one reading of the
// clock and a place in the timer heap.
func Sleep(d time.Duration) { hub.Sleep(d) }

// Offload runs f on an ordinary goroutine while the calling greenlet is parked,
// and the thread goes on: for calculations that are to use another core, and for
// calls that block outside Baton. F shares nothing with the thread's greenlets
// unless it locks it. A panic in f goes on in the caller; f must not call
// runtime.Goexit. If the caller is killed meanwhile it unwinds at once, and f goes
// on alone, perhaps for longer than Run: nothing waits for it. It mirrors
// gevent.get_hub().threadpool.apply, without a pool: goroutines need none.
//
// On a virtual clock no time passes while a greenlet waits for its f.
func Offload(f func()) {
	self, p := hub.Require("gevent.Offload")
	if err := p.Offload(self, hub.Wait{Op: "gevent.Offload"}, f); err != nil {
		hub.Unwind(err)
	}
}
