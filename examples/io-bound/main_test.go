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

func TestAllJobsTakeAsLongAsOne(t *testing.T) {
	clock := netpoll.NewVirtualClock()
	var out strings.Builder
	require.NoError(t, run(&out, 400, 2*time.Second, clock.Now, gevent.WithClock(clock)))
	require.Equal(t, `400 jobs of 2s, 400 at once, took 2s
one after the other they would have taken 13m20s
`, out.String())
	require.Equal(t, 2*time.Second, clock.Now())
}

func TestAllJobsTakeAsLongAsOneOnTheRealClock(t *testing.T) {
	const wait = 100 * time.Millisecond
	var out strings.Builder
	start := time.Now()
	now := func() time.Duration { return time.Since(start) }
	require.NoError(t, run(&out, 400, wait, now))
	require.Contains(t, out.String(), "400 jobs of 100ms, 400 at once, took ")
	require.GreaterOrEqual(t, now(), wait)
	require.Less(t, now(), 400*wait/2, "they waited one after the other")
}
