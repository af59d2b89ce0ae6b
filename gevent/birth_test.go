package gevent_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/greenlet"
)

func TestAGreenletBeginsAfresh(t *testing.T) {
	t.Run("T009 a panic is reported once, and whoever joins or asks learns of it", func(t *testing.T) {
		reports := 0
		require.NoError(t, gevent.Run(func() {
			g := gevent.Spawn(explode)
			joiner := gevent.Spawn(func() { gevent.JoinAll(g) })
			require.NoError(t, joiner.Get())
			require.ErrorContains(t, g.Get(), "kaboom")
		}, virtual(), gevent.WithErrorHook(func(where string, err error) {
			require.Contains(t, where, "Greenlet-1")
			reports++
		})))
		require.Equal(t, 1, reports)
	})
	test(t, "T022 it is never dead while it is switched to, not even for the first time", func(t *testing.T) {
		switches := 0
		previous := greenlet.SetTrace(func(_ greenlet.Event, _, target *greenlet.Greenlet) error {
			switches++
			require.False(t, target.Dead())
			return nil
		})
		defer func() { greenlet.SetTrace(previous) }()
		g := gevent.Spawn(func() {
			require.False(t, gevent.Current().Dead())
			_, _ = greenlet.New(func() { require.False(t, greenlet.Current().Dead()) }).Switch()
		})
		raw := gevent.SpawnRaw(func() {})
		g.Join()
		gevent.Sleep(0)
		require.Positive(t, switches)
		require.True(t, g.Dead() && raw.Dead())
	})
	test(t, "T025 it has no panic of its spawner's in flight", func(t *testing.T) {
		var inside any = "not set"
		func() {
			defer func() {
				g := gevent.Spawn(func() { defer func() { inside = recover() }() })
				g.Join()
				require.Equal(t, "kaboom", recover())
			}()
			explode()
		}()
		require.Nil(t, inside)
	})
	test(t, "T213 what is local to its spawner is not its own", func(t *testing.T) {
		var local greenlet.Local[int]
		local.Set(1)
		gevent.Spawn(func() {
			_, ok := local.Get()
			require.False(t, ok)
			local.Set(2)
		}).Join()
		v, _ := local.Get()
		require.Equal(t, 1, v)
	})
}

func TestBudgetsOfAllocations(t *testing.T) {
	if testing.AllocsPerRun(10, func() { gevent.Current() }) > 0 {
		t.Skip("here it costs allocations to find out which goroutine calls")
	}
	run(t, func() {
		f := func() {}
		gevent.Spawn(f).Join()
		require.LessOrEqual(t, testing.AllocsPerRun(100, func() { gevent.Spawn(f); gevent.Sleep(0) }), 1.0, "Spawn")
		require.LessOrEqual(t, testing.AllocsPerRun(100, func() { gevent.Spawn(f).Join() }), 1.0, "Spawn, and Join for nothing")
		gs := make([]*gevent.Greenlet, 100)
		require.LessOrEqual(t, testing.AllocsPerRun(10, func() {
			for i := range gs {
				gs[i] = gevent.Spawn(f)
			}
			gevent.JoinAll(gs...)
		}), 100+4.0, "JoinAll")
		sleep := func() error { gevent.Sleep(time.Millisecond); return nil }
		require.LessOrEqual(t, testing.AllocsPerRun(10, func() { _ = gevent.WithTimeout(time.Second, sleep) }), 1.0, "WithTimeout")
	})
}
