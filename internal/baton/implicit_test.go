package baton_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/baton"
)

// collectDormant collects garbage until no implicit thread is remembered.
func collectDormant(t *testing.T) {
	t.Helper()
	for range 200 {
		runtime.GC()
		if baton.Dormant() == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	require.Zero(t, baton.Dormant(), "entries of implicit threads were left behind")
}

func TestAForeignGoroutineBecomesTheRootOfAnImplicitThread(t *testing.T) {
	keepsGoroutines(t)
	require.Nil(t, baton.Self())
	root := baton.Implicit()
	th := root.Thread()
	require.True(t, th.Implicit())
	require.True(t, root.IsRoot())
	require.Same(t, root, baton.Self())
	require.Same(t, root, baton.Implicit(), "as long as it is in the thread")
	require.Same(t, th, baton.ImplicitThread())
	th.Rest(root)
	require.Nil(t, baton.Self())
	require.Nil(t, th.Root())
}

func TestAFiberIsItsOwnImplicitFiber(t *testing.T) {
	th, root := enter(t)
	require.Same(t, root, baton.Implicit())
	require.Same(t, th, baton.ImplicitThread())
	root.Resume(th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
		require.Same(t, f, baton.Implicit())
		require.Same(t, th, baton.ImplicitThread())
		return root
	})))
}

func TestRestDoesNothingWhereItMustNot(t *testing.T) {
	t.Run("on a thread that was asked for", func(t *testing.T) {
		th, root := enter(t)
		th.Rest(root)
		require.Same(t, root, baton.Self())
	})
	t.Run("on a carrier", func(t *testing.T) {
		root := baton.Implicit()
		th := root.Thread()
		root.Resume(th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
			th.Rest(f)
			return root
		})))
		require.Same(t, root, baton.Self())
		th.Rest(root)
	})
	t.Run("while a body is parked", func(t *testing.T) {
		keepsGoroutines(t)
		root := baton.Implicit()
		th := root.Thread()
		f := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
			f.Resume(root)
			return root
		}))
		root.Resume(f)
		th.Rest(root)
		require.Same(t, root, baton.Self())
		root.Resume(f)
		th.Rest(root)
		require.Nil(t, baton.Self())
	})
	t.Run("twice", func(t *testing.T) {
		root := baton.Implicit()
		root.Thread().Rest(root)
		root.Thread().Rest(root)
		require.Nil(t, baton.Self())
	})
}

func TestAGoroutineHasTheSameImplicitThreadWhileItIsReferredTo(t *testing.T) {
	th := baton.ImplicitThread()
	for range 5 {
		runtime.GC()
		require.Same(t, th, baton.ImplicitThread())
		root := baton.Implicit()
		require.Same(t, th, root.Thread())
		th.Rest(root)
	}
	require.True(t, onGoroutine(func() {
		require.NotSame(t, th, baton.ImplicitThread())
	}))
	runtime.KeepAlive(th)
}

// When a goroutine's thread was collected and it has a new one, the clean-up of
// the old one, which comes late, must not take the new one's entry away.
func TestTheCleanUpOfACollectedThreadSparesItsSuccessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // the clean-up waits until this goroutine pauses
	for range 20 {
		baton.ImplicitThread()
		runtime.GC()
		th := baton.ImplicitThread()
		time.Sleep(time.Millisecond)
		require.Same(t, th, baton.ImplicitThread())
		runtime.KeepAlive(th)
	}
}

func TestImplicitThreadsLeaveNothingBehind(t *testing.T) {
	keepsGoroutines(t)
	const goroutines, together = 10_000, 100
	before := baton.Registered()
	for range goroutines / together {
		var wg sync.WaitGroup
		for i := range together {
			wg.Go(func() {
				root := baton.Implicit()
				th := root.Thread()
				f := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
					f.Resume(root)
					return root
				}))
				root.Resume(f)
				th.Rest(root) // f is parked in its body: nothing happens
				root.Resume(f)
				if i%10 == 0 {
					root.Resume(th.Carrier(exiting{heir: toRoot}))
				}
				th.Rest(root)
				if baton.Self() != nil {
					t.Error("the goroutine is still a root")
				}
			})
		}
		wg.Wait()
	}
	require.Equal(t, before, baton.Registered())
	collectDormant(t)
}

// A test that calls FailNow in a generator's body ends that way: nobody is left
// to call Rest.
func TestAGoroutineThatExitsOutOfItsImplicitThreadLeavesNothingBehind(t *testing.T) {
	keepsGoroutines(t)
	before := baton.Registered()
	require.False(t, onGoroutine(func() {
		root := baton.Implicit()
		th := root.Thread()
		root.Resume(th.Carrier(exiting{heir: func(*baton.Fiber) *baton.Fiber { return th.ExitRoot() }}))
	}))
	require.Equal(t, before, baton.Registered())
	collectDormant(t)
}
