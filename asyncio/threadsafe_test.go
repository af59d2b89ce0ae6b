package asyncio_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// served runs f on a goroutine while a loop on a real clock waits for it.
func served(t *testing.T, f func(l *asyncio.Loop), opts ...asyncio.Option) {
	t.Helper()
	l, err := asyncio.NewLoop(opts...)
	require.NoError(t, err)
	l.Ref()
	done := make(chan bool)
	go func() {
		defer close(done)
		defer func() { _, _ = l.CallSoonThreadsafe(func() { l.Unref(); l.Stop() }) }()
		f(l)
	}()
	require.NoError(t, l.RunForever())
	<-done
	require.NoError(t, l.Close())
}

func TestRunCoroutineThreadsafe(t *testing.T) {
	bg := context.Background()
	add := func(a, b int, sleep time.Duration, err error) asyncio.Coroutine[int] {
		return func(c ctx) (int, error) {
			if e := asyncio.Sleep(c, sleep); e != nil {
				return 0, e
			}
			return a + b, err
		}
	}
	t.Run("RT-01 H18 a result, an error, a limit, a cancel", func(t *testing.T) {
		served(t, func(l *asyncio.Loop) {
			f := asyncio.RunCoroutineThreadsafe(l, add(1, 2, ms, nil), asyncio.WithName("named"))
			v, err := f.Result(bg)
			require.Equal(t, 3, v)
			require.NoError(t, err)
			<-f.Done()
			require.False(t, f.Cancel())
			require.False(t, f.Cancelled())

			_, err = asyncio.RunCoroutineThreadsafe(l, add(1, 2, 0, errBad)).Result(bg)
			require.Same(t, errBad, err)

			ended := make(chan error, 1)
			f = asyncio.RunCoroutineThreadsafe(l, func(c ctx) (int, error) {
				err := asyncio.Sleep(c, time.Hour)
				ended <- err
				return 0, err
			})
			short, cancel := context.WithTimeout(bg, ms)
			defer cancel()
			_, err = f.Result(short)
			require.Equal(t, context.DeadlineExceeded, err)
			require.True(t, f.Cancel())
			require.True(t, f.Cancel())
			require.True(t, f.Cancelled())
			require.ErrorIs(t, <-ended, asyncio.ErrCancelled)
			_, err = f.Result(bg)
			require.ErrorIs(t, err, asyncio.ErrCancelled)

			_, err = asyncio.RunCoroutineThreadsafe(l, func(c ctx) (int, error) {
				asyncio.CurrentTask(c).Cancel()
				return 0, asyncio.Sleep(c, time.Hour)
			}).Result(bg)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			panicSays(t, "the coroutine is nil", func() { asyncio.RunCoroutineThreadsafe[int](l, nil) })
		})
	})
	t.Run("RT-01 a task factory that panics", func(t *testing.T) {
		var o trace
		served(t, func(l *asyncio.Loop) {
			set := make(chan bool)
			_, err := l.CallSoonThreadsafe(func() {
				l.SetTaskFactory(func(*asyncio.Loop, ctx, func(ctx, ...asyncio.TaskOption) asyncio.AnyTask) asyncio.AnyTask {
					panic(errBad)
				})
				close(set)
			})
			require.NoError(t, err)
			<-set
			_, err = asyncio.RunCoroutineThreadsafe(l, add(1, 2, 0, nil)).Result(bg)
			require.ErrorIs(t, err, errBad)
			set = make(chan bool)
			_, err = l.CallSoonThreadsafe(func() { l.SetTaskFactory(nil); close(set) })
			require.NoError(t, err)
			<-set
			v, err := asyncio.RunCoroutineThreadsafe(l, add(1, 2, 0, nil), asyncio.WithEagerStart()).Result(bg)
			require.Equal(t, 3, v)
			require.NoError(t, err)
		}, reports(&o))
		require.Equal(t, trace{"Exception in callback: : panic bad"}, o)
	})
	t.Run("in the thread itself", func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error {
			f := asyncio.RunCoroutineThreadsafe(asyncio.RunningLoop(c), add(1, 2, ms, nil))
			panicSays(t, "the caller is in the thread of the loop", func() { _, _ = f.Result(c) })
			_ = asyncio.Sleep(c, 2*ms)
			v, err := f.Result(c)
			require.Equal(t, 3, v)
			gone := asyncio.RunCoroutineThreadsafe(asyncio.RunningLoop(c), func(ctx) (int, error) { panic("never") })
			require.True(t, gone.Cancel())
			return errors.Join(err, asyncio.Sleep(c, ms))
		}))
	})
	t.Run("an error after the cancel is reported", func(t *testing.T) {
		var o trace
		served(t, func(l *asyncio.Loop) {
			started, ended := make(chan bool), make(chan bool)
			f := asyncio.RunCoroutineThreadsafe(l, func(c ctx) (int, error) {
				close(started)
				defer close(ended)
				_ = asyncio.Sleep(c, time.Hour)
				return 0, errBad
			}, asyncio.WithName("w"))
			<-started
			require.True(t, f.Cancel())
			<-ended
		}, reports(&o))
		require.Equal(t, trace{"Task exception was never retrieved: w: bad"}, o)
	})
	t.Run("a loop that is closed", func(t *testing.T) {
		l, err := asyncio.NewLoop(asyncio.WithExceptionHandler(func(*asyncio.Loop, asyncio.ExceptionContext) {}))
		require.NoError(t, err)
		started := asyncio.RunCoroutineThreadsafe(l, add(1, 2, time.Hour, nil))
		_, err = asyncio.RunUntilComplete(l, add(0, 0, ms, nil))
		require.NoError(t, err)
		posted := asyncio.RunCoroutineThreadsafe(l, add(1, 2, 0, nil))
		results := make(chan error, 2)
		for _, f := range []*asyncio.ConcurrentFuture[int]{started, posted} {
			go func() { _, err := f.Result(bg); results <- err }()
		}
		require.NoError(t, l.Close())
		for range 2 {
			err := <-results
			require.True(t, errors.Is(err, asyncio.ErrCancelled) || errors.Is(err, asyncio.ErrLoopClosed), err)
		}
		_, err = asyncio.RunCoroutineThreadsafe(l, add(1, 2, 0, nil)).Result(bg)
		require.ErrorIs(t, err, asyncio.ErrLoopClosed)
		require.True(t, asyncio.RunCoroutineThreadsafe(l, add(1, 2, 0, nil)).Done() != nil)
	})
}

func TestWrapFuture(t *testing.T) {
	behaves(t, "FU-06 a result, an error, a panic, an exit", func(t *testing.T, c ctx) {
		c = context.WithValue(c, key("k"), 1)
		v, err := asyncio.WrapFuture(c, func(c ctx) (int, error) { return 6 + c.Value(key("k")).(int), nil }).Await(c)
		require.Equal(t, 7, v)
		require.NoError(t, err)
		_, err = asyncio.WrapFuture(c, func(ctx) (int, error) { return 0, errBad }).Await(c)
		require.Same(t, errBad, err)
		_, err = asyncio.WrapFuture(c, func(ctx) (int, error) { panic(errBad) }).Await(c)
		var p *asyncio.PanicError
		require.ErrorAs(t, err, &p)
		require.ErrorIs(t, err, errBad)
		_, err = asyncio.WrapFuture(c, func(ctx) (int, error) { runtime.Goexit(); return 0, nil }).Await(c)
		require.ErrorContains(t, err, "runtime.Goexit")
		require.Zero(t, at(c), "the virtual clock stands still meanwhile")
		panicSays(t, "the function is nil", func() { asyncio.WrapFuture[int](c, nil) })
	})
	behaves(t, "FU-06 a cancel goes both ways", func(t *testing.T, c ctx) {
		ended := make(chan error, 1)
		f := asyncio.WrapFuture(c, func(c ctx) (int, error) { <-c.Done(); ended <- c.Err(); return 1, nil })
		w := asyncio.CreateTask(c, f.Await)
		_ = asyncio.Sleep(c, 0)
		w.Cancel()
		_, err := w.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.Equal(t, context.Canceled, <-ended)
		require.NoError(t, asyncio.Sleep(c, time.Hour), "nobody is waited for")
		f = asyncio.WrapFuture(c, func(ctx) (int, error) { return 0, asyncio.ErrCancelled })
		_, err = f.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.True(t, f.Cancelled())
	})
	behaves(t, "one that was set by hand lets the loop go", func(t *testing.T, c ctx) {
		release := make(chan bool)
		f := asyncio.WrapFuture(c, func(ctx) (int, error) { <-release; return 2, nil })
		require.NoError(t, f.SetResult(1))
		close(release)
		v, err := f.Await(c)
		require.Equal(t, 1, v)
		require.NoError(t, err)
	})
	behaves(t, "a channel", func(t *testing.T, c ctx) {
		ch := make(chan int, 1)
		ch <- 4
		v, err := asyncio.WrapChannel(c, ch).Await(c)
		require.Equal(t, 4, v)
		require.NoError(t, err)
		f := asyncio.WrapChannel(c, ch)
		require.True(t, f.Cancel())
		close(ch)
		_, err = asyncio.WrapChannel(c, ch).Await(c)
		require.ErrorIs(t, err, asyncio.ErrChannelClosed)
	})
	t.Run("the result of another loop's coroutine", func(t *testing.T) {
		served(t, func(l *asyncio.Loop) {
			require.NoError(t, run(t, func(c ctx) error {
				f := asyncio.RunCoroutineThreadsafe(l, func(c ctx) (int, error) { return 9, asyncio.Sleep(c, ms) })
				v, err := asyncio.WrapFuture(c, f.Result).Await(c)
				require.Equal(t, 9, v)
				return err
			}))
		})
	})
	t.Run("a loop that closes does not wait for it", func(t *testing.T) {
		release, ended := make(chan bool), make(chan bool)
		require.NoError(t, run(t, func(c ctx) error {
			asyncio.WrapFuture(c, func(ctx) (int, error) { defer close(ended); <-release; return 0, errBad })
			return nil
		}))
		close(release)
		<-ended
	})
}
