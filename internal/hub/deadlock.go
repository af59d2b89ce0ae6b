package hub

import (
	"fmt"
	"slices"
	"strings"
)

// A Holder is something that a greenlet waits for, as the On of its [Wait], and
// that others have: a lock, the end of a greenlet. It is asked when somebody looks
// for deadlocks, in the thread and while the greenlet is parked.
//
// HeldBy returns those on whose doing it depends whether the wait ends; the Proc of
// one that has ended, if it took along what is waited for; and nil in the place of
// somebody who is not known, or belongs to another thread. If it returns nothing it
// is not known who has it, as with a semaphore that others release than those who
// acquired it.
//
// The first of them who acts ends the wait. If several must, the Holder has a
// method Needed() int, too, which says how many.
type Holder interface {
	HeldBy() []*Proc
}

// A Deadlock is a set of greenlets of which each waits for the next: without a
// limit of time, and so for ever, unless one of them is killed.
type Deadlock struct {
	// Waits are the greenlets. Each waits for what the next one has, and the last
	// for what the first one has; or, if Ended is not empty, the last.
	Waits []Info `json:"waits"`
	// Ended is the name of a greenlet that has ended, and took along what the last
	// one waits for.
	Ended string `json:"ended,omitempty"`
	// Behind are the names of the greenlets that wait for these, and are stuck with
	// them.
	Behind []string `json:"behind,omitempty"`
}

// String says who waits for what and who has it, a line for each.
func (d Deadlock) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "deadlock of %d:", len(d.Waits))
	for i, w := range d.Waits {
		dead := d.Ended != "" && i == len(d.Waits)-1
		holder := d.Ended
		if !dead {
			holder = d.Waits[(i+1)%len(d.Waits)].Name
		}
		fmt.Fprintf(&b, "\n  %s waits in %s", w.Name, w.Waits)
		if !slices.Contains(strings.Fields(w.Waits), holder) {
			fmt.Fprintf(&b, ", held by %s", holder)
		}
		if dead {
			b.WriteString(", which has ended")
		}
	}
	if n := len(d.Behind); n > maxBehind {
		fmt.Fprintf(&b, "\n  and %d more wait for them", n)
	} else if n > 0 {
		fmt.Fprintf(&b, "\n  and these wait for them: %s", strings.Join(d.Behind, ", "))
	}
	return b.String()
}

const maxBehind = 20 // names in a Deadlock's String

// A stuck Proc waits for others only, of whom too few can ever act.
type stuck struct {
	p      *Proc
	others []*Proc // on whom it depends
	needed int     // how many of them must act
	able   int     // how many of them may
}

// Deadlocks finds the greenlets that wait for each other, whether or not the
// others of the thread go on, oldest first. With stacks it stops all goroutines of
// the process for a moment, if there is a deadlock.
//
// All that wait for a Holder without a limit are taken for stuck at first; then
// whoever depends on one that is not is crossed out, until nothing changes. It
// takes a time that is proportional to their number.
func (h *Hub) Deadlocks(stacks bool) []Deadlock {
	all, order := h.holderWaits()
	waiters := map[*Proc][]*stuck{} // by those on whom they depend
	var free []*stuck
	for _, p := range order {
		s := all[p]
		for _, o := range s.others {
			switch {
			case o == nil || all[o] == nil && !o.over():
				s.able++
			case all[o] != nil:
				waiters[o] = append(waiters[o], s)
			}
		}
		if s.able >= s.needed {
			free = append(free, s)
		}
	}
	for len(free) > 0 {
		s := free[len(free)-1]
		free = free[:len(free)-1]
		delete(all, s.p)
		for _, w := range waiters[s.p] {
			if w.able++; w.able == w.needed {
				free = append(free, w)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return h.chains(all, slices.DeleteFunc(order, func(p *Proc) bool { return all[p] == nil }), stacks)
}

// holderWaits returns the Procs that wait for a Holder and nothing else.
func (h *Hub) holderWaits() (all map[*Proc]*stuck, order []*Proc) {
	all = map[*Proc]*stuck{}
	for p := range h.All {
		if p.state != parked || p.timed || p.interrupted {
			continue
		}
		holder, ok := p.waits.On.(Holder)
		if !ok {
			continue
		}
		s := &stuck{p: p, others: slices.Clone(holder.HeldBy()), needed: 1}
		if n, ok := holder.(interface{ Needed() int }); ok {
			s.needed = n.Needed()
		}
		for i, o := range s.others {
			if o != nil && o.hub != h {
				s.others[i] = nil // nothing is to be known of another thread
			}
		}
		if s.needed = min(s.needed, len(s.others)); s.needed > 0 {
			all[p] = s
			order = append(order, p)
		}
	}
	return all, order
}

// over reports whether p has ended.
func (p *Proc) over() bool { return p.state == done || p.task.Ended }

// next returns one on whom s depends and who cannot act.
func (s *stuck) next(all map[*Proc]*stuck) *Proc {
	i := slices.IndexFunc(s.others, func(o *Proc) bool { return o != nil && (all[o] != nil || o.over()) })
	return s.others[i]
}

// chains describes what keeps the stuck Procs: from each the way is followed to who
// has what it waits for, until it meets itself, or one who has ended.
func (h *Hub) chains(all map[*Proc]*stuck, order []*Proc, stacks bool) []Deadlock {
	infos := h.describer(tracesIf(stacks))
	var deadlocks []Deadlock
	of := map[*Proc]int{} // the index of the deadlock to which a way led
	ended := map[*Proc]int{}
	for _, start := range order {
		var way []*Proc
		at := map[*Proc]int{}
		p := start
		for ; all[p] != nil; p = all[p].next(all) {
			_, known := of[p]
			_, met := at[p]
			if known || met {
				break
			}
			at[p] = len(way)
			way = append(way, p)
		}
		if len(way) == 0 {
			continue
		}
		i, known := of[p]
		begin := len(way) // what of the way is the deadlock itself
		if !known {
			d := Deadlock{}
			if all[p] != nil {
				begin = at[p]
			} else if i, known = ended[p]; !known {
				begin = len(way) - 1
				d.Ended = p.Name()
				ended[p] = len(deadlocks)
			}
			if !known {
				i = len(deadlocks)
				for _, member := range way[begin:] {
					d.Waits = append(d.Waits, infos(member))
				}
				deadlocks = append(deadlocks, d)
			}
		}
		for k, q := range way {
			of[q] = i
			if k < begin {
				deadlocks[i].Behind = append(deadlocks[i].Behind, q.Name())
			}
		}
	}
	return deadlocks
}
