package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAllSleepAtOnceAndAllWake(t *testing.T) {
	const n = 10_000
	for name, sleep := range map[string]func(n int, hold, spread time.Duration) (report, error){
		"greenlets":  greenletsAsleep,
		"goroutines": goroutinesAsleep,
	} {
		t.Run(name, func(t *testing.T) {
			r, err := sleep(n, 500*time.Millisecond, 100*time.Millisecond)
			require.NoError(t, err)
			require.Equal(t, n, r.asleep)
			require.Equal(t, n, r.woke)
			require.Greater(t, r.goroutines, n)
			require.Less(t, r.created, r.woken)
			require.LessOrEqual(t, r.woken, r.returned)
		})
	}
}

func TestTheCommandPrintsWhatItTook(t *testing.T) {
	for _, args := range [][]string{
		{"-n", "100", "-hold", "50ms", "-spread", "1ms"},
		{"-n", "100", "-hold", "50ms", "-spread", "1ms", "-goroutines"},
	} {
		var stdout, stderr strings.Builder
		require.NoError(t, run(args, &stdout, &stderr))
		require.Empty(t, stderr.String())
		for _, line := range []string{"created and asleep:", "asleep then:", "all woken:", "all gone:", "peak RSS:", "goroutines:"} {
			require.Contains(t, stdout.String(), line)
		}
	}
}

func TestACountBelowOneIsRefused(t *testing.T) {
	var out strings.Builder
	require.EqualError(t, run([]string{"-n", "0"}, &out, &out), "-n is 0; it must be 1 or more")
}
