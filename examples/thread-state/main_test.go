package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheStatesAreShown(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(&out, gevent.WithClock(netpoll.NewVirtualClock())))
	require.Equal(t, `main is current: true
made, worker-1: started false, ready false, successful false
started, worker-1: started true, ready false, successful false
worker-1 runs, number 0
worker-2 runs, number 1
worker-3 runs, number 2
after 150 ms, worker-1: started false, ready true, successful true
after 150 ms, worker-2: started true, ready false, successful false
alive: main and 3 others: worker-2, worker-3, daemon
alive: main and 2 others: worker-3, daemon
alive: main and 1 others: daemon
main ends, and does not wait for daemon
daemon is cut short, and cleans up
the program ends
`, out.String())
}
