package asyncio_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// slowToEnd is cancelled, and takes a second to clean up.
func slowToEnd(c ctx) (int, error) {
	err := asyncio.Sleep(c, time.Hour)
	if late := asyncio.Sleep(context.Background(), time.Second); late != nil {
		return 0, late
	}
	return 0, err
}

func TestWhoWaitsForATaskOfALoopThatIsClosedGoesOn(t *testing.T) {
	for name, wait := range map[string]func(c ctx, a *asyncio.Task[int]) error{
		"Await": func(c ctx, a *asyncio.Task[int]) error {
			_, err := a.Await(c)
			return err
		},
		"Gather": func(c ctx, a *asyncio.Task[int]) error {
			_, err := asyncio.Gather(c, asyncio.AwaitableOf[int](a))
			return err
		},
		"Wait": func(c ctx, a *asyncio.Task[int]) error {
			done, _, err := asyncio.Wait(c, []*asyncio.Task[int]{a})
			if err != nil {
				return err
			}
			return done[0].Err()
		},
		"Shield": func(c ctx, a *asyncio.Task[int]) error {
			_, err := asyncio.Shield(c, asyncio.AwaitableOf[int](a))
			return err
		},
		"WaitFor": func(c ctx, a *asyncio.Task[int]) error {
			_, err := asyncio.WaitFor(c, asyncio.AwaitableOf[int](a), time.Hour)
			return err
		},
		"AsCompleted": func(c ctx, a *asyncio.Task[int]) error {
			for b, err := range asyncio.AsCompleted(c, []*asyncio.Task[int]{a}) {
				if err != nil {
					return err
				}
				return b.Err()
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, green(t, func() error {
				l, err := asyncio.NewLoop(asyncio.WithExceptionHandler(func(*asyncio.Loop, asyncio.ExceptionContext) {}))
				require.NoError(t, err)
				a := asyncio.CreateTask(l.Context(), slowToEnd)
				b := spawn(t.Context(), func(c ctx) error { return wait(c, a) })
				gevent.Sleep(time.Minute)
				require.NoError(t, l.Close())
				gevent.Sleep(time.Minute)
				require.True(t, b.Done())
				require.ErrorIs(t, b.Err(), asyncio.ErrCancelled)
				return nil
			}))
		})
	}
	t.Run("WaitFor with no time", func(t *testing.T) {
		require.NoError(t, green(t, func() error {
			l, err := asyncio.NewLoop(asyncio.WithExceptionHandler(func(*asyncio.Loop, asyncio.ExceptionContext) {}))
			require.NoError(t, err)
			a := asyncio.CreateTask(l.Context(), slowToEnd)
			gevent.Sleep(time.Minute)
			b := spawn(t.Context(), func(c ctx) error {
				_, err := asyncio.WaitFor(c, asyncio.AwaitableOf[int](a), 0)
				return err
			})
			gevent.Sleep(0)
			require.NoError(t, l.Close())
			gevent.Sleep(time.Minute)
			require.True(t, b.Done())
			require.ErrorIs(t, b.Err(), asyncio.ErrTimeout)
			return nil
		}))
	})
	t.Run("the TaskGroup of a task of its own", func(t *testing.T) {
		require.NoError(t, green(t, func() error {
			l, err := asyncio.NewLoop(asyncio.WithExceptionHandler(func(*asyncio.Loop, asyncio.ExceptionContext) {}))
			require.NoError(t, err)
			a := spawn(l.Context(), func(c ctx) error {
				return asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error {
					_, err := asyncio.GroupCreateTask(g, slowToEnd)
					return err
				})
			})
			gevent.Sleep(time.Minute)
			require.NoError(t, l.Close())
			gevent.Sleep(time.Minute)
			require.True(t, a.Done())
			require.ErrorIs(t, a.Err(), asyncio.ErrLoopClosed)
			return nil
		}))
	})
	t.Run("a thread that has ended has nobody to tell", func(t *testing.T) {
		var f *asyncio.Future[int]
		require.NoError(t, green(t, func() error {
			l, err := asyncio.NewLoop()
			require.NoError(t, err)
			f = asyncio.NewFuture[int](l)
			_ = asyncio.ShieldFuture(asyncio.AwaitableOf[int](f))
			return l.Close()
		}))
		require.NoError(t, f.SetResult(1))
	})
}

func TestWhoWaitsForAJobOrAServerOfALoopThatIsClosedGoesOn(t *testing.T) {
	require.NoError(t, gevent.Run(func() error {
		l, err := asyncio.NewLoop(asyncio.WithExceptionHandler(func(*asyncio.Loop, asyncio.ExceptionContext) {}))
		require.NoError(t, err)
		end := make(chan struct{})
		job := asyncio.RunInExecutor(l.Context(), nil, func() (int, error) { <-end; return 7, nil })
		waits := gevent.Spawn(func() error {
			_, err := job.Await(context.Background())
			return err
		})
		s, err := asyncio.CreateServer(l.Context(), func() asyncio.Protocol { return new(asyncio.BaseProtocol) }, "tcp", "127.0.0.1:0")
		if err == nil { // where there are sockets
			defer func(served *gevent.Greenlet) { require.True(t, served.JoinTimeout(time.Minute)) }(gevent.Spawn(func() error {
				return s.WaitClosed(context.Background())
			}))
		}
		gevent.Sleep(time.Millisecond)
		require.NoError(t, l.Close())
		close(end)
		require.True(t, waits.JoinTimeout(time.Minute))
		return nil
	}))
}

func TestTheFuturesOfALoopThatIsClosedStayWithItsThread(t *testing.T) {
	var f *asyncio.Future[int]
	require.NoError(t, gevent.Run(func() error {
		l, err := asyncio.NewLoop()
		require.NoError(t, err)
		f = asyncio.NewFuture[int](l)
		require.NoError(t, l.Close())
		_, err = gevent.OffloadValue(func() (int, error) {
			require.Panics(t, func() { _ = f.SetResult(1) })
			require.Panics(t, func() { f.Cancel() })
			return 0, nil
		})
		require.False(t, f.Done())
		return err
	}))
	require.NoError(t, f.SetResult(1), "it is anybody's when the thread has ended")
}
