package netpoll

import (
	"cmp"
	"slices"
)

// A Dropper is a Runner that wants to know when it will never be run: Close calls
// Dropped for each that is in the ready queue, then for each for which a timer is
// armed, earliest first, then for each that waits for a side of a [Desc]; more than
// once if it is in several of these places. The loop is closed by then. Dropped
// must be short and must not panic.
//
// It is for embedders whose Runners stand for something that waits, as a task
// does. What has a callback only is dropped silently, as by asyncio's close.
type Dropper interface {
	Runner
	Dropped()
}

// Done returns a channel that is closed when the loop is. Any goroutine may call
// it: one that posted a function and waits for what it does also waits for this,
// since the function may have been dropped.
func (l *Loop) Done() <-chan struct{} { return l.done }

// A closer is told when the loop closes, before the loop's poller is: it gives
// back what it holds of the system.
type closer interface {
	loopClosed()
}

// onClose has c told of the loop's end, unless offClose comes first.
func (l *Loop) onClose(c closer) {
	if l.closers == nil {
		l.closers = make(map[closer]struct{})
	}
	l.closers[c] = struct{}{}
}

// offClose undoes onClose.
func (l *Loop) offClose(c closer) { delete(l.closers, c) }

// tellClosers tells all of them. None can be added by then.
func (l *Loop) tellClosers() {
	for c := range l.closers {
		c.loopClosed()
	}
}

// droppers returns what wants to be told of being dropped.
func (l *Loop) droppers() (all []Dropper) {
	add := func(r Runner) {
		if d, ok := r.(Dropper); ok {
			all = append(all, d)
		}
	}
	for i := range l.ready.n {
		add(l.ready.at(i))
	}
	var timers []*Timer
	for _, page := range l.timers.slots {
		for _, t := range page {
			if t == nil {
				continue
			}
			if _, ok := t.runner.(Dropper); ok {
				timers = append(timers, t)
			}
		}
	}
	slices.SortFunc(timers, func(a, b *Timer) int {
		return cmp.Or(cmp.Compare(a.when, b.when), cmp.Compare(a.seq, b.seq))
	})
	for _, t := range timers {
		add(t.runner)
	}
	for i := range l.sources.slots {
		if d := l.sources.slots[i].desc; d != nil {
			add(d.waiters[ReadSide])
			add(d.waiters[WriteSide])
		}
	}
	return all
}
