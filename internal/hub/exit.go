package hub

import (
	"errors"
	"fmt"
	"strings"
)

// ErrLoopExit is matched by every [LoopExit].
var ErrLoopExit = errors.New("this operation would block forever")

// maxListed is how many greenlets a LoopExit lists with their stacks.
const maxListed = 100

// A LoopExit is the error of the root's parked call when nothing is left that
// could ever wake anybody: no greenlet is ready, no time and no descriptor is
// waited for, and nobody outside has promised to call.
type LoopExit struct {
	Waiting []Info // the root and the parked greenlets, at most 100 of them
	More    int    // how many more there are
}

// Error lists every greenlet, what it waits for, and its stack.
func (e *LoopExit) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: nothing is left that could wake any of these greenlets:\n", ErrLoopExit)
	for _, i := range e.Waiting {
		i.Write(&b)
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "and %d more\n", e.More)
	}
	return strings.TrimRight(b.String(), "\n")
}

// Is makes errors.Is(err, ErrLoopExit) true.
func (e *LoopExit) Is(target error) bool { return target == ErrLoopExit }

// exhausted tells the root that it would wait for ever. The caller is the hub.
func (h *Hub) exhausted() {
	err := &LoopExit{Waiting: h.Infos(maxListed, true)}
	err.More = h.live + 1 - len(err.Waiting)
	if h.root.state == parked {
		h.root.Interrupt(err)
		return
	}
	// The root has switched away by hand, to a greenlet that waits.
	h.root.throw(err)
}

// KillAll ends every greenlet but the root, which is the caller: those that have
// not started never do, the others are interrupted with why, again and again as
// long as they park in their clean-up, up to a limit. It returns what is left:
// greenlets that took why for an answer and went on.
func (h *Hub) KillAll(why error) []Info {
	self := h.Thread.Root()
	h.ending = true
	for range killRounds {
		for p := h.first; p != nil; {
			next := p.next
			if !p.Cancel() {
				p.interruptOnce(why)
			}
			p = next
		}
		waiting := false
		for _, p := range h.raw {
			if p.state == parked || p.state == ready {
				p.interruptOnce(why)
				waiting = true
			}
		}
		if h.live == 0 && !waiting {
			return nil
		}
		// Whoever is ready runs now, and what they make ready in the next
		// rounds. Nobody interrupts the one who ends the thread.
		h.root.clearPending()
		_ = h.root.Yield(self)
	}
	if h.live == 0 {
		return nil
	}
	return h.Infos(-1, true)[1:]
}

const killRounds = 100

// interruptOnce interrupts p unless an interrupt is waiting for it already.
func (p *Proc) interruptOnce(why error) {
	if !p.interrupted {
		p.Interrupt(why)
	}
}
