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

func TestUpdatesAreLostOnlyWhereASwitchComesInBetween(t *testing.T) {
	clock := netpoll.NewVirtualClock()
	var out strings.Builder
	require.NoError(t, run(&out, 100, 10*time.Millisecond, clock.Now, gevent.WithClock(clock)))
	require.Equal(t, `without a lock: 100 workers counted to 1, 99 updates are lost, in 10ms
with a lock: 100 workers counted to 100, 0 updates are lost, in 1s
without a switch in between: 100 workers counted to 100, 0 updates are lost, in 10ms
`, out.String())
	require.Equal(t, 1020*time.Millisecond, clock.Now())
}

func TestOneWorkerLosesNothing(t *testing.T) {
	clock := netpoll.NewVirtualClock()
	var out strings.Builder
	require.NoError(t, run(&out, 1, time.Second, clock.Now, gevent.WithClock(clock)))
	require.Equal(t, 3, strings.Count(out.String(), "1 workers counted to 1, 0 updates are lost, in 1s\n"), out.String())
}
