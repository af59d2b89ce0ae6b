package baton_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/baton"
)

func TestEnterPanicsWhereTheThreadHasARoot(t *testing.T) {
	th, _ := enter(t)
	const message = "baton.Thread.Enter: the thread has a root; leave it first"
	require.PanicsWithValue(t, message, func() { th.Enter() })
	require.True(t, onGoroutine(func() {
		require.PanicsWithValue(t, message, func() { th.Enter() })
	}))
}

func TestEnterPanicsWhereTheGoroutineIsAFiberAlready(t *testing.T) {
	th, root := enter(t)
	other := baton.NewThread()
	const message = "baton.Thread.Enter: the goroutine belongs to a thread already"
	require.PanicsWithValue(t, message, func() { other.Enter() })
	root.Resume(th.Carrier(body(func(*baton.Fiber) *baton.Fiber {
		require.PanicsWithValue(t, message, func() { other.Enter() })
		return root
	})))
	require.Nil(t, other.Root())
	require.Same(t, root, baton.Self())
}

func TestAThreadCanBeLeftAndEnteredByAnotherGoroutineWithCarriersParked(t *testing.T) {
	keepsGoroutines(t)
	th := baton.NewThread()
	var l log
	var f *baton.Fiber
	for i := range 5 {
		require.True(t, onGoroutine(func() {
			root := th.Enter()
			require.Same(t, root, th.Root())
			if f == nil {
				f = th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
					for k := range 4 {
						l.add(fmt.Sprint("body ", k))
						f.Resume(th.Root())
					}
					return th.Root()
				}))
			}
			scatter(th, root, 3)
			l.add(fmt.Sprint("root ", i))
			root.Resume(f)
			th.Leave()
			require.Nil(t, th.Root())
			require.Nil(t, baton.Self())
		}))
	}
	require.Equal(t, []string{
		"root 0", "body 0", "root 1", "body 1", "root 2", "body 2", "root 3", "body 3", "root 4",
	}, l.take())
	root := th.Enter()
	require.Zero(t, th.Close(root))
	th.Leave()
}

func TestTheMainTaskIsTheSameAtEachEntry(t *testing.T) {
	th := baton.NewThread()
	main := th.Main()
	for range 2 {
		th.Enter()
		require.Same(t, main, th.Main())
		require.Same(t, main, th.Current)
		th.Leave()
	}
}

func TestThreadsAreNumberedFromOneUp(t *testing.T) {
	a, b := baton.NewThread(), baton.NewThread()
	require.NotZero(t, a.Number())
	require.Greater(t, b.Number(), a.Number())
}

func TestHundredsOfThreadsRunInParallel(t *testing.T) {
	keepsGoroutines(t)
	const threads = 300
	var wg sync.WaitGroup
	for i := range uint64(threads) {
		wg.Go(func() {
			th := baton.NewThread()
			root := th.Enter()
			s := &schedule{
				t: t, th: th, rng: rand.New(rand.NewPCG(i, 2)),
				limit: 20, steps: 500, goexits: true, running: root,
			}
			s.drive(root)
			if left := th.Close(root); left != 0 {
				t.Errorf("thread %d: %d carriers are left", i, left)
			}
			th.Leave()
		})
	}
	wg.Wait()
	require.Zero(t, baton.Registered())
}

func TestARootThatLockedItsOSThreadCanDoEverything(t *testing.T) {
	for _, goexits := range []bool{false, true} {
		keepsGoroutines(t)
		require.True(t, onGoroutine(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			th := baton.NewThread()
			root := th.Enter()
			scatter(th, root, 10)
			s := &schedule{
				t: t, th: th, rng: rand.New(rand.NewPCG(3, 3)),
				limit: 50, steps: 5000, goexits: goexits, running: root,
			}
			s.drive(root)
			require.Equal(t, goexits, s.zombies > 0)
			require.Zero(t, th.Close(root))
			th.Leave()
		}))
	}
}

func TestALockAndItsUnlockBetweenTwoSwitchesAreFine(t *testing.T) {
	th, root := enter(t)
	root.Resume(th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
		runtime.LockOSThread()
		runtime.UnlockOSThread()
		return root
	})))
}

func TestThreadsLiveInsideASynctestBubble(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			th := baton.NewThread()
			root := th.Enter()
			for range 2 {
				scatter(th, root, 5)
			}
			f := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
				for range 3 {
					time.Sleep(time.Hour)
					f.Resume(root)
				}
				return root
			}))
			for range 4 {
				root.Resume(f)
			}
			root.Resume(th.Carrier(exiting{heir: toRoot}))
			require.Equal(t, 3*time.Hour, time.Since(start))
			require.Zero(t, th.Close(root))
			th.Leave()
		})
	}
}

func TestOtherGoroutinesOfABubbleRunWhileAFiberSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := baton.NewThread()
		root := th.Enter()
		ticks := 0
		stop := make(chan struct{})
		go func() {
			ticker := time.NewTicker(time.Minute)
			defer ticker.Stop()
			for {
				select {
				case <-ticker.C:
					ticks++
				case <-stop:
					return
				}
			}
		}()
		root.Resume(th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
			time.Sleep(time.Hour + time.Second)
			close(stop)
			return root
		})))
		synctest.Wait()
		require.Equal(t, 60, ticks)
		require.Zero(t, th.Close(root))
		th.Leave()
	})
}
