package netpoll

import "math"

// sources is the table of what is registered with the poller.
//
// An event must reach the registration that it was meant for. Descriptor numbers
// do not tell: a number is used again as soon as it is closed, and epoll keeps a
// registration (and reports it, under the number that it had) until the last
// duplicate of the descriptor is closed, in whatever process. So the kernel is
// given a tag, the index of a slot and the slot's generation, which grows whenever
// the slot is vacated; an event whose generation is not the slot's is stale and is
// dropped. The Go runtime's pollDesc.fdseq has the same purpose.
type sources struct {
	slots []slot
	free  []uint32       // vacant slots
	byFD  map[int]uint32 // slot of a descriptor number
	count int            // slots in use
	descs int            // of them with a Desc

	watches int // sides with a callback
	waiting int // sides that can make an entry ready: waited for, or with a callback
}

// A slot has a Desc, or a watcher, or is vacant.
type slot struct {
	generation uint32
	desc       *Desc
	watcher    *watcher
}

// init makes the table, with a slot that nobody gets: the zero tag is void.
func (s *sources) init() {
	s.byFD = make(map[int]uint32)
	s.slots = []slot{{generation: 1}}
}

// take finds a vacant slot.
func (s *sources) take() tag {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		return tag{i, s.slots[i].generation}
	}
	s.slots = append(s.slots, slot{})
	return tag{uint32(len(s.slots) - 1), 0}
}

// vacate makes a slot, and the events that still carry its tag, void. A slot whose
// generations are used up is not used again: the kernel may still have any of them.
func (s *sources) vacate(t tag) {
	s.slots[t.index] = slot{generation: t.generation + 1}
	if t.generation < math.MaxUint32 {
		s.free = append(s.free, t.index)
	}
}

// bind notes that the slot of t, which take found, is the one of fd.
func (s *sources) bind(fd int, t tag, d *Desc, w *watcher) {
	s.slots[t.index].desc, s.slots[t.index].watcher = d, w
	s.byFD[fd] = t.index
	s.count++
	if d != nil {
		s.descs++
	}
}

// unbind undoes take and bind.
func (s *sources) unbind(fd int, t tag) {
	if s.slots[t.index].desc != nil {
		s.descs--
	}
	s.count--
	delete(s.byFD, fd)
	s.vacate(t)
}

// lookup returns what fd is registered as: at most one of the two is not nil.
func (s *sources) lookup(fd int) (*Desc, *watcher) {
	if i, ok := s.byFD[fd]; ok {
		return s.slots[i].desc, s.slots[i].watcher
	}
	return nil, nil
}

// close voids all registrations. Closing the poller removes them.
func (s *sources) close() {
	for i := range s.slots {
		if d := s.slots[i].desc; d != nil {
			d.released = true
			d.state = evBothEnded
			d.waiters = [2]Runner{}
		}
		if w := s.slots[i].watcher; w != nil {
			w.stop(ReadSide)
			w.stop(WriteSide)
		}
	}
	*s = sources{}
}

// deliver hands an event of the poller to whom it is meant for. Of the program's
// code it runs at most [Waker.Wake]; if that releases a descriptor of which an
// event has been fetched already, then the event is stale when its turn comes.
func (l *Loop) deliver(t tag, e event) {
	if e&evWake != 0 {
		return
	}
	l.stats.Events++
	s := &l.sources.slots[t.index]
	switch {
	case s.generation != t.generation:
		l.stats.Stale++
	case s.desc != nil:
		s.desc.edge(e)
	case s.watcher != nil:
		s.watcher.level(e)
	}
}
