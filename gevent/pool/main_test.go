package pool_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

func virtual() gevent.Option { return gevent.WithClock(netpoll.NewVirtualClock()) }

// silent is for threads in which something panics, or fails, as it is meant to.
func silent() gevent.Option { return gevent.WithErrorHook(func(string, error) {}) }

var errBoom = errors.New("boom")

// elapsed returns a function that returns how much time has passed.
func elapsed() func() int64 {
	start := now()
	return func() int64 { return (now() - start).Milliseconds() }
}
