package gevent

import (
	"time"

	"github.com/baton-go/baton/internal/hub"
)

// Idle parks the calling greenlet until its thread has nothing else to do: nothing
// is ready, no time has come and no descriptor. On a virtual clock that is before
// the clock jumps to the next time. It mirrors gevent.idle; there are no
// priorities of events here.
func Idle() {
	f, p := hub.Require("gevent.Idle")
	if err := p.Idle(f, hub.Wait{Op: "gevent.Idle"}); err != nil {
		hub.Unwind(err)
	}
}

// JoinHub parks the main greenlet until everything is done: no greenlet is ready
// and nothing that any of them waits for can still happen. Greenlets that wait for
// nothing stay as they are, and the thread can be used further. It is what
// gevent.wait does without objects, and hub.join. Handlers of signals do not hold
// it up; calls of [Offload] do.
//
// Only the main greenlet may call it; for any other JoinHub panics.
func JoinHub() { joinHub("gevent.JoinHub", false, 0) }

// JoinHubTimeout is [JoinHub] for no longer than d, and reports whether everything
// was done.
func JoinHubTimeout(d time.Duration) bool { return joinHub("gevent.JoinHubTimeout", true, d) }

func joinHub(op string, limited bool, d time.Duration) bool {
	f, p := hub.Require(op)
	h := p.Hub()
	if p != h.Root() {
		panic(op + ": it is only possible from the main greenlet; wait for the greenlets that you mean with JoinAll")
	}
	done, err := h.Join(f, hub.Wait{Op: op}, limited, d)
	if err != nil {
		hub.Unwind(err)
	}
	return done
}
