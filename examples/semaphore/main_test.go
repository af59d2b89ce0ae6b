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

// visit runs the program, and follows from its lines who is inside.
func visit(t *testing.T, visitors, places int, seed uint64) (cameIn []int, most int, took time.Duration) {
	t.Helper()
	clock := netpoll.NewVirtualClock()
	var out strings.Builder
	require.NoError(t, run(&out, visitors, places, time.Second, seed, clock.Now, gevent.WithClock(clock)))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	inside := map[int]bool{}
	for _, line := range lines[:len(lines)-1] {
		_, what, found := strings.Cut(line, ": ")
		require.True(t, found, line)
		var who int
		_, err := fmt.Sscanf(what, "visitor %d", &who)
		require.NoError(t, err, line)
		if strings.HasSuffix(what, " leaves") {
			require.True(t, inside[who], line)
			delete(inside, who)
			continue
		}
		require.Contains(t, what, " comes in, for ")
		require.False(t, inside[who], line)
		inside[who] = true
		cameIn = append(cameIn, who)
		most = max(most, len(inside))
	}
	require.Empty(t, inside)
	require.Equal(t, fmt.Sprintf("%v: all %d have been inside, never more than %d at once", clock.Now(), visitors, most), lines[len(lines)-1])
	return cameIn, most, clock.Now()
}

func TestNeverMoreInsideThanPlaces(t *testing.T) {
	for seed := range uint64(20) {
		cameIn, most, took := visit(t, 20, 5, seed)
		require.Equal(t, 5, most)
		for i, who := range cameIn {
			require.Equal(t, i, who, "who has waited longest is next: %v", cameIn)
		}
		require.Len(t, cameIn, 20)
		require.GreaterOrEqual(t, took, 4*time.Second, "20 visits of a second or more in 5 places")
		require.LessOrEqual(t, took, 20*time.Second, "20 visits of 5 seconds or less in 5 places")
	}
}

func TestOnePlaceIsAMutex(t *testing.T) {
	cameIn, most, _ := visit(t, 6, 1, 1)
	require.Equal(t, 1, most)
	require.Equal(t, []int{0, 1, 2, 3, 4, 5}, cameIn)
}

func TestMorePlacesThanVisitors(t *testing.T) {
	_, most, took := visit(t, 20, 30, 1)
	require.Equal(t, 20, most)
	require.LessOrEqual(t, took, 5*time.Second)
}
