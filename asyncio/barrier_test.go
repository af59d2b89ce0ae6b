package asyncio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// requireBarrier looks at what the String of a barrier ends with.
func requireBarrier(t *testing.T, b *asyncio.Barrier, state string) {
	t.Helper()
	require.Contains(t, b.String(), fmt.Sprintf(" [%s]>", state))
}

func TestBarrier(t *testing.T) {
	syncTest(t, "BR-01 N28 a barrier is for one or more", func(t *testing.T, c ctx) {
		for _, n := range []int{0, -4} {
			require.PanicsWithValue(t, fmt.Sprintf("asyncio.NewBarrier: there are %d parties; give it how many have to come, 1 or more", n), func() { asyncio.NewBarrier(n) })
		}
		b := asyncio.NewBarrier(1)
		for range 2 {
			ticks := 0
			asyncio.RunningLoop(c).CallSoon(func() { ticks++ })
			index, err := b.Wait(c)
			require.NoError(t, err)
			require.Zero(t, index)
			require.Zero(t, ticks, "it does not wait")
			requireBarrier(t, b, "filling, waiters:0/1")
		}
	})
	syncTest(t, "BR-01 each gets an index, twice", func(t *testing.T, c ctx) {
		b := asyncio.NewBarrier(5)
		require.Equal(t, 5, b.Parties())
		for range 2 {
			var got []int
			n := 0
			ts := syncSpawn(c, 5, func(c ctx, _ int) error {
				require.Equal(t, n, b.NWaiting())
				n++
				index, err := b.Wait(c)
				require.Zero(t, b.NWaiting(), "it counts who waits only")
				got = append(got, index)
				return err
			})
			require.NoError(t, syncJoin(c, ts...))
			slices.Sort(got)
			require.Equal(t, []int{0, 1, 2, 3, 4}, got)
			requireBarrier(t, b, "filling, waiters:0/5")
		}
	})
	syncTest(t, "BR-01 it drains until the last one is out", func(t *testing.T, c ctx) {
		b := asyncio.NewBarrier(3)
		var states []string
		ts := syncSpawn(c, 3, func(c ctx, _ int) error {
			_, err := b.Wait(c)
			states = append(states, b.String()[len(b.String())-len("[filling, waiters:0/3]>"):])
			return err
		})
		require.NoError(t, syncJoin(c, ts...))
		require.Equal(t, []string{"[draining, waiters:0/3]>"[1:], "[draining, waiters:0/3]>"[1:], "[filling, waiters:0/3]>"}, states)
	})
	syncTest(t, "BR-01 who is cancelled leaves, and one more has to come", func(t *testing.T, c ctx) {
		b := asyncio.NewBarrier(3)
		ts := syncSpawn(c, 2, func(c ctx, _ int) error { _, err := b.Wait(c); return err })
		require.NoError(t, yield(c, 2))
		require.Equal(t, 2, b.NWaiting())
		ts[0].Cancel()
		require.NoError(t, syncJoin(c, ts[0]))
		require.True(t, ts[0].Cancelled())
		require.Equal(t, 1, b.NWaiting())
		require.False(t, b.Broken())
		ts = append(ts[1:], syncSpawn(c, 2, func(c ctx, _ int) error { _, err := b.Wait(c); return err })...)
		require.NoError(t, syncJoin(c, ts...))
		requireBarrier(t, b, "filling, waiters:0/3")
	})
	syncTest(t, "BR-01 who comes while it drains is of the next round", func(t *testing.T, c ctx) {
		b := asyncio.NewBarrier(2)
		var got trace
		ts := syncSpawn(c, 4, func(c ctx, i int) error {
			index, err := b.Wait(c)
			got.add(i, " ", index)
			return err
		})
		require.NoError(t, syncJoin(c, ts...))
		require.Equal(t, trace{"1 1", "0 0", "3 1", "2 0"}, got)
	})
	syncTest(t, "BR-02 Reset breaks the waits of those inside only", func(t *testing.T, c ctx) {
		b := asyncio.NewBarrier(3)
		requireWaits := func(ts []*task, want error) {
			t.Helper()
			for _, w := range ts {
				_, err := w.Await(c)
				require.ErrorIs(t, err, want)
			}
		}
		wait := func(c ctx, _ int) error { _, err := b.Wait(c); return err }
		ts := syncSpawn(c, 2, wait)
		require.NoError(t, yield(c, 2))
		b.Reset()
		requireBarrier(t, b, "resetting, waiters:0/3")
		late := syncSpawn(c, 2, wait) // come while it is reset
		requireWaits(ts, asyncio.ErrBrokenBarrier)
		_, err := ts[0].Result()
		require.EqualError(t, err, "asyncio.Barrier.Wait: the barrier is broken: it was aborted or reset meanwhile")
		require.False(t, b.Broken())
		require.NoError(t, yield(c, 5))
		require.Equal(t, 2, b.NWaiting())
		index, err := b.Wait(c)
		require.NoError(t, err)
		require.Equal(t, 2, index)
		requireWaits(late, nil)
		b.Reset() // an empty one
		requireBarrier(t, b, "filling, waiters:0/3")
	})
	syncTest(t, "BR-02 Reset by one who goes out while it drains", func(t *testing.T, c ctx) {
		b := asyncio.NewBarrier(3)
		broken, resets := 0, 0
		ts := syncSpawn(c, 3, func(c ctx, _ int) error {
			index, err := b.Wait(c)
			if errors.Is(err, asyncio.ErrBrokenBarrier) {
				broken++
				return nil
			}
			if index == 2 {
				resets++
				b.Reset()
			}
			return err
		})
		require.NoError(t, syncJoin(c, ts...))
		require.Equal(t, []int{1, 2}, []int{resets, broken}, "those who were not out yet")
		requireBarrier(t, b, "filling, waiters:0/3")
	})
	syncTest(t, "BR-03 Abort breaks the barrier until a Reset", func(t *testing.T, c ctx) {
		b, other := asyncio.NewBarrier(3), asyncio.NewBarrier(2)
		ts := syncSpawn(c, 2, func(c ctx, _ int) error {
			_, err := b.Wait(c)
			require.ErrorIs(t, err, asyncio.ErrBrokenBarrier)
			require.True(t, b.Broken())
			_, err = b.Wait(c)
			require.EqualError(t, err, "asyncio.Barrier.Wait: the barrier is broken: it was aborted")
			index, err := other.Wait(c)
			if index == 1 {
				b.Reset()
			}
			if _, e := other.Wait(c); e != nil {
				return e
			}
			_, e := b.Wait(c)
			return errors.Join(err, e)
		})
		require.NoError(t, yield(c, 2))
		b.Abort()
		requireBarrier(t, b, "broken")
		require.NoError(t, yield(c, 12))
		require.Equal(t, 2, b.NWaiting())
		require.False(t, b.Broken())
		_, err := b.Wait(c)
		require.NoError(t, err)
		require.NoError(t, syncJoin(c, ts...))
	})
	syncTest(t, "BR-03 one whose work has failed aborts the next round", func(t *testing.T, c ctx) {
		b := asyncio.NewBarrier(3)
		broken := 0
		ts := syncSpawn(c, 3, func(c ctx, i int) error {
			if _, err := b.Wait(c); err != nil {
				return err
			}
			if i == 1 {
				b.Abort()
				return nil
			}
			_, err := b.Wait(c)
			if errors.Is(err, asyncio.ErrBrokenBarrier) {
				broken++
				return nil
			}
			return err
		})
		require.NoError(t, syncJoin(c, ts...))
		require.Equal(t, 2, broken)
		requireBarrier(t, b, "broken")
	})
	t.Run("a killed greenlet leaves as a cancelled task does", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() {
			b := asyncio.NewBarrier(2)
			wait := func() error { _, err := b.Wait(context.Background()); return err }
			g := gevent.Spawn(wait)
			gevent.Sleep(0)
			require.Equal(t, 1, b.NWaiting())
			g.Kill()
			require.Zero(t, b.NWaiting())
			one, two := gevent.Spawn(wait), gevent.Spawn(wait)
			gevent.JoinAll(one, two)
			require.True(t, one.Successful() && two.Successful())
		}))
	})
}
