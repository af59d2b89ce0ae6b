package threadpool_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/threadpool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// test is a sub-test that is the main greenlet of a thread.
func test(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Helper()
		require.NoError(t, gevent.Run(func() { f(t) }))
	})
}

// until lets others run until done.
func until(t testing.TB, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); gevent.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(end), "it did not come")
	}
}

// A gate is a function that returns when it is opened.
type gate chan struct{}

func (g gate) wait() (struct{}, error) { <-g; return struct{}{}, nil }

// full returns a pool of n and the gate at which n functions wait.
func full(n int) (*threadpool.ThreadPool, gate) {
	p, g := threadpool.New(n), make(gate)
	for range n {
		threadpool.Spawn(p, g.wait)
	}
	return p, g
}
