package netpoll_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

func TestCallWhenBlocked(t *testing.T) {
	t.Run("comes when nothing is ready, before a virtual clock jumps", func(t *testing.T) {
		l, c := newVirtual(t)
		var got recorder
		n := 0
		var again func()
		again = func() {
			if n++; n < 200 {
				l.CallSoon(again)
			}
		}
		l.CallSoon(again)
		l.CallLater(0, func() { require.NoError(t, l.Post(got.add("posted"))) })
		l.CallLater(time.Second, got.add("timer"))
		l.CallWhenBlocked(func() { got.add("blocked at " + c.Now().String())() })
		require.Equal(t, 1, l.Stats().Blocked)
		require.NoError(t, l.Run())
		require.Equal(t, recorder{"posted", "blocked at 0s", "timer"}, got)
		require.Equal(t, 200, n)
		require.Zero(t, l.Stats().Blocked)
	})
	t.Run("comes before the end of the loop", func(t *testing.T) {
		l := newLoop(t)
		var got recorder
		l.CallWhenBlocked(func() { got.add("blocked")(); l.CallSoon(got.add("and on")) })
		l.CallSoon(got.add("soon"))
		require.NoError(t, l.Run())
		require.Equal(t, recorder{"soon", "blocked", "and on"}, got)
	})
	t.Run("serves all in order, and none twice", func(t *testing.T) {
		l, _ := newVirtual(t)
		var got recorder
		for _, s := range []string{"a", "b", "c"} {
			l.CallWhenBlocked(func() {
				got.add(s)()
				l.CallSoon(got.add("soon of " + s))
				l.CallWhenBlocked(got.add("blocked again of " + s))
			})
		}
		l.CallLater(time.Second, got.add("timer"))
		require.NoError(t, l.Run())
		require.Equal(t, recorder{
			"a", "b", "c", "soon of a", "soon of b", "soon of c",
			"blocked again of a", "blocked again of b", "blocked again of c", "timer",
		}, got)
	})
	t.Run("can be taken back", func(t *testing.T) {
		l, _ := newVirtual(t)
		var got recorder
		h := l.CallWhenBlocked(got.add("cancelled"))
		var other *netpoll.Handle
		l.CallWhenBlocked(func() { other.Cancel() })
		other = l.CallWhenBlocked(got.add("cancelled by another"))
		h.Cancel()
		l.CallLater(time.Second, got.add("timer"))
		require.NoError(t, l.Run())
		require.Equal(t, recorder{"timer"}, got)
	})
	t.Run("comes while the loop waits for others", func(t *testing.T) {
		l := newLoop(t)
		l.Ref()
		l.CallWhenBlocked(func() { go l.Post(l.Unref) })
		require.NoError(t, l.Run())
	})
	t.Run("takes no idle hook for something to do", func(t *testing.T) {
		l, c := newVirtual(t)
		n := 0
		l.AddIdle(func() { n++ })
		l.CallLater(time.Second, func() { t.Error("jumped") })
		l.CallWhenBlocked(l.Stop)
		require.NoError(t, l.Run())
		require.Zero(t, c.Now())
		require.Positive(t, n)
	})
	t.Run("is dropped by Close", func(t *testing.T) {
		l := newLoop(t)
		l.CallWhenBlocked(func() { t.Error("ran after Close") })
		require.NoError(t, l.Close())
		require.Panics(t, func() { l.CallWhenBlocked(func() {}) })
		require.Panics(t, func() { newLoop(t).CallWhenBlocked(nil) })
	})
}

func TestRunUntilBlocked(t *testing.T) {
	t.Run("does all that can be done at this time", func(t *testing.T) {
		l, c := newVirtual(t)
		var got recorder
		l.CallSoon(func() {
			got.add("soon")()
			l.CallSoon(got.add("next"))
			require.NoError(t, l.Post(got.add("posted")))
		})
		l.CallLater(0, got.add("timer now"))
		l.CallLater(time.Second, got.add("timer later"))
		l.CallWhenBlocked(func() { got.add("blocked")(); l.CallSoon(got.add("of blocked")) })
		require.NoError(t, l.RunUntilBlocked())
		require.Equal(t, recorder{"soon", "timer now", "next", "posted", "blocked", "of blocked"}, got)
		require.Zero(t, c.Now())

		got = nil
		c.Advance(time.Second)
		require.NoError(t, l.RunUntilBlocked())
		require.Equal(t, recorder{"timer later"}, got)
		require.NoError(t, l.RunUntilBlocked())
		require.Equal(t, recorder{"timer later"}, got)
	})
	t.Run("does not wait for a promised Post", func(t *testing.T) {
		l := newLoop(t)
		l.Ref()
		require.NoError(t, l.RunUntilBlocked())
		require.Zero(t, l.Stats().Waits)
		l.Unref()
	})
	t.Run("returns after Stop", func(t *testing.T) {
		l := newLoop(t)
		n := 0
		var again func()
		again = func() {
			if n++; n == 10 {
				l.Stop()
			}
			l.CallSoon(again)
		}
		l.CallSoon(again)
		require.NoError(t, l.RunUntilBlocked())
		require.Equal(t, 10, n)
	})
	t.Run("passes a panic on", func(t *testing.T) {
		l := newLoop(t)
		l.CallSoon(func() { panic("x") })
		require.PanicsWithValue(t, "x", func() { l.RunUntilBlocked() })
		require.NoError(t, l.RunUntilBlocked())
	})
	t.Run("must be called from outside", func(t *testing.T) {
		l := newLoop(t)
		l.CallSoon(func() { require.Panics(t, func() { l.RunUntilBlocked() }) })
		require.NoError(t, l.RunUntilBlocked())
		require.NoError(t, l.Close())
		require.ErrorIs(t, l.RunUntilBlocked(), netpoll.ErrClosed)
	})
}

func TestVirtualClockThatDoesNotJump(t *testing.T) {
	t.Run("moves by hand", func(t *testing.T) {
		l, c := newVirtual(t)
		c.SetAutojump(false)
		var got recorder
		for _, d := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second} {
			l.CallLater(d, got.add(d.String()))
		}
		require.NoError(t, l.RunUntilBlocked())
		require.Empty(t, got)
		c.Advance(2 * time.Second)
		require.NoError(t, l.RunUntilBlocked())
		require.Equal(t, recorder{"1s", "2s"}, got)
		c.SetAutojump(true)
		require.NoError(t, l.Run())
		require.Equal(t, recorder{"1s", "2s", "3s"}, got)
		require.Equal(t, 3*time.Second, c.Now())
	})
	t.Run("moves by another goroutine, which wakes the loop", func(t *testing.T) {
		const steps = 2000
		l, c := newVirtual(t)
		c.SetAutojump(false)
		n := 0
		for i := range steps {
			l.CallAt(time.Duration(i+1)*time.Millisecond, func() { n++ })
		}
		within(t, time.Minute, func() {
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range steps {
					c.Advance(time.Millisecond)
				}
			}()
			l.Run()
			<-done
		})
		require.Equal(t, steps, n)
		require.Equal(t, steps*time.Millisecond, c.Now())
	})
	t.Run("jumps when that is allowed again", func(t *testing.T) {
		l, c := newVirtual(t)
		c.SetAutojump(false)
		l.CallLater(time.Hour, l.Stop)
		within(t, time.Minute, func() {
			time.AfterFunc(5*time.Millisecond, func() { c.SetAutojump(true) })
			l.Run()
		})
		require.Equal(t, time.Hour, c.Now())
	})
	t.Run("may outlive its loop, or wait for it", func(t *testing.T) {
		c := netpoll.NewVirtualClock()
		c.SetAutojump(false)
		c.Advance(time.Second)
		l := newLoop(t, netpoll.WithClock(c))
		require.Equal(t, time.Second, l.Time())
		require.NoError(t, l.Close())
		c.Advance(time.Second)
		require.Equal(t, 2*time.Second, c.Now())
	})
}
