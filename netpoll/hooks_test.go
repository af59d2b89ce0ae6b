package netpoll_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

func TestHooks(t *testing.T) {
	t.Run("stand round the poll, after the entries", func(t *testing.T) {
		l, c := newVirtual(t)
		var got recorder
		// In another order than they are called.
		check := l.AddCheck(func() { got.add("check at " + l.Time().String())() })
		prepare := l.AddPrepare(got.add("prepare"))
		idle := l.AddIdle(got.add("idle"))
		l.CallLater(time.Second, func() {
			got.add("timer at " + c.Now().String())()
			require.True(t, idle.Remove())
			require.True(t, prepare.Remove())
			require.True(t, check.Remove())
		})
		l.CallSoon(got.add("soon"))
		require.NoError(t, l.Run())
		require.Equal(t, recorder{
			"idle", "prepare", "check at 0s", "soon",
			"idle", "prepare", "check at 0s", "timer at 1s",
		}, got)
	})
	t.Run("are called in every iteration, also of a busy queue", func(t *testing.T) {
		l := newLoop(t)
		var got recorder
		l.AddPrepare(got.add("prepare")).Unref()
		l.AddCheck(got.add("check")).Unref()
		n := 0
		var again func()
		again = func() {
			if got.add("entry")(); n < 3 {
				n++
				l.CallSoon(again)
			}
		}
		again()
		require.NoError(t, l.Run())
		require.Equal(t, recorder{
			"entry", "prepare", "check", "entry", "prepare", "check", "entry", "prepare", "check", "entry",
		}, got)
		require.Equal(t, 2, l.Stats().Hooks)
	})
	t.Run("of a kind are called in the order of adding", func(t *testing.T) {
		l := newLoop(t)
		var got recorder
		a := l.AddPrepare(got.add("a"))
		l.AddPrepare(got.add("b"))
		l.AddPrepare(got.add("c"))
		require.True(t, a.Remove())
		require.False(t, a.Remove())
		l.AddPrepare(got.add("a again"))
		l.CallSoon(func() {})
		require.True(t, l.RunOnce())
		require.Equal(t, recorder{"b", "c", "a again"}, got)
	})
	t.Run("may be added and removed by hooks", func(t *testing.T) {
		l := newLoop(t)
		var got recorder
		var first, third *netpoll.Hook
		first = l.AddIdle(func() {
			got.add("first")()
			require.True(t, first.Remove())
			require.True(t, third.Remove())
			l.AddIdle(got.add("new"))
			l.AddPrepare(got.add("prepare")) // another kind, still to come
		})
		l.AddIdle(got.add("second"))
		third = l.AddIdle(got.add("third"))
		require.True(t, l.RunOnce())
		require.Equal(t, recorder{"first", "second", "prepare"}, got)
		got = nil
		require.True(t, l.RunOnce())
		require.Equal(t, recorder{"second", "new", "prepare"}, got)
		require.Equal(t, 3, l.Stats().Hooks)
	})
	t.Run("that panic leave the loop intact", func(t *testing.T) {
		l, c := newVirtual(t)
		for name, add := range map[string]func(func()) *netpoll.Hook{"idle": l.AddIdle, "prepare": l.AddPrepare, "check": l.AddCheck} {
			var got recorder
			start := c.Now()
			panics := true
			l.CallLater(time.Second, func() { got.add("timer")(); l.Stop() })
			h := add(func() {
				if panics {
					panics = false
					panic(name)
				}
			})
			after := add(got.add("next hook"))
			require.PanicsWithValue(t, name, func() { l.Run() })
			require.Empty(t, got)
			require.NoError(t, l.Run())
			require.Contains(t, got, "timer")
			require.Contains(t, got, "next hook")
			require.Equal(t, start+time.Second, c.Now())
			require.True(t, h.Remove())
			require.True(t, after.Remove())
		}
		require.False(t, l.Turn())
	})
	t.Run("may make entries ready", func(t *testing.T) {
		l := newLoop(t)
		var got recorder
		ticks := 0
		l.AddPrepare(func() {
			if ticks++; ticks == 1 {
				l.CallSoon(got.add("of prepare"))
			}
		}).Unref()
		l.AddCheck(func() {
			if ticks == 1 {
				l.CallSoon(got.add("of check"))
			}
		}).Unref()
		require.NoError(t, l.Post(got.add("posted")))
		require.NoError(t, l.Run())
		require.Equal(t, recorder{"of prepare", "of check", "posted"}, got)
	})
	t.Run("keep the loop, unless unreferenced", func(t *testing.T) {
		for _, add := range []func(*netpoll.Loop, func()) *netpoll.Hook{
			(*netpoll.Loop).AddIdle, (*netpoll.Loop).AddPrepare, (*netpoll.Loop).AddCheck,
		} {
			l := newLoop(t)
			n := 0
			h := add(l, func() { n++ })
			h.Unref()
			require.False(t, l.Turn())
			require.Zero(t, n, "the loop is at its end")
			h.Ref()
			require.NoError(t, l.Post(func() {}))
			require.True(t, l.RunOnce())
			require.Equal(t, 1, n)
			require.NoError(t, l.RunUntilBlocked())
			require.True(t, h.Remove())
			require.False(t, l.Turn())
		}
	})
	t.Run("must not run the loop", func(t *testing.T) {
		l := newLoop(t)
		h := l.AddIdle(func() {
			require.PanicsWithValue(t, "netpoll.Turn: called by a hook; let the hook return to the loop instead of running it",
				func() { l.Turn() })
			require.Panics(t, func() { l.RunOnce() })
			require.Panics(t, func() { l.Close() })
		})
		require.True(t, l.RunOnce())
		require.True(t, l.Turn())
		require.True(t, h.Remove())
		require.PanicsWithValue(t, "netpoll.AddIdle: nil function; pass the function that is to be run", func() { l.AddIdle(nil) })
	})
	t.Run("do not change the order of anything", func(t *testing.T) {
		for seed := range uint64(50) {
			want := play(seed, &model{cancelled: map[int]bool{}})
			l, c := newVirtual(t)
			calls := 0
			for _, add := range []func(func()) *netpoll.Hook{l.AddIdle, l.AddPrepare, l.AddCheck} {
				add(func() { calls++ }).Unref()
			}
			got := play(seed, &real{Loop: l, clock: c, handles: map[int]*netpoll.Handle{}})
			require.Equal(t, want, got, "seed %d", seed)
			require.Positive(t, calls)
		}
	})
	t.Run("end with the loop", func(t *testing.T) {
		l := newLoop(t)
		h := l.AddCheck(func() { t.Error("called after Close") })
		require.NoError(t, l.Close())
		require.False(t, h.Remove())
		h.Unref()
		require.Zero(t, l.Stats().Hooks)
		require.Panics(t, func() { l.AddCheck(func() {}) })
	})
}

func TestIdleHooks(t *testing.T) {
	t.Run("keep the poll from waiting", func(t *testing.T) {
		l := newLoop(t)
		n := 0
		l.AddIdle(func() {
			if n++; n == 1000 {
				l.Stop()
			}
		})
		l.CallLater(time.Hour, func() { t.Error("waited") })
		require.NoError(t, l.Run())
		require.Equal(t, 1000, n)
		require.Zero(t, l.Stats().Waits)
	})
	t.Run("let timers fire", func(t *testing.T) {
		l := newLoop(t)
		h := l.AddIdle(func() {})
		fired := false
		l.CallLater(5*time.Millisecond, func() { fired = true; h.Remove() })
		require.NoError(t, l.Run())
		require.True(t, fired)
	})
	t.Run("that do not keep the loop end with the rest", func(t *testing.T) {
		l, c := newVirtual(t)
		n := 0
		l.AddIdle(func() { n++ }).Unref()
		l.CallLater(time.Minute, func() {})
		require.NoError(t, l.Run())
		require.Equal(t, time.Minute, c.Now())
		require.Positive(t, n)
	})
	t.Run("do not let a virtual clock jump over what is posted", func(t *testing.T) {
		l, c := newVirtual(t)
		var got recorder
		l.AddIdle(func() {}).Unref()
		l.Ref()
		l.CallLater(time.Hour, got.add("timer"))
		time.AfterFunc(5*time.Millisecond, func() {
			l.Post(func() { l.Unref(); got.add("posted at " + c.Now().String())() })
		})
		require.NoError(t, l.Run())
		require.Equal(t, recorder{"posted at 0s", "timer"}, got)
	})
	t.Run("removed by a prepare hook let the poll pass", func(t *testing.T) {
		l := newLoop(t)
		h := l.AddIdle(func() {})
		var prepare *netpoll.Hook
		prepare = l.AddPrepare(func() { h.Remove(); prepare.Remove() })
		require.NoError(t, l.Run())
	})
}
