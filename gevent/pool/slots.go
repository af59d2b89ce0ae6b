package pool

import (
	"time"

	"github.com/baton-go/baton/gevent/internal/waitlist"
	"github.com/baton-go/baton/internal/hub"
)

// slots are the places of a Pool. They are a semaphore: a place that is given back
// is free, and who has waited longest is told; when that runs and finds that another
// was quicker, it waits on where it stood. It is not the one of package lock because
// there who acquires is the holder, and here the greenlets are that are members.
type slots struct {
	limited bool // if not there are always some
	size    int
	free    int
	list    waitlist.List[struct{}]
}

// acquire takes a slot, and waits for one. On is whose it is, for a dump. It reports
// whether it has one: not if d has passed.
func (s *slots) acquire(op string, on any, limited bool, d time.Duration) bool {
	if !s.limited {
		return true
	}
	if s.free > 0 {
		s.free--
		return true
	}
	return s.wait(op, on, limited, d, true)
}

// try takes a slot if there is one.
func (s *slots) try() bool {
	if !s.limited {
		return true
	}
	if s.free == 0 {
		return false
	}
	s.free--
	return true
}

// wait waits until there is a slot, takes it if it is told so, and reports whether
// there was one.
func (s *slots) wait(op string, on any, limited bool, d time.Duration, take bool) bool {
	c := waitlist.Blocking(op)
	w := s.list.New(c, limited, d)
	for {
		cause, err := s.list.Park(w, c, hub.Wait{Op: op, On: on}, nil)
		switch {
		case cause != hub.Woken:
			s.list.Free(w)
			if err != nil {
				hub.Unwind(err)
			}
			return false
		case s.free == 0:
			continue // somebody was quicker
		}
		s.list.Leave(w)
		if take {
			s.free--
		} else {
			s.list.NotifyOne(c.Hub) // it is for the next one, too
		}
		return true
	}
}

// release gives n slots back.
func (s *slots) release(n int) {
	if !s.limited {
		return
	}
	s.free += n
	for h := hub.Current(); n > 0 && s.list.NotifyOne(h); n-- {
	}
}
