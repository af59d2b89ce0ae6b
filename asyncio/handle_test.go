package asyncio_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

func TestAHandleIsCancelledByAnyGoroutine(t *testing.T) {
	// with runs main with a loop of which another goroutine has hold.
	with := func(t *testing.T, main func(c ctx, l *asyncio.Loop)) {
		require.NoError(t, run(t, func(c ctx) error {
			l := asyncio.RunningLoop(c)
			main(c, l)
			return nil
		}))
	}
	t.Run("EV-03 before it starts", func(t *testing.T) {
		with(t, func(c ctx, l *asyncio.Loop) {
			h, err := l.CallSoonThreadsafe(func() { t.Error("it was cancelled") })
			require.NoError(t, err)
			done := make(chan none)
			go func() {
				defer close(done)
				h.Cancel()
				h.Cancel()
			}()
			<-done
			require.True(t, h.Cancelled())
			require.NoError(t, yield(c, 2))
		})
	})
	t.Run("EV-03 which waits for its end", func(t *testing.T) {
		with(t, func(c ctx, l *asyncio.Loop) {
			running, ended := make(chan none), atomic.Bool{}
			done := make(chan bool)
			h, err := l.CallSoonThreadsafe(func() {
				close(running)
				time.Sleep(20 * ms)
				ended.Store(true)
			})
			require.NoError(t, err)
			go func() {
				<-running
				h.Cancel()
				done <- ended.Load()
			}()
			require.NoError(t, asyncio.Sleep(c, 0))
			require.True(t, <-done)
			require.True(t, h.Cancelled())
		})
	})
	t.Run("EV-03 or by itself", func(t *testing.T) {
		with(t, func(c ctx, l *asyncio.Loop) {
			var h *asyncio.Handle
			ran := false
			h, err := l.CallSoonThreadsafe(func() {
				require.False(t, h.Cancelled())
				h.Cancel()
				require.True(t, h.Cancelled())
				ran = true
			})
			require.NoError(t, err)
			require.NoError(t, asyncio.Sleep(c, 0))
			require.True(t, ran)
		})
	})
	t.Run("H17 of a loop that waits for a time", func(t *testing.T) {
		var o trace
		l, err := asyncio.NewLoop()
		require.NoError(t, err)
		l.CallLater(30*time.Second, func() { o.add("late") })
		go func() {
			time.Sleep(ms)
			_, err := l.CallSoonThreadsafe(func() { o.add("ts") })
			require.NoError(t, err)
			_, err = l.CallSoonThreadsafe(l.Stop)
			require.NoError(t, err)
		}()
		start := time.Now()
		require.NoError(t, l.RunForever())
		require.Less(t, time.Since(start), 10*time.Second)
		require.Equal(t, trace{"ts"}, o)
		require.NoError(t, l.Close())
	})
	t.Run("EV-02 in the order of one goroutine's calls", func(t *testing.T) {
		var o trace
		with(t, func(c ctx, l *asyncio.Loop) {
			done := make(chan none)
			l.Ref()
			go func() {
				for _, s := range []string{"hello", "world"} {
					_, err := l.CallSoonThreadsafe(func() { o.add(s) })
					require.NoError(t, err)
				}
				close(done)
			}()
			<-done
			l.Unref()
			require.NoError(t, yield(c, 2))
		})
		require.Equal(t, trace{"hello", "world"}, o)
	})
}

func namedCallback() {}

func TestEV12AHandleDescribesItself(t *testing.T) {
	l := newLoop(t, asyncio.WithDebug(false))
	h := l.CallSoon(namedCallback)
	require.Regexp(t, `^<Handle .*namedCallback at .*handle_test.go:\d+>$`, h.String())
	h.Cancel()
	require.Equal(t, "<Handle cancelled>", h.String())
	later := l.CallAt(time.Second, namedCallback)
	require.Regexp(t, `^<TimerHandle when=1s .*namedCallback at `, later.String())
	require.Equal(t, time.Second, later.When())
	later.Cancel()
	require.Equal(t, "<TimerHandle when=1s cancelled>", later.String())

	l.SetDebug(true)
	h = l.CallSoon(namedCallback)
	require.Regexp(t, `^<Handle .*namedCallback at .* created at .*handle_test.go:\d+>$`, h.String())
	h.Cancel()
	require.Regexp(t, `^<Handle cancelled .*namedCallback at .* created at .*>$`, h.String())
}

func TestAHandleThatPanickedKeepsItsFunctionsName(t *testing.T) {
	for name, schedule := range map[string]func(*asyncio.Loop, func()) *asyncio.Handle{
		"CallSoon": (*asyncio.Loop).CallSoon,
		"CallSoonThreadsafe": func(l *asyncio.Loop, f func()) *asyncio.Handle {
			h, err := l.CallSoonThreadsafe(f)
			require.NoError(t, err)
			return h
		},
	} {
		t.Run(name, func(t *testing.T) {
			var told []*asyncio.Handle
			l := newLoop(t, asyncio.WithDebug(false), asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
				require.Regexp(t, `^<Handle( cancelled)? .*TestAHandleThatPanicked.* at .*handle_test.go:\d+>$`, e.Handle.String())
				told = append(told, e.Handle)
			}))
			var h *asyncio.Handle
			first := schedule(l, func() { panic("oops") })
			h = schedule(l, func() { h.Cancel(); panic("oops") })
			never := schedule(l, func() {})
			never.Cancel()
			l.CallSoon(l.Stop)
			require.NoError(t, l.RunForever())
			require.Equal(t, []*asyncio.Handle{first, h}, told)
			require.False(t, first.Cancelled())
			require.True(t, h.Cancelled())
			require.Equal(t, "<Handle cancelled>", never.String())
		})
	}
}

func TestTimersAndTheirCancellation(t *testing.T) {
	t.Run("LP-02 a cancelled handle is not in the way", func(t *testing.T) {
		var o trace
		l := newLoop(t)
		l.CallSoon(func() { o.add("never") }).Cancel()
		l.CallLater(time.Second, func() { o.add("timer"); l.Stop() })
		l.CallSoon(func() { o.add("soon") })
		require.NoError(t, l.RunForever())
		require.Equal(t, trace{"soon", "timer"}, o)
	})
	t.Run("LP-03 G10 negative delays fire in their order", func(t *testing.T) {
		var o trace
		l := newLoop(t)
		l.CallLater(-time.Second, func() { o.add("a") })
		l.CallLater(-2*time.Second, func() { o.add("b") })
		l.CallSoon(func() { o.add("s") })
		l.CallLater(ms, l.Stop)
		require.NoError(t, l.RunForever())
		require.Equal(t, "s b a", strings.Join(o, " "))
	})
	t.Run("LP-04 a cancelled timer does not end the wait", func(t *testing.T) {
		l := newLoop(t)
		l.CallLater(5*time.Second, func() {}).Cancel()
		l.CallLater(10*time.Second, l.Stop)
		require.NoError(t, l.RunForever())
		require.Equal(t, 10*time.Second, l.Time())
	})
	t.Run("LP-05 what a timer schedules comes in the next iteration", func(t *testing.T) {
		var o trace
		l := newLoop(t)
		l.CallLater(ms, func() {
			o.add("timer")
			l.CallSoon(func() { o.add("next") })
			l.Stop()
		})
		require.NoError(t, l.RunForever())
		require.Equal(t, trace{"timer"}, o)
		l.Stop()
		require.NoError(t, l.RunForever())
		require.Equal(t, trace{"timer", "next"}, o)
	})
	t.Run("LP-06 a thousand cancelled timers leave the others", func(t *testing.T) {
		l := newLoop(t)
		var hs []*asyncio.Handle
		fired := 0
		for i := range 1000 {
			hs = append(hs, l.CallLater(time.Duration(i)*time.Second, func() { fired++ }))
		}
		for i, h := range hs {
			if i%4 != 0 {
				h.Cancel()
			}
		}
		l.CallLater(time.Hour, l.Stop)
		require.NoError(t, l.RunForever())
		require.Equal(t, 250, fired)
	})
	t.Run("EV-08 short sleeps do not keep the loop busy", func(t *testing.T) {
		l, err := asyncio.NewLoop()
		require.NoError(t, err)
		before := l.Turns()
		_, err = asyncio.RunUntilComplete(l, proc(func(c ctx) error {
			for _, d := range []time.Duration{10 * ms, 100 * time.Microsecond, time.Microsecond, 10, 1} {
				if err := asyncio.Sleep(c, d); err != nil {
					return err
				}
			}
			return nil
		}))
		require.NoError(t, err)
		require.LessOrEqual(t, l.Turns()-before, uint64(20))
		require.NoError(t, l.Close())
	})
}
