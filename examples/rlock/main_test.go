package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scenes runs the program and returns the lines below each title.
func scenes(t *testing.T, workers int) map[string][]string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, run(&out, workers, time.Second, gevent.WithClock(netpoll.NewVirtualClock())))
	all := map[string][]string{}
	title := ""
	for line := range strings.Lines(out.String()) {
		line = strings.TrimRight(line, "\n")
		if after, is := strings.CutPrefix(line, "# "); is {
			title = after
			continue
		}
		all[title] = append(all[title], line)
	}
	require.Len(t, all, 5)
	return all
}

func TestAnRLockMayBeAcquiredAgain(t *testing.T) {
	require.Equal(t, []string{
		"worker-1: 1 1",
		"worker-2: 2 2",
		"worker-3: 3 3",
		"all 3 have ended",
	}, scenes(t, 3)["an RLock, acquired again by who has it"])
}

func TestWhoWaitsForHimselfIsReported(t *testing.T) {
	got := scenes(t, 3)["a plain lock, acquired again by who has it"]
	require.Equal(t, "deadlock of 1:", got[0])
	requireWaits(t, got[1], "worker-1", "Semaphore M", "worker-1")
	require.Equal(t, "  and these wait for them: main, worker-2, worker-3", got[2])
	require.Len(t, got, 3)
}

func TestTwoWhoWaitForEachOtherAreReported(t *testing.T) {
	got := scenes(t, 10)["two locks in two orders"]
	require.Equal(t, []string{
		"worker-1 got A",
		"worker-1 got B",
		"worker-1 got B",
		"worker-2 got A",
		"deadlock of 2:",
	}, got[:5])
	requireCycle(t, got[5:7], "Semaphore", "worker-1", "worker-2")
	require.True(t, strings.HasPrefix(got[7], "  and these wait for them: main, worker-3, "), got[7])
	require.Len(t, got, 8)
}

func TestOneRLockForBothCuresIt(t *testing.T) {
	got := scenes(t, 10)["the two locks are one RLock"]
	require.Len(t, got, 10*4+1)
	require.Equal(t, "all 10 have ended", got[40])
	for i := 0; i < 40; i += 4 {
		name, _, _ := strings.Cut(got[i], " ")
		require.Equal(t, []string{name + " got A", name + " got B", name + " got B", name + " got A"}, got[i:i+4])
	}
}

func TestADeadlockIsFoundWhileOthersGoOn(t *testing.T) {
	got := scenes(t, 1)["two RLocks in two orders, and somebody who looks"]
	require.Equal(t, "deadlock of 2:", got[0])
	requireCycle(t, got[1:3], "RLock", "worker-ba", "worker-ab")
	require.Equal(t, []string{"worker-ab is killed", "worker-ba got both"}, got[3:])
}

// requireCycle is about two lines, in any order, of which one says that hasB waits
// for A, which hasA has, and the other the opposite.
func requireCycle(t *testing.T, lines []string, kind, hasB, hasA string) {
	t.Helper()
	if strings.HasPrefix(lines[0], "  "+hasA) {
		lines = []string{lines[1], lines[0]}
	}
	requireWaits(t, lines[0], hasB, kind+" A", hasA)
	requireWaits(t, lines[1], hasA, kind+" B", hasB)
}

func requireWaits(t *testing.T, line, who, what, holder string) {
	t.Helper()
	require.Regexp(t, "^  "+who+" waits in .*"+what+" .*held by "+holder+`\b`, line)
}
