package gevent_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
)

func TestShuffleFindsWhatReliesOnTheOrderOfGreenlets(t *testing.T) {
	order := func(seed uint64) (runs []int) {
		require.NoError(t, gevent.Run(func() {
			var gs []*gevent.Greenlet
			for i := range 8 {
				gs = append(gs, gevent.Spawn(func() { runs = append(runs, i) }))
			}
			gevent.JoinAll(gs...)
		}, gevent.WithShuffle(seed)))
		return runs
	}
	first := make(map[int]bool)
	for seed := range uint64(50) {
		runs := order(seed)
		require.Equal(t, runs, order(seed), "the same seed gives the same order")
		first[runs[0]] = true
		slices.Sort(runs)
		require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7}, runs)
	}
	require.Len(t, first, 8)
}
