package netpoll_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// A scheduler is what the random program below needs: the loop, or its model.
type scheduler interface {
	now() time.Duration
	soon(id int)
	enqueue(id int)
	post(id int)
	at(id int, when time.Duration)
	cancel(id int)
	advance(d time.Duration)
	run(step func(id int))
}

// The loop polls now and then only; the model does so in every iteration. What
// runs when must be the same.
func TestOrderIsThatOfAModel(t *testing.T) {
	for seed := range uint64(200) {
		want := play(seed, &model{cancelled: map[int]bool{}})
		l, c := newVirtual(t)
		got := play(seed, &real{Loop: l, clock: c, handles: map[int]*netpoll.Handle{}})
		require.Equal(t, want, got, "seed %d", seed)
		require.Greater(t, len(want), 20)
	}
}

// play runs a random program and returns the log of what ran and when. What an
// entry does depends on the seed and the entry only.
func play(seed uint64, s scheduler) (log []string) {
	ids := 0
	act := func(rng *rand.Rand) {
		ids++
		switch rng.IntN(8) {
		case 0, 1:
			s.soon(ids)
		case 2:
			s.enqueue(ids)
		case 3:
			s.post(ids)
		case 4, 5:
			s.at(ids, s.now()+time.Duration(rng.IntN(6)-1))
		case 6:
			s.cancel(1 + rng.IntN(ids))
		case 7:
			s.advance(time.Duration(rng.IntN(3)))
		}
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		act(rng)
	}
	s.run(func(id int) {
		log = append(log, fmt.Sprint(id, "@", s.now()))
		rng := rand.New(rand.NewPCG(seed, uint64(id)))
		for range rng.IntN(4) {
			if ids < 2000 {
				act(rng)
			}
		}
	})
	return log
}

type real struct {
	*netpoll.Loop
	clock   *netpoll.VirtualClock
	handles map[int]*netpoll.Handle
	step    func(int)
}

func (r *real) f(id int) func() { return func() { r.step(id) } }

func (r *real) now() time.Duration            { return r.clock.Now() }
func (r *real) soon(id int)                   { r.handles[id] = r.CallSoon(r.f(id)) }
func (r *real) enqueue(id int)                { r.Enqueue(runner(r.f(id))) }
func (r *real) post(id int)                   { r.Post(r.f(id)) }
func (r *real) at(id int, when time.Duration) { r.handles[id] = r.CallAt(when, r.f(id)) }
func (r *real) advance(d time.Duration)       { r.clock.Advance(d) }
func (r *real) run(step func(int))            { r.step = step; r.Run() }

func (r *real) cancel(id int) {
	if h := r.handles[id]; h != nil {
		h.Cancel()
	}
}

type model struct {
	clock      time.Duration
	ready      []int
	posted     []int
	timers     []modelTimer
	cancelled  map[int]bool
	cancelable []int
}

type modelTimer struct {
	when time.Duration
	id   int
}

func (m *model) now() time.Duration      { return m.clock }
func (m *model) soon(id int)             { m.ready = append(m.ready, id); m.cancelable = append(m.cancelable, id) }
func (m *model) enqueue(id int)          { m.ready = append(m.ready, id) }
func (m *model) post(id int)             { m.posted = append(m.posted, id) }
func (m *model) advance(d time.Duration) { m.clock += d }

func (m *model) at(id int, when time.Duration) {
	m.timers = append(m.timers, modelTimer{when, id})
	m.cancelable = append(m.cancelable, id)
}

func (m *model) cancel(id int) {
	m.cancelled[id] = m.cancelled[id] || slices.Contains(m.cancelable, id)
	m.timers = slices.DeleteFunc(m.timers, func(t modelTimer) bool { return m.cancelled[t.id] })
}

func (m *model) run(step func(int)) {
	for {
		slices.SortStableFunc(m.timers, func(a, b modelTimer) int { return int(a.when - b.when) })
		if len(m.ready)+len(m.posted) == 0 {
			if len(m.timers) == 0 {
				return
			}
			m.clock = max(m.clock, m.timers[0].when)
		}
		m.ready = append(m.ready, m.posted...)
		m.posted = nil
		for len(m.timers) > 0 && m.timers[0].when <= m.clock {
			m.ready = append(m.ready, m.timers[0].id)
			m.timers = m.timers[1:]
		}
		batch := m.ready
		m.ready = nil
		for _, id := range batch {
			if !m.cancelled[id] {
				step(id)
			}
		}
	}
}
