package hub

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/baton-go/baton/internal/baton"
)

// ErrLoopExit is matched by every [LoopExit].
var ErrLoopExit = errors.New("this operation would block forever")

// maxListed is how many greenlets a LoopExit lists with their stacks.
const maxListed = 100

// A LoopExit is the error of the root's parked call when nothing is left that
// could ever wake anybody: no greenlet is ready, no time and no descriptor is
// waited for, and nobody outside has promised to call.
type LoopExit struct {
	Waiting   []Info     // the root and the parked greenlets, at most 100 of them
	More      int        // how many more there are
	Deadlocks []Deadlock // those of them that wait for each other, as far as it is known who has what
	Hints     []string   // what may be the mistake, a line for each
	Kind      string     // what those that wait are called; "" means greenlets
}

// Error lists the deadlocks, and then every greenlet, what it waits for, who has
// it, and its stack; and at the end the hints.
func (e *LoopExit) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: nothing is left that could wake any of these %s:\n", ErrLoopExit, cmp.Or(e.Kind, "greenlets"))
	for _, d := range e.Deadlocks {
		fmt.Fprintln(&b, d)
	}
	for _, i := range e.Waiting {
		i.Write(&b)
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "and %d more\n", e.More)
	}
	for _, hint := range e.Hints {
		fmt.Fprintln(&b, hint)
	}
	return strings.TrimRight(b.String(), "\n")
}

// Is makes errors.Is(err, ErrLoopExit) true.
func (e *LoopExit) Is(target error) bool { return target == ErrLoopExit }

// exhausted tells the root that it would wait for ever. The caller is the hub.
func (h *Hub) exhausted() {
	err := &LoopExit{Waiting: h.Infos(maxListed, true, nil), Deadlocks: h.Deadlocks(false), Hints: h.hints()}
	err.More = h.Count() - len(err.Waiting)
	if h.OnExit != nil {
		h.OnExit(err)
	}
	if h.root.state == parked {
		h.root.Interrupt(err)
		return
	}
	// The root has switched away by hand, to a greenlet that waits.
	h.root.throw(err)
}

// hints are what a program may have forgotten so that nobody outside of it is expected
// to end its waits.
func (h *Hub) hints() (all []string) {
	for p := range h.All {
		if p.state != parked {
			continue
		}
		if holder, ok := p.waits.On.(Holder); ok {
			if by := holder.HeldBy(); len(by) > 0 && !slices.Contains(by, nil) {
				continue // it is known who has it
			}
		}
		if s, ok := p.waits.On.(interface{ Shared() bool }); ok && !s.Shared() {
			all = append(all, fmt.Sprintf("if another thread or goroutine is to end the wait of %s in %s: call Share where that is made", p.Name(), p.waits))
			break
		}
	}
	if n := h.Loop.Stats().Signals; n > 0 {
		all = append(all, fmt.Sprintf("handlers of signals do not keep the thread, %d here: see Signal.SetRef of gevent/signal", n))
	}
	return all
}

// KillAll ends every greenlet but the root, which is the caller: those that have
// not started never do, the others are interrupted with why, again and again as
// long as they park in their clean-up, up to a limit. It returns what is left:
// greenlets that took why for an answer and went on.
//
// If one of them calls runtime.Goexit in its clean-up the root exits, but not
// before the others are ended.
func (h *Hub) KillAll(why error) (left []Info) {
	h.ending = why
	exiting := true
	defer func() {
		if exiting {
			h.KillAll(why)
		}
	}()
	for round := range killRounds {
		if !h.interruptAll(why) {
			exiting = false
			return nil
		}
		if h.Loop.Stats().Refs > 0 || h.hopes > 0 && round > 0 {
			// Somebody waits for a goroutine outside, which needs time to come
			// back when it has been told to; or, though killed, for what another
			// thread has.
			time.Sleep(killPatience)
		}
		// Whoever is ready runs now, and what they make ready in the next
		// rounds. Nobody interrupts the one who ends the thread.
		h.root.clearPending()
		if err := h.root.Yield(h.Thread.Root()); errors.As(err, new(*baton.PanicError)) {
			h.Report("greenlet", err) // a child of the root, made with package greenlet
		}
	}
	exiting = false
	return h.giveUp()
}

const (
	killRounds   = 100
	killPatience = time.Millisecond // at each round, if it is of use
)

// interruptAll is one round of KillAll, and reports whether anybody is left.
func (h *Hub) interruptAll(why error) bool {
	for p := h.first; p != nil; {
		next := p.next
		if p.Cancel() {
			p.owner.Cancelled(why)
		} else {
			p.interruptOnce(why)
		}
		p = next
	}
	waiting := false
	for _, p := range h.raw {
		if p.waiting() {
			p.interruptOnce(why)
			waiting = true
		}
	}
	if h.calling {
		// A callback has switched away by hand, and comes back when the hub has
		// something to do.
		h.Loop.Enqueue(nothing{})
		waiting = true
	}
	return h.live > 0 || waiting
}

// giveUp describes who is left, and has the greenlets of package greenlet among
// them taken for ended: it cannot end them either.
func (h *Hub) giveUp() []Info {
	if h.Count() == 1 {
		return nil
	}
	left := h.Infos(-1, true, nil)[1:]
	for _, p := range h.raw {
		if p.waiting() {
			p.forget()
			p.state, p.task.Ended = done, true
		}
	}
	return left
}

// waiting reports whether p, of a greenlet of package greenlet, is parked in the
// hub.
func (p *Proc) waiting() bool {
	return !p.task.Ended && (p.state == parked || p.state == ready)
}

// interruptOnce interrupts p unless an interrupt is waiting for it already, in
// the call in which it is parked.
func (p *Proc) interruptOnce(why error) {
	if !p.interrupted || p.away() {
		p.Interrupt(why)
	}
}
