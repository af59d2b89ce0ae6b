package queue_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/event"
	"github.com/baton-go/baton/gevent/lock"
	"github.com/baton-go/baton/gevent/queue"
)

// TestStressBetweenThreads is TestStress for what several threads and goroutines of
// none use at the same time: greenlets are killed and timed out at any call, and one
// thread ends in the midst of it. It requires that everybody who waits without a
// limit goes on, that never more are inside than there are permits, that each item
// that was put came out once, and that in the end nobody is left in any list.
func TestStressBetweenThreads(t *testing.T) {
	for s := *seed; s < *seed+uint64(*seeds); s++ {
		t.Run(fmt.Sprint(s), func(t *testing.T) { newShared(t).play(s) })
	}
}

// shared is what the threads share.
type shared struct {
	t       *testing.T
	sem     *lock.Semaphore
	bounded *lock.BoundedSemaphore
	rlock   *lock.RLock
	owned   int // belongs to who has the rlock
	stocks  []*stock
	event   *event.Event
	result  *event.AsyncResult[int]
	barrier *lock.Barrier
	channel *queue.Channel[int64]

	inside, alone atomic.Int64
	next          atomic.Int64 // item
	mu            sync.Mutex
	items         map[int64]int // 1 for each put, -1 for each get
}

// A stock is a number of buns that some bake and others eat, and its Condition.
type stock struct {
	*lock.Condition
	buns, eaten, baked int
}

func newShared(t *testing.T) *shared {
	s := &shared{
		t: t, sem: lock.NewSemaphore(permits), bounded: lock.NewBoundedSemaphore(1), rlock: lock.NewRLock(),
		stocks: []*stock{{Condition: lock.NewCondition(lock.NewSemaphore(1))}, {Condition: lock.NewCondition(nil)}},
		event:  event.New().Share(), result: event.NewAsyncResult[int]().Share(),
		barrier: lock.NewBarrier(2), channel: queue.NewChannel[int64]().Share(), items: map[int64]int{},
	}
	for _, o := range []interface{ Share() }{s.sem, s.bounded, s.rlock, s.stocks[0], s.stocks[1], s.barrier} {
		o.Share()
	}
	return s
}

// play runs three threads, one of which ends early, and two goroutines.
func (s *shared) play(seed uint64) {
	const steps = 40
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() {
			assertNoError(s.t, gevent.Run(func() { s.thread(rand.New(rand.NewPCG(seed, uint64(i))), steps, i == 2) }))
		})
	}
	for i := range 2 {
		rng := rand.New(rand.NewPCG(seed, uint64(10+i)))
		all.Go(func() {
			for range steps {
				s.step(rng, false)
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		all.Wait()
		close(ended)
	}()
	s.help(ended)
	s.requireOrder()
}

// help does what those wait for who have no limit, until everybody has ended.
func (s *shared) help(ended chan struct{}) {
	hangs := time.After(time.Minute)
	for {
		select {
		case <-ended:
			return
		case <-hangs:
			s.t.Fatalf("somebody waits for ever: %v, %v, %v, %v, %v, %v, %v, %v", s.sem, s.bounded, s.rlock, s.event, s.result,
				s.channel, s.stocks[0], s.stocks[1])
		case <-time.After(200 * time.Microsecond):
		}
		s.event.Set()
		s.event.Clear()
		s.result.Set(1)
		s.stocks[0].With(func() { s.stocks[0].bake(1) })
		if s.channel.Balance() > 0 {
			s.got(s.channel.GetNowait())
		} else if item := s.next.Add(1); s.channel.PutNowait(item) == nil {
			s.count(item, 1)
		}
	}
}

// bake adds a bun for each of n who wait. The caller has the lock.
func (c *stock) bake(n int) {
	c.buns += n
	c.baked += n
	c.Notify(n)
}

// thread is the main greenlet of one thread.
func (s *shared) thread(rng *rand.Rand, steps int, early bool) {
	errKill := errors.New("killed")
	over := false
	var gs []*gevent.Greenlet
	for range 6 {
		own := rand.New(rand.NewPCG(rng.Uint64(), 0))
		gs = append(gs, gevent.Spawn(func() {
			for i := 0; i < steps && !over; i++ {
				_ = gevent.Try(func() error {
					if own.IntN(3) == 0 {
						return gevent.WithTimeout(limit(own), func() error { s.step(own, true); return nil })
					}
					s.step(own, true)
					return nil
				})
			}
		}))
	}
	// Of the second stock greenlets wait only, which a greenlet bakes for.
	baker := gevent.Spawn(func() {
		for {
			gevent.Sleep(200 * time.Microsecond)
			s.stocks[1].With(func() { s.stocks[1].bake(1) })
		}
	})
	for i := 0; len(gevent.JoinAllTimeout(limit(rng), gs...)) < len(gs); i++ {
		if early && i == 20 {
			over = true
			return
		}
		if g := gs[rng.IntN(len(gs))]; g.Started() {
			g.KillAsync(errKill)
			if rng.IntN(4) == 0 {
				g.KillAsync(errKill)
			}
		}
	}
	baker.Kill()
}

// limit is a random time, mostly short.
func limit(rng *rand.Rand) time.Duration { return time.Duration(rng.IntN(6)-1) * 50 * time.Microsecond }

// pause lets others go on in the midst of something.
func (s *shared) pause(rng *rand.Rand, greenlet bool) {
	switch {
	case !greenlet:
		time.Sleep(time.Duration(rng.IntN(20)) * time.Microsecond)
	case rng.IntN(3) == 0:
		gevent.Sleep(limit(rng))
	default:
		gevent.Sleep(0)
	}
}

// step does something that may block.
func (s *shared) step(rng *rand.Rand, greenlet bool) {
	kind := rng.IntN(12)
	if !greenlet && kind > 8 {
		kind -= 4
	}
	switch kind {
	case 0, 1:
		s.enter(rng, greenlet, &s.inside, permits, s.sem, rng.IntN(3) == 0)
	case 2:
		s.enter(rng, greenlet, &s.alone, 1, &s.bounded.Semaphore, rng.IntN(3) == 0)
	case 3:
		if s.sem.Wait() < 0 {
			s.t.Error("fewer permits than none")
		}
	case 4:
		s.eat(s.stocks[0], rng)
	case 5:
		s.event.Wait()
	case 6:
		_, _ = s.result.GetTimeout(time.Minute)
	case 7:
		item := s.next.Add(1)
		err := s.channel.PutTimeout(item, limit(rng))
		if err == nil {
			s.count(item, 1)
		}
	case 8:
		if rng.IntN(2) == 0 {
			s.got(s.channel.Get())
		} else {
			s.got(s.channel.GetTimeout(limit(rng)))
		}
	case 9:
		s.rlock.With(func() {
			s.owned++
			defer func() { s.rlock.With(func() { s.owned-- }) }()
			s.pause(rng, greenlet)
		})
	case 10:
		s.eat(s.stocks[1], rng)
	case 11:
		if _, err := s.barrier.WaitTimeout(limit(rng)); err != nil && rng.IntN(2) == 0 {
			s.barrier.Reset()
		}
	}
}

// enter takes a permit, for a while.
func (s *shared) enter(rng *rand.Rand, greenlet bool, inside *atomic.Int64, most int64, sem *lock.Semaphore, limited bool) {
	if limited {
		if !sem.AcquireTimeout(limit(rng)) {
			return
		}
	} else {
		sem.Acquire()
	}
	defer sem.Release()
	if inside.Add(1) > most {
		s.t.Error("more are inside than there are permits")
	}
	defer inside.Add(-1)
	s.pause(rng, greenlet)
}

// eat waits for a bun and eats it.
func (s *shared) eat(c *stock, rng *rand.Rand) {
	c.With(func() {
		for c.buns == 0 {
			if rng.IntN(3) > 0 {
				c.Wait()
			} else if !c.WaitTimeout(limit(rng)) {
				return
			}
		}
		c.buns--
		c.eaten++
	})
}

func (s *shared) got(item int64, err error) {
	if err == nil {
		s.count(item, -1)
	}
}

func (s *shared) count(item int64, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[item] += n
}

// requireOrder checks what must be so when all have ended.
func (s *shared) requireOrder() {
	t := s.t
	require.Equal(t, permits, s.sem.Counter())
	require.Equal(t, 1, s.bounded.Counter())
	require.False(t, s.rlock.Locked())
	require.Zero(t, s.owned)
	require.Empty(t, s.sem.Holders())
	require.Zero(t, s.sem.LinkCount()+s.bounded.LinkCount()+s.rlock.LinkCount()+s.event.LinkCount()+s.result.LinkCount())
	require.Zero(t, s.channel.Getters()+s.channel.Putters())
	for _, c := range s.stocks {
		require.Zero(t, c.Waiting())
		require.Equal(t, c.baked, c.eaten+c.buns)
	}
	for item, n := range s.items {
		require.Zero(t, n, "item %d", item)
	}
	require.NoError(t, gevent.Run(func() { require.Zero(t, s.barrier.Waiting()) }))
}

// assertNoError is for goroutines, which cannot end the test.
func assertNoError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
