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

func TestSleepsOverlap(t *testing.T) {
	clock := netpoll.NewVirtualClock()
	var out strings.Builder
	require.NoError(t, run(&out, time.Second, clock.Now, gevent.WithClock(clock)))
	require.Equal(t, `sleep 2s: begins
sleep 3s: begins
sleep 5s: begins
sleep 2s: ends
sleep 3s: ends
sleep 5s: ends
together they took 5s, one after the other they would have taken 10s
sleep 2s: begins
sleep 1s: begins
sleep 1s: ends
sleep 2s: ends
together they took 2s, one after the other they would have taken 3s
`, out.String())
	require.Equal(t, 7*time.Second, clock.Now())
}
