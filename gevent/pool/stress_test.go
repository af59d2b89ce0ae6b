package pool_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/pool"
	"github.com/baton-go/baton/internal/hub"
)

var (
	seeds = flag.Int("seeds", 60, "number of random programs that the stress test runs")
	seed  = flag.Uint64("seed", 1, "seed of the first one")
)

// TestKillsAndTimeoutsAtEveryBlockingCall runs random programs in which greenlets use
// a pool in every way that there is, while others kill them and the pool's members,
// and time-outs come, and checks what must hold in all of them: never more members
// than places, never more functions at work than that; and in the end every place is
// free, nobody is left in a list, no timer is armed, and no greenlet is alive. Run it
// longer with -seeds.
func TestKillsAndTimeoutsAtEveryBlockingCall(t *testing.T) {
	for s := *seed; s < *seed+uint64(*seeds); s++ {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			t.Parallel()
			run(t, func() { newWorld(t, rand.New(rand.NewPCG(s, 4))).run() })
		})
	}
}

// A world is one random program.
type world struct {
	t       *testing.T
	rng     *rand.Rand
	p       *pool.Pool
	users   []*gevent.Greenlet
	working int
	calls   [14]int
}

func newWorld(t *testing.T, rng *rand.Rand) *world {
	return &world{t: t, rng: rng, p: pool.New(1 + rng.IntN(4))}
}

func (w *world) time(n int) time.Duration { return time.Duration(w.rng.IntN(n)) * time.Microsecond }

func (w *world) run() {
	for range 12 {
		w.users = append(w.users, gevent.Spawn(w.user))
	}
	for range 300 {
		gevent.Sleep(w.time(60))
		w.check()
		switch w.rng.IntN(12) {
		case 0:
			w.users[w.rng.IntN(len(w.users))].KillAsync(nil)
		case 1, 2:
			for m := range w.p.All() {
				m.KillAsync(nil)
				break
			}
		case 3:
			w.p.KillAsync(errBoom)
		case 4:
			for m := range w.p.All() {
				w.p.KillOneAsync(m, nil)
			}
		case 5:
			w.users = append(w.users, gevent.Spawn(w.user))
		}
	}
	for i := 0; i < len(w.users); i++ {
		for !w.users[i].JoinTimeout(10 * time.Millisecond) {
			w.users[i].KillAsync(nil)
		}
	}
	for !w.p.JoinTimeout(10 * time.Millisecond) {
		w.p.KillAsync(nil)
	}
	gevent.Sleep(time.Hour)
	t := w.t
	require.Equal(t, w.p.Size(), w.p.FreeCount())
	require.Zero(t, w.p.Len())
	require.Zero(t, w.working)
	require.False(t, w.p.Waits())
	require.Zero(t, hub.Current().Live())
	require.Zero(t, hub.Current().Loop.Stats().Timers)
	for i, n := range w.calls {
		require.Positive(t, n, "kind %d of waiting was never tried", i)
	}
}

func (w *world) check() {
	require.Equal(w.t, w.p.Size(), w.p.FreeCount()+w.p.Len())
	require.LessOrEqual(w.t, w.working, w.p.Size())
}

// user uses the pool a number of times, mostly within a limit.
func (w *world) user() {
	for range 1 + w.rng.IntN(40) {
		_ = gevent.WithTimeout(w.time(400), func() error {
			defer w.check()
			w.use()
			return nil
		})
	}
}

// job is what members do: they sleep, some recover a kill once, some fail.
func (w *world) job(n int) (int, error) {
	w.working++
	defer func() { w.working-- }()
	err := gevent.Try(func() error { gevent.Sleep(w.time(200)); return nil })
	switch {
	case err == nil:
	case w.rng.IntN(2) == 0:
		gevent.Raise(err)
	default:
		gevent.Sleep(w.time(100))
	}
	if w.rng.IntN(5) == 0 {
		return 0, errBoom
	}
	return n, nil
}

// use waits in one of the ways.
func (w *world) use() {
	kind := w.rng.IntN(len(w.calls))
	defer func() { w.calls[kind]++ }()
	job := func() error { _, err := w.job(0); return err }
	items := make([]int, w.rng.IntN(5))
	switch kind {
	case 0:
		w.p.Spawn(job)
	case 1:
		_, _ = w.p.SpawnTimeout(w.time(300), job)
	case 2:
		g := gevent.NewGreenlet(job)
		defer func() {
			if !w.p.Contains(g) {
				g.KillAsync(nil) // if it was not started
			}
		}()
		if err := w.p.StartTimeout(g, w.time(300)); err != nil {
			require.ErrorIs(w.t, err, pool.ErrPoolFull)
		}
	case 3:
		g := gevent.Spawn(func() { gevent.Sleep(w.time(200)) })
		if w.p.AddTimeout(g, w.time(300)) == nil && w.rng.IntN(2) == 0 {
			w.p.Discard(g)
		}
		g.Kill()
	case 4:
		_, _ = pool.Apply(w.p, func() (int, error) {
			return pool.Apply(w.p, func() (int, error) { return w.job(1) })
		})
	case 5:
		_, _ = pool.ApplyAsync(w.p, func() (int, error) { return w.job(1) }, func(int) { gevent.Sleep(w.time(50)) }).Get()
	case 6:
		got, err := pool.Map(w.p, w.job, items)
		if err == nil {
			require.Len(w.t, got, len(items))
		}
	case 7:
		_, _ = pool.MapAsync(w.p, w.job, items, nil).GetTimeout(w.time(500))
	case 8:
		for range pool.IMap(w.p, w.job, items) {
			gevent.Sleep(w.time(30))
		}
	case 9:
		n := 0
		for _, err := range pool.IMapUnordered(w.p, w.job, items, pool.MaxSize(1+w.rng.IntN(3))) {
			require.True(w.t, err == nil || err == errBoom || errors.Is(err, gevent.ErrGreenletExit))
			if n++; w.rng.IntN(4) == 0 {
				return
			}
		}
		require.Equal(w.t, len(items), n)
	case 10:
		w.p.Join()
	case 11:
		_, _ = w.p.JoinErrorTimeout(w.time(300))
	case 12:
		if w.rng.IntN(4) == 0 {
			w.p.Kill()
		} else {
			w.p.KillTimeout(w.time(200), errBoom)
		}
	case 13:
		w.p.WaitAvailableTimeout(w.time(300))
	}
}
