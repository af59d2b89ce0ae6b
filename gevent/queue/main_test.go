package queue_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func virtual() gevent.Option { return gevent.WithClock(netpoll.NewVirtualClock()) }

// run runs f on a virtual clock and requires that all goes well.
func run(t *testing.T, f func()) {
	t.Helper()
	require.NoError(t, gevent.Run(f, virtual()))
}

// test is a sub-test that is the main greenlet of a thread on a virtual clock.
func test(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Helper()
		run(t, func() { f(t) })
	})
}

// trace collects events in order; no lock is needed in one thread.
type trace []string

func (t *trace) add(event string) { *t = append(*t, event) }
