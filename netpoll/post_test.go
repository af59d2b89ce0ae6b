package netpoll_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// within fails the test if f takes so long that a wake-up must have been lost.
func within(t *testing.T, d time.Duration, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(d):
		t.Fatalf("not done after %v: a wake-up was lost", d)
	}
}

func TestPostsOfManyGoroutinesArriveInTheirOrder(t *testing.T) {
	const posters, posts = 32, 2000
	l := newLoop(t)
	var last [posters]int
	within(t, time.Minute, func() {
		for p := range posters {
			l.Ref()
			go func() {
				for i := 1; i <= posts; i++ {
					l.Post(func() {
						if last[p] != i-1 {
							t.Errorf("poster %d: %d came after %d", p, i, last[p])
						}
						if last[p] = i; i == posts {
							l.Unref()
						}
					})
				}
			}()
		}
		l.Run()
	})
	for p := range posters {
		require.Equal(t, posts, last[p])
	}
	require.Equal(t, uint64(posters*posts), l.Stats().Posted)
}

// Each round needs a wake-up: the goroutine posts when the loop is about to
// sleep, sleeps, or has just been woken.
func TestNoWakeUpIsLost(t *testing.T) {
	const rounds = 20000
	for _, posters := range []int{1, 3} {
		l := newLoop(t)
		n := 0
		within(t, time.Minute, func() {
			for p := range posters {
				l.Ref()
				rng := rand.New(rand.NewPCG(1, uint64(p)))
				turn := make(chan bool, 1)
				turn <- true
				go func() {
					for range turn {
						for start, d := time.Now(), time.Duration(rng.IntN(10_000)); time.Since(start) < d; {
						}
						l.Post(func() {
							if n++; n >= rounds {
								l.Unref()
								close(turn)
							} else {
								turn <- true
							}
						})
					}
				}()
			}
			l.Run()
		})
		require.Equal(t, rounds+posters-1, n)
		s := l.Stats()
		require.Positive(t, s.Wakeups)
		require.LessOrEqual(t, s.Wakeups, s.Posted)
		t.Logf("%d posters: %d posts, %d sleeps, %d wake-ups", posters, s.Posted, s.Waits, s.Wakeups)
	}
}

func TestPostMeetsClose(t *testing.T) {
	for range 100 {
		l, err := netpoll.NewLoop()
		require.NoError(t, err)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for l.Post(func() {}) == nil {
					time.Sleep(20 * time.Microsecond)
				}
			})
		}
		for range 20 {
			l.CallLater(10*time.Microsecond, func() {})
			require.True(t, l.RunOnce())
		}
		require.NoError(t, l.Close())
		wg.Wait()
	}
}

func TestAnAwakeLoopIsNotWoken(t *testing.T) {
	l := newLoop(t)
	l.CallSoon(func() {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 1000 {
					l.Post(func() {})
				}
			})
		}
		wg.Wait()
	})
	require.NoError(t, l.Run())
	s := l.Stats()
	require.Equal(t, uint64(4000), s.Posted)
	require.Zero(t, s.Waits)

	// Nor is the wake-up still to come.
	l.CallLater(time.Millisecond, func() {})
	require.NoError(t, l.Run())
	require.Zero(t, l.Stats().Wakeups)
}

func TestPostedFunctionsRunAmongTheReady(t *testing.T) {
	l := newLoop(t)
	settle(l) // a new loop polls more often
	turns := l.Stats().Turns
	var got recorder
	l.CallSoon(func() {
		l.CallSoon(got.add("soon"))
		require.NoError(t, l.Post(got.add("posted 1")))
		require.NoError(t, l.Post(got.add("posted 2")))
	})
	require.NoError(t, l.Run())
	require.Equal(t, recorder{"soon", "posted 1", "posted 2"}, got)
	require.Equal(t, turns+1, l.Stats().Turns, "only the last Turn, which finds nothing")
}
