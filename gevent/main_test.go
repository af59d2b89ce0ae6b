package gevent_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/baton-go/baton/gevent_test.stubborn"))
}

// run runs f on a virtual clock and requires that all goes well.
func run(t *testing.T, f func()) {
	t.Helper()
	require.NoError(t, gevent.Run(f, virtual()))
}

func virtual() gevent.Option { return gevent.WithClock(netpoll.NewVirtualClock()) }

// trace collects events in order; no lock is needed in one thread.
type trace []string

func (t *trace) add(event string) { *t = append(*t, event) }

// adds returns a body that adds the event.
func (t *trace) adds(event string) func() { return func() { t.add(event) } }
