package pool_test

import (
	"context"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/event"
	"github.com/baton-go/baton/gevent/pool"
	"github.com/baton-go/baton/gevent/queue"
	"github.com/baton-go/baton/internal/hub"
)

func TestPool(t *testing.T) {
	test(t, "T103 places are taken and given back, and ApplyAsync does not wait for one", func(t *testing.T) {
		p := pool.New(2)
		require.Equal(t, 2, p.FreeCount())
		var got []int
		add := func(n int) func() (struct{}, error) {
			return func() (struct{}, error) { got = append(got, n); return struct{}{}, nil }
		}
		first := pool.ApplyAsync(p, add(1), nil)
		require.Equal(t, 1, p.FreeCount())
		first.Join()
		gevent.Sleep(0)
		require.Equal(t, 2, p.FreeCount())
		require.Equal(t, []int{1}, got)
		pool.ApplyAsync(p, add(2), nil)
		require.Equal(t, 1, p.FreeCount())
		pool.ApplyAsync(p, add(3), nil)
		require.Zero(t, p.FreeCount())
		last := pool.ApplyAsync(p, add(4), nil)
		require.Zero(t, p.FreeCount())
		last.Join()
		require.Equal(t, []int{1, 2, 3, 4}, got)
		p.Join()
		require.Equal(t, 2, p.FreeCount())
	})
	test(t, "T104 Discard gives the place back", func(t *testing.T) {
		p := pool.New(1)
		m := gevent.NewGreenlet(func() {})
		p.Add(m)
		require.True(t, p.Full())
		p.Discard(m)
		require.Equal(t, 1, p.FreeCount())
		m.Start()
		gevent.Sleep(0)
		gevent.Sleep(0)
		require.Equal(t, 1, p.FreeCount())
		p.Discard(m) // no member: gives nothing back
		require.Equal(t, 1, p.FreeCount())
	})
	test(t, "T104 what comes to a full pool waits, or is told that it is full", func(t *testing.T) {
		p := pool.New(1)
		p.Add(gevent.NewGreenlet(func() {}))
		m := gevent.NewGreenlet(func() {})
		for _, wait := range []func(){
			func() { p.Add(m) },
			func() { p.Start(m) },
			func() { p.Spawn(func() error { return nil }) },
			func() { _, _ = pool.SpawnValue(p, func() (int, error) { return 0, nil }).Get() },
			func() { p.WaitAvailable() },
		} {
			ms := elapsed()
			timeout := gevent.NewTimeout(100 * time.Millisecond)
			require.Same(t, timeout, timeout.Do(func() error { wait(); return nil }))
			require.EqualValues(t, 100, ms())
		}
		for _, err := range []error{
			p.AddTimeout(m, 100*time.Millisecond),
			p.StartTimeout(m, 100*time.Millisecond),
			second(p.SpawnTimeout(100*time.Millisecond, func() error { return nil })),
			p.AddTimeout(m, -1),
		} {
			require.ErrorIs(t, err, pool.ErrPoolFull)
			require.ErrorIs(t, err, queue.ErrFull)
			require.ErrorIs(t, err, gevent.ErrTimeout)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			var n net.Error
			require.ErrorAs(t, err, &n)
			require.True(t, n.Timeout())
			require.EqualError(t, err, "pool: full until the time was up")
		}
		for _, err := range []error{
			p.AddNowait(m),
			p.StartNowait(m),
			second(p.SpawnNowait(func() error { return nil })),
		} {
			require.Equal(t, pool.ErrPoolFull, err)
			require.ErrorIs(t, err, queue.ErrFull)
			require.NotErrorIs(t, err, gevent.ErrTimeout)
			require.EqualError(t, err, "pool: full")
		}
		require.Equal(t, 1, p.Len())
		require.False(t, p.Contains(m))
		require.False(t, m.Started())
		require.Zero(t, m.LinkCount())
	})
	test(t, "what there is a place for does not wait, with whatever call", func(t *testing.T) {
		p := pool.New(5)
		calls := 0
		f := func() error { calls++; return nil }
		require.NoError(t, p.AddNowait(gevent.Spawn(f)))
		require.NoError(t, p.AddTimeout(gevent.Spawn(f), 0))
		require.NoError(t, p.StartNowait(gevent.NewGreenlet(f)))
		require.NoError(t, p.StartTimeout(gevent.NewGreenlet(f), 0))
		g, err := p.SpawnNowait(f)
		require.NoError(t, err)
		require.True(t, p.Contains(g))
		g, err = p.SpawnTimeout(time.Second, f)
		require.NoError(t, err)
		require.True(t, p.Contains(g))
		p.Join()
		require.Equal(t, 6, calls)
		require.Equal(t, 5, p.Size())
	})
	test(t, "T105 consumers and a producer in one pool", func(t *testing.T) {
		p := pool.New(2)
		var order []string
		ready := event.New()
		gevent.JoinAll(
			p.Spawn(func() error {
				gevent.Sleep(time.Millisecond)
				order = append(order, "prod")
				ready.Set()
				return nil
			}),
			p.Spawn(func() error {
				order = append(order, "cons1")
				ready.Wait()
				order = append(order, "cons2")
				return nil
			}))
		require.Equal(t, []string{"cons1", "prod", "cons2"}, order)
	})
	test(t, "T111 nothing can be added to a pool of size 0", func(t *testing.T) {
		p := pool.New(0)
		require.Zero(t, p.FreeCount())
		require.True(t, p.Full())
		require.Zero(t, p.WaitAvailableTimeout(10*time.Millisecond))
		_, err := p.SpawnNowait(func() error { return nil })
		require.ErrorIs(t, err, pool.ErrPoolFull)
		require.Zero(t, p.Size())
		p.Join()
	})
	test(t, "a pool without limit, and a group, are never full", func(t *testing.T) {
		p := pool.New(pool.Unlimited)
		for range 100 {
			p.Spawn(func() error { return nil })
		}
		require.Equal(t, 1, p.FreeCount())
		require.Equal(t, 1, p.WaitAvailable())
		require.False(t, p.Full())
		require.Equal(t, pool.Unlimited, p.Size())
		require.NoError(t, p.AddNowait(gevent.Spawn(func() {})))
		require.False(t, new(pool.Group).Full())
		require.Equal(t, 1, new(pool.Group).WaitAvailableTimeout(time.Second))
		p.Join()
	})
	test(t, "T112 the second one waits for the first one's place", func(t *testing.T) {
		p := pool.New(1)
		ms := elapsed()
		p.Spawn(sleeper(100*time.Millisecond, nil))
		require.Equal(t, 1, p.Len())
		p.Spawn(sleeper(100*time.Millisecond, nil))
		require.EqualValues(t, 100, ms())
		require.Equal(t, 1, p.Len())
		require.False(t, p.JoinTimeout(10*time.Millisecond))
		require.True(t, p.JoinTimeout(time.Second))
		require.EqualValues(t, 200, ms())
	})
	test(t, "T217 four jobs in a pool of two", func(t *testing.T) {
		p := pool.New(2)
		var order string
		for i := range 4 {
			p.Spawn(func() error {
				order += string(rune('0'+i)) + "s "
				gevent.Sleep(time.Second)
				order += string(rune('0'+i)) + "e "
				return nil
			})
		}
		p.Join()
		require.Equal(t, "0s 1s 0e 1e 2s 3s 2e 3e ", order)
	})
	test(t, "T217 a spawn that is interrupted while it waits takes no place", func(t *testing.T) {
		p := pool.New(1)
		p.Spawn(sleeper(time.Second, nil))
		before := hub.Current().Live()
		for range 3 {
			require.Error(t, gevent.WithTimeout(time.Millisecond, func() error { p.Spawn(sleeper(0, nil)); return nil }))
		}
		waiter := gevent.Spawn(func() { p.Spawn(func() error { t.Error("it has run"); return nil }) })
		gevent.Sleep(0)
		waiter.Kill()
		require.Equal(t, before, hub.Current().Live())
		p.Join()
		require.Equal(t, 1, p.FreeCount())
	})
	test(t, "T217 a greenlet that is added twice takes two places and gives both back", func(t *testing.T) {
		p := pool.New(2)
		m := gevent.NewGreenlet(func() {})
		p.Add(m)
		p.Add(m)
		require.Zero(t, p.FreeCount())
		require.Equal(t, 1, p.Len())
		m.Start()
		p.Join()
		require.Equal(t, 2, p.FreeCount())

		m = gevent.NewGreenlet(func() {})
		p.Add(m)
		p.Add(m)
		p.Discard(m)
		require.Equal(t, 2, p.FreeCount())
	})
	test(t, "two places that come at once are for two that wait", func(t *testing.T) {
		p := pool.New(2)
		m := gevent.NewGreenlet(func() {})
		p.Add(m)
		p.Add(m)
		spawned := 0
		for range 3 {
			gevent.Spawn(func() { p.Spawn(sleeper(time.Hour, nil)); spawned++ })
		}
		gevent.Sleep(time.Second)
		m.Start()
		gevent.Sleep(time.Second)
		require.Equal(t, 2, spawned)
		require.True(t, p.Full())
	})
	test(t, "a place that several wait for goes to who came first, and one who only looks takes none", func(t *testing.T) {
		p := pool.New(1)
		p.Spawn(sleeper(time.Second, nil))
		var order []string
		gevent.Spawn(func() {
			require.Equal(t, 1, p.WaitAvailable())
			order = append(order, "looks")
		})
		for _, name := range []string{"a", "b", "c"} {
			gevent.Spawn(func() {
				p.Spawn(sleeper(time.Second, nil))
				order = append(order, name)
			})
		}
		gevent.Sleep(time.Minute)
		require.Equal(t, []string{"looks", "a", "b", "c"}, order)
	})
	test(t, "the kill of a pool reaches those that wait for a place", func(t *testing.T) {
		p := pool.New(1)
		p.Spawn(sleeper(time.Hour, nil))
		spawned := make([]*gevent.Greenlet, 0, 3)
		for range 3 {
			gevent.Spawn(func() { spawned = append(spawned, p.Spawn(sleeper(time.Hour, nil))) })
		}
		gevent.Sleep(0)
		ms := elapsed()
		for !p.Ready() || len(spawned) < 3 {
			p.Kill()
			gevent.Sleep(0)
		}
		require.Zero(t, ms())
		for _, g := range spawned {
			require.True(t, g.Killed())
		}
	})
	t.Run("T107 an error hook that fails costs no place", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() {
			p := pool.New(1)
			g := p.Spawn(func() error { panic(errBoom) })
			require.ErrorIs(t, g.Get(), errBoom)
			gevent.Sleep(0)
			require.Equal(t, 1, p.FreeCount())
			ms := elapsed()
			n, err := pool.Apply(p, func() (int, error) { return 7, nil })
			require.NoError(t, err)
			require.Equal(t, 7, n)
			require.Zero(t, ms())
		}, virtual(), gevent.WithErrorHook(func(string, error) { panic("the hook fails, as it is meant to") })))
	})
	test(t, "in a callback nothing waits", func(t *testing.T) {
		p := pool.New(1)
		var first *gevent.Greenlet
		var full error
		panicked := false
		hub.Current().Loop.CallSoon(func() {
			first = p.Spawn(sleeper(time.Second, nil))
			_, full = p.SpawnNowait(sleeper(0, nil))
			defer func() { panicked = recover() != nil }()
			p.Spawn(sleeper(0, nil))
		})
		gevent.Sleep(0)
		require.True(t, p.Contains(first))
		require.ErrorIs(t, full, pool.ErrPoolFull)
		require.True(t, panicked)
		require.Equal(t, 1, p.Len())
		hub.Current().Loop.CallSoon(func() { p.KillAsync(nil); p.Discard(first) })
		gevent.Sleep(0)
		require.Equal(t, 1, p.FreeCount())
	})
	t.Run("a greenlet of another thread costs no place", func(t *testing.T) {
		run(t, func() {
			stranger := gevent.NewGreenlet(func() {})
			done := make(chan error)
			go func() {
				done <- gevent.Run(func() {
					p := pool.New(1)
					require.Panics(t, func() { p.Add(stranger) })
					require.Equal(t, 1, p.FreeCount())
					require.Zero(t, p.Len())
				})
			}()
			gevent.Offload(func() { require.NoError(t, <-done) })
		})
	})
}

func second[T any](_ T, err error) error { return err }
