package asyncio_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
)

func newRunner(opts ...asyncio.Option) *asyncio.Runner {
	return asyncio.NewRunner(append([]asyncio.Option{asyncio.WithClock(netpoll.NewVirtualClock())}, opts...)...)
}

func TestRunReturnsWhatItsTaskDoes(t *testing.T) {
	v, err := asyncio.Run(func(ctx) (int, error) { return 42, nil })
	require.Equal(t, "42", outcome(v, err), "RN-01")
	_, err = asyncio.Run(func(ctx) (int, error) { return 0, errBad })
	require.ErrorIs(t, err, errBad, "RN-01")
	panicSays(t, "asyncio.Run: the coroutine is nil", func() { _, _ = asyncio.Run[int](nil) })
	panicSays(t, "asyncio.RunnerRun: the coroutine is nil", func() { _, _ = asyncio.RunnerRun[int](newRunner(), nil) })
	require.NoError(t, run(t, func(c ctx) error {
		_, err := asyncio.Run(proc(func(ctx) error { return nil }))
		require.ErrorIs(t, err, asyncio.ErrLoopRunning, "RN-03, H02")
		_, err = asyncio.RunnerRun(newRunner(), proc(func(ctx) error { return nil }))
		require.ErrorIs(t, err, asyncio.ErrLoopRunning, "RN-03, H02")
		require.ErrorContains(t, err, "asyncio.RunnerRun")
		return nil
	}))
}

// A resultThatShows panics when it is formatted.
type resultThatShows struct{}

func (resultThatShows) String() string { panic("formatted") }

func TestRN12ResultsAreNotFormatted(t *testing.T) {
	_, err := asyncio.Run(func(ctx) (resultThatShows, error) { return resultThatShows{}, nil })
	require.NoError(t, err)
}

func TestRunEndsWhatIsLeft(t *testing.T) {
	t.Run("RN-04 H10 H11 and reports how it failed", func(t *testing.T) {
		var o trace
		var left []*task
		v, err := asyncio.Run(func(c ctx) (int, error) {
			for _, n := range []string{"a", "b", "c"} {
				left = append(left, spawn(c, func(c ctx) error {
					_ = asyncio.Sleep(c, time.Hour)
					o.add(n)
					if n == "b" {
						return errBad
					}
					return nil
				}, asyncio.WithName(n)))
			}
			return 123, asyncio.Sleep(c, 0)
		}, asyncio.WithClock(netpoll.NewVirtualClock()), asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
			o.add(e.Message, " ", e.Task, " ", e.Err)
		}))
		require.Equal(t, "123", outcome(v, err))
		require.Equal(t, trace{"a", "b", "c", "unhandled exception during asyncio.Run shutdown b bad"}, o)
		for _, l := range left {
			require.True(t, l.Done())
		}
	})
	t.Run("H12 and lets what has not started take its first step", func(t *testing.T) {
		ran := false
		require.NoError(t, run(t, func(c ctx) error {
			spawn(c, func(c ctx) error { ran = true; return asyncio.Sleep(c, time.Hour) })
			return nil
		}))
		require.True(t, ran)
	})
	t.Run("RN-05 also if the main task fails", func(t *testing.T) {
		var o trace
		_, err := asyncio.Run(proc(func(c ctx) error {
			spawn(c, func(c ctx) error {
				defer o.add("deferred")
				_ = asyncio.Sleep(c, time.Hour)
				return errors.New("another")
			})
			_ = asyncio.Sleep(c, 0)
			return errBad
		}), asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) { o.add(e.Err) }))
		require.ErrorIs(t, err, errBad)
		require.Equal(t, trace{"deferred", "another"}, o)
	})
}

type runnerKey struct{}

func TestARunner(t *testing.T) {
	t.Run("H13 RN-09 runs all on one loop and in one context", func(t *testing.T) {
		var shared int
		r := newRunner(asyncio.WithContext(context.WithValue(context.Background(), runnerKey{}, &shared)))
		var loops []*asyncio.Loop
		count := func(c ctx) (int, error) {
			loops = append(loops, asyncio.RunningLoop(c))
			n := c.Value(runnerKey{}).(*int)
			*n++
			return *n, nil
		}
		for i := range 2 {
			v, err := asyncio.RunnerRun(r, count)
			require.NoError(t, err)
			require.Equal(t, i+1, v)
		}
		l, err := r.Loop()
		require.NoError(t, err)
		require.Same(t, loops[0], loops[1])
		require.Same(t, loops[0], l)
		require.NoError(t, r.Close())
		require.True(t, l.IsClosed())
		_, err = asyncio.RunnerRun(r, count)
		require.ErrorIs(t, err, asyncio.ErrRunnerClosed)
		require.Equal(t, 2, shared)
	})
	t.Run("lets tasks go on in the next run", func(t *testing.T) {
		var o trace
		r := newRunner()
		_, err := asyncio.RunnerRun(r, proc(func(c ctx) error { spawn(c, sleeper(&o, "slept", ms)); return nil }))
		require.NoError(t, err)
		_, err = asyncio.RunnerRun(r, proc(func(c ctx) error { return asyncio.Sleep(c, 2*ms) }))
		require.NoError(t, err)
		require.Equal(t, trace{"slept"}, o)
		require.NoError(t, r.Close())
	})
	t.Run("RN-06 has its loop made once", func(t *testing.T) {
		var made []*asyncio.Loop
		r := asyncio.NewRunner(asyncio.WithLoopFactory(func() (*asyncio.Loop, error) {
			l, err := asyncio.NewLoop()
			made = append(made, l)
			return l, err
		}))
		require.Empty(t, made)
		_, err := asyncio.RunnerRun(r, proc(func(ctx) error { return nil }))
		require.NoError(t, err)
		l, err := r.Loop()
		require.NoError(t, err)
		require.Equal(t, []*asyncio.Loop{l}, made)
		require.NoError(t, r.Close())
		_, err = asyncio.NewRunner(asyncio.WithLoopFactory(func() (*asyncio.Loop, error) { return nil, errBad })).Loop()
		require.ErrorIs(t, err, errBad)
	})
	t.Run("RN-07 runs a future's Await", func(t *testing.T) {
		r := newRunner()
		l, err := r.Loop()
		require.NoError(t, err)
		f := asyncio.NewFuture[string](l)
		require.NoError(t, f.SetResult("done"))
		require.Equal(t, "done", outcome(asyncio.RunnerRun(r, f.Await)))
		require.NoError(t, r.Close())
	})
	t.Run("RN-08 is closed once and for all", func(t *testing.T) {
		r := newRunner()
		require.NoError(t, r.Close(), "before it has a loop")
		require.NoError(t, r.Close())
		_, err := r.Loop()
		require.ErrorIs(t, err, asyncio.ErrRunnerClosed)
		ran := false
		_, err = asyncio.RunnerRun(r, proc(func(ctx) error { ran = true; return nil }))
		require.ErrorIs(t, err, asyncio.ErrRunnerClosed)
		require.False(t, ran)
	})
	t.Run("is not closed at work", func(t *testing.T) {
		r := newRunner()
		_, err := asyncio.RunnerRun(r, proc(func(c ctx) error {
			require.ErrorIs(t, r.Close(), asyncio.ErrLoopRunning)
			done := make(chan error)
			go func() { done <- r.Close() }()
			require.ErrorIs(t, <-done, asyncio.ErrLoopRunning)
			return asyncio.Sleep(c, 0)
		}))
		require.NoError(t, err)
		require.NoError(t, r.Close())
	})
	t.Run("works in a greenlet", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() error {
			r := asyncio.NewRunner()
			for range 2 {
				_, err := asyncio.RunnerRun(r, proc(func(c ctx) error { return asyncio.Sleep(c, ms) }))
				require.NoError(t, err)
			}
			return r.Close()
		}))
	})
}
