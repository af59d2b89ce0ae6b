package asyncio_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// reports returns an option that notes what the exception handler is told.
func reports(o *trace) asyncio.Option {
	return asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
		var p *asyncio.PanicError
		err := e.Err
		if errors.As(err, &p) {
			err = fmt.Errorf("panic %v", p.Value)
		}
		o.add(e.Message, ": ", e.Task, ": ", err)
	})
}

func TestAPanicBecomesTheTasksError(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		_, err := spawn(c, func(ctx) error { panic(errBad) }).Await(c)
		var p *asyncio.PanicError
		require.ErrorAs(t, err, &p)
		require.ErrorIs(t, err, errBad)
		require.Contains(t, string(p.Stack), "TestAPanicBecomesTheTasksError")
		return nil
	}))
	err := run(t, func(ctx) error { panic("main") })
	require.ErrorContains(t, err, "panic: main")
}

func TestAnErrorThatNobodyRetrievesIsReportedOnce(t *testing.T) {
	var o, kept trace
	var keep []*task
	require.NoError(t, run(t, func(c ctx) error {
		fail := func(name string, f func(ctx) error) *task {
			keep = append(keep, spawn(c, f, asyncio.WithName(name)))
			return keep[len(keep)-1]
		}
		fail("lost", func(ctx) error { return errBad })
		fail("panicked", func(ctx) error { panic("oops") })
		fail("cancelled", func(ctx) error { return asyncio.ErrCancelled })
		awaited := fail("awaited", func(ctx) error { return errBad })
		_, err := awaited.Await(c)
		kept.add(err)
		kept.add(fail("asked", func(ctx) error { return errBad }).Err())
		_ = asyncio.Sleep(c, 0)
		kept.add(keep[4].Err())
		gathered := fail("gathered", func(ctx) error { return errBad })
		_, err = asyncio.Gather(c, gathered)
		kept.add(err)
		f := asyncio.NewFuture[int](asyncio.RunningLoop(c))
		require.NoError(t, f.SetError(errBad))
		require.False(t, f.Cancel(), "which counts as being seen")
		require.NoError(t, asyncio.NewFuture[int](asyncio.RunningLoop(c)).SetError(errBad))
		require.Empty(t, o)
		return nil
	}, reports(&o)))
	require.Equal(t, trace{"bad", "asyncio: invalid state: the result is not ready; await it", "bad", "bad"}, kept)
	require.Equal(t, trace{
		"Task exception was never retrieved: lost: bad",
		"Task exception was never retrieved: panicked: panic oops",
		"Future exception was never retrieved: : bad",
	}, o)
	runtime.KeepAlive(keep)
}

func TestALostErrorIsReportedWhenItsTaskIsGarbage(t *testing.T) {
	var o trace
	_, err := asyncio.Run(func(c ctx) (int, error) {
		spawn(c, func(ctx) error { return errBad }, asyncio.WithName("dropped"))
		for range 1000 {
			if len(o) > 0 {
				break
			}
			runtime.GC()
			_ = asyncio.Sleep(c, ms)
		}
		require.Equal(t, trace{"Task exception was never retrieved: dropped: bad"}, o)
		return 0, nil
	}, reports(&o))
	require.NoError(t, err)
	require.Len(t, o, 1)
}

func TestAnErrorDuringTheShutdownIsReported(t *testing.T) {
	var o trace
	require.NoError(t, run(t, func(c ctx) error {
		spawn(c, func(c ctx) error { _ = asyncio.Sleep(c, time.Hour); return errBad })
		return nil
	}, reports(&o)))
	require.Equal(t, trace{"unhandled exception during asyncio.Run shutdown: Task-2: bad"}, o)
}

func TestAHandlerThatPanicsDoesNotEndTheLoop(t *testing.T) {
	var o trace
	require.NoError(t, green(t, func() error {
		_, err := asyncio.Run(proc(func(c ctx) error {
			asyncio.RunningLoop(c).CallSoon(func() { panic("first") })
			return asyncio.Sleep(c, 0)
		}), asyncio.WithExceptionHandler(func(*asyncio.Loop, asyncio.ExceptionContext) { panic("second") }))
		return err
	}, gevent.WithErrorHook(func(where string, err error) {
		var p *asyncio.PanicError
		require.ErrorAs(t, err, &p)
		o.add(where, ": ", p.Value)
	})))
	require.Equal(t, trace{"Exception in callback: first", "Unhandled error in exception handler: second"}, o)
}

func TestGoexitInATaskEndsTheCallerOfRun(t *testing.T) {
	var o trace
	done := make(chan bool)
	go func() {
		defer close(done)
		defer o.add("goroutine")
		_, _ = asyncio.Run(func(c ctx) (int, error) {
			spawn(c, func(c ctx) error {
				err := asyncio.Sleep(c, time.Hour)
				o.add(outcome(nil, err))
				return err
			})
			exits := spawn(c, func(c ctx) error {
				_ = asyncio.Sleep(c, 0)
				defer o.add("task")
				runtime.Goexit()
				return nil
			})
			_, err := exits.Await(c)
			o.add("main: ", outcome(nil, err))
			return 0, nil
		}, asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
			o.add(e.Message, ": ", e.Task)
			require.Regexp(t, `^it called runtime\.Goexit in \S*TestGoexitInATask\S* \(\S+task_test.go:\d+\)`, e.Err.Error())
		}))
		o.add("never")
	}()
	<-done
	require.Equal(t, trace{"task", "Task called runtime.Goexit: Task-3", "main: cancelled", "cancelled", "goroutine"}, o)
}

func TestATaskThatEndsATestIsNotReported(t *testing.T) {
	t.Run("that is skipped", func(t *testing.T) {
		_ = run(t, func(c ctx) error { // which would be told
			_, err := spawn(c, func(ctx) error { t.SkipNow(); return nil }).Await(c)
			return err
		})
	})
}

func TestNamesCountTheTasksOfTheLoop(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		me := asyncio.CurrentTask(c)
		require.Equal(t, "Task-1", me.Name())
		other := spawn(c, func(ctx) error { return nil })
		require.Equal(t, "Task-2", other.Name())
		other.SetName("renamed")
		require.Equal(t, `<Task pending name="renamed">`, fmt.Sprint(other))
		require.Equal(t, "given", spawn(c, func(ctx) error { return nil }, asyncio.WithName("given")).Name())
		require.Equal(t, "Task-4", spawn(c, func(ctx) error { return nil }).Name())
		require.Len(t, asyncio.RunningLoop(c).AllTasks(), 4)
		require.Same(t, me, asyncio.RunningLoop(c).AllTasks()[0])
		require.Same(t, me, asyncio.CurrentTask(t.Context()), "it is the one that calls")
		return nil
	}))
}

func TestADoneCallbackCanBeRemoved(t *testing.T) {
	var o trace
	require.NoError(t, run(t, func(c ctx) error {
		a := spawn(c, func(ctx) error { return nil }, asyncio.WithName("a"))
		remove := a.AddDoneCallback(func(*task) { o.add("never") })
		a.AddDoneCallback(func(t *task) { o.add(t.Name(), t.Done()) })
		require.True(t, remove())
		require.False(t, remove())
		return yield(c, 2)
	}))
	require.Equal(t, trace{"atrue"}, o)
}

func TestResultsAreAskedForWhenTheyAreThere(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		a := asyncio.CreateTask(c, func(ctx) (int, error) { return 1, nil })
		f := asyncio.NewFuture[int](asyncio.RunningLoop(c))
		for _, x := range []asyncio.AwaitableOf[int]{a, f} {
			_, err := x.Result()
			require.ErrorIs(t, err, asyncio.ErrInvalidState)
			require.ErrorIs(t, x.Err(), asyncio.ErrInvalidState)
		}
		require.True(t, f.Cancel("why"))
		require.ErrorIs(t, f.SetResult(1), asyncio.ErrInvalidState)
		require.EqualError(t, f.Err(), "asyncio: cancelled: why")
		_, err := asyncio.GatherOutcomes(c, a)
		require.NoError(t, err)
		v, err := a.Result()
		require.Equal(t, 1, v)
		return err
	}))
}

func TestGatherOutcomesReturnsErrorsAsValues(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		ok := asyncio.CreateTask(c, func(c ctx) (int, error) { return 1, asyncio.Sleep(c, 10*ms) })
		bad := asyncio.CreateTask(c, func(ctx) (int, error) { return 0, errBad })
		gone := asyncio.CreateTask(c, func(ctx) (int, error) { return 0, nil })
		gone.Cancel()
		os, err := asyncio.GatherOutcomes(c, ok, bad, gone, ok)
		require.NoError(t, err)
		require.Len(t, os, 4)
		require.Equal(t, asyncio.Outcome[int]{Value: 1}, os[0])
		require.Equal(t, errBad, os[1].Err)
		require.ErrorIs(t, os[2].Err, asyncio.ErrCancelled)
		require.Equal(t, os[0], os[3])
		none, err := asyncio.Gather[asyncio.AwaitableOf[int]](c)
		require.Empty(t, none)
		return err
	}))
}

func TestACancelledTaskIsContextCanceled(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		wait := spawn(c, func(c ctx) error { return asyncio.Sleep(c, time.Hour) })
		wrapped := spawn(c, func(c ctx) error { return fmt.Errorf("wrapped: %w", asyncio.Sleep(c, time.Hour)) })
		library := spawn(c, func(c ctx) error {
			_ = asyncio.Sleep(c, time.Hour)
			return fmt.Errorf("library: %w", c.Err()) // as net/http would
		})
		foreign := spawn(c, func(ctx) error { return context.Canceled })
		_ = asyncio.Sleep(c, 0)
		for _, t := range []*task{wait, wrapped, library} {
			t.Cancel("enough")
		}
		for _, w := range []*task{wait, wrapped, library} {
			_, err := w.Await(c)
			require.ErrorIs(t, err, context.Canceled)
			require.True(t, w.Cancelled())
		}
		_, err := foreign.Await(c)
		require.ErrorIs(t, err, context.Canceled)
		require.False(t, foreign.Cancelled(), "nobody cancelled the task")
		return nil
	}))
}

func TestCancellingTasksThatAwaitEachOtherEndsThemAll(t *testing.T) {
	var o trace
	require.NoError(t, run(t, func(c ctx) error {
		ts := make([]*task, 3)
		for i := range ts {
			ts[i] = spawn(c, func(c ctx) error {
				_, err := asyncio.Gather(c, ts[(i+1)%3])
				o.add(i, " ", outcome(nil, err))
				return err
			})
		}
		_ = asyncio.Sleep(c, 0)
		require.True(t, ts[1].Cancel())
		_, left, err := asyncio.Wait(c, ts)
		require.Empty(t, left)
		return err
	}))
	require.Equal(t, trace{"1 cancelled", "0 cancelled", "2 cancelled"}, o)
}

func TestTenThousandTasksLeaveNothingBehind(t *testing.T) {
	const n = 10_000
	before := runtime.NumGoroutine()
	sum := 0
	require.NoError(t, run(t, func(c ctx) error {
		ts := make([]asyncio.AwaitableOf[int], n)
		for i := range ts {
			ts[i] = asyncio.CreateTask(c, func(c ctx) (int, error) {
				err := asyncio.Sleep(c, time.Duration(i%100)*ms)
				return i, errors.Join(err, asyncio.Sleep(c, 0))
			})
		}
		vs, err := asyncio.Gather(c, ts...)
		for _, v := range vs {
			sum += v
		}
		require.Empty(t, asyncio.RunningLoop(c).AllTasks()[1:])
		for range n {
			spawn(c, func(c ctx) error { return asyncio.Sleep(c, time.Hour) })
		}
		return errors.Join(err, asyncio.Sleep(c, ms))
	}))
	require.Equal(t, n*(n-1)/2, sum)
	for range 1000 { // a goroutine that has ended may still be counted for a moment
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(ms)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
}
