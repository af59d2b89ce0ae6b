package gevent_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/baton-go/baton/gevent_test.stubborn"),
		goleak.IgnoreAnyFunction("github.com/baton-go/baton/gevent_test.waitForNothing"))
}

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

// trace collects events in order; no lock is needed in one thread.
type trace []string

func (t *trace) add(event string) { *t = append(*t, event) }

// adds returns a body that adds the event.
func (t *trace) adds(event string) func() { return func() { t.add(event) } }

// requireGoroutines waits until no more than n goroutines are left.
func requireGoroutines(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > n && time.Now().Before(end); {
		time.Sleep(100 * time.Microsecond)
	}
	if runtime.NumGoroutine() > n {
		buf := make([]byte, 1<<16)
		t.Fatalf("goroutines are left:\n%s", buf[:runtime.Stack(buf, true)])
	}
}

// onGoroutine runs f on a goroutine, which it may exit, and waits for its end.
func onGoroutine(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("it hangs")
	}
}
