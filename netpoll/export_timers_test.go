package netpoll

import (
	"errors"
	"fmt"
	"slices"
)

// CheckTimers returns an error if an invariant of the heap does not hold.
func (l *Loop) CheckTimers() error {
	h := &l.timers
	places := uint(len(h.nodes)) * pageSize
	end := root + h.n
	if places > 0 && end > places || len(h.slots) != len(h.nodes) {
		return fmt.Errorf("%d nodes, %d pages of them, %d pages of slots", h.n, len(h.nodes), len(h.slots))
	}
	if h.n < h.low {
		return fmt.Errorf("%d pages for %d nodes", len(h.nodes), h.n)
	}
	var stale uint
	slots := make([]bool, places)
	var seqs []uint32
	for p := uint(root); p < places; p++ {
		n := h.at(p)
		if uint(n.slot()) >= places || slots[n.slot()] {
			return fmt.Errorf("place %d: slot %d does not exist, or twice", p, n.slot())
		}
		slots[n.slot()] = true
		t := *h.slot(n.slot())
		switch {
		case p >= end:
			if t != nil || *n != vacantNode(n.slot()) {
				return fmt.Errorf("place %d: not vacant", p)
			}
			continue
		case p > root && !h.at(p/4+2).less(n):
			return fmt.Errorf("place %d: not greater than its parent", p)
		case t == nil:
			stale++
			continue
		}
		want := nodeOf(t)
		switch {
		case t.loop != l:
			return fmt.Errorf("place %d: the timer is not armed in the loop", p)
		case t.slot != n.slot():
			return fmt.Errorf("place %d: slot %d holds a timer of slot %d", p, n.slot(), t.slot)
		case t.seq > h.seq:
			return fmt.Errorf("place %d: sequence number %d is ahead", p, t.seq)
		case want.less(n):
			return fmt.Errorf("place %d: the timer is due before its node", p)
		}
		seqs = append(seqs, t.seq)
	}
	if stale != h.stale {
		return fmt.Errorf("%d nodes are stale, not %d", stale, h.stale)
	}
	slices.Sort(seqs)
	if armed := len(seqs); len(slices.Compact(seqs)) != armed {
		return errors.New("two timers have one sequence number")
	}
	return nil
}

// TimerPages is how many pages the heap has.
func (l *Loop) TimerPages() int { return len(l.timers.nodes) }

// NearLastTimerNumber does as if so many timers had been armed that their numbers
// run out soon.
func (l *Loop) NearLastTimerNumber() { l.timers.seq = max(l.timers.seq, vacant-20) }
