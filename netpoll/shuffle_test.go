package netpoll_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// An item is an entry that notes its turn.
type item struct {
	n    int
	runs *[]int
	then func()
}

func (i *item) RunReady() {
	*i.runs = append(*i.runs, i.n)
	if i.then != nil {
		i.then()
	}
}

func TestShuffle(t *testing.T) {
	order := func(t *testing.T, n int, opts ...netpoll.Option) (runs []int) {
		l := newLoop(t, opts...)
		for i := range n {
			l.Enqueue(&item{n: i, runs: &runs})
		}
		require.NoError(t, l.Run())
		return runs
	}
	sorted := func(n int) (all []int) {
		for i := range n {
			all = append(all, i)
		}
		return all
	}
	debug := netpoll.WithDebug(netpoll.Debug{SlowCallback: time.Hour})
	t.Run("is another order for another seed, and the same for the same", func(t *testing.T) {
		seen := make(map[int]bool) // the first of each order
		for seed := range uint64(50) {
			runs := order(t, 10, netpoll.WithShuffle(seed, nil))
			require.Equal(t, runs, order(t, 10, netpoll.WithShuffle(seed, nil)))
			require.Equal(t, runs, order(t, 10, netpoll.WithShuffle(seed, nil), debug))
			seen[runs[0]] = true
			require.ElementsMatch(t, sorted(10), runs, "each runs once")
		}
		require.Len(t, seen, 10, "each is the first for some seed")
	})
	t.Run("moves only what may move", func(t *testing.T) {
		even := func(r netpoll.Runner) bool { return r.(*item).n%2 == 0 }
		moved := false
		for seed := range uint64(20) {
			runs := order(t, 20, netpoll.WithShuffle(seed, even))
			for i := 1; i < 20; i += 2 {
				require.Equal(t, i, runs[i])
			}
			moved = moved || !slices.IsSorted(runs)
		}
		require.True(t, moved)
	})
	t.Run("stays within an iteration", func(t *testing.T) {
		for seed := range uint64(20) {
			l := newLoop(t, netpoll.WithShuffle(seed, nil))
			var runs []int
			for i := range 10 {
				l.Enqueue(&item{n: i, runs: &runs, then: func() {
					l.Enqueue(&item{n: 10 + i, runs: &runs})
				}})
			}
			require.NoError(t, l.Run())
			require.ElementsMatch(t, sorted(10), runs[:10])
			require.Len(t, runs, 20)
			require.False(t, slices.IsSorted(runs[10:]) && slices.IsSorted(runs[:10]))
		}
	})
	t.Run("is of a whole iteration, also of one that is cut", func(t *testing.T) {
		late := 0
		for seed := range uint64(20) {
			runs := order(t, 40, netpoll.WithShuffle(seed, nil), netpoll.WithBudget(4))
			require.ElementsMatch(t, sorted(40), runs)
			if slices.Index(runs, 0) >= 4 {
				late++
			}
		}
		require.Positive(t, late, "the oldest is not always in the first piece")
	})
}
