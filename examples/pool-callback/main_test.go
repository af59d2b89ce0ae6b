package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	size  = 5
	tasks = 50
)

// A gauge counts who is inside. Its first visitors, as many as a pool is to have at
// once, wait for each other.
type gauge struct {
	mu           sync.Mutex
	inside, most int
	came         int
}

// enter reports whether the caller is one of the first.
func (g *gauge) enter() (first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.came++
	g.inside++
	g.most = max(g.most, g.inside)
	return g.came <= size
}

func (g *gauge) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
}

// results are what the callbacks have to print, sorted.
func results() []string {
	var all []string
	for n := range tasks {
		if n%10 == 9 {
			all = append(all, fmt.Sprintf("-->exec failed: %d is not to be had", n))
		} else {
			all = append(all, fmt.Sprintf("-->exec done: %d", n+100))
		}
	}
	slices.Sort(all)
	return all
}

func TestEveryTaskHasItsCallbackAndFiveRunAtOnce(t *testing.T) {
	var inGreenlets, inGoroutines gauge
	green := work(func() {
		inGreenlets.enter()
		gevent.Sleep(time.Second)
		inGreenlets.leave()
	})
	var five sync.WaitGroup
	five.Add(size)
	parallel := work(func() {
		if inGoroutines.enter() {
			five.Done()
			five.Wait()
		}
		inGoroutines.leave()
	})
	clock := netpoll.NewVirtualClock()
	var out strings.Builder
	require.NoError(t, run(&out, size, tasks, green, parallel, gevent.WithClock(clock)))

	first, second, found := strings.Cut(out.String(), "# an executor of 5 goroutines\n")
	require.True(t, found)
	lines := strings.Split(strings.TrimSpace(first), "\n")
	require.Equal(t, []string{"# a pool of 5 greenlets", "end"}, lines[:2])
	require.Equal(t, "45 succeeded, 5 failed", lines[len(lines)-1])
	got := lines[2 : len(lines)-1]
	require.Equal(t, "-->exec done: 100", got[0], "greenlets end in their order")
	require.Equal(t, "-->exec failed: 49 is not to be had", got[tasks-1])
	slices.Sort(got)
	require.Equal(t, results(), got)
	require.Equal(t, size, inGreenlets.most)
	require.Equal(t, tasks/size*time.Second, clock.Now(), "never less than five, as long as there are tasks")

	lines = strings.Split(strings.TrimSpace(second), "\n")
	end := len(lines) - 2
	require.Equal(t, []string{
		"45 succeeded, 5 failed",
		"one more: threadpool: cannot schedule new futures after shutdown",
	}, lines[end:])
	got = lines[:end]
	slices.Sort(got)
	require.Equal(t, results(), got)
	require.Equal(t, size, inGoroutines.most)
}

func TestAPoolOfOneDoesOneAfterTheOther(t *testing.T) {
	var g gauge
	f := work(func() {
		g.enter()
		g.leave()
	})
	var out strings.Builder
	require.NoError(t, run(&out, 1, 3, f, f))
	require.Equal(t, `# a pool of 1 greenlets
end
-->exec done: 100
-->exec done: 101
-->exec done: 102
3 succeeded, 0 failed
# an executor of 1 goroutines
-->exec done: 100
-->exec done: 101
-->exec done: 102
3 succeeded, 0 failed
one more: threadpool: cannot schedule new futures after shutdown
`, out.String())
	require.Equal(t, 1, g.most)
}
