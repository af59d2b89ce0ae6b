package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scenes runs the program and returns the text below each title.
func scenes(t *testing.T, seed uint64) map[string]string {
	t.Helper()
	clock := netpoll.NewVirtualClock()
	var out strings.Builder
	require.NoError(t, run(&out, time.Second, seed, clock.Now, gevent.WithClock(clock)))
	all := map[string]string{}
	for scene := range strings.SplitSeq(out.String(), "# ") {
		title, text, _ := strings.Cut(scene, "\n")
		all[title] = text
	}
	return all
}

func TestEachQueueHasItsOrder(t *testing.T) {
	require.Equal(t, `first in, first out: 11 hello 3.14
last in, first out: 3 2 1
the lowest number first: (-5, '444') (0, '333') (10, '111') (100, '222')
`, scenes(t, 1)["in which order"])
}

func TestWhoDoesNotWaitOrNotForeverIsToldWhy(t *testing.T) {
	require.Equal(t, `0s: get_nowait: queue: empty (size 0, empty true, full false)
3s: get, for 3 seconds: queue: empty until the time was up (size 0, empty true, full false)
3s: put: done (size 1, empty false, full false)
3s: put: done (size 2, empty false, full false)
3s: put: done (size 3, empty false, full true)
3s: put_nowait: queue: full (size 3, empty false, full true)
5s: put, for 2 seconds: queue: full until the time was up (size 3, empty false, full true)
6s: put, while somebody gets: done (size 3, empty false, full true)
`, scenes(t, 1)["no item, no room"])
}

func TestJoinWaitsForTheLastTaskDone(t *testing.T) {
	require.Equal(t, "111\n222\n333\nok\n", scenes(t, 1)["until the work is done"])
}

func TestAllBunsAreEatenOnce(t *testing.T) {
	for seed := range uint64(20) {
		text := scenes(t, seed)["bakers and eaters"]
		baked, eaten := map[string]int{}, map[string]int{}
		onCounter := 0
		lastBaked, lastEaten := map[byte]int{}, map[byte]int{}
		next := func(last map[byte]int, bun string) { // a baker's buns stay in their order
			var n int
			_, err := fmt.Sscanf(bun[1:], "%d", &n)
			require.NoError(t, err)
			require.Equal(t, last[bun[0]], n, text)
			last[bun[0]]++
		}
		lines := strings.Split(strings.TrimSpace(text), "\n")
		for _, line := range lines[:len(lines)-1] {
			words := strings.Fields(line)
			bun := words[len(words)-1]
			switch {
			case words[0] == "baker":
				baked[bun]++
				onCounter++
				next(lastBaked, bun)
			case words[0] == "eater":
				eaten[bun]++
				onCounter--
				next(lastEaten, bun)
			default:
				require.Equal(t, "the bakers have gone home", line)
				require.Len(t, baked, bakers*bunsOfABaker)
			}
			require.LessOrEqual(t, onCounter, counterSize+1, text) // a bun may be on its way
		}
		require.Len(t, baked, bakers*bunsOfABaker)
		require.Equal(t, baked, eaten)
		var all, most int
		_, err := fmt.Sscanf(lines[len(lines)-1], "all %d buns are eaten, never more than %d were on the counter", &all, &most)
		require.NoError(t, err, text)
		require.Equal(t, bakers*bunsOfABaker, all)
		require.LessOrEqual(t, most, counterSize)
	}
}
