package baton_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/baton"
)

func TestResumeRunsTheOtherFiberAndReturnsWhenItIsResumedItself(t *testing.T) {
	th, root := enter(t)
	var l log
	f := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
		l.add("f begins")
		f.Resume(root)
		l.add("f goes on")
		return root
	}))
	require.Empty(t, l.entries, "a carrier must not run before it is resumed")
	l.add("root resumes")
	root.Resume(f)
	l.add("root is back")
	root.Resume(f)
	l.add("root is back again")
	require.Equal(t, []string{
		"root resumes", "f begins", "root is back", "f goes on", "root is back again",
	}, l.take())
}

func TestFibersOfARingResumeEachOtherInOrder(t *testing.T) {
	const rounds = 20
	for _, n := range []int{1, 2, 3, 10, 257} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			keepsGoroutines(t)
			th, root := enter(t)
			ring := make([]*baton.Fiber, n)
			var order []int
			for i := range ring {
				ring[i] = th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
					next := root
					if i < n-1 {
						next = ring[i+1]
					}
					for range rounds {
						order = append(order, i)
						f.Resume(next)
					}
					return next
				}))
			}
			for range rounds + 1 {
				root.Resume(ring[0])
			}
			require.Len(t, order, rounds*n)
			for k, i := range order {
				require.Equal(t, k%n, i, "step %d", k)
			}
		})
	}
}

// In a chain each fiber is parked in the slot of the one that it resumed, so
// every one of them ends while another is parked in its own slot.
func TestFibersEndOnOtherSlotsThanTheirOwn(t *testing.T) {
	keepsGoroutines(t)
	const n = 50
	th, root := enter(t)
	chain := make([]*baton.Fiber, n)
	var l log
	for i := range chain {
		chain[i] = th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
			if i < n-1 {
				f.Resume(chain[i+1])
			}
			l.add(fmt.Sprint("end ", i))
			// The last one ends first and gives the baton to the first, then the
			// ends go up the chain.
			switch i {
			case n - 1:
				return chain[0]
			case n - 2:
				return root
			}
			return chain[i+1]
		}))
	}
	root.Resume(chain[0])
	var want []string
	want = append(want, fmt.Sprint("end ", n-1))
	for i := range n - 1 {
		want = append(want, fmt.Sprint("end ", i))
	}
	require.Equal(t, want, l.take())
	all, idle := th.Carriers()
	require.Equal(t, n, all)
	require.Equal(t, n, idle)
}

// relay is a body that hands its carrier to the next body of a list.
type relay struct {
	log  *log
	left int
}

func (r *relay) Run(f *baton.Fiber) (baton.Body, *baton.Fiber) {
	r.log.add(fmt.Sprint(r.left, " on ", f.ID()))
	if r.left == 0 {
		return nil, f.Thread().Root()
	}
	return &relay{r.log, r.left - 1}, nil
}

func (r *relay) Goexit(f *baton.Fiber) *baton.Fiber { return f.Thread().ExitRoot() }

func TestABodyCanHandItsCarrierToTheNextBodyAtOnce(t *testing.T) {
	th, root := enter(t)
	var l log
	f := th.Carrier(&relay{&l, 3})
	root.Resume(f)
	id := f.ID()
	require.Equal(t, []string{
		fmt.Sprint("3 on ", id), fmt.Sprint("2 on ", id), fmt.Sprint("1 on ", id), fmt.Sprint("0 on ", id),
	}, l.take())
	all, idle := th.Carriers()
	require.Equal(t, 1, all)
	require.Equal(t, 1, idle)
}

// The fields that the fibers write have no lock and no atomic access: the race
// detector fails the test if a switch is no happens-before edge.
func TestASwitchOrdersMemoryAccesses(t *testing.T) {
	th, root := enter(t)
	const n, rounds = 5, 200
	shared := make(map[int]int)
	plain := 0
	fibers := make([]*baton.Fiber, n)
	for i := range fibers {
		fibers[i] = th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
			for k := range rounds {
				shared[k%7]++
				plain++
				f.Resume(fibers[(i+1)%n])
			}
			if i == n-1 {
				return root
			}
			return fibers[i+1]
		}))
	}
	root.Resume(fibers[0])
	require.Equal(t, n*rounds, plain)
	sum := 0
	for _, n := range shared {
		sum += n
	}
	require.Equal(t, plain, sum)
}

func TestASwitchAllocatesNothing(t *testing.T) {
	th, root := enter(t)
	e := &echo{}
	f := th.Carrier(e)
	require.Zero(t, testing.AllocsPerRun(100, func() { root.Resume(f) }))
	e.stop = true
	root.Resume(f)
	require.Zero(t, testing.AllocsPerRun(100, func() { root.Resume(th.Carrier(once{})) }))
}

func TestFibersKnowTheirThreadAndRoot(t *testing.T) {
	th, root := enter(t)
	require.Same(t, root, th.Root())
	require.Same(t, th, root.Thread())
	require.True(t, root.IsRoot())
	f := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
		require.False(t, f.IsRoot())
		require.Same(t, th, f.Thread())
		require.Equal(t, baton.ID(), f.ID())
		return root
	}))
	root.Resume(f)
	require.NotEqual(t, root.ID(), f.ID())
	require.Same(t, th, th.Main().Thread)
	require.Same(t, th.Main(), th.Current)
	require.False(t, th.Implicit())
}
