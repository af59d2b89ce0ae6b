//go:build linux

package netpoll

import (
	"fmt"
	"math"
)

// CheckSources returns an error if anything is left in the table of descriptors.
func (l *Loop) CheckSources() error {
	s := &l.sources
	if len(s.byFD) != 0 || s.count != 0 || s.descs != 0 || s.watches != 0 || s.waiting != 0 {
		return fmt.Errorf("left in the table: %d numbers, %d slots, %d Descs, %d callbacks, %d waiting",
			len(s.byFD), s.count, s.descs, s.watches, s.waiting)
	}
	vacant := 1 // the first is nobody's
	for i := range s.slots {
		if s.slots[i].desc != nil || s.slots[i].watcher != nil {
			return fmt.Errorf("slot %d is occupied", i)
		}
		if i > 0 && s.slots[i].generation == 0 {
			vacant++ // used up
		}
	}
	if vacant += len(s.free); vacant != len(s.slots) {
		return fmt.Errorf("%d of %d slots are vacant", vacant, len(s.slots))
	}
	return nil
}

// AgeSlots lets the vacant slots have been used as often as they can be, but for
// once.
func (l *Loop) AgeSlots() {
	for _, i := range l.sources.free {
		l.sources.slots[i].generation = math.MaxUint32
	}
}

// OwnFDs returns the loop's own descriptors.
func (l *Loop) OwnFDs() []int { return []int{l.poller.epfd, l.poller.wakefd} }
