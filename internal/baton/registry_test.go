package baton_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/baton"
)

func TestSelfIsNilForForeignGoroutines(t *testing.T) {
	require.Nil(t, baton.Self())
	enter(t)
	require.NotNil(t, baton.Self())
	require.True(t, onGoroutine(func() { require.Nil(t, baton.Self()) }))
}

func TestSelfIsTheRootAfterEnterAndNilAfterLeave(t *testing.T) {
	th := baton.NewThread()
	for range 3 {
		root := th.Enter()
		require.Same(t, root, baton.Self())
		th.Leave()
		require.Nil(t, baton.Self())
	}
}

func TestSelfIsTheCarrierInsideABody(t *testing.T) {
	th, root := enter(t)
	for range 3 {
		f := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
			require.Same(t, f, baton.Self())
			f.Resume(root)
			require.Same(t, f, baton.Self())
			require.True(t, onGoroutine(func() { require.Nil(t, baton.Self()) }))
			return root
		}))
		root.Resume(f)
		require.Same(t, root, baton.Self())
		root.Resume(f)
		require.Same(t, root, baton.Self())
	}
}

// Some goroutines make and end threads, so that the table grows, is rebuilt and
// shrinks; others look themselves up all the time. Every goroutine must find
// exactly what it is.
func TestSelfIsRightWhileTheRegistryIsRebuilt(t *testing.T) {
	keepsGoroutines(t)
	const workers, rounds, bodies = 16, 12, 120
	var stop atomic.Bool
	var foreign, members sync.WaitGroup
	for range 4 {
		foreign.Go(func() {
			for !stop.Load() {
				if f := baton.Self(); f != nil {
					t.Errorf("a foreign goroutine is taken for fiber %d", f.ID())
					return
				}
				runtime.Gosched()
			}
		})
	}
	for range workers {
		members.Go(func() {
			for range rounds {
				churn(t, bodies)
				if baton.Self() != nil {
					t.Error("a goroutine that left its thread is taken for its root")
				}
			}
		})
	}
	members.Wait()
	stop.Store(true)
	foreign.Wait()
	require.Zero(t, baton.Registered())
	size, used := baton.RegistryCells()
	require.LessOrEqual(t, used*4, size, "the table must not be more than a quarter full")
}

// churn lives one life of a thread with n bodies that are all parked at a time.
func churn(t *testing.T, n int) {
	th := baton.NewThread()
	root := th.Enter()
	fibers := make([]*baton.Fiber, n)
	for i := range fibers {
		fibers[i] = th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
			for range 3 {
				if baton.Self() != f {
					t.Error("a carrier is taken for another")
				}
				f.Resume(root)
			}
			return root
		}))
	}
	for range 4 {
		for _, f := range fibers {
			root.Resume(f)
			if baton.Self() != root {
				t.Error("a root is taken for another")
			}
		}
	}
	if th.Close(root) != 0 {
		t.Error("carriers are left")
	}
	th.Leave()
}

func TestTheRegistryGrowsWithItsGoroutinesAndForgetsThemAgain(t *testing.T) {
	const n = 3000
	th, root := enter(t)
	fibers := make([]*baton.Fiber, n)
	for i := range fibers {
		fibers[i] = th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
			f.Resume(root)
			return root
		}))
		root.Resume(fibers[i])
	}
	require.Equal(t, n+1, baton.Registered())
	grown, used := baton.RegistryCells()
	require.GreaterOrEqual(t, used, n+1)
	require.GreaterOrEqual(t, grown, used*4)
	for _, f := range fibers {
		root.Resume(f)
	}
	require.Zero(t, th.Close(root))
	require.Equal(t, 1, baton.Registered())

	// Cells that were left go with the next rebuild, which new members bring.
	for range grown {
		other := baton.NewThread()
		require.True(t, onGoroutine(func() {
			other.Enter()
			other.Leave()
		}))
	}
	shrunk, used := baton.RegistryCells()
	require.Less(t, shrunk, grown)
	require.LessOrEqual(t, used*4, shrunk)
}

// The runtime gives the g of a goroutine that ended to the next new one.
func TestAGoroutineThatTakesOverADeadCarriersGIsForeign(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // one free list
	th, root := enter(t)
	for range 200 {
		scatter(th, root, 20)
		root.Resume(th.Carrier(exiting{heir: toRoot}))
		require.Zero(t, th.Close(root))
		for range 30 {
			require.True(t, onGoroutine(func() {
				if f := baton.Self(); f != nil {
					t.Errorf("a new goroutine is taken for fiber %d", f.ID())
				}
			}))
		}
	}
}
