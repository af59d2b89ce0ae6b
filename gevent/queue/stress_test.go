package queue_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/event"
	"github.com/baton-go/baton/gevent/lock"
	"github.com/baton-go/baton/gevent/queue"
)

var (
	seeds = flag.Int("seeds", 50, "number of random programs that the stress test runs")
	seed  = flag.Uint64("seed", 1, "seed of the first one")
)

// TestStress runs random programs of greenlets that use all of events, locks and
// queues, and are killed and timed out at any blocking call. It requires that no
// wake-up is lost (whenever nobody is ready, nobody waits for what is there), nobody
// is left in a list, permits are as many as before, and each item that was put came
// out once or is still there. Run it longer with -seeds.
func TestStress(t *testing.T) {
	for s := *seed; s < *seed+uint64(*seeds); s++ {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			t.Parallel()
			w := newWorld(rand.New(rand.NewPCG(s, 0)))
			require.NoError(t, gevent.Run(func() { w.play(t) }, virtual()))
		})
	}
}

// A flow is a queue, and what went in and out of it.
type flow struct {
	q       all
	in, out map[int]int
}

type world struct {
	rng    *rand.Rand
	next   int // item
	flows  []*flow
	tasks  *queue.Queue[int]
	event  *event.Event
	result *event.AsyncResult[int]
	sem    *lock.Semaphore
	inside int // who has a permit
	rlock  *lock.RLock
	owner  *gevent.Greenlet
	cond   *lock.Condition
	bar    *lock.Barrier
}

const permits = 2

func newWorld(rng *rand.Rand) *world {
	w := &world{
		rng: rng, tasks: queue.New[int](0), event: event.New(), result: event.NewAsyncResult[int](),
		sem: lock.NewSemaphore(permits), rlock: lock.NewRLock(), cond: lock.NewCondition(nil), bar: lock.NewBarrier(3),
	}
	for _, q := range []all{queue.New[int](0), queue.New[int](1), queue.New[int](3), queue.NewLifo[int](2),
		queue.NewPriority[int](2), queue.NewSimple[int](1), queue.NewChannel[int](), queue.NewChannel[int]()} {
		w.flows = append(w.flows, &flow{q, map[int]int{}, map[int]int{}})
	}
	if rng.IntN(2) == 0 { // as for several threads
		w.event.Share()
		w.sem.Share()
		w.flows[7].q.(*queue.Channel[int]).Share()
	}
	return w
}

// limit is a random time, mostly short, that may be over at once.
func (w *world) limit() time.Duration { return time.Duration(w.rng.IntN(6)-1) * 100 * time.Microsecond }

// step does something that may block.
func (w *world) step(t *testing.T) {
	f := w.flows[w.rng.IntN(len(w.flows))]
	short := w.rng.IntN(2) == 0
	switch w.rng.IntN(16) {
	case 0, 1, 2:
		item := w.next
		w.next++
		var err error
		switch {
		case short:
			err = f.q.PutTimeout(item, w.limit())
		case w.rng.IntN(4) == 0:
			err = f.q.PutNowait(item)
		default:
			err = f.q.Put(item)
		}
		if err == nil {
			f.in[item]++
		}
		if short { // be quicker than who was told
			if item, err := f.q.GetNowait(); err == nil {
				f.out[item]++
			}
		}
	case 3, 4, 5:
		var item int
		var err error
		switch {
		case short:
			item, err = f.q.GetTimeout(w.limit())
		case w.rng.IntN(4) == 0:
			item, err = f.q.GetNowait()
		default:
			item, err = f.q.Get()
		}
		if err == nil {
			f.out[item]++
		}
	case 6:
		if p, ok := f.q.(interface {
			PeekTimeout(time.Duration) (int, error)
		}); ok {
			_, _ = p.PeekTimeout(w.limit())
		}
	case 7:
		if short {
			w.event.WaitTimeout(w.limit())
		} else {
			w.event.Wait()
		}
	case 8:
		w.event.Set()
		if short {
			w.event.Clear()
		}
	case 9, 10:
		if short && !w.sem.AcquireTimeout(w.limit()) {
			return
		} else if !short {
			w.sem.Acquire()
		}
		w.inside++
		defer func() {
			w.inside--
			w.sem.Release()
			if short && w.sem.TryAcquire() {
				w.sem.Release()
			}
		}()
		require.LessOrEqual(t, w.inside, permits)
		gevent.Sleep(w.limit())
	case 11:
		w.rlock.With(func() {
			require.Nil(t, w.owner)
			w.owner = gevent.Current()
			defer func() { w.owner = nil }()
			w.rlock.With(func() { gevent.Sleep(w.limit()) })
			require.Same(t, gevent.Current(), w.owner)
		})
	case 12:
		w.cond.With(func() {
			switch w.rng.IntN(3) {
			case 0:
				w.cond.WaitTimeout(w.limit())
			case 1:
				w.cond.Wait()
			default:
				w.cond.Notify(1 + w.rng.IntN(3))
			}
		})
	case 13:
		if short {
			_, err := w.bar.WaitTimeout(w.limit())
			if errors.Is(err, gevent.ErrTimeout) {
				w.bar.Reset()
			}
		} else {
			_, _ = w.bar.Wait()
		}
	case 14:
		if short {
			_, _ = w.result.GetTimeout(w.limit())
		} else if w.rng.IntN(20) == 0 {
			w.result.Set(1)
		} else {
			gevent.WaitWith([]gevent.Linkable{w.result, w.event, w.sem, w.rlock}, gevent.Count(2), gevent.Within(w.limit()))
		}
	case 15:
		switch w.rng.IntN(3) {
		case 0:
			_ = w.tasks.Put(0)
		case 1:
			if w.tasks.UnfinishedTasks() > 0 {
				w.tasks.TaskDone()
			}
		default:
			w.tasks.JoinTimeout(w.limit())
		}
	}
}

func (w *world) play(t *testing.T) {
	body := func() {
		for range 20 {
			switch w.rng.IntN(4) {
			case 0:
				_ = gevent.WithTimeout(w.limit(), func() error { w.step(t); return nil })
			default:
				w.step(t)
			}
			if w.rng.IntN(3) == 0 {
				gevent.Sleep(w.limit())
			}
		}
	}
	var workers []*gevent.Greenlet
	for range 25 {
		workers = append(workers, gevent.Spawn(body))
	}
	for range 150 {
		gevent.Sleep(w.limit())
		if w.rng.IntN(3) == 0 {
			gevent.Idle()
			w.requireNoLostWakeUp(t)
		}
		i := w.rng.IntN(len(workers))
		if w.rng.IntN(2) == 0 || workers[i].Ready() {
			workers[i].KillAsync(nil)
			workers[i] = gevent.Spawn(body)
		}
	}
	gevent.Sleep(time.Second)
	w.requireNoLostWakeUp(t)
	gevent.KillAll(workers...)
	for _, g := range workers {
		require.True(t, g.Ready())
		require.NoError(t, g.Err())
	}
	for gevent.Sleep(time.Second); w.bar.Waiting() > 0; {
		w.bar.Reset()
		gevent.Sleep(time.Second)
	}
	require.Zero(t, w.event.LinkCount()+w.result.LinkCount()+w.sem.LinkCount()+w.rlock.LinkCount()+w.cond.Waiting()+w.tasks.Joiners())
	require.Equal(t, permits, w.sem.Counter())
	require.Zero(t, w.inside)
	require.True(t, w.rlock.Ready())
	for i, f := range w.flows {
		require.Zero(t, f.q.Getters()+f.q.Putters(), "%d %v", i, f.q)
		for v, err := f.q.GetNowait(); err == nil; v, err = f.q.GetNowait() {
			f.out[v]++
		}
		require.Equal(t, f.in, f.out, "%d %v", i, f.q)
		for _, n := range f.out {
			require.Equal(t, 1, n)
		}
	}
}

// requireNoLostWakeUp requires that nobody waits for what is there. Nobody is
// ready.
func (w *world) requireNoLostWakeUp(t *testing.T) {
	t.Helper()
	for _, f := range w.flows {
		if _, ok := f.q.(*queue.Channel[int]); ok {
			require.Zero(t, min(f.q.Getters(), f.q.Putters()), "%v", f.q)
			continue
		}
		if !f.q.Empty() {
			require.Zero(t, f.q.Getters(), "%v", f.q)
		}
		if !f.q.Full() {
			require.Zero(t, f.q.Putters(), "%v", f.q)
		}
	}
	if w.tasks.UnfinishedTasks() == 0 {
		require.Zero(t, w.tasks.Joiners())
	}
	if w.event.IsSet() {
		require.Zero(t, w.event.LinkCount())
	}
	if w.result.Ready() {
		require.Zero(t, w.result.LinkCount())
	}
	if w.sem.Ready() {
		require.Zero(t, w.sem.LinkCount())
	}
	if w.rlock.Ready() {
		require.Zero(t, w.rlock.LinkCount())
	}
}
