package asyncio_test

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

func TestTimeout(t *testing.T) {
	behaves(t, "TO-01 it expires", func(t *testing.T, c ctx) {
		to := asyncio.NewTimeout(10 * ms)
		err := to.Do(c, forever)
		require.ErrorIs(t, err, asyncio.ErrTimeout)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NotErrorIs(t, err, asyncio.ErrCancelled)
		require.NotErrorIs(t, err, context.Canceled)
		var n net.Error
		require.ErrorAs(t, err, &n)
		require.True(t, n.Timeout())
		require.True(t, to.Expired())
		require.Equal(t, 10*ms, to.When())
		require.Equal(t, 10*ms, at(c))
		to = asyncio.NewTimeoutAt(at(c) + 5*ms)
		require.Equal(t, 15*ms, to.When())
		require.ErrorIs(t, to.Do(c, forever), asyncio.ErrTimeout)
		require.Equal(t, 15*ms, at(c))
		require.ErrorIs(t, asyncio.WithTimeout(c, ms, forever), asyncio.ErrTimeout)
		require.ErrorIs(t, asyncio.WithTimeoutAt(c, 20*ms, forever), asyncio.ErrTimeout)
		require.Equal(t, 20*ms, at(c))
		require.Zero(t, cancelling(c))
	})
	behaves(t, "TO-03 it does not expire", func(t *testing.T, c ctx) {
		to := asyncio.NewTimeout(10 * ms)
		require.NoError(t, to.Do(c, func(c ctx) error { return asyncio.Sleep(c, ms) }))
		require.False(t, to.Expired())
		require.Greater(t, to.When(), at(c))
		to = asyncio.NewTimeout(asyncio.NoLimit)
		require.NoError(t, to.Do(c, func(c ctx) error { return asyncio.Sleep(c, 1000*time.Hour) }))
		require.False(t, to.Expired())
		require.Equal(t, asyncio.NoLimit, to.When())
	})
	behaves(t, "TO-04 a time that is up", func(t *testing.T, c ctx) {
		for _, d := range []time.Duration{0, -time.Second} {
			to := asyncio.NewTimeout(d)
			require.ErrorIs(t, to.Do(c, func(c ctx) error { return asyncio.Sleep(c, 0) }), asyncio.ErrTimeout)
			require.True(t, to.Expired())
			require.LessOrEqual(t, to.When(), at(c))
		}
		require.ErrorIs(t, asyncio.WithTimeoutAt(c, at(c)-time.Hour, forever), asyncio.ErrTimeout)
	})
	behaves(t, "TO-05 an error of its own passes", func(t *testing.T, c ctx) {
		to := asyncio.NewTimeout(10 * ms)
		require.Same(t, errBad, to.Do(c, func(ctx) error { return errBad }))
		require.False(t, to.Expired())
		to = asyncio.NewTimeout(10 * ms)
		require.Panics(t, func() { _ = to.Do(c, func(ctx) error { panic("oops") }) })
		require.False(t, to.Expired())
		require.NoError(t, asyncio.Sleep(c, time.Hour), "it is disarmed")
	})
	behaves(t, "TO-06 errors that come instead of the cancellation", func(t *testing.T, c ctx) {
		inFinally := errors.New("in finally")
		err := asyncio.WithTimeout(c, ms, func(c ctx) error {
			inner := asyncio.WithTimeout(c, time.Second, forever)
			require.ErrorIs(t, inner, asyncio.ErrCancelled)
			return inFinally
		})
		require.ErrorIs(t, err, asyncio.ErrTimeout)
		require.ErrorIs(t, err, inFinally)
		var te *asyncio.TimeoutError
		require.ErrorAs(t, err, &te)
		require.Same(t, inFinally, te.Err)
		err = asyncio.WithTimeout(c, ms, func(c ctx) error { // a time-out in the clean-up of one
			require.Error(t, forever(c))
			return asyncio.WithTimeout(c, ms, func(c ctx) error { require.Error(t, forever(c)); return errBad })
		})
		require.EqualError(t, err, "bad (after asyncio: timed out) (after asyncio: timed out)")
		require.ErrorIs(t, err, errBad)
		require.Zero(t, cancelling(c))
	})
	behaves(t, "TO-07 a cancel of somebody else is no time-out", func(t *testing.T, c ctx) {
		to := asyncio.NewTimeout(10 * time.Second)
		w := spawn(c, func(c ctx) error { return to.Do(c, forever) })
		_ = asyncio.Sleep(c, 0)
		w.Cancel()
		_, err := w.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.True(t, w.Cancelled())
		require.False(t, to.Expired())
	})
	t.Run("TO-08 when the loop was busy", func(t *testing.T) {
		_, err := asyncio.Run(proc(func(c ctx) error { // on a real clock
			outer, inner := asyncio.NewTimeout(20*ms), asyncio.NewTimeout(10*ms)
			var innerErr error
			start := time.Now()
			err := outer.Do(c, func(c ctx) error {
				innerErr = inner.Do(c, func(c ctx) error {
					time.Sleep(30 * ms)
					return forever(c)
				})
				return innerErr
			})
			require.ErrorIs(t, err, asyncio.ErrTimeout)
			require.ErrorIs(t, innerErr, asyncio.ErrCancelled)
			require.Less(t, time.Since(start), 5*time.Second)
			require.Zero(t, cancelling(c))
			require.True(t, outer.Expired())
			require.True(t, inner.Expired())
			return nil
		}))
		require.NoError(t, err)
	})
	behaves(t, "TO-09 rescheduled by somebody else", func(t *testing.T, c ctx) {
		to := asyncio.NewTimeout(10 * time.Second)
		w := spawn(c, func(c ctx) error { return to.Do(c, forever) })
		_ = asyncio.Sleep(c, 0)
		require.NoError(t, to.Reschedule(asyncio.NoLimit))
		require.Equal(t, asyncio.NoLimit, to.When())
		require.NoError(t, to.Reschedule(20*time.Second))
		require.Equal(t, 20*time.Second, to.When())
		require.NoError(t, to.Reschedule(asyncio.NoLimit))
		w.Cancel()
		_, err := w.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.False(t, to.Expired())
	})
	behaves(t, "an entry that was rescheduled does not count", func(t *testing.T, c ctx) {
		for _, when := range []time.Duration{asyncio.NoLimit, time.Hour, 2 * ms} {
			to := asyncio.NewTimeout(asyncio.NoLimit)
			start := at(c)
			err := to.Do(c, func(c ctx) error {
				require.NoError(t, to.Reschedule(start)) // an entry is in the queue at once
				require.NoError(t, to.Reschedule(start-ms))
				if when != asyncio.NoLimit {
					when += start
				}
				require.NoError(t, to.Reschedule(when))
				return asyncio.Sleep(c, ms)
			})
			require.NoError(t, err)
			require.False(t, to.Expired())
		}
		to := asyncio.NewTimeout(asyncio.NoLimit)
		var o trace
		err := to.Do(c, func(c ctx) error {
			asyncio.RunningLoop(c).CallSoon(func() { o.add("before") })
			require.NoError(t, to.Reschedule(0))
			asyncio.RunningLoop(c).CallSoon(func() { o.add("between ", to.Expired()) })
			require.NoError(t, to.Reschedule(0))
			asyncio.RunningLoop(c).CallSoon(func() { o.add("after ", to.Expired()) })
			return forever(c)
		})
		require.ErrorIs(t, err, asyncio.ErrTimeout)
		require.Equal(t, trace{"before", "between false", "after true"}, o)
	})
	behaves(t, "TO-10 it is printed", func(t *testing.T, c ctx) {
		to := asyncio.NewTimeout(ms)
		require.Equal(t, "<Timeout created>", to.String())
		require.Zero(t, to.When())
		_ = to.Do(c, func(c ctx) error {
			require.Equal(t, "<Timeout active when=1ms>", to.String())
			_ = forever(c)
			require.Equal(t, "<Timeout expiring>", to.String())
			return nil
		})
		require.Equal(t, "<Timeout expired>", to.String())
		to = asyncio.NewTimeout(asyncio.NoLimit)
		require.NoError(t, to.Do(c, func(ctx) error { require.Equal(t, "<Timeout active when=never>", to.String()); return nil }))
		require.Equal(t, "<Timeout finished>", to.String())
	})
	behaves(t, "TO-11 after a cancel that was swallowed", func(t *testing.T, c ctx) {
		for _, again := range []bool{false, true} {
			var got error
			w := spawn(c, func(c ctx) error {
				_ = forever(c)
				got = asyncio.WithTimeout(c, ms, forever)
				return nil
			})
			_ = asyncio.Sleep(c, 0)
			w.Cancel()
			_ = asyncio.Sleep(c, 0)
			if again {
				w.Cancel()
			}
			_, err := w.Await(c)
			require.NoError(t, err)
			if again {
				require.ErrorIs(t, got, asyncio.ErrCancelled)
			} else {
				require.ErrorIs(t, got, asyncio.ErrTimeout)
			}
		}
	})
	behaves(t, "TO-12 misuse", func(t *testing.T, c ctx) {
		to := asyncio.NewTimeout(time.Hour)
		require.ErrorContains(t, to.Reschedule(0), "has not been entered")
		require.NoError(t, to.Do(c, func(c ctx) error {
			panicSays(t, "the Timeout has been used already", func() { _ = to.Do(c, forever) })
			return nil
		}))
		err := to.Reschedule(0)
		require.ErrorIs(t, err, asyncio.ErrInvalidState)
		require.ErrorContains(t, err, "the Timeout is finished")
		panicSays(t, "the Timeout has been used already", func() { _ = to.Do(c, forever) })
		to = asyncio.NewTimeout(ms)
		require.NoError(t, to.Do(c, func(c ctx) error {
			_ = forever(c)
			require.ErrorContains(t, to.Reschedule(0), "the Timeout is expiring")
			return nil
		}))
		require.ErrorContains(t, to.Reschedule(0), "the Timeout is expired")
	})
	t.Run("TO-12 in a greenlet", func(t *testing.T) {
		require.NoError(t, green(t, func() error {
			panicSays(t, "asyncio.WithTimeout: a Timeout needs a task", func() { _ = asyncio.WithTimeout(t.Context(), ms, forever) })
			return nil
		}))
	})
	behaves(t, "TO-13 around a TaskGroup", func(t *testing.T, c ctx) {
		err := asyncio.WithTimeout(c, ms, func(c ctx) error {
			return asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error {
				return g.Go(func(c ctx) error { _ = forever(c); return errBad })
			})
		})
		require.ErrorIs(t, err, asyncio.ErrTimeout)
		require.ErrorIs(t, err, errBad)
		require.Equal(t, "EG[bad]", groupErrors(err))
		require.Zero(t, cancelling(c))
	})
	behaves(t, "a body that swallows the cancellation has ended well", func(t *testing.T, c ctx) {
		to := asyncio.NewTimeout(ms)
		require.NoError(t, to.Do(c, func(c ctx) error { _ = forever(c); return asyncio.Sleep(c, time.Second) }))
		require.True(t, to.Expired())
		require.Zero(t, cancelling(c))
		require.Equal(t, ms+time.Second, at(c))
	})
	t.Run("a time-out unwinds a call of gevent, and a kill passes", func(t *testing.T) {
		require.NoError(t, green(t, func() error {
			_, err := asyncio.Run(proc(func(c ctx) error {
				deferred := false
				err := asyncio.WithTimeout(c, ms, func(ctx) error {
					defer func() { deferred = true }()
					gevent.Sleep(time.Hour)
					return nil
				})
				require.ErrorIs(t, err, asyncio.ErrTimeout)
				require.True(t, deferred)
				require.Zero(t, cancelling(c))
				limit := gevent.NewTimeout(ms)
				err = limit.Do(func() error {
					return asyncio.WithTimeout(c, time.Hour, func(c ctx) error { return forever(c) })
				})
				require.Same(t, limit, err)
				return asyncio.Sleep(c, 2*time.Hour)
			}))
			return err
		}))
	})
	t.Run("a time-out of tasks that await each other in a circle is reported", func(t *testing.T) {
		var o trace
		require.NoError(t, run(t, func(c ctx) error {
			var a, b *task
			a = spawn(c, func(c ctx) error { _, err := b.Await(c); return err }, asyncio.WithName("a"))
			b = spawn(c, func(c ctx) error { _, err := asyncio.WaitFor(c, a, ms); return err }, asyncio.WithName("b"))
			done, _, err := asyncio.Wait(c, []*task{a, b}, asyncio.WaitTimeout(time.Second))
			require.Empty(t, done)
			b.Cancel() // which ends the circle
			_, _, err2 := asyncio.Wait(c, []*task{a, b})
			return errors.Join(err, err2)
		}, reports(&o)))
		require.Len(t, o, 1)
		require.Contains(t, o[0], "Exception in callback of a Timeout: b: asyncio: the task waits for tasks that await each other in a circle")
	})
}

func TestATimeoutCancelsUpToACircle(t *testing.T) {
	var o trace
	require.NoError(t, run(t, func(c ctx) error {
		var a, b *task
		before, behind := spawn(c, notes(&o, "before", forever)), spawn(c, notes(&o, "behind", forever))
		a = spawn(c, func(c ctx) error {
			_, err := asyncio.GatherOutcomes[asyncio.AwaitableOf[none]](c, before, b, behind)
			o.add("a ", outcome(nil, err))
			return err
		})
		b = spawn(c, func(c ctx) error { _, err := a.Await(c); return err }, asyncio.WithName("b"))
		w := spawn(c, func(c ctx) error { _, err := asyncio.WaitFor(c, a, ms); return err }, asyncio.WithName("w"))
		done, _, err := asyncio.Wait(c, []*task{a, b, w}, asyncio.WaitTimeout(time.Second))
		require.Empty(t, done)
		require.True(t, before.Cancelled())
		require.False(t, behind.Done())
		w.Cancel()
		_, _, err2 := asyncio.Wait(c, []*task{a, b, w})
		return errors.Join(err, err2)
	}, reports(&o)))
	require.Equal(t, "before CE", o[1])
	require.Contains(t, o[0], "Exception in callback of a Timeout: w")
	require.Contains(t, o, "a cancelled")
}

func TestAScopesContextEndsWithTheScope(t *testing.T) {
	behaves(t, "and the task's own does not", func(t *testing.T, c ctx) {
		c = context.WithValue(c, key("k"), 1)
		var body, outer, derived ctx
		err := asyncio.WithTimeout(c, time.Second, func(c ctx) error {
			outer = c
			err := asyncio.WithTimeout(c, ms, func(c ctx) error {
				body = c
				require.Equal(t, 1, c.Value(key("k")))
				require.NotNil(t, asyncio.CurrentTask(c))
				var cancel context.CancelFunc
				derived, cancel = context.WithCancel(c)
				defer cancel()
				require.NoError(t, body.Err())
				err := forever(context.WithValue(c, key("x"), 2))
				require.ErrorIs(t, err, asyncio.ErrCancelled)
				<-c.Done()
				<-derived.Done()
				require.ErrorIs(t, context.Cause(derived), asyncio.ErrCancelled)
				require.ErrorIs(t, c.Err(), context.Canceled)
				require.NoError(t, asyncio.Sleep(c, 0), "a cancellation is delivered once")
				require.ErrorIs(t, asyncio.Sleep(derived, 0), asyncio.ErrCancelled, "a context that has ended stays so")
				return c.Err() // as a library would
			})
			require.ErrorIs(t, err, asyncio.ErrTimeout)
			require.NoError(t, c.Err())
			return nil
		})
		require.NoError(t, err)
		require.NoError(t, c.Err())
		require.ErrorIs(t, outer.Err(), context.Canceled, "it was left")
		require.Equal(t, context.Canceled, asyncio.Sleep(outer, 0))
		require.Equal(t, context.Canceled, asyncio.Sleep(body, time.Hour))
		_, ok := outer.Deadline()
		require.False(t, ok)
	})
	behaves(t, "an outer one takes the inner ones along, and so does the task", func(t *testing.T, c ctx) {
		for _, cancel := range []bool{false, true} {
			var inner ctx
			w := spawn(c, func(c ctx) error {
				return asyncio.WithTimeout(c, ms, func(c ctx) error {
					return asyncio.WithTimeout(c, time.Hour, func(c ctx) error {
						inner = c
						_ = forever(c)
						require.Error(t, c.Err())
						return nil
					})
				})
			})
			_ = asyncio.Sleep(c, 0)
			require.NoError(t, inner.Err())
			if cancel {
				w.Cancel()
			}
			_, err := w.Await(c)
			require.NoError(t, err)
		}
	})
	behaves(t, "tasks that are made in it go on", func(t *testing.T, c ctx) {
		var child *task
		err := asyncio.WithTimeout(context.WithValue(c, key("k"), 1), ms, func(c ctx) error {
			child = spawn(c, func(c ctx) error {
				require.Equal(t, 1, c.Value(key("k")))
				return asyncio.Sleep(c, time.Second)
			})
			return forever(c)
		})
		require.ErrorIs(t, err, asyncio.ErrTimeout)
		_, err = child.Await(c)
		require.NoError(t, err)
		require.Equal(t, time.Second, at(c))
	})
	t.Run("a deadline of package context goes through it", func(t *testing.T) {
		_, err := asyncio.Run(proc(func(c ctx) error {
			short, cancel := context.WithTimeout(c, ms)
			defer cancel()
			when, _ := short.Deadline()
			err := asyncio.WithTimeout(short, time.Hour, func(c ctx) error {
				d, ok := c.Deadline()
				require.True(t, ok)
				require.Equal(t, when, d)
				err := asyncio.WithTimeout(c, time.Hour, forever)
				require.Equal(t, context.DeadlineExceeded, err)
				require.Equal(t, context.DeadlineExceeded, c.Err())
				child := spawn(c, forever)
				_, err = child.Await(context.WithoutCancel(c))
				return err
			})
			require.Equal(t, context.DeadlineExceeded, err)
			return nil
		}))
		require.NoError(t, err)
	})
	t.Run("in another task it is a context like others", func(t *testing.T) {
		_, err := asyncio.Run(proc(func(c ctx) error { // on a real clock, since its end comes from outside then
			var stranger *task
			err := asyncio.WithTimeout(c, ms, func(scope ctx) error {
				stranger = spawn(c, func(ctx) error { return asyncio.Sleep(scope, time.Hour) })
				return forever(scope)
			})
			require.ErrorIs(t, err, asyncio.ErrTimeout)
			_, err = stranger.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			return nil
		}))
		require.NoError(t, err)
	})
}

func TestWaitFor(t *testing.T) {
	behaves(t, "WF-01 it waits for what ignores the cancel", func(t *testing.T, c ctx) {
		slow := func() *task {
			return spawn(c, func(c ctx) error {
				for start := at(c); at(c)-start < 200*ms; {
					_ = asyncio.Sleep(c, 200*ms-(at(c)-start))
				}
				return nil
			})
		}
		w := slow()
		_, err := asyncio.WaitFor(c, w, 100*ms)
		require.NoError(t, err, "it ended well")
		require.True(t, w.Done())
		require.Equal(t, 200*ms, at(c))
		w = slow()
		outer := spawn(c, func(c ctx) error { _, err := asyncio.WaitFor(c, w, time.Hour); return err })
		_ = yield(c, 2)
		outer.Cancel()
		_, err = outer.Await(c)
		require.NoError(t, err)
		require.True(t, w.Done())
		require.Equal(t, 400*ms, at(c))
	})
	behaves(t, "WF-02 no time", func(t *testing.T, c ctx) {
		for _, d := range []time.Duration{0, -time.Second} {
			f := newFuture(c)
			require.NoError(t, f.SetResult(1))
			v, err := asyncio.WaitFor(c, f, d)
			require.Equal(t, 1, v)
			require.NoError(t, err)
			_, err = asyncio.WaitForCoroutine(c, func(ctx) (int, error) { panic("never") }, d)
			require.ErrorIs(t, err, asyncio.ErrTimeout)
			cleaned := false
			w := spawn(c, func(c ctx) error {
				err := forever(c)
				_ = asyncio.Sleep(c, ms)
				cleaned = true
				return err
			})
			_ = asyncio.Sleep(c, 0)
			_, err = asyncio.WaitFor(c, w, d)
			require.ErrorIs(t, err, asyncio.ErrTimeout)
			require.True(t, cleaned)
			bad := spawn(c, func(c ctx) error { _ = forever(c); return errBad })
			_ = asyncio.Sleep(c, 0)
			_, err = asyncio.WaitFor(c, bad, d)
			require.Same(t, errBad, err)
		}
		require.Zero(t, cancelling(c))
	})
	behaves(t, "WF-03 WF-06 the time is up", func(t *testing.T, c ctx) {
		cleaned := false
		w := spawn(c, func(c ctx) error {
			defer func() { cleaned = true }()
			err := forever(c)
			_ = asyncio.Sleep(c, ms)
			return err
		})
		_, err := asyncio.WaitFor(c, w, 10*ms)
		require.ErrorIs(t, err, asyncio.ErrTimeout)
		require.True(t, cleaned)
		require.True(t, w.Cancelled())
		require.Equal(t, 11*ms, at(c))
		_, err = asyncio.WaitForCoroutine(c, func(c ctx) (int, error) { return 0, forever(c) }, ms)
		require.ErrorIs(t, err, asyncio.ErrTimeout)
	})
	behaves(t, "WF-04 a result in time", func(t *testing.T, c ctx) {
		f := newFuture(c)
		asyncio.RunningLoop(c).CallSoon(func() { _ = f.SetResult(5) })
		v, err := asyncio.WaitFor(c, f, 200*ms)
		require.Equal(t, 5, v)
		require.NoError(t, err)
		require.Zero(t, at(c))
	})
	behaves(t, "WF-05 WF-07 what the awaited makes of the cancel counts", func(t *testing.T, c ctx) {
		v, err := asyncio.WaitFor(c, asyncio.CreateTask(c, func(c ctx) (int, error) { _ = forever(c); return 42, nil }), ms)
		require.Equal(t, 42, v)
		require.NoError(t, err)
		_, err = asyncio.WaitFor(c, asyncio.CreateTask(c, func(c ctx) (int, error) { _ = forever(c); return 0, errBad }), ms)
		require.ErrorIs(t, err, errBad)
	})
	behaves(t, "WF-08 a cancel goes on to the awaited", func(t *testing.T, c ctx) {
		for _, limit := range []time.Duration{asyncio.NoLimit, time.Minute} {
			f := newFuture(c)
			w := asyncio.CreateTask(c, func(c ctx) (int, error) { return asyncio.WaitFor(c, f, limit) })
			_ = asyncio.Sleep(c, 0)
			w.Cancel()
			_, err := w.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			require.True(t, f.Cancelled())
		}
	})
	behaves(t, "WF-09 a cancel when the awaited is done already", func(t *testing.T, c ctx) {
		reached := false
		inner := asyncio.CreateTask(c, func(ctx) (string, error) { return "done", nil })
		outer := spawn(c, func(c ctx) error {
			_, err := asyncio.WaitFor(c, inner, time.Second)
			reached = err == nil
			return err
		})
		_ = asyncio.Sleep(c, 0)
		require.True(t, inner.Done())
		outer.Cancel()
		_, err := outer.Await(c)
		require.NoError(t, err, "it did not wait at all")
		require.True(t, reached)

		reached = false
		f := newFuture(c)
		inner = asyncio.CreateTask(c, func(c ctx) (string, error) { _, err := f.Await(c); return "done", err })
		outer = spawn(c, func(c ctx) error {
			_, err := asyncio.WaitFor(c, inner, time.Second)
			reached = err == nil
			return err
		})
		_ = yield(c, 2)
		require.NoError(t, f.SetResult(1))
		_ = asyncio.Sleep(c, 0)
		require.True(t, inner.Done())
		require.False(t, outer.Done())
		outer.Cancel()
		_, err = outer.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.False(t, reached)
		v, err := inner.Result()
		require.Equal(t, "done", v)
		require.NoError(t, err)
	})
	behaves(t, "WF-10 a shield", func(t *testing.T, c ctx) {
		w := returnsAfter(c, 10*ms, "done")
		for _, d := range []time.Duration{0, ms} {
			s := asyncio.ShieldFuture[string](w)
			_, err := asyncio.WaitFor(c, s, d)
			require.ErrorIs(t, err, asyncio.ErrTimeout)
			require.True(t, s.Cancelled())
			require.False(t, w.Done())
		}
		v, err := asyncio.WaitFor(c, asyncio.ShieldFuture[string](w), asyncio.NoLimit)
		require.Equal(t, "done", v)
		require.NoError(t, err)
	})
	behaves(t, "a cancel of who waits for the end of what has no time", func(t *testing.T, c ctx) {
		slow := spawn(c, func(c ctx) error { err := forever(c); _ = asyncio.Sleep(c, time.Second); return err })
		outer := spawn(c, func(c ctx) error { _, err := asyncio.WaitFor(c, slow, 0); return err })
		_ = yield(c, 2)
		require.Equal(t, 1, slow.Cancelling())
		outer.Cancel()
		_, err := outer.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.False(t, slow.Done())
		_, err = slow.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
	})
	t.Run("a greenlet may wait for as long", func(t *testing.T) {
		bg := context.Background()
		require.NoError(t, green(t, func() error {
			w := returnsAfter(bg, time.Second, 1)
			v, err := asyncio.WaitFor(bg, w, 2*time.Second)
			require.Equal(t, 1, v)
			require.NoError(t, err)
			_, err = asyncio.WaitFor(bg, returnsAfter(bg, time.Hour, 1), ms)
			require.ErrorIs(t, err, asyncio.ErrTimeout)
			require.Equal(t, time.Second+ms, asyncio.RunningLoop(bg).Time())
			_, err = asyncio.WaitForCoroutine(bg, func(c ctx) (int, error) { _ = forever(c); return 2, nil }, ms)
			require.NoError(t, err)
			_, err = asyncio.WaitForCoroutine(bg, func(c ctx) (int, error) { return 0, forever(c) }, 0)
			require.ErrorIs(t, err, asyncio.ErrTimeout)
			return nil
		}))
	})
}
