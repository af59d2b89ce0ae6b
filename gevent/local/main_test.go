package local_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// test is a sub-test that is the main greenlet of a thread on a virtual clock.
func test(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Helper()
		require.NoError(t, gevent.Run(func() { f(t) }, gevent.WithClock(netpoll.NewVirtualClock())))
	})
}
