package baton_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/baton"
)

// A schedule drives one thread at random: each fiber that has the baton starts
// another, resumes one that is parked, trims the pool or ends. It keeps its own
// account of who runs and who is parked, and compares.
type schedule struct {
	t       *testing.T
	th      *baton.Thread
	rng     *rand.Rand
	limit   int  // bodies at the same time
	steps   int  // that are left
	goexits bool // some bodies end by runtime.Goexit

	running *baton.Fiber
	parked  []*baton.Fiber
	bodies  int // not ended
	peak    int // the most of them
	zombies int
}

// pick takes a parked fiber out of the account.
func (s *schedule) pick() *baton.Fiber {
	i, last := s.rng.IntN(len(s.parked)), len(s.parked)-1
	f := s.parked[i]
	s.parked[i] = s.parked[last]
	s.parked = s.parked[:last]
	return f
}

func (s *schedule) resume(self, to *baton.Fiber) {
	s.parked = append(s.parked, self)
	s.running = to
	switch s.rng.IntN(3) {
	case 0:
		self.Resume(to)
	case 1:
		takeOver(self, to)
	case 2:
		takeOverByOneCall(self, to)
	}
	s.check(self)
}

func (s *schedule) check(self *baton.Fiber) {
	if s.running != self || baton.Self() != self {
		s.t.Fatalf("fiber %p runs, %p should, Self says %p", self, s.running, baton.Self())
	}
}

// drive is what the root and every body do.
func (s *schedule) drive(self *baton.Fiber) {
	for s.steps > 0 {
		s.steps--
		switch n := s.rng.IntN(1000); {
		case n < 200 && s.bodies < s.limit:
			s.bodies++
			s.peak = max(s.peak, s.bodies)
			s.resume(self, s.th.Carrier(s))
		case n < 850 && len(s.parked) > 0:
			s.resume(self, s.pick())
		case n < 860:
			s.th.Trim(self, s.rng.IntN(8))
			s.check(self)
		case n < 990 && !self.IsRoot():
			return
		case s.goexits && !self.IsRoot():
			s.zombies++
			runtime.Goexit()
		}
	}
	for self.IsRoot() && s.bodies > 0 {
		s.resume(self, s.pick())
	}
}

// Run and Goexit make the schedule the body of its carriers.
func (s *schedule) Run(f *baton.Fiber) (baton.Body, *baton.Fiber) {
	s.check(f)
	s.drive(f)
	return nil, s.Goexit(f)
}

func (s *schedule) Goexit(f *baton.Fiber) *baton.Fiber {
	s.check(f)
	s.bodies--
	s.running = s.pick()
	return s.running
}

func TestRandomSchedulesLeaveNoGoroutine(t *testing.T) {
	for _, goexits := range []bool{false, true} {
		for seed := range uint64(6) {
			t.Run(fmt.Sprintf("goexits=%v/seed=%d", goexits, seed), func(t *testing.T) {
				keepsGoroutines(t)
				th, root := enter(t)
				s := &schedule{
					t: t, th: th, rng: rand.New(rand.NewPCG(seed, 0)),
					limit: 300, steps: 20_000, goexits: goexits, running: root,
				}
				s.drive(root)
				require.Equal(t, s.limit, s.peak)
				require.Equal(t, goexits, s.zombies > 0)
				all, idle := th.Carriers()
				require.Equal(t, all, idle)
				require.Zero(t, th.Close(root))
				require.Equal(t, 1, baton.Registered(), "carriers must leave the registry")
			})
		}
	}
}
