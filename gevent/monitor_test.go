package gevent_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/coro"
	"github.com/baton-go/baton/gevent"
)

// events collects what a monitor reports.
type events struct {
	mu  sync.Mutex
	all []gevent.MonitorEvent
	n   atomic.Int32
}

func (e *events) report(m gevent.MonitorEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, m)
	e.n.Add(1)
}

func (e *events) kinds() (kinds []gevent.MonitorKind) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range e.all {
		kinds = append(kinds, m.Kind)
	}
	return kinds
}

// holdUp keeps the thread until the monitor has reported so many events.
func (e *events) holdUp(n int32) {
	for end := time.Now().Add(30 * time.Second); e.n.Load() < n && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// await parks until the monitor has reported so many events.
func (e *events) await(n int32) {
	for e.n.Load() < n {
		gevent.Sleep(time.Millisecond)
	}
}

// watched runs f in a thread with a monitor.
func watched(t *testing.T, limit time.Duration, f func(e *events)) *events {
	t.Helper()
	e := new(events)
	require.NoError(t, gevent.Run(func() { f(e) }, gevent.WithName("watched"),
		gevent.WithMonitor(gevent.MonitorOptions{MaxBlockingTime: limit, Report: e.report})))
	return e
}

const blockingLimit = 100 * time.Millisecond

func TestT181T185AMonitorReportsWhoKeepsTheThread(t *testing.T) {
	e := watched(t, blockingLimit, func(e *events) {
		g := gevent.Spawn(func() { e.holdUp(1) })
		g.SetName("culprit")
		g.Join()
		e.await(2)
		h := gevent.Spawn(func() {
			gevent.Current().SetName("second")
			e.holdUp(3)
		})
		h.Join()
		e.await(4)
	})
	require.Equal(t, []gevent.MonitorKind{gevent.Blocked, gevent.Unblocked, gevent.Blocked, gevent.Unblocked}, e.kinds())
	blocked, unblocked := e.all[0], e.all[1]
	require.Equal(t, "culprit", blocked.Greenlet)
	require.Contains(t, blocked.Stack, "(*events).holdUp")
	require.NotContains(t, blocked.Stack, "baton.(*Fiber)")
	require.GreaterOrEqual(t, blocked.For, blockingLimit)
	require.Regexp(t, "^watched: culprit appears to be blocked for [0-9.]+m?s "+
		`\(sleep\); use the calls of this module in place of those that block, or gevent.Offload\n    time.Sleep`, blocked.String())
	require.Equal(t, "culprit", unblocked.Greenlet)
	require.GreaterOrEqual(t, unblocked.For, blocked.For)
	require.Regexp(t, "^watched: culprit has given way after [0-9.]+m?s\n$", unblocked.String())
	require.Equal(t, "second", e.all[2].Greenlet)
}

func TestT181WhoIsIgnoredIsNotReported(t *testing.T) {
	e := watched(t, blockingLimit, func(e *events) {
		g := gevent.Spawn(func() {
			gevent.IgnoreBlocking()
			time.Sleep(3 * blockingLimit)
			gevent.Sleep(0)
			require.Zero(t, e.n.Load())
			gevent.MonitorBlocking()
			e.holdUp(1)
		})
		g.SetName("culprit")
		g.Join()
		e.await(2)
	})
	require.Equal(t, []gevent.MonitorKind{gevent.Blocked, gevent.Unblocked}, e.kinds())
	require.Panics(t, gevent.IgnoreBlocking)
}

func TestT181ManyThatGiveWayAreNotReported(t *testing.T) {
	e := watched(t, 2*blockingLimit, func(*events) {
		var gs []*gevent.Greenlet
		for range 400 { // a long time without a look at the loop
			gs = append(gs, gevent.Spawn(func() {
				time.Sleep(time.Millisecond)
				gevent.Sleep(0)
			}))
		}
		gevent.JoinAll(gs...)
		gevent.Sleep(10 * time.Millisecond) // it is no blocking to have nothing to do
	})
	require.Empty(t, e.kinds())
}

func TestAMonitorReportsMainCallbacksAndGenerators(t *testing.T) {
	e := watched(t, blockingLimit, func(e *events) {
		e.holdUp(1)
		e.await(2)
		gevent.CurrentHub().Loop().CallSoon(func() { e.holdUp(3) })
		e.await(4)
		for range coro.Generate(func(yield func(int) error) error { e.holdUp(5); return nil }).All() {
			t.Error("it yields nothing")
		}
		e.await(6)
	})
	var who []string
	for _, m := range e.all {
		require.Contains(t, m.Stack, "(*events).holdUp")
		if m.Kind == gevent.Blocked {
			who = append(who, m.Greenlet)
		}
	}
	require.Equal(t, "main", who[0])
	require.Equal(t, "a callback of the loop", who[1])
	require.Len(t, who, 3, "the generator may run on the stack of main, or on one of its own without a name")
}

func TestT182AMonitorReportsMemory(t *testing.T) {
	used := []uint64{1, 2, 2, 3, 2, 1, 1, 3}
	var asked atomic.Int32
	e := new(events)
	require.NoError(t, gevent.Run(func() {
		for int(asked.Load()) < len(used)+2 {
			gevent.Sleep(time.Millisecond)
		}
	}, gevent.WithMonitor(gevent.MonitorOptions{
		MaxBlockingTime: -1, MaxMemory: 1, MemoryPeriod: time.Millisecond, Report: e.report,
		Memory: func() uint64 {
			i := int(asked.Add(1)) - 1
			return used[min(i, len(used)-1)]
		},
	})))
	var got []string
	for _, m := range e.all {
		got = append(got, fmt.Sprint(m.Kind, m.Memory, m.MaxMemory))
	}
	require.Equal(t, []string{"MemoryExceeded 2 1", "MemoryExceeded 3 1", "MemoryUnder 1 1", "MemoryExceeded 3 1"},
		got, "2 again is not reported")
	require.Contains(t, e.all[0].String(), "memory: 2 bytes are used, more than 1")
	require.Contains(t, e.all[2].String(), "memory: 1 bytes are used, no more than 1 again")
}

func TestTheDefaultMemoryIsThatOfTheProcess(t *testing.T) {
	e := new(events)
	require.NoError(t, gevent.Run(func() { e.await(1) }, gevent.WithMonitor(gevent.MonitorOptions{
		MaxBlockingTime: -1, MaxMemory: 1, MemoryPeriod: time.Millisecond, Report: e.report,
	})))
	require.Greater(t, e.all[0].Memory, uint64(1<<20))
}

func TestT184AReportThatPanicsEndsTheMonitorAndIsReported(t *testing.T) {
	var failed atomic.Pointer[error]
	require.NoError(t, gevent.Run(func() {
		for failed.Load() == nil {
			gevent.Sleep(time.Millisecond)
		}
	}, gevent.WithMonitor(gevent.MonitorOptions{
		MaxBlockingTime: -1, MaxMemory: 1, MemoryPeriod: time.Millisecond,
		Report: func(gevent.MonitorEvent) { panic("no report") },
	}), gevent.WithErrorHook(func(where string, err error) {
		if where == "monitor" && strings.Contains(err.Error(), "no report") {
			failed.Store(&err)
		}
	})))
}

func TestAMonitorLivesAsLongAsItsThread(t *testing.T) {
	for range 20 {
		watched(t, time.Millisecond, func(*events) { gevent.Sleep(time.Millisecond) })
	}
	// It leaves a virtual clock alone.
	start := time.Now()
	require.NoError(t, gevent.Run(func() { gevent.Sleep(24 * time.Hour) }, virtual(), gevent.WithMonitor(gevent.MonitorOptions{})))
	require.Less(t, time.Since(start), time.Minute)
	// And a thread in which nothing can happen any more ends.
	err := gevent.Run(func() { gevent.NewGreenlet(func() {}).Join() },
		gevent.WithMonitor(gevent.MonitorOptions{MaxBlockingTime: time.Millisecond}))
	require.ErrorIs(t, err, gevent.ErrLoopExit)
}

func TestT187AssertSwitches(t *testing.T) {
	run(t, func() {
		nothing := func() error { return nil }
		require.Equal(t, gevent.ErrNotSwitched, gevent.AssertSwitches(nothing))
		require.NoError(t, gevent.AssertSwitches(func() error { gevent.Sleep(0); return nil }))
		gevent.Spawn(func() { gevent.Sleep(0) })
		require.NoError(t, gevent.AssertSwitches(func() error { gevent.Spawn(func() {}).Join(); return nil }))
		require.Equal(t, errReason, gevent.AssertSwitches(func() error { return errReason }), "an error is not replaced")
		require.PanicsWithValue(t, "kaboom", func() { _ = gevent.AssertSwitches(func() error { panic("kaboom") }) })
		// Nested: the outer one has switched if the inner one has.
		require.NoError(t, gevent.AssertSwitches(func() error {
			require.Equal(t, gevent.ErrNotSwitched, gevent.AssertSwitches(nothing))
			return gevent.AssertSwitches(func() error { gevent.Sleep(1); return nil })
		}))
	})
}

func TestAMonitorSaysWhatTheGoroutineDoesAndWhatToDo(t *testing.T) {
	var (
		c  = make(chan bool)
		mu sync.Mutex
		on atomic.Bool
	)
	for name, way := range map[string]struct {
		block, release func()
		state, advice  string // what they match
	}{
		"a channel": {func() { <-c }, func() { c <- true }, "^chan receive$", "; use gevent.Recv, Send or FromChan, or a queue.Channel\n"},
		"a mutex":   {func() { mu.Lock(); mu.Lock() }, mu.Unlock, `^sync\.Mutex\.Lock$`, "; use gevent/lock or gevent/event in place of package sync, or gevent.Offload\n"},
		"computing": {func() {
			for !on.Load() {
			}
		}, func() { on.Store(true) }, "^runn(ing|able)$", "; compute in gevent.Offload, or call gevent.Sleep(0) now and then\n"},
		"the system": {func() { time.Sleep(3 * blockingLimit) }, func() {}, "^sleep$", "; use the calls of this module in place of those that block, or gevent.Offload\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var found gevent.MonitorEvent
			require.NoError(t, gevent.Run(way.block, gevent.WithMonitor(gevent.MonitorOptions{
				MaxBlockingTime: blockingLimit,
				Report: func(e gevent.MonitorEvent) {
					if e.Kind == gevent.Blocked {
						found = e
						way.release()
					}
				},
			})))
			require.Regexp(t, way.state, found.State)
			require.Contains(t, found.String(), " ("+found.State+")"+way.advice)
		})
	}
}
