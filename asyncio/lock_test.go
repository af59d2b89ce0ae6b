package asyncio_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// syncTest is a subtest in the main task of a loop.
func syncTest(t *testing.T, name string, f func(t *testing.T, c ctx)) {
	t.Run(name, func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error { f(t, c); return nil }))
	})
}

// tick lets everything run that is ready now.
func tick(t *testing.T, c ctx) {
	t.Helper()
	require.NoError(t, asyncio.Sleep(c, 0))
}

// syncWaiters is the end of the String of something for which n wait.
func syncWaiters(state string, n int) string {
	if n == 0 {
		return fmt.Sprintf("[%s]>", state)
	}
	return fmt.Sprintf("[%s, waiters:%d]>", state, n)
}

func requireState(t *testing.T, of fmt.Stringer, state string, waiters int) {
	t.Helper()
	require.Contains(t, of.String(), " "+syncWaiters(state, waiters))
}

func TestLock(t *testing.T) {
	syncTest(t, "LK-01 tasks get the lock one for each release", func(t *testing.T, c ctx) {
		var l asyncio.Lock
		requireState(t, &l, "unlocked", 0)
		require.NoError(t, l.Acquire(c))
		requireState(t, &l, "locked", 0)
		var got []int
		ts := syncSpawn(c, 3, func(c ctx, i int) error {
			err := l.Acquire(c)
			got = append(got, i)
			return err
		})
		for n := range 3 {
			tick(t, c)
			requireState(t, &l, "locked", 3-n)
			require.Len(t, got, n)
			require.NoError(t, l.Release())
			requireState(t, &l, "unlocked", 3-n)
			tick(t, c)
			tick(t, c)
			require.Len(t, got, n+1, "nobody else gets the lock before it is released again")
		}
		require.NoError(t, syncJoin(c, ts...))
		require.Equal(t, []int{0, 1, 2}, got)
		require.True(t, l.Locked())
	})
	syncTest(t, "LK-02 a cancelled Acquire leaves no waiter", func(t *testing.T, c ctx) {
		var l asyncio.Lock
		require.NoError(t, l.Acquire(c))
		b := spawn(c, l.Acquire)
		tick(t, c)
		b.Cancel("why")
		_, err := b.Await(c)
		require.ErrorContains(t, err, "why")
		requireState(t, &l, "locked", 0)
	})
	syncTest(t, "LK-02 a waiter behind one that is cancelled gets the lock", func(t *testing.T, c ctx) {
		var l asyncio.Lock
		require.NoError(t, l.Acquire(c))
		ts := syncSpawn(c, 2, func(c ctx, _ int) error { return l.With(c, func() error { return nil }) })
		tick(t, c)
		require.NoError(t, l.Release())
		ts[0].Cancel()
		require.NoError(t, syncJoin(c, ts...))
		require.True(t, ts[0].Cancelled())
		require.False(t, ts[1].Cancelled())
		requireState(t, &l, "unlocked", 0)
	})
	syncTest(t, "LK-03 of a release and a cancel at a time one waiter gets the lock", func(t *testing.T, c ctx) {
		var l asyncio.Lock
		require.NoError(t, l.Acquire(c))
		calls, got := 0, 0
		ts := syncSpawn(c, 3, func(c ctx, _ int) error {
			calls++
			err := l.Acquire(c)
			if err == nil {
				got++
			}
			return err
		})
		tick(t, c)
		asyncio.RunningLoop(c).CallSoon(func() {
			ts[0].Cancel()
			require.NoError(t, l.Release())
		})
		require.NoError(t, syncJoin(c, ts[0]))
		require.Equal(t, []int{3, 1}, []int{calls, got})
		require.True(t, ts[0].Cancelled())
		require.True(t, ts[1].Done())
		require.False(t, ts[2].Done())
		ts[2].Cancel()
	})
	syncTest(t, "LK-04 a newcomer passes waiters that were all cancelled", func(t *testing.T, c ctx) {
		var l asyncio.Lock
		require.NoError(t, l.Acquire(c))
		b := spawn(c, l.Acquire)
		tick(t, c)
		requireState(t, &l, "locked", 1)
		tc := spawn(c, l.Acquire)
		b.Cancel()
		require.NoError(t, l.Release())
		tick(t, c)
		require.True(t, l.Locked())
		require.True(t, b.Cancelled())
		require.NoError(t, syncJoin(c, tc))
		require.True(t, l.Locked())
	})
	syncTest(t, "LK-05 N28 releasing a lock that is not locked is an error", func(t *testing.T, c ctx) {
		var l asyncio.Lock
		err := l.Release()
		require.ErrorIs(t, err, asyncio.ErrNotAcquired)
		require.EqualError(t, err, "asyncio.Lock.Release: the lock is not acquired")
	})
	syncTest(t, "LK-05 With releases the lock however its function ends", func(t *testing.T, c ctx) {
		var l asyncio.Lock
		require.Equal(t, errBad, l.With(c, func() error {
			require.True(t, l.Locked())
			return errBad
		}))
		require.False(t, l.Locked())
		require.PanicsWithValue(t, "oops", func() { _ = l.With(c, func() error { panic("oops") }) })
		require.False(t, l.Locked())
		require.ErrorIs(t, l.With(c, func() error { return errors.Join(l.Release(), errBad) }), asyncio.ErrNotAcquired)
		require.NoError(t, l.Acquire(c))
		w := spawn(c, func(c ctx) error { return l.With(c, func() error { t.Error("not called"); return nil }) })
		tick(t, c)
		w.Cancel()
		require.NoError(t, syncJoin(c, w))
		requireState(t, &l, "locked", 0)
	})
	syncTest(t, "a context with an end of its own ends a wait", func(t *testing.T, c ctx) {
		var l asyncio.Lock
		require.NoError(t, l.Acquire(c))
		for name, end := range map[string]func(context.Context) (context.Context, func(), error){
			"cancel": func(c ctx) (ctx, func(), error) {
				ctx, cancel := context.WithCancel(c)
				return ctx, cancel, context.Canceled
			},
			"cause": func(c ctx) (ctx, func(), error) {
				ctx, cancel := context.WithCancelCause(c)
				return ctx, func() { cancel(errBad) }, context.Canceled
			},
		} {
			ctx, cancel, want := end(c)
			w := spawn(c, func(context.Context) error { return l.Acquire(ctx) })
			tick(t, c)
			requireState(t, &l, "locked", 1)
			cancel()
			_, err := w.Await(c)
			require.ErrorIs(t, err, want, name)
			require.False(t, w.Cancelled(), "a context's error is no cancellation of the task")
			requireState(t, &l, "locked", 0)
			require.ErrorIs(t, l.Acquire(ctx), want, "a context that has ended stays ended")
		}
		require.NoError(t, l.Release())
		ctx, cancel := context.WithCancel(c)
		cancel()
		require.NoError(t, l.Acquire(ctx), "a free lock is got without a look at the context")
	})
}

func TestEvent(t *testing.T) {
	syncTest(t, "EV-01 waiters go on in order, and a newcomer does not wait", func(t *testing.T, c ctx) {
		var e asyncio.Event
		requireState(t, &e, "unset", 0)
		var got []int
		ts := syncSpawn(c, 2, func(c ctx, i int) error { err := e.Wait(c); got = append(got, i); return err })
		tick(t, c)
		requireState(t, &e, "unset", 2)
		e.Set()
		requireState(t, &e, "set", 2)
		require.NoError(t, e.Wait(c), "does not yield")
		require.Empty(t, got)
		require.NoError(t, syncJoin(c, ts...))
		require.Equal(t, []int{0, 1}, got)
		requireState(t, &e, "set", 0)
		e.Clear()
		require.False(t, e.IsSet())
	})
	syncTest(t, "EV-01 a cancel takes the waiter out", func(t *testing.T, c ctx) {
		var e asyncio.Event
		w := spawn(c, e.Wait)
		tick(t, c)
		w.Cancel()
		require.NoError(t, syncJoin(c, w))
		require.True(t, w.Cancelled())
		requireState(t, &e, "unset", 0)
	})
	syncTest(t, "EV-01 Set, Clear and Set wake a waiter once", func(t *testing.T, c ctx) {
		var e asyncio.Event
		n := 0
		w := spawn(c, func(c ctx) error { err := e.Wait(c); n++; return err })
		tick(t, c)
		e.Set()
		e.Clear()
		e.Set()
		tick(t, c)
		require.Equal(t, 1, n)
		require.NoError(t, syncJoin(c, w))
		requireState(t, &e, "set", 0)
	})
}

// syncObject is a lock or a queue for which somebody has to wait.
type syncObject struct {
	name string
	of   fmt.Stringer
	wait func(ctx) error
	give func() // lets the one who waits go on
	op   string
}

// syncObjectsToWaitFor returns one of each kind.
func syncObjectsToWaitFor() []syncObject {
	l, e, s, b := new(asyncio.Lock), new(asyncio.Event), asyncio.NewSemaphore(0), asyncio.NewBoundedSemaphore(1)
	q, full, work := asyncio.NewQueue[int](0), asyncio.NewQueue[int](1), asyncio.NewQueue[int](0)
	for _, err := range []error{l.Acquire(context.Background()), b.Acquire(context.Background()), full.PutNowait(1), work.PutNowait(1)} {
		if err != nil {
			panic(err)
		}
	}
	return []syncObject{
		{"Lock", l, l.Acquire, func() { _ = l.Release() }, "asyncio.Lock.Acquire"},
		{"Event", e, e.Wait, e.Set, "asyncio.Event.Wait"},
		{"Semaphore", s, s.Acquire, s.Release, "asyncio.Semaphore.Acquire"},
		{"BoundedSemaphore", b, b.Acquire, func() { _ = b.Release() }, "asyncio.Semaphore.Acquire"},
		{"Get", q, func(c ctx) error { _, err := q.Get(c); return err }, func() { _ = q.PutNowait(1) }, "asyncio.Queue.Get"},
		{"Put", full, func(c ctx) error { return full.Put(c, 1) }, func() { _, _ = full.GetNowait() }, "asyncio.Queue.Put"},
		{"Join", work, work.Join, func() { _ = work.TaskDone() }, "asyncio.Queue.Join"},
	}
}

func TestWaitingForALockOrAQueue(t *testing.T) {
	for _, o := range syncObjectsToWaitFor() {
		t.Run(o.name, func(t *testing.T) {
			t.Run("in a greenlet that is no task, whom a kill ends", func(t *testing.T) {
				require.NoError(t, gevent.Run(func() {
					for range 2 {
						g := gevent.Spawn(func() { _ = o.wait(context.Background()) })
						gevent.Sleep(0)
						before := o.of.String()
						g.Kill()
						require.NotEqual(t, before, o.of.String(), "it is in the line no more")
					}
					free := gevent.Spawn(func() error { return o.wait(context.Background()) })
					gevent.Sleep(0)
					o.give()
					free.Join()
					require.True(t, free.Successful())
				}))
			})
		})
	}
	for _, o := range syncObjectsToWaitFor() {
		t.Run(o.name, func(t *testing.T) {
			t.Run("in a thread other than the first one panics, until that has ended", func(t *testing.T) {
				loop := newLoop(t)
				w := asyncio.CreateTask(loop.Context(), proc(o.wait))
				_, err := asyncio.RunUntilComplete(loop, proc(func(c ctx) error { return asyncio.Sleep(c, 0) }))
				require.NoError(t, err)
				require.NoError(t, run(t, func(c ctx) error {
					require.PanicsWithValue(t, o.op+": it is bound to the loop of another thread; use one for each loop, or run the call there with Loop.CallSoonThreadsafe", func() { _ = o.wait(c) })
					return nil
				}))
				w.Cancel()
				_, err = asyncio.RunUntilComplete(loop, proc(func(c ctx) error { return syncJoin(c, w) }))
				require.NoError(t, err)
				require.NoError(t, loop.Close())
				require.NoError(t, run(t, func(c ctx) error {
					w := spawn(c, o.wait)
					tick(t, c)
					o.give()
					return syncJoin(c, w)
				}))
			})
		})
	}
	for _, o := range syncObjectsToWaitFor() {
		t.Run(o.name, func(t *testing.T) {
			t.Run("for ever is told with what and how", func(t *testing.T) {
				err := run(t, o.wait)
				require.ErrorIs(t, err, asyncio.ErrLoopExit)
				require.ErrorContains(t, err, o.op+" <asyncio.")
			})
			t.Run("in a callback, or in no thread, panics", func(t *testing.T) {
				require.Panics(t, func() { _ = o.wait(context.Background()) })
				require.NoError(t, run(t, func(c ctx) error {
					asyncio.RunningLoop(c).CallSoon(func() { require.Panics(t, func() { _ = o.wait(c) }) })
					return asyncio.Sleep(c, 0)
				}))
			})
			t.Run("does not end when told of nothing", func(t *testing.T) {
				require.NoError(t, run(t, func(c ctx) error {
					w := spawn(c, o.wait)
					tick(t, c)
					require.NoError(t, asyncio.Sleep(c, time.Hour))
					require.False(t, w.Done())
					o.give()
					return syncJoin(c, w)
				}))
			})
		})
	}
}
