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

// green runs f in a thread of gevent on a virtual clock.
func green(t *testing.T, f func() error, opts ...gevent.Option) error {
	t.Helper()
	return gevent.Run(f, append(opts, gevent.WithClock(netpoll.NewVirtualClock()))...)
}

func TestTasksAndGreenletsTakeTurns(t *testing.T) {
	var o trace
	require.NoError(t, green(t, func() error {
		g := gevent.Spawn(func() {
			for i := range 3 {
				o.add("g", i)
				gevent.Sleep(0)
			}
		})
		v, err := asyncio.Run(func(c ctx) (int, error) {
			for i := range 3 {
				o.add("t", i)
				if err := asyncio.Sleep(c, 0); err != nil {
					return 0, err
				}
			}
			return 3, nil
		})
		require.Equal(t, 3, v)
		g.Join()
		return err
	}))
	require.Equal(t, trace{"g0", "t0", "g1", "t1", "g2", "t2"}, o)
}

func TestATaskMayCallGreenCode(t *testing.T) {
	require.NoError(t, green(t, func() error {
		_, err := asyncio.Run(func(c ctx) (int, error) {
			start := asyncio.RunningLoop(c).Time()
			gevent.Sleep(time.Second)
			n, err := gevent.SpawnValue(func() (int, error) { gevent.Sleep(time.Second); return 5, nil }).Get()
			require.Equal(t, 5, n)
			require.Equal(t, 2*time.Second, asyncio.RunningLoop(c).Time()-start)
			require.Nil(t, gevent.Current())
			return 0, err
		})
		return err
	}))
}

func TestAGreenletMayAwaitATask(t *testing.T) {
	bg := context.Background()
	require.NoError(t, green(t, func() error {
		w := asyncio.CreateTask(bg, func(c ctx) (int, error) { return 4, asyncio.Sleep(c, time.Second) })
		g := gevent.SpawnValue(func() (int, error) { return w.Await(bg) })
		n, err := g.Get()
		require.Equal(t, 4, n)
		require.NoError(t, err)
		require.NoError(t, asyncio.Sleep(bg, time.Second))
		require.NoError(t, asyncio.Sleep(bg, 0))
		vs, err := asyncio.Gather(bg, w, w)
		require.Equal(t, []int{4, 4}, vs)
		require.NoError(t, err)
		done, _, err := asyncio.Wait(bg, []*asyncio.Task[int]{w})
		require.Len(t, done, 1)
		require.Equal(t, 2*time.Second, asyncio.RunningLoop(bg).Time())
		return err
	}))
}

func TestALoopThatSharesAThreadIsRunByItsGreenlets(t *testing.T) {
	var o trace
	require.NoError(t, green(t, func() error {
		l, err := asyncio.NewLoop()
		require.NoError(t, err)
		require.True(t, l.IsRunning())
		spawn(l.Context(), sleeper(&o, "background", 3*time.Second))
		for i := range 2 {
			v, err := asyncio.RunUntilComplete(l, func(c ctx) (int, error) { return i, asyncio.Sleep(c, time.Second) })
			require.Equal(t, i, v)
			require.NoError(t, err)
		}
		g := gevent.Spawn(func() error { return l.RunForever() })
		gevent.Sleep(0)
		require.ErrorIs(t, l.RunForever(), asyncio.ErrLoopRunning)
		gevent.Sleep(time.Second)
		l.Stop()
		require.NoError(t, g.Get())
		require.Equal(t, trace{"background"}, o)
		require.NoError(t, l.Close())
		_, err = asyncio.RunUntilComplete(l, proc(func(ctx) error { return nil }))
		require.ErrorIs(t, err, asyncio.ErrLoopClosed)
		return nil
	}))
}

func TestCancellingATaskUnwindsItsGreenCall(t *testing.T) {
	var o trace
	require.NoError(t, green(t, func() error {
		_, err := asyncio.Run(proc(func(c ctx) error {
			w := spawn(c, func(c ctx) error {
				defer o.add("deferred")
				gevent.Sleep(time.Hour)
				o.add("never")
				return nil
			})
			_ = asyncio.Sleep(c, 0)
			w.Cancel()
			o.add(outcome(w.Await(c)))
			saved := asyncio.CreateTask(c, func(c ctx) (int, error) {
				func() {
					defer func() { o.add("recovered ", recover() != nil) }()
					gevent.Sleep(time.Hour)
				}()
				return 1, asyncio.Sleep(c, time.Second)
			})
			_ = asyncio.Sleep(c, 0)
			saved.Cancel()
			o.add(outcome(saved.Await(c)))
			return nil
		}))
		return err
	}))
	require.Equal(t, trace{"deferred", "cancelled", "recovered true", "1"}, o)
}

func TestKillingAGreenletUnwindsItsAwait(t *testing.T) {
	var o trace
	bg := context.Background()
	require.NoError(t, green(t, func() error {
		w := asyncio.CreateTask(bg, func(c ctx) (int, error) { return 1, asyncio.Sleep(c, time.Second) })
		g := gevent.Spawn(func() {
			defer o.add("await")
			_, _ = w.Await(bg)
			o.add("never")
		})
		r := gevent.Spawn(func() {
			defer o.add("run")
			_, _ = asyncio.Run(func(c ctx) (int, error) {
				err := asyncio.Sleep(c, time.Hour)
				o.add(outcome(nil, err))
				return 0, err
			})
			o.add("never")
		})
		gevent.Sleep(0)
		gevent.Sleep(0)
		g.Kill()
		r.Kill()
		o.add(outcome(w.Await(bg)))
		return nil
	}))
	require.Equal(t, trace{"await", "cancelled", "run", "1"}, o)
}

func TestTheEndOfAThreadEndsItsTasks(t *testing.T) {
	var o trace
	bg := context.Background()
	var parked, unstarted *task
	err := green(t, func() error {
		parked = spawn(bg, func(c ctx) error {
			defer o.add("unwound")
			_ = asyncio.Sleep(c, time.Hour)
			o.add("never")
			return nil
		})
		spawn(bg, func(ctx) error { return errBad })
		gevent.Sleep(0)
		unstarted = spawn(bg, func(ctx) error { o.add("never"); return nil })
		return nil
	}, gevent.WithErrorHook(func(where string, err error) { o.add(where, ": ", err) }))
	require.NoError(t, err)
	require.Equal(t, trace{"unwound", "Task exception was never retrieved: Task-2: bad"}, o)
	require.True(t, parked.Cancelled())
	require.ErrorIs(t, parked.Err(), gevent.ErrGreenletExit)
	require.True(t, unstarted.Cancelled())
}

func TestALoopOfItsOwnDoesNotRunInAThreadOfGevent(t *testing.T) {
	l := newLoop(t)
	f := asyncio.NewFuture[int](l)
	var shared *asyncio.Loop
	require.NoError(t, green(t, func() (err error) {
		_, err = asyncio.RunUntilComplete(l, f.Await)
		require.ErrorIs(t, err, asyncio.ErrLoopRunning)
		panicSays(t, "belongs to the loop of another thread", func() { _, _ = f.Await(context.Background()) })
		panicSays(t, "WithClock or WithShuffle in a thread that has a loop", func() {
			_, _ = asyncio.NewLoop(asyncio.WithClock(netpoll.NewVirtualClock()))
		})
		shared, err = asyncio.NewLoop()
		errs := make(chan error)
		go func() { errs <- shared.RunForever() }()
		require.ErrorIs(t, <-errs, asyncio.ErrLoopRunning)
		return err
	}))
	require.True(t, shared.IsClosed())
}

func TestAThreadThatWouldWaitForEverSaysSoFromATaskToo(t *testing.T) {
	err := green(t, func() error {
		_, err := asyncio.Run(func(c ctx) (int, error) {
			return asyncio.NewFuture[int](asyncio.RunningLoop(c)).Await(c)
		})
		return errors.Join(err, errors.New("never"))
	})
	require.ErrorIs(t, err, gevent.ErrLoopExit)
	require.NotContains(t, err.Error(), "never\n")
}

func TestATimeoutOfGeventUnwindsATask(t *testing.T) {
	require.NoError(t, green(t, func() error {
		_, err := asyncio.Run(func(c ctx) (int, error) {
			for _, wait := range []func() error{
				func() error { return asyncio.Sleep(c, time.Hour) },
				func() error { gevent.Sleep(time.Hour); return nil },
				func() error {
					_, err := asyncio.CreateTask(c, func(c ctx) (int, error) { return 0, asyncio.Sleep(c, time.Hour) }).Await(c)
					return err
				},
			} {
				timeout := gevent.NewTimeout(time.Second)
				err := timeout.Do(func() error { return gevent.WithTimeout(time.Minute, wait) })
				require.Same(t, timeout, err)
			}
			return 0, nil
		})
		return err
	}))
}

func TestTryReturnsTheCancellationOfATaskInGreenCode(t *testing.T) {
	require.NoError(t, green(t, func() error {
		_, err := asyncio.Run(func(c ctx) (int, error) {
			var caught error
			task := asyncio.CreateTask(c, func(ctx) (int, error) {
				caught = gevent.Try(func() error { gevent.Sleep(time.Hour); return nil })
				gevent.Raise(caught)
				return 0, nil
			})
			require.NoError(t, asyncio.Sleep(c, time.Second))
			task.Cancel()
			_, err := task.Await(c)
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, caught, context.Canceled)
			return 0, nil
		})
		return err
	}))
}
