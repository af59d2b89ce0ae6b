package netpoll_test

import (
	"errors"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

func TestBatches(t *testing.T) {
	t.Run("callbacks and other runners share one queue", func(t *testing.T) {
		l := newLoop(t)
		var got recorder
		l.CallSoon(got.add("a"))
		l.Enqueue(runner(got.add("b")))
		l.CallSoon(got.add("c"))
		require.True(t, l.RunOnce())
		require.Equal(t, recorder{"a", "b", "c"}, got)
	})
	t.Run("what is added meanwhile runs in the next iteration", func(t *testing.T) {
		l := newLoop(t)
		var got recorder
		l.CallSoon(func() { got.add("a")(); l.CallSoon(got.add("c")) })
		l.CallSoon(got.add("b"))
		require.True(t, l.RunOnce())
		require.Equal(t, recorder{"a", "b"}, got)
		require.True(t, l.RunOnce())
		require.Equal(t, recorder{"a", "b", "c"}, got)
		require.False(t, l.RunOnce())
	})
	t.Run("within an iteration come posted functions and then timers", func(t *testing.T) {
		l, _ := newVirtual(t)
		var got recorder
		l.CallSoon(func() {
			l.CallLater(0, got.add("timer 1"))
			l.CallAt(-1, got.add("timer 0"))
			l.CallLater(0, got.add("timer 2"))
			require.NoError(t, l.Post(got.add("posted")))
			l.CallSoon(got.add("soon"))
		})
		require.NoError(t, l.Run())
		require.Equal(t, recorder{"soon", "posted", "timer 0", "timer 1", "timer 2"}, got)
	})
	t.Run("Next starts batches until a poll is due", func(t *testing.T) {
		l := newLoop(t)
		var again runner
		again = func() { l.Enqueue(again) }
		l.Enqueue(again)
		require.True(t, l.Turn())
		n := 0
		for r := l.Next(); r != nil; r = l.Next() {
			r.RunReady()
			n++
		}
		require.Equal(t, netpoll.PollInterval, n)
		require.Equal(t, 1, l.Stats().Ready)
		require.True(t, l.Turn())
		require.NotNil(t, l.Next())
	})
	t.Run("a large batch is not divided", func(t *testing.T) {
		l := newLoop(t)
		var got recorder
		for range 10 * netpoll.PollInterval {
			l.CallSoon(got.add("x"))
		}
		require.True(t, l.RunOnce())
		require.Len(t, got, 10*netpoll.PollInterval)
	})
	t.Run("a busy queue does not starve timers", func(t *testing.T) {
		l := newLoop(t)
		done := false
		var again func()
		again = func() {
			if !done {
				l.CallSoon(again)
			}
		}
		l.CallSoon(again)
		l.CallLater(time.Millisecond, func() { done = true })
		require.NoError(t, l.Run())
	})
	t.Run("a due timer does not wait for the poll", func(t *testing.T) {
		l, c := newVirtual(t)
		var got recorder
		l.CallLater(time.Second, got.add("timer"))
		l.CallSoon(func() {
			c.Advance(time.Second)
			l.CallSoon(got.add("soon"))
			l.Enqueue(runner(got.add("runner")))
		})
		require.True(t, l.RunOnce())
		polls := l.Stats().Turns
		require.True(t, l.RunOnce())
		require.Equal(t, recorder{"soon", "runner", "timer"}, got)
		require.Equal(t, polls, l.Stats().Turns)
	})
	t.Run("popped entries are not kept alive", func(t *testing.T) {
		l := newLoop(t)
		freed := make(chan bool, 1)
		h := l.CallSoon(func() {})
		runtime.AddCleanup(h, func(c chan bool) { c <- true }, freed)
		h = nil
		require.True(t, l.RunOnce())
		require.Eventually(t, func() bool { runtime.GC(); return len(freed) == 1 }, 5*time.Second, time.Millisecond)
	})
}

func TestPanicLeavesTheLoopIntact(t *testing.T) {
	l := newLoop(t)
	var got recorder
	l.CallSoon(got.add("a"))
	l.CallSoon(func() { panic("b") })
	l.CallSoon(got.add("c"))
	l.CallSoon(got.add("d"))
	require.PanicsWithValue(t, "b", func() { l.Run() })
	require.Equal(t, recorder{"a"}, got)
	l.CallSoon(got.add("e"))
	require.True(t, l.RunOnce())
	require.Equal(t, recorder{"a", "c", "d"}, got)
	require.NoError(t, l.Run())
	require.Equal(t, recorder{"a", "c", "d", "e"}, got)
}

func TestTurnReturnsFalseExactlyWhenIdle(t *testing.T) {
	l := newLoop(t)
	require.False(t, l.Turn())

	h := l.CallSoon(func() {})
	require.True(t, l.Turn())
	l.Next().RunReady()
	require.False(t, l.Turn())
	h.Cancel()

	timer := l.CallLater(time.Microsecond, func() {})
	require.True(t, l.Turn())
	require.NotNil(t, l.Next())
	require.False(t, l.Turn())
	require.False(t, timer.Cancelled())

	timer = l.CallLater(time.Hour, func() {})
	timer.Cancel()
	require.False(t, l.Turn())

	require.NoError(t, l.Post(func() {}))
	require.True(t, l.Turn())
	require.NotNil(t, l.Next())
	require.False(t, l.Turn())

	l.Ref()
	go l.Post(l.Unref)
	require.True(t, l.Turn())
	l.Next().RunReady()
	require.False(t, l.Turn())
}

func TestStop(t *testing.T) {
	t.Run("ends Run after the iteration", func(t *testing.T) {
		l := newLoop(t)
		var got recorder
		l.CallSoon(func() { l.Stop(); l.CallSoon(got.add("next")) })
		l.CallSoon(got.add("same"))
		require.NoError(t, l.Run())
		require.Equal(t, recorder{"same"}, got)
		require.NoError(t, l.Run())
		require.Equal(t, recorder{"same", "next"}, got)
	})
	t.Run("before Run makes it run one iteration without waiting", func(t *testing.T) {
		l := newLoop(t)
		var got recorder
		l.CallLater(time.Hour, got.add("never"))
		l.Stop()
		require.NoError(t, l.Run())
		l.CallSoon(got.add("once"))
		l.Stop()
		require.NoError(t, l.Run())
		require.Equal(t, recorder{"once"}, got)
	})
	t.Run("reaches a sleeping loop by Post", func(t *testing.T) {
		l := newLoop(t)
		l.Ref()
		time.AfterFunc(5*time.Millisecond, func() { l.Post(l.Stop) })
		require.NoError(t, l.Run())
	})
}

func TestHandles(t *testing.T) {
	l, c := newVirtual(t)
	var got recorder
	soon := l.CallSoon(got.add("soon"))
	later := l.CallLater(time.Second, got.add("later"))
	at := l.CallAt(time.Minute, got.add("at"))
	require.Zero(t, soon.When())
	require.Equal(t, time.Second, later.When())
	require.Equal(t, time.Minute, at.When())

	soon.Cancel()
	soon.Cancel()
	require.True(t, soon.Cancelled())
	later.Cancel()
	require.Equal(t, 1, l.Stats().Timers)
	require.NoError(t, l.Run())
	require.Equal(t, recorder{"at"}, got)
	require.Equal(t, time.Minute, c.Now())
	require.Equal(t, time.Minute, l.Time())
	require.False(t, at.Cancelled())

	var second *netpoll.Handle
	l.CallSoon(func() { second.Cancel() })
	second = l.CallSoon(got.add("cancelled while ready"))
	l.CallLater(math.MaxInt64, got.add("at the end of time")).Cancel()
	require.NoError(t, l.Run())
	require.Equal(t, recorder{"at"}, got)
}

func TestTimeIsCached(t *testing.T) {
	l := newLoop(t)
	before := l.Time()
	time.Sleep(time.Millisecond)
	require.Equal(t, before, l.Time())
	require.GreaterOrEqual(t, l.UpdateTime(), before+time.Millisecond)

	time.Sleep(time.Millisecond)
	stale := l.Time()
	h := l.CallLater(time.Millisecond, func() {})
	require.GreaterOrEqual(t, h.When(), stale+2*time.Millisecond)
	require.NoError(t, l.Run())
	require.GreaterOrEqual(t, l.Time(), h.When())
}

func TestVirtualClock(t *testing.T) {
	t.Run("waits for a promised Post instead of jumping", func(t *testing.T) {
		l, c := newVirtual(t)
		var got recorder
		l.CallLater(time.Hour, got.add("timer"))
		l.Ref()
		time.AfterFunc(5*time.Millisecond, func() {
			l.Post(func() { l.Unref(); got.add("posted at " + c.Now().String())() })
		})
		require.NoError(t, l.Run())
		require.Equal(t, recorder{"posted at 0s", "timer"}, got)
		require.Equal(t, time.Hour, c.Now())
	})
	t.Run("moves forward only", func(t *testing.T) {
		require.Panics(t, func() { netpoll.NewVirtualClock().Advance(-1) })
	})
}

func TestClose(t *testing.T) {
	t.Run("drops what is pending", func(t *testing.T) {
		l := newLoop(t)
		fail := func() { t.Error("ran after Close") }
		var timer netpoll.Timer
		h := l.CallSoon(fail)
		later := l.CallLater(0, fail)
		l.Arm(&timer, 0, runner(fail))
		require.NoError(t, l.Post(fail))
		require.NoError(t, l.Close())

		require.ErrorIs(t, l.Close(), netpoll.ErrClosed)
		require.ErrorIs(t, l.Post(fail), netpoll.ErrClosed)
		require.ErrorIs(t, l.Run(), netpoll.ErrClosed)
		require.ErrorIs(t, l.AddReader(0, fail), netpoll.ErrClosed)
		require.ErrorIs(t, l.AddWriter(0, fail), netpoll.ErrClosed)
		_, err := l.Open(0)
		require.ErrorIs(t, err, netpoll.ErrClosed)
		require.False(t, l.RemoveReader(0))
		require.False(t, timer.Armed())
		require.False(t, l.Disarm(&timer))
		require.Nil(t, l.Next())
		h.Cancel()
		later.Cancel()
		for _, f := range []func(){
			func() { l.CallSoon(fail) },
			func() { l.CallLater(0, fail) },
			func() { l.CallAt(0, fail) },
			func() { l.Enqueue(runner(fail)) },
			func() { l.Arm(&timer, 0, runner(fail)) },
			func() { l.Turn() },
			func() { l.RunOnce() },
		} {
			require.Panics(t, f)
		}
	})
	t.Run("is refused while the loop runs", func(t *testing.T) {
		l := newLoop(t)
		l.CallSoon(func() { require.Panics(t, func() { l.Close() }) })
		require.NoError(t, l.Run())
	})
}

func TestMisusePanicsWithAdvice(t *testing.T) {
	l, other := newLoop(t), newLoop(t)
	var timer netpoll.Timer
	l.Arm(&timer, 0, runner(func() {}))
	for want, f := range map[string]func(){
		"netpoll.CallSoon: nil function; pass the function that is to be run":                func() { l.CallSoon(nil) },
		"netpoll.CallLater: nil function; pass the function that is to be run":               func() { l.CallLater(0, nil) },
		"netpoll.CallAt: nil function; pass the function that is to be run":                  func() { l.CallAt(0, nil) },
		"netpoll.Post: nil function; pass the function that is to be run":                    func() { l.Post(nil) },
		"netpoll.Enqueue: nil Runner; pass the entry that is to be run":                      func() { l.Enqueue(nil) },
		"netpoll.Arm: nil Runner; pass the entry that is to be made ready":                   func() { l.Arm(&timer, 0, nil) },
		"netpoll.Arm: the timer is armed in another loop; Disarm it there first":             func() { other.Arm(&timer, 0, runner(func() {})) },
		"netpoll.Disarm: the timer is armed in another loop; call Disarm of that loop":       func() { other.Disarm(&timer) },
		"netpoll.Unref: no Ref is outstanding; call Unref once for each Ref":                 l.Unref,
		"netpoll.AddReader: nil function; pass the callback, or remove it with RemoveReader": func() { l.AddReader(0, nil) },
		"netpoll.AddWriter: nil function; pass the callback, or remove it with RemoveWriter": func() { l.AddWriter(0, nil) },
		"netpoll.Advance: negative duration; a clock moves forward only":                     func() { netpoll.NewVirtualClock().Advance(-1) },
	} {
		require.PanicsWithValue(t, want, f)
	}
	l.CallSoon(func() {
		require.PanicsWithValue(t, "netpoll.RunOnce: the loop is running already; let the callback return to the loop instead of running it",
			func() { l.RunOnce() })
	})
	require.NoError(t, l.Run())
}

func TestErrNoPollerIsUnsupported(t *testing.T) {
	require.ErrorIs(t, netpoll.ErrNoPoller, errors.ErrUnsupported)
}

func TestStats(t *testing.T) {
	l := newLoop(t)
	l.CallSoon(func() {})
	l.CallSoon(func() {})
	l.CallLater(0, func() {})
	l.CallLater(time.Hour, func() {})
	l.Ref()
	require.NoError(t, l.Post(func() {}))
	require.True(t, l.Turn())
	l.Next()
	s := l.Stats()
	require.Equal(t, netpoll.Stats{Turns: 1, Entries: 1, Fired: 1, Posted: 1, Ready: 3, Timers: 1, Refs: 1}, s)
}
