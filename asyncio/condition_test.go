package asyncio_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// condWaiter waits to be notified, under the lock.
func condWaiter(cond *asyncio.Condition, then func()) func(ctx) error {
	return func(c ctx) error {
		return cond.With(c, func() error {
			err := cond.Wait(c)
			if err == nil {
				then()
			}
			return err
		})
	}
}

func condNotify(t *testing.T, c ctx, cond *asyncio.Condition, n int) {
	t.Helper()
	require.NoError(t, cond.With(c, func() error { cond.Notify(n); return nil }))
}

func TestCondition(t *testing.T) {
	syncTest(t, "CD-01 who was notified goes on when it has the lock", func(t *testing.T, c ctx) {
		cond := asyncio.NewCondition(nil)
		var got []int
		ts := syncSpawn(c, 3, func(c ctx, i int) error {
			if err := cond.Acquire(c); err != nil {
				return err
			}
			err := cond.Wait(c)
			got = append(got, i)
			return err // the lock is left to the next release
		})
		require.NoError(t, yield(c, 2))
		require.False(t, cond.Locked())
		requireState(t, cond, "unlocked", 3)
		require.NoError(t, cond.Acquire(c))
		cond.Notify(1)
		require.NoError(t, yield(c, 2))
		require.Empty(t, got)
		require.NoError(t, cond.Release())
		require.NoError(t, yield(c, 2))
		require.Equal(t, []int{0}, got)
		require.True(t, cond.Locked())
		cond.Notify(2)
		require.NoError(t, yield(c, 2))
		require.Equal(t, []int{0}, got)
		require.NoError(t, cond.Release())
		require.NoError(t, yield(c, 2))
		require.Equal(t, []int{0, 1}, got)
		require.NoError(t, cond.Release())
		require.NoError(t, syncJoin(c, ts...))
		require.Equal(t, []int{0, 1, 2}, got)
		requireState(t, cond, "locked", 0)
	})
	for name, when := range map[string]func(c ctx, cond *asyncio.Condition, w *task){
		"while it waits": func(c ctx, _ *asyncio.Condition, w *task) { w.Cancel() },
		"while another has the lock": func(c ctx, cond *asyncio.Condition, w *task) {
			_ = cond.With(c, func() error { w.Cancel(); return yield(c, 3) })
		},
		"when it was notified": func(c ctx, cond *asyncio.Condition, w *task) {
			_ = cond.With(c, func() error { cond.Notify(1); w.Cancel(); return nil })
		},
		"again and again": func(c ctx, cond *asyncio.Condition, w *task) {
			_ = cond.With(c, func() error {
				for range 3 {
					w.Cancel()
					_ = asyncio.Sleep(c, 0)
				}
				return nil
			})
		},
	} {
		syncTest(t, "CD-02 a Wait cancelled "+name+" has the lock again", func(t *testing.T, c ctx) {
			cond := asyncio.NewCondition(nil)
			had := false
			w := spawn(c, func(c ctx) error {
				return cond.With(c, func() error {
					err := cond.Wait(c)
					require.ErrorIs(t, err, asyncio.ErrCancelled)
					had = cond.Locked()
					return err
				})
			})
			tick(t, c)
			when(c, cond, w)
			require.NoError(t, syncJoin(c, w))
			require.True(t, w.Cancelled())
			require.True(t, had)
			requireState(t, cond, "unlocked", 0)
		})
	}
	syncTest(t, "CD-03 WaitFor waits until its function returns true", func(t *testing.T, c ctx) {
		cond := asyncio.NewCondition(nil)
		ready, asked, done := false, 0, false
		w := spawn(c, func(c ctx) error {
			return cond.With(c, func() error {
				err := cond.WaitFor(c, func() bool { asked++; return ready })
				done = true
				return err
			})
		})
		tick(t, c)
		condNotify(t, c, cond, 1)
		require.NoError(t, yield(c, 3))
		require.Equal(t, 2, asked)
		require.False(t, done)
		ready = true
		condNotify(t, c, cond, 1)
		require.NoError(t, syncJoin(c, w))
		require.True(t, done)
		require.NoError(t, cond.WaitFor(c, func() bool { return true }), "without the lock")
		require.PanicsWithValue(t, "asyncio.Condition.WaitFor: the lock is not acquired; acquire it before, and look under it at what is waited for", func() {
			_ = cond.WaitFor(c, func() bool { return false })
		})
	})
	syncTest(t, "CD-04 Notify wakes so many, or all there are", func(t *testing.T, c ctx) {
		cond := asyncio.NewCondition(nil)
		var got []int
		ts := syncSpawn(c, 3, func(c ctx, i int) error {
			return condWaiter(cond, func() { got = append(got, i) })(c)
		})
		require.NoError(t, yield(c, 2))
		condNotify(t, c, cond, 1)
		require.NoError(t, yield(c, 2))
		require.Equal(t, []int{0}, got)
		condNotify(t, c, cond, 1)
		condNotify(t, c, cond, 2048)
		require.NoError(t, syncJoin(c, ts...))
		require.Equal(t, []int{0, 1, 2}, got)
		condNotify(t, c, cond, 1)
		requireState(t, cond, "unlocked", 0)
	})
	syncTest(t, "CD-04 NotifyAll wakes all", func(t *testing.T, c ctx) {
		cond := asyncio.NewCondition(nil)
		n := 0
		ts := syncSpawn(c, 2, func(c ctx, _ int) error { return condWaiter(cond, func() { n++ })(c) })
		require.NoError(t, yield(c, 2))
		require.NoError(t, cond.With(c, func() error { cond.NotifyAll(); return nil }))
		require.NoError(t, syncJoin(c, ts...))
		require.Equal(t, 2, n)
	})
	syncTest(t, "CD-04 N28 what needs the lock panics without it", func(t *testing.T, c ctx) {
		cond := asyncio.NewCondition(nil)
		require.PanicsWithValue(t, "asyncio.Condition.Wait: the lock is not acquired; acquire it before, and look under it at what is waited for", func() { _ = cond.Wait(c) })
		require.PanicsWithValue(t, "asyncio.Condition.Notify: the lock is not acquired; acquire it before, and change under it what is waited for", func() { cond.Notify(1) })
		require.PanicsWithValue(t, "asyncio.Condition.NotifyAll: the lock is not acquired; acquire it before, and change under it what is waited for", cond.NotifyAll)
		require.ErrorIs(t, cond.Release(), asyncio.ErrNotAcquired)
	})
	syncTest(t, "CD-05 a time-out of a Wait leaves the condition as it was", func(t *testing.T, c ctx) {
		cond := asyncio.NewCondition(nil)
		err := cond.With(c, func() error {
			err := asyncio.WithTimeout(c, time.Second, func(c context.Context) error { return cond.Wait(c) })
			require.True(t, cond.Locked())
			return err
		})
		require.ErrorIs(t, err, asyncio.ErrTimeout)
		requireState(t, cond, "unlocked", 0)
		w := spawn(c, condWaiter(cond, func() {}))
		tick(t, c)
		condNotify(t, c, cond, 1)
		require.NoError(t, syncJoin(c, w))
		require.False(t, w.Cancelled())
	})
	for name, while := range map[string]func(c ctx, cond *asyncio.Condition, w *task) error{
		"while it waits": func(_ ctx, _ *asyncio.Condition, w *task) error { w.Cancel("foo"); return nil },
		"while it acquires the lock": func(c ctx, cond *asyncio.Condition, w *task) error {
			return cond.With(c, func() error {
				cond.Notify(1)
				err := asyncio.Sleep(c, 0)
				w.Cancel("foo")
				return err
			})
		},
	} {
		syncTest(t, "CD-06 the error of a cancel "+name+" is the task's", func(t *testing.T, c ctx) {
			cond := asyncio.NewCondition(nil)
			var inside error
			w := spawn(c, func(c ctx) error {
				return cond.With(c, func() error { inside = cond.Wait(c); return inside })
			})
			tick(t, c)
			require.NoError(t, while(c, cond, w))
			_, err := w.Await(c)
			require.Same(t, inside, err)
			require.Equal(t, "foo", err.(*asyncio.CancelledError).Msg)
		})
	}
	for name, pause := range map[string]int{"before it runs": 0, "while it acquires the lock": 1} {
		syncTest(t, "CD-07 a notification of one who is cancelled "+name+" goes to the next", func(t *testing.T, c ctx) {
			cond := asyncio.NewCondition(nil)
			items, over := 0, false
			ts := syncSpawn(c, 2, func(c ctx, _ int) error {
				return cond.With(c, func() error {
					for {
						if err := cond.WaitFor(c, func() bool { return items > 0 || over }); err != nil || over {
							return err
						}
						items--
					}
				})
			})
			tick(t, c)
			require.NoError(t, cond.With(c, func() error {
				items++
				cond.Notify(1)
				err := yield(c, pause)
				ts[0].Cancel()
				err = errors.Join(err, asyncio.WithTimeout(c, time.Second, func(c ctx) error {
					return cond.WaitFor(c, func() bool { return items == 0 })
				}))
				require.ErrorIs(t, err, asyncio.ErrTimeout, "nobody notifies us")
				require.Zero(t, items)
				over = true
				cond.NotifyAll()
				return nil
			}))
			require.NoError(t, syncJoin(c, ts...))
			requireState(t, cond, "unlocked", 0)
		})
	}
	syncTest(t, "conditions may share a lock", func(t *testing.T, c ctx) {
		var l asyncio.Lock
		a, b := asyncio.NewCondition(&l), asyncio.NewCondition(&l)
		n := 0
		ts := []*task{spawn(c, condWaiter(a, func() { n++ })), spawn(c, condWaiter(b, func() { n += 10 }))}
		require.NoError(t, yield(c, 2))
		require.NoError(t, l.With(c, func() error { a.NotifyAll(); return nil }))
		require.NoError(t, yield(c, 3))
		require.Equal(t, 1, n)
		require.NoError(t, l.With(c, func() error { b.NotifyAll(); return nil }))
		require.NoError(t, syncJoin(c, ts...))
		require.Equal(t, 11, n)
	})
	syncTest(t, "a context with an end of its own ends a Wait, which has the lock again", func(t *testing.T, c ctx) {
		cond := asyncio.NewCondition(nil)
		ctx, cancel := context.WithCancelCause(c)
		w := spawn(c, func(context.Context) error {
			return cond.With(ctx, func() error {
				err := cond.Wait(ctx)
				require.True(t, cond.Locked())
				again := cond.Wait(ctx)
				require.ErrorIs(t, again, context.Canceled, "it stays ended")
				require.True(t, cond.Locked())
				return err
			})
		})
		tick(t, c)
		require.NoError(t, cond.Acquire(c))
		cancel(errBad)
		require.NoError(t, asyncio.Sleep(c, time.Second))
		require.False(t, w.Done(), "it waits for the lock")
		require.NoError(t, cond.Release())
		_, err := w.Await(c)
		require.ErrorIs(t, err, context.Canceled)
		requireState(t, cond, "unlocked", 0)
	})
	t.Run("a killed greenlet has the lock again, and its notification goes to the next", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() {
			cond := asyncio.NewCondition(nil)
			c := context.Background()
			had := false
			g := gevent.Spawn(func() {
				_ = cond.With(c, func() error {
					defer func() { had = cond.Locked() }()
					return cond.Wait(c)
				})
			})
			other := gevent.Spawn(func() error { return condWaiter(cond, func() {})(c) })
			gevent.Sleep(0)
			require.NoError(t, cond.Acquire(c))
			cond.Notify(1)
			gevent.Spawn(func() { g.Kill() })
			gevent.Sleep(0)
			gevent.Sleep(0)
			require.False(t, had)
			require.NoError(t, cond.Release())
			g.Join()
			require.True(t, had)
			other.Join()
			require.True(t, other.Successful())
			requireState(t, cond, "unlocked", 0)
		}))
	})
	t.Run("at the end of the loop nobody waits for a lock that nobody releases", func(t *testing.T) {
		cond := asyncio.NewCondition(nil)
		loop, err := asyncio.NewLoop(asyncio.WithExceptionHandler(func(*asyncio.Loop, asyncio.ExceptionContext) {}))
		require.NoError(t, err)
		_, err = asyncio.RunUntilComplete(loop, proc(func(c ctx) error {
			spawn(c, condWaiter(cond, func() {}))
			err := asyncio.Sleep(c, 0)
			return errors.Join(err, cond.Acquire(c))
		}))
		require.NoError(t, err)
		require.NoError(t, loop.Close())
	})
}
