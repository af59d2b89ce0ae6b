package asyncio_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

func TestAKeyboardInterruptEndsTheRunAtOnce(t *testing.T) {
	t.Run("H06 from a callback, and the rest is kept", func(t *testing.T) {
		var o trace
		l := newLoop(t)
		l.CallSoon(func() { o.add("x") })
		l.CallSoon(func() { panic(asyncio.ErrKeyboardInterrupt) })
		l.CallSoon(func() { o.add("y"); l.Stop() })
		require.ErrorIs(t, l.RunForever(), asyncio.ErrKeyboardInterrupt)
		o.add("--")
		require.NoError(t, l.RunForever())
		require.Equal(t, trace{"x", "--", "y"}, o)
	})
	t.Run("LP-12 TK-28 from a task, and the loop is usable", func(t *testing.T) {
		l := newLoop(t, asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
			t.Errorf("unexpected: %v", e)
		}))
		stop := errors.Join(errBad, asyncio.ErrKeyboardInterrupt)
		var main *task
		_, err := asyncio.RunUntilComplete(l, proc(func(c ctx) error {
			main = asyncio.CurrentTask(c).(*task)
			panic(stop)
		}))
		require.ErrorIs(t, err, asyncio.ErrKeyboardInterrupt)
		require.ErrorIs(t, err, errBad)
		require.True(t, main.Done())
		require.False(t, main.Cancelled())
		v, err := asyncio.RunUntilComplete(l, func(ctx) (int, error) { return 1, nil })
		require.Equal(t, "1", outcome(v, err))
	})
}

func TestLP07OfWhatALoopRunsUntilItIsComplete(t *testing.T) {
	l := newLoop(t)
	panicSays(t, "the coroutine is nil", func() { _, _ = asyncio.RunUntilComplete[int](l, nil) })
	other := newLoop(t)
	f := asyncio.NewFuture[int](other)
	_, err := asyncio.RunUntilComplete(l, f.Await)
	var p *asyncio.PanicError
	require.ErrorAs(t, err, &p, "it belongs to another loop")
	require.ErrorContains(t, err, "it belongs to the loop of another thread")
}

func TestALoopIsStopped(t *testing.T) {
	t.Run("LP-14 H05 before it runs, for one iteration that does not wait", func(t *testing.T) {
		l, err := asyncio.NewLoop()
		require.NoError(t, err)
		l.CallLater(time.Hour, func() { t.Error("never") })
		l.Stop()
		before := l.Turns()
		require.NoError(t, l.RunForever())
		require.LessOrEqual(t, l.Turns()-before, uint64(1))
		require.NoError(t, l.Close())
	})
	t.Run("LP-15 again and again, by somebody with a loop of his own", func(t *testing.T) {
		n := 0
		l := newLoop(t)
		var tick func()
		tick = func() { n++; l.CallSoon(tick) }
		l.CallSoon(tick)
		for i := range 10 {
			l.Stop()
			require.NoError(t, l.RunForever())
			require.Equal(t, i+1, n)
		}
	})
	t.Run("EV-06 and not closed while it runs", func(t *testing.T) {
		l := newLoop(t)
		l.CallSoon(func() {
			require.ErrorIs(t, l.Close(), asyncio.ErrLoopRunning)
			l.Stop()
		})
		require.NoError(t, l.RunForever())
		v, err := asyncio.RunUntilComplete(l, func(ctx) (int, error) { return 2, nil })
		require.Equal(t, "2", outcome(v, err))
	})
}

func TestEV10H01AClosedLoopRefusesEverything(t *testing.T) {
	l, err := asyncio.NewLoop()
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, l.Close(), "LP-01")
	}
	require.ErrorIs(t, l.RunForever(), asyncio.ErrLoopClosed)
	for _, f := range []func(){
		func() { l.Stop() },
		func() { l.SetDebug(true) },
		func() { l.SetDefaultExecutor(asyncio.NewThreadPoolExecutor(1)) },
		func() { _ = l.ShutdownDefaultExecutor(t.Context()) },
		func() { asyncio.RunInExecutor(l.Context(), nil, func() (int, error) { return 0, nil }) },
		func() { _, _ = asyncio.GetAddrInfo(l.Context(), "tcp", ":1") },
	} {
		panicSays(t, "the event loop is closed; make another", f)
	}
	require.False(t, l.RemoveSignalHandler(nil))
	_ = l.Time()
	require.False(t, asyncio.NewFuture[int](l).Done())
}
