package main

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/gevent"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheResultsAreTheSame(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(&out, 8, func(i int) int { return primes(1000 * i) }))
	require.Contains(t, out.String(), "\nthe results are the same, [0 168 303 430 550 669 783 900]\n")
	for _, how := range []string{"\nin greenlets: ", "\noffloaded: ", "\noffloaded to a pool: "} {
		require.Equal(t, 1, strings.Count(out.String(), how), out.String())
	}
}

func TestADifferentResultIsAnError(t *testing.T) {
	var out strings.Builder
	var mu sync.Mutex
	calls := 0
	err := run(&out, 1, func(int) int {
		mu.Lock()
		defer mu.Unlock()
		calls++
		return calls
	})
	require.EqualError(t, err, "cpu-bound: the results differ: [1], [2], [3]")
}

// TestOffloadedJobsRunSideBySide has jobs of which each, if it is offloaded and not
// to a pool, needs all the others to be at work at the same time. Goroutines can do
// that, however few cores there are.
func TestOffloadedJobsRunSideBySide(t *testing.T) {
	const jobs = 4
	var mu sync.Mutex
	var here sync.WaitGroup
	here.Add(jobs)
	inside, outside := 0, 0
	where := func() (first bool) {
		mu.Lock()
		defer mu.Unlock()
		if gevent.CurrentHub() != nil {
			inside++
			return false
		}
		outside++
		return outside <= jobs
	}
	var out strings.Builder
	require.NoError(t, run(&out, jobs, func(i int) int {
		if where() {
			here.Done()
			here.Wait()
		}
		return i
	}))
	require.Equal(t, jobs, inside, "the first round is in the thread")
	require.Equal(t, 2*jobs, outside, "and the others are not")
}

// TestTheThreadGoesOnWhileAJobIsOffloaded has a job that needs another greenlet to
// run before it ends.
func TestTheThreadGoesOnWhileAJobIsOffloaded(t *testing.T) {
	require.NoError(t, gevent.Run(func() {
		var out strings.Builder
		beat := make(chan bool)
		gevent.Spawn(func() {
			gevent.Sleep(time.Millisecond)
			close(beat)
		})
		measure(&out, "offloaded", 1, func(int) int {
			gevent.Offload(func() { <-beat })
			return 0
		})
	}))
}

// TestJobsInGreenletsHoldUpTheThread: there, one job ends before the next begins,
// and no other greenlet gets to run meanwhile.
func TestJobsInGreenletsHoldUpTheThread(t *testing.T) {
	inside, most, beats := 0, 0, 0
	var during []int
	require.NoError(t, gevent.Run(func() {
		gevent.Spawn(func() {
			for {
				gevent.Sleep(time.Millisecond)
				beats++
			}
		})
		gevent.Sleep(0)
		var out strings.Builder
		measure(&out, "in greenlets", 4, func(int) int {
			inside++
			most = max(most, inside)
			before := beats
			time.Sleep(2 * time.Millisecond) // keeps the baton, as a calculation does
			during = append(during, beats-before)
			inside--
			return 0
		})
	}))
	require.Equal(t, 1, most)
	require.Equal(t, []int{0, 0, 0, 0}, during)
}

func TestPrimes(t *testing.T) {
	for n, want := range map[int]int{-1: 0, 0: 0, 2: 0, 3: 1, 10: 4, 100: 25, 10000: 1229} {
		require.Equal(t, want, primes(n), "below %d", n)
	}
}
