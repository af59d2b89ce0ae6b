package store_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/store"
)

func TestAFifoGivesTheOldestFirstHoweverItGrowsAndShrinks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var s store.Fifo[int]
	var model []int
	next := 0
	for range 50 {
		for range r.IntN(3000) {
			s.Push(next)
			model = append(model, next)
			next++
		}
		for range r.IntN(len(model) + 1) {
			require.Equal(t, model[0], s.Peek())
			require.Equal(t, model[0], s.Pop())
			model = model[1:]
		}
		require.Equal(t, len(model), s.Len())
		require.Equal(t, append([]int{}, model...), s.Items())
	}
}

// ways are the Stores, and which of the items that are there each gives first.
var ways = map[string]struct {
	make  func(...int) store.Store[int]
	first func([]int) int // its index
}{
	"Lifo": {func(items ...int) store.Store[int] {
		s := new(store.Lifo[int])
		for _, v := range items {
			s.Push(v)
		}
		return s
	}, func(items []int) int { return len(items) - 1 }},
	"Priority": {func(items ...int) store.Store[int] {
		return store.NewPriority(cmp.Less[int], items)
	}, func(items []int) int { return slices.Index(items, slices.Min(items)) }},
}

func TestAStoreGivesItsItemsInItsOrder(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			model := r.Perm(40)
			s := way.make(model...)
			for next := 40; next < 2000; next++ {
				if len(model) == 0 || r.IntN(2) == 0 {
					v := next * 7919 % 2003
					s.Push(v)
					model = append(model, v)
				} else {
					i := way.first(model)
					require.Equal(t, model[i], s.Peek())
					require.Equal(t, model[i], s.Pop())
					model = slices.Delete(model, i, i+1)
				}
				require.Equal(t, len(model), s.Len())
			}
		})
	}
}

func TestACloneGoesItsOwnWay(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			s := way.make(1, 2, 3)
			c := s.Clone()
			s.Clear()
			s.Push(4)
			require.Equal(t, 1, s.Len())
			require.Equal(t, 3, c.Len())
			left := []int{c.Pop(), c.Pop(), c.Pop()}
			slices.Sort(left)
			require.Equal(t, []int{1, 2, 3}, left)
		})
	}
}

// bad is a thing whose comparison fails.
const bad = -1

func TestAPanicOfLessLeavesThePriorityAsItWas(t *testing.T) {
	less := func(a, b int) bool {
		if a == bad {
			panic("bad")
		}
		return a < b
	}
	s := store.NewPriority(less, []int{5, 3, 4})
	require.Panics(t, func() { s.Push(bad) })
	require.Equal(t, []int{3, 4, 5}, []int{s.Pop(), s.Pop(), s.Pop()})
	require.Zero(t, s.Len())
}
