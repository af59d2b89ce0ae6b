package netpoll_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/netpoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newLoop returns a loop that is closed at the end of the test.
func newLoop(t testing.TB, opts ...netpoll.Option) *netpoll.Loop {
	t.Helper()
	l, err := netpoll.NewLoop(opts...)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// newVirtual returns a loop on a virtual clock.
func newVirtual(t testing.TB) (*netpoll.Loop, *netpoll.VirtualClock) {
	c := netpoll.NewVirtualClock()
	return newLoop(t, netpoll.WithClock(c)), c
}

// runner makes a function a Runner.
type runner func()

func (f runner) RunReady() { f() }

// recorder notes what ran, in order.
type recorder []string

func (r *recorder) add(s string) func() { return func() { *r = append(*r, s) } }

// settle runs what is ready, and what that makes ready, without waiting.
func settle(l *netpoll.Loop) {
	for range 3 {
		l.CallSoon(func() {})
		l.Turn()
		for r := l.Next(); r != nil; r = l.Next() {
			r.RunReady()
		}
	}
}
