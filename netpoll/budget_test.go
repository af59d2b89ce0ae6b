package netpoll_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

func TestBudget(t *testing.T) {
	t.Run("of a queue that always refills lets a timer in", func(t *testing.T) {
		for _, budget := range []int{1, 7, 100, netpoll.DefaultBudget} {
			c := netpoll.NewVirtualClock()
			l := newLoop(t, netpoll.WithClock(c), netpoll.WithBudget(budget))
			n, due := 0, 0
			var again func()
			again = func() {
				switch n++; {
				case n == 10_000:
					c.Advance(time.Second)
					due = n
					l.CallSoon(again)
				case l.Stats().Timers > 0:
					l.CallSoon(again)
				}
			}
			l.CallSoon(again)
			l.CallLater(time.Second, func() { require.LessOrEqual(t, n-due, budget+1) })
			require.NoError(t, l.Run())
			require.Positive(t, due)
		}
	})
	// Each entry of a large iteration adds one, so that what is noticed at its end
	// has them all before it.
	t.Run("of a million entries lets a timer and a Post in among them", func(t *testing.T) {
		const entries = 1_000_000
		l, c := newVirtual(t)
		n, timer, posted := 0, 0, 0
		var each runner
		each = func() {
			if n++; n == entries/2 {
				c.Advance(time.Second)
				require.NoError(t, l.Post(func() { posted = n }))
			}
			if n <= entries {
				l.Enqueue(each)
			}
		}
		l.CallLater(time.Second, func() { timer = n })
		for range entries {
			l.Enqueue(each)
		}
		require.True(t, l.RunOnce())
		require.Equal(t, entries, n, "one iteration")
		require.Zero(t, timer)
		require.True(t, l.RunOnce())
		// Ahead of it were the rest of the iteration, and what had been added up to
		// the next cut.
		require.GreaterOrEqual(t, timer, entries+entries/2)
		require.LessOrEqual(t, timer, entries+entries/2+netpoll.DefaultBudget)
		require.Equal(t, posted, timer)
		require.Equal(t, 2*entries, n)
		require.GreaterOrEqual(t, l.Stats().Cuts, uint64(entries/netpoll.DefaultBudget))
	})
	t.Run("does not change the order, nor what an iteration is", func(t *testing.T) {
		run := func(opts ...netpoll.Option) (got []int, batches []int) {
			l := newLoop(t, opts...)
			id := 0
			var add func()
			add = func() {
				id++
				mine := id
				l.CallSoon(func() {
					got = append(got, mine)
					batches = append(batches, l.Batch())
					for range mine % 3 {
						if id < 2000 {
							add()
						}
					}
				})
			}
			for range 300 {
				add()
			}
			require.NoError(t, l.Run())
			return got, batches
		}
		got, batches := run(netpoll.WithBudget(1))
		again, againBatches := run(netpoll.WithBudget(1 << 30))
		require.Equal(t, again, got)
		require.Equal(t, againBatches, batches)
		again, againBatches = run(netpoll.WithBudget(17))
		require.Equal(t, again, got)
		require.Equal(t, againBatches, batches)
	})
	t.Run("is seen by embedders as a Turn that is due", func(t *testing.T) {
		l := newLoop(t, netpoll.WithBudget(10))
		for range 25 {
			l.Enqueue(runner(func() {}))
		}
		var got []int
		for l.Turn() {
			n := 0
			for l.Next() != nil {
				n++
			}
			got = append(got, n)
		}
		require.Equal(t, []int{10, 10, 5}, got)
		s := l.Stats()
		require.Equal(t, uint64(25), s.Entries)
		require.Equal(t, uint64(2), s.Cuts)
		require.Zero(t, s.Ready)
	})
	t.Run("survives a panic", func(t *testing.T) {
		l := newLoop(t, netpoll.WithBudget(10))
		n := 0
		for i := range 30 {
			l.CallSoon(func() {
				if n++; i == 9 || i == 15 {
					panic(i)
				}
			})
		}
		require.PanicsWithValue(t, 9, func() { l.RunOnce() })
		require.Equal(t, 20, l.Batch())
		require.PanicsWithValue(t, 15, func() { l.RunOnce() })
		require.True(t, l.RunOnce())
		require.Equal(t, 30, n)
		require.False(t, l.RunOnce())
	})
	t.Run("lets Stop wait for the end of the iteration", func(t *testing.T) {
		l := newLoop(t, netpoll.WithBudget(10))
		n := 0
		for range 25 {
			l.CallSoon(func() { n++; l.Stop(); l.CallSoon(func() { n += 1000 }) })
		}
		require.NoError(t, l.Run())
		require.Equal(t, 25, n)
	})
	t.Run("is at least one", func(t *testing.T) {
		require.PanicsWithValue(t, "netpoll.WithBudget: a budget of less than one entry; pass 1 or more",
			func() { netpoll.WithBudget(0) })
	})
}
