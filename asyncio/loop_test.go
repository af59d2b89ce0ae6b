package asyncio_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// The same program in Python prints the same.
func TestALoopGoesOnWhereItStopped(t *testing.T) {
	var o trace
	l := newLoop(t)
	main := func(n, yields int) {
		_, err := asyncio.RunUntilComplete(l, proc(func(c ctx) error {
			o.add("m", n)
			err := yield(c, yields)
			o.add("m", n, " end")
			return err
		}))
		require.NoError(t, err)
		o.add("--")
	}
	forever := func() {
		require.NoError(t, l.RunForever())
		o.add("--")
	}
	ticker := spawn(l.Context(), func(c ctx) (err error) {
		for i := 0; i < 9 && err == nil; i++ {
			o.add("t", i)
			err = asyncio.Sleep(c, 0)
		}
		return err
	})
	main(1, 1)
	main(2, 0)
	l.CallSoon(func() {
		o.add("a")
		l.Stop()
		l.CallSoon(func() { o.add("x") })
	})
	l.CallSoon(func() { o.add("b") })
	forever()
	l.CallSoon(func() { o.add(1) })
	l.CallSoon(func() { l.CallSoon(func() { o.add(2) }) })
	l.Stop()
	forever()
	l.Stop()
	forever()
	ticker.Cancel()
	_, err := asyncio.RunUntilComplete(l, ticker.Await)
	require.ErrorIs(t, err, asyncio.ErrCancelled)
	require.Equal(t, "t0 | m1 | t1 | m1 end | t2 | -- | t3 | m2 | m2 end | t4 | -- | "+
		"t5 | a | b | -- | t6 | x | 1 | -- | t7 | 2 | --", strings.Join(o, " | "))
}

func TestStopEndsARunBeforeItsTask(t *testing.T) {
	l := newLoop(t)
	f := asyncio.NewFuture[int](l)
	l.CallSoon(l.Stop)
	_, err := asyncio.RunUntilComplete(l, f.Await)
	require.ErrorIs(t, err, asyncio.ErrLoopStopped)
	require.False(t, l.IsRunning())
	require.NoError(t, f.SetResult(1))
	v, err := asyncio.RunUntilComplete(l, f.Await)
	require.NoError(t, err)
	require.Equal(t, 1, v)
	require.Empty(t, l.AllTasks(), "the first main task ended too")
}

func TestTimersFireInTheOrderOfTheirTimesThenOfTheirMaking(t *testing.T) {
	var o trace
	l := newLoop(t)
	now := l.Time()
	for _, d := range []time.Duration{30, 10, 20, 10} {
		n := len(o)
		l.CallAt(now+d*ms, func() { o.add(int(d), " ", n) })
		o = append(o, "")
	}
	o = nil
	require.Equal(t, now+40*ms, l.CallLater(40*ms, l.Stop).When())
	require.NoError(t, l.RunForever())
	require.Equal(t, trace{"10 1", "10 3", "20 2", "30 0"}, o)
	require.Equal(t, now+40*ms, l.Time())
}

func TestALoopDoesNotRunInALoop(t *testing.T) {
	l := newLoop(t)
	require.NoError(t, run(t, func(c ctx) error {
		own := asyncio.RunningLoop(c)
		for _, other := range []*asyncio.Loop{own, l} {
			_, err := asyncio.RunUntilComplete(other, proc(func(ctx) error { return nil }))
			require.ErrorIs(t, err, asyncio.ErrLoopRunning)
			require.ErrorContains(t, err, "CreateTask")
		}
		_, err := asyncio.Run(proc(func(ctx) error { return nil }))
		require.ErrorIs(t, err, asyncio.ErrLoopRunning)
		require.ErrorIs(t, own.RunForever(), asyncio.ErrLoopRunning)
		require.ErrorIs(t, own.Close(), asyncio.ErrLoopRunning)
		own.CallSoon(func() { err = own.RunForever() })
		_ = asyncio.Sleep(c, 0)
		require.ErrorContains(t, err, "callback")
		require.True(t, own.IsRunning())
		require.False(t, own.IsClosed())
		return nil
	}))
}

func TestTheSameLoopIsRunByOneGoroutineAtATime(t *testing.T) {
	l, err := asyncio.NewLoop()
	require.NoError(t, err)
	_, err = asyncio.RunUntilComplete(l, proc(func(ctx) error {
		errs := make(chan error)
		go func() { errs <- l.RunForever() }()
		require.ErrorIs(t, <-errs, asyncio.ErrLoopRunning)
		go func() { errs <- l.Close() }()
		require.ErrorIs(t, <-errs, asyncio.ErrLoopRunning)
		return nil
	}))
	require.NoError(t, err)
	done := make(chan error)
	go func() { // and by another one later
		_, err := asyncio.RunUntilComplete(l, func(c ctx) (int, error) { return 1, asyncio.Sleep(c, 0) })
		done <- errors.Join(err, l.Close())
	}()
	require.NoError(t, <-done)
}

func TestAClosedLoopIsClosed(t *testing.T) {
	var o trace
	l, err := asyncio.NewLoop()
	require.NoError(t, err)
	l.CallSoon(func() { o.add("never") })
	h := l.CallLater(0, func() { o.add("never") })
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	require.True(t, l.IsClosed())
	require.Empty(t, o)
	h.Cancel()
	_, err = asyncio.RunUntilComplete(l, proc(func(ctx) error { return nil }))
	require.ErrorIs(t, err, asyncio.ErrLoopClosed)
	require.ErrorIs(t, l.RunForever(), asyncio.ErrLoopClosed)
	_, err = l.CallSoonThreadsafe(func() {})
	require.ErrorIs(t, err, asyncio.ErrLoopClosed)
	for _, f := range []func(){
		func() { l.CallSoon(func() {}) },
		func() { l.CallLater(0, func() {}) },
		func() { l.CallAt(0, func() {}) },
		func() { spawn(l.Context(), func(ctx) error { return nil }) },
	} {
		panicSays(t, "the event loop is closed; make another", f)
	}
	_ = l.Time()
}

// panicSays checks that f panics with a message that contains what.
func panicSays(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() { require.Contains(t, recover(), what) }()
	f()
}

func TestCloseUnwindsAndReportsWhatIsLeft(t *testing.T) {
	var o trace
	l, err := asyncio.NewLoop(asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
		o.add(e.Message, " ", e.Task)
	}))
	require.NoError(t, err)
	parked := asyncio.CreateTask(l.Context(), func(c ctx) (int, error) {
		defer func() { o.add("deferred ", asyncio.Sleep(c, time.Hour)) }() // which is unwound again
		defer o.add("unwound")
		_ = asyncio.Sleep(c, time.Hour)
		o.add("never")
		return 1, nil
	}, asyncio.WithName("parked"))
	l.CallSoon(l.Stop)
	require.NoError(t, l.RunForever())
	unstarted := spawn(l.Context(), func(ctx) error { o.add("never"); return nil })
	l.CallSoon(func() { o.add("never") })
	require.NoError(t, l.Close())
	require.Equal(t, trace{
		"Task was destroyed but it is pending! parked",
		"Task was destroyed but it is pending! Task-2",
		"unwound",
	}, o)
	require.True(t, parked.Cancelled())
	require.True(t, unstarted.Cancelled())
	require.ErrorIs(t, unstarted.Err(), asyncio.ErrLoopClosed)
	require.ErrorIs(t, parked.Err(), asyncio.ErrCancelled)
}

func TestOtherGoroutinesReachALoop(t *testing.T) {
	v, err := asyncio.Run(func(c ctx) (int, error) {
		l := asyncio.RunningLoop(c)
		f := asyncio.NewFuture[int](l)
		l.Ref()
		go func() {
			_, err := l.CallSoonThreadsafe(func() {
				l.Unref()
				_ = f.SetResult(42)
			})
			if err != nil {
				panic(err)
			}
		}()
		return f.Await(c)
	})
	require.NoError(t, err)
	require.Equal(t, 42, v)
}

func TestCallSoonThreadsafeKeepsTheOrderOnItsOwnThread(t *testing.T) {
	var o trace
	require.NoError(t, run(t, func(c ctx) error {
		l := asyncio.RunningLoop(c)
		l.CallSoon(func() { o.add(1) })
		_, err := l.CallSoonThreadsafe(func() { o.add(2) })
		require.NoError(t, err)
		l.CallSoon(func() { o.add(3) })
		return asyncio.Sleep(c, 0)
	}))
	require.Equal(t, trace{"1", "2", "3"}, o)
}

func TestAPanicInACallbackGoesToTheHandlerAndTheRestGoesOn(t *testing.T) {
	var o trace
	require.NoError(t, run(t, func(c ctx) error {
		l := asyncio.RunningLoop(c)
		l.CallSoon(func() { panic("oops") })
		l.CallSoon(func() { o.add("next") })
		_, err := l.CallSoonThreadsafe(func() { panic(errBad) })
		require.NoError(t, err)
		return asyncio.Sleep(c, 0)
	}, asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
		var p *asyncio.PanicError
		require.ErrorAs(t, e.Err, &p)
		o.add(e.Message, ": ", p.Value)
	})))
	require.Equal(t, trace{"Exception in callback: oops", "next", "Exception in callback: bad"}, o)
}

func TestALoopThatWouldWaitForEverSaysSo(t *testing.T) {
	var o trace
	err := run(t, func(c ctx) error {
		f := asyncio.NewFuture[int](asyncio.RunningLoop(c))
		stuck := spawn(c, func(c ctx) error { _, err := f.Await(c); o.add(outcome(nil, err)); return err }, asyncio.WithName("stuck"))
		_, err := stuck.Await(c)
		o.add(outcome(nil, err))
		return err
	})
	require.ErrorIs(t, err, asyncio.ErrLoopExit)
	require.ErrorContains(t, err, "Task-1: parked in asyncio.Task.Await stuck")
	require.ErrorContains(t, err, "stuck: parked in asyncio.Future.Await")
	require.Equal(t, trace{"cancelled", "cancelled"}, o, "Run cancelled what was left")
}

func TestMisuseIsRefused(t *testing.T) {
	here := func(c ctx) error { return nil }
	panicSays(t, "asyncio.CreateTask: no event loop runs here", func() { spawn(t.Context(), here) })
	panicSays(t, "asyncio.Sleep: the calling goroutine runs no loop", func() { _ = asyncio.Sleep(t.Context(), 0) })
	require.NoError(t, run(t, func(c ctx) error {
		l := asyncio.RunningLoop(c)
		me := asyncio.CurrentTask(c)
		pending := spawn(c, here)
		refused := make(chan any)
		try := func(f func()) {
			defer func() { refused <- recover() }()
			f()
		}
		for _, f := range []func(){
			func() { l.CallSoon(func() {}) },
			func() { spawn(c, here) },
			func() { me.Cancel() },
			func() { l.Stop() },
		} {
			go try(f)
			require.Contains(t, <-refused, "use Loop.CallSoonThreadsafe")
		}
		go try(func() { _, _ = pending.Await(c) })
		require.Contains(t, <-refused, "asyncio.Task.Await: the calling goroutine runs no loop")
		var inCallback any
		l.CallSoon(func() {
			defer func() { inCallback = recover() }()
			_ = asyncio.Sleep(c, 0)
		})
		_ = asyncio.Sleep(c, 0)
		require.Contains(t, inCallback, "asyncio.Sleep: a callback of the loop must not wait")
		var self *task
		self = spawn(c, func(c ctx) error { _, err := self.Await(c); return err })
		_, err := self.Await(c)
		require.ErrorContains(t, err, "awaits itself")
		return nil
	}))
	_, err := asyncio.Run(func(c ctx) (int, error) {
		_, _, err := asyncio.Wait[*task](c, nil)
		return 0, err
	})
	require.ErrorIs(t, err, asyncio.ErrNothingToWaitFor)
}
