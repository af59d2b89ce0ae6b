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

func TestWhoIsNotifiedGoesOnWithTheLock(t *testing.T) {
	clock := netpoll.NewVirtualClock()
	var out strings.Builder
	require.NoError(t, run(&out, 3, time.Second, gevent.WithClock(clock)))
	require.Equal(t, `consumer before wait
consumer before wait
producer before notifyAll
producer after notifyAll
consumer after wait
consumer after wait
eater 0: no bun yet
eater 1: no bun yet
eater 2: no bun yet
baker: a bun is ready, 3 wait
eater 0: eats, 0 left
baker: a bun is ready, 2 wait
eater 1: eats, 0 left
baker: a bun is ready, 1 wait
eater 2: eats, 0 left
3 buns were eaten, for which eaters were woken 3 times
`, out.String())
	require.Equal(t, 5*time.Second+3*time.Second, clock.Now())
}
