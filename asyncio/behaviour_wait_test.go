package asyncio_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// returnsAfter returns a task that returns v when d has passed.
func returnsAfter[T any](c ctx, d time.Duration, v T) *asyncio.Task[T] {
	return asyncio.CreateTask(c, func(c ctx) (T, error) { return v, asyncio.Sleep(c, d) })
}

type texts = []*asyncio.Task[string]

func TestWait(t *testing.T) {
	behaves(t, "WT-01 all of them, also if they are done", func(t *testing.T, c ctx) {
		a, b := returnsAfter(c, 100*ms, "a"), returnsAfter(c, 150*ms, "b")
		for range 2 {
			done, left, err := asyncio.Wait(c, texts{b, a})
			require.NoError(t, err)
			require.Equal(t, texts{b, a}, done)
			require.Empty(t, left)
			require.Equal(t, 150*ms, at(c))
		}
	})
	behaves(t, "WT-02 each once", func(t *testing.T, c ctx) {
		a, b := returnsAfter(c, 0, "test"), returnsAfter(c, 0, "spam")
		done, left, err := asyncio.Wait(c, texts{a, a, b})
		require.NoError(t, err)
		require.Equal(t, texts{a, b}, done)
		require.Empty(t, left)
	})
	behaves(t, "WT-03 nothing to wait for", func(t *testing.T, c ctx) {
		_, _, err := asyncio.Wait(c, texts{})
		require.ErrorIs(t, err, asyncio.ErrNothingToWaitFor)
	})
	behaves(t, "WT-04 the first", func(t *testing.T, c ctx) {
		a, b := returnsAfter(c, 10*time.Second, "a"), returnsAfter(c, 100*ms, "b")
		done, left, err := asyncio.Wait(c, texts{a, b}, asyncio.FirstCompleted)
		require.NoError(t, err)
		require.Equal(t, [2]texts{{b}, {a}}, [2]texts{done, left})
		require.Equal(t, 100*ms, at(c))
	})
	behaves(t, "WT-05 what ends before the caller goes on is done", func(t *testing.T, c ctx) {
		a := spawn(c, func(c ctx) error { return yield(c, 1) })
		b := spawn(c, func(c ctx) error { return yield(c, 2) })
		done, left, err := asyncio.Wait(c, []*task{a, b}, asyncio.FirstCompleted)
		require.NoError(t, err)
		require.Len(t, done, 2)
		require.Empty(t, left)
	})
	behaves(t, "WT-06 the first that fails", func(t *testing.T, c ctx) {
		for _, d := range []time.Duration{0, 10 * ms} {
			start := at(c)
			a := spawn(c, forever)
			b := spawn(c, func(c ctx) error { return errors.Join(asyncio.Sleep(c, d), errBad) })
			done, left, err := asyncio.Wait(c, []*task{a, b}, asyncio.FirstException)
			require.NoError(t, err)
			require.Equal(t, [2][]*task{{b}, {a}}, [2][]*task{done, left})
			require.Equal(t, d, at(c)-start)
		}
	})
	behaves(t, "WT-07 a Wait never fails with what it waits for", func(t *testing.T, c ctx) {
		a := spawn(c, func(c ctx) error { return asyncio.Sleep(c, 100*ms) })
		b := spawn(c, func(c ctx) error { return errors.Join(asyncio.Sleep(c, 150*ms), errBad) })
		done, left, err := asyncio.Wait(c, []*task{a, b})
		require.NoError(t, err)
		require.Empty(t, left)
		require.Len(t, done, 2)
		require.NoError(t, a.Err())
		require.ErrorIs(t, b.Err(), errBad)
	})
	for _, limit := range []time.Duration{110 * ms, 100 * ms} {
		behaves(t, "WT-08 with a limit of "+limit.String(), func(t *testing.T, c ctx) {
			a, b := returnsAfter(c, 100*ms, "a"), returnsAfter(c, 150*ms, "b")
			_ = asyncio.Sleep(c, 0)
			done, left, err := asyncio.Wait(c, texts{a, b}, asyncio.WaitTimeout(limit))
			require.NoError(t, err)
			require.Equal(t, [2]texts{{a}, {b}}, [2]texts{done, left})
			require.Equal(t, limit, at(c))
		})
	}
	behaves(t, "WT-09 ten of them", func(t *testing.T, c ctx) {
		var all []*asyncio.Task[int]
		for i := range 10 {
			all = append(all, returnsAfter(c, 0, i))
		}
		done, _, err := asyncio.Wait(c, all)
		require.NoError(t, err)
		require.Equal(t, all, done)
	})
}

func TestAsCompleted(t *testing.T) {
	// collect goes through the sequence.
	collect := func(t *testing.T, seq func(func(*asyncio.Task[string], error) bool)) (results []string) {
		for w, err := range seq {
			require.NoError(t, err)
			v, err := w.Result()
			require.NoError(t, err)
			results = append(results, v)
		}
		return results
	}
	behaves(t, "AC-01 in the order of the ends", func(t *testing.T, c ctx) {
		seq := asyncio.AsCompleted(c, texts{returnsAfter(c, 150*ms, "c"), returnsAfter(c, 10*ms, "a"), returnsAfter(c, 10*ms, "b")})
		require.Equal(t, []string{"a", "b", "c"}, collect(t, seq))
		require.Equal(t, 150*ms, at(c))
	})
	behaves(t, "AC-02 what comes out is what went in", func(t *testing.T, c ctx) {
		in := texts{returnsAfter(c, 0, "a"), returnsAfter(c, ms, "b")}
		var out texts
		for w, err := range asyncio.AsCompleted(c, in) {
			require.NoError(t, err)
			out = append(out, w)
		}
		require.Same(t, in[0], out[0])
		require.Same(t, in[1], out[1])
	})
	behaves(t, "AC-03 with a limit", func(t *testing.T, c ctx) {
		a, b := returnsAfter(c, 100*ms, "a"), returnsAfter(c, 150*ms, "b")
		var o trace
		for w, err := range asyncio.AsCompleted(c, texts{a, b}, asyncio.WaitTimeout(120*ms)) {
			if err != nil {
				require.ErrorIs(t, err, asyncio.ErrTimeout)
				o.add("late at ", at(c))
				continue
			}
			o.add(outcome(w.Result()))
		}
		require.Equal(t, trace{"a", "late at 120ms"}, o)
		require.False(t, b.Done())
		v, err := b.Await(c)
		require.Equal(t, "b", v)
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b"}, collect(t, asyncio.AsCompleted(c, texts{a, b}, asyncio.WaitTimeout(0))), "they are done")
		loop := asyncio.AsCompleted(c, texts{returnsAfter(c, time.Second, "x"), returnsAfter(c, time.Second, "y")}, asyncio.WaitTimeout(ms))
		n := 0
		for w, err := range loop {
			require.Nil(t, w)
			require.ErrorIs(t, err, asyncio.ErrTimeout)
			n++
		}
		require.Equal(t, 2, n)
	})
	behaves(t, "AC-04 a range that was left goes on", func(t *testing.T, c ctx) {
		var in texts
		for i, s := range []string{"a", "b", "c", "d"} {
			in = append(in, returnsAfter(c, time.Duration(i)*ms, s))
		}
		seq := asyncio.AsCompleted(c, in)
		var got []string
		for w, err := range seq {
			require.NoError(t, err)
			v, _ := w.Result()
			if got = append(got, v); len(got) == 2 {
				break
			}
		}
		require.Equal(t, []string{"a", "b"}, got)
		require.Equal(t, []string{"c", "d"}, collect(t, seq))
		require.Empty(t, collect(t, seq))
	})
	behaves(t, "AC-05 slots are filled in the order of asking", func(t *testing.T, c ctx) {
		slots := asyncio.AsCompletedSlots(c, []asyncio.AwaitableOf[string]{returnsAfter(c, 50*ms, "a"), returnsAfter(c, 100*ms, "b")})
		require.Len(t, slots, 2)
		v, err := slots[1](c)
		require.NoError(t, err)
		require.Equal(t, "a at 50ms", v+" at "+at(c).String())
		v, err = slots[0](c)
		require.NoError(t, err)
		require.Equal(t, "b at 100ms", v+" at "+at(c).String())
		slots = asyncio.AsCompletedSlots(c, []asyncio.AwaitableOf[string]{returnsAfter(c, time.Second, "late")}, asyncio.WaitTimeout(ms))
		_, err = slots[0](c)
		require.ErrorIs(t, err, asyncio.ErrTimeout)
	})
	behaves(t, "AC-06 each once", func(t *testing.T, c ctx) {
		a, b := returnsAfter(c, ms, "a"), returnsAfter(c, 0, "b")
		require.Equal(t, []string{"b", "a"}, collect(t, asyncio.AsCompleted(c, texts{a, a, b, a})))
		require.Empty(t, collect(t, asyncio.AsCompleted(c, texts{})))
	})
	behaves(t, "slots that tasks wait for are filled in the order of waiting, a cancelled one's by the next", func(t *testing.T, c ctx) {
		f, g := newFuture(c), newFuture(c)
		slots := asyncio.AsCompletedSlots(c, []asyncio.AwaitableOf[int]{f, g})
		var o trace
		wait := func(n string, i int) *task {
			return spawn(c, func(c ctx) error { v, err := slots[i](c); o.add(n, " ", outcome(v, err)); return err })
		}
		a, b, d := wait("a", 0), wait("b", 1), wait("d", 1)
		_ = asyncio.Sleep(c, 0)
		require.NoError(t, f.SetResult(1))
		require.NoError(t, g.SetResult(2))
		_ = asyncio.Sleep(c, 0) // a and b have been woken
		a.Cancel()
		_, _, err := asyncio.Wait(c, []*task{a, b, d})
		require.NoError(t, err)
		require.Equal(t, trace{"a cancelled", "b 1", "d 2"}, o)
	})
	behaves(t, "a round that is cancelled leaves the rest", func(t *testing.T, c ctx) {
		a := returnsAfter(c, 10*time.Second, "a")
		w := spawn(c, func(c ctx) error {
			for _, err := range asyncio.AsCompleted(c, texts{a}) {
				return err
			}
			return nil
		})
		_ = asyncio.Sleep(c, 0)
		w.Cancel()
		_, err := w.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.False(t, a.Done())
	})
}

func TestGathering(t *testing.T) {
	behaves(t, "GA-01 all succeed", func(t *testing.T, c ctx) {
		a, b, d := newFuture(c), newFuture(c), newFuture(c)
		g := asyncio.GatherFuture[asyncio.AwaitableOf[int]](c, a, b, d)
		calls := 0
		g.AddDoneCallback(func(*asyncio.Gathering[[]int]) { calls++ })
		require.NoError(t, b.SetResult(1))
		require.NoError(t, a.SetResult(2))
		_ = asyncio.Sleep(c, 0)
		require.False(t, g.Done())
		_, err := g.Result()
		require.ErrorIs(t, err, asyncio.ErrInvalidState)
		require.NoError(t, d.SetResult(3))
		_ = asyncio.Sleep(c, 0)
		require.True(t, g.Done())
		vs, err := g.Result()
		require.Equal(t, []int{2, 1, 3}, vs)
		require.NoError(t, err)
		_ = asyncio.Sleep(c, 0)
		require.Equal(t, 1, calls)
	})
	behaves(t, "GA-02 one fails", func(t *testing.T, c ctx) {
		a, b, d, e, f := newFuture(c), newFuture(c), newFuture(c), newFuture(c), newFuture(c)
		g := asyncio.GatherFuture[asyncio.AwaitableOf[int]](c, a, b, d, e, f)
		require.NoError(t, a.SetResult(1))
		require.NoError(t, b.SetError(errBad))
		_ = asyncio.Sleep(c, 0)
		require.True(t, g.Done())
		require.Same(t, errBad, g.Err())
		require.NoError(t, d.SetResult(3))
		e.Cancel()
		require.NoError(t, f.SetError(errors.New("later, and seen by nobody but the Gathering")))
		_ = asyncio.Sleep(c, 0)
	})
	behaves(t, "GA-03 outcomes", func(t *testing.T, c ctx) {
		a, b, d, e := newFuture(c), newFuture(c), newFuture(c), newFuture(c)
		g := asyncio.GatherOutcomesFuture[asyncio.AwaitableOf[int]](c, a, b, d, e)
		other := errors.New("other")
		require.NoError(t, b.SetResult(1))
		require.NoError(t, d.SetError(errBad))
		require.NoError(t, a.SetResult(3))
		_ = asyncio.Sleep(c, 0)
		require.False(t, g.Done())
		require.NoError(t, e.SetError(other))
		os, err := g.Await(c)
		require.NoError(t, err)
		require.Equal(t, []asyncio.Outcome[int]{{Value: 3}, {Value: 1}, {Err: errBad}, {Err: other}}, os)
	})
	behaves(t, "GA-04 a child is cancelled", func(t *testing.T, c ctx) {
		a, b := newFuture(c), newFuture(c)
		g := asyncio.GatherFuture[asyncio.AwaitableOf[int]](c, a, b)
		a.Cancel()
		_ = asyncio.Sleep(c, 0)
		require.True(t, g.Done())
		require.False(t, g.Cancelled())
		require.ErrorIs(t, g.Err(), asyncio.ErrCancelled)
		outcomes := asyncio.GatherOutcomesFuture[asyncio.AwaitableOf[int]](c, a, b)
		require.NoError(t, b.SetError(errBad))
		os, err := outcomes.Await(c)
		require.NoError(t, err)
		require.ErrorIs(t, os[0].Err, asyncio.ErrCancelled)
		require.Same(t, errBad, os[1].Err)
	})
	behaves(t, "GA-07 TK-33 a cancel of who awaits it goes to the children, unless they are done", func(t *testing.T, c ctx) {
		waiter := newFuture(c)
		proof := 0
		child := func(c ctx) error {
			_, err := waiter.Await(c)
			if err == nil {
				proof++
			}
			return err
		}
		as := tasksOf(c, child, child)
		g := asyncio.GatherFuture(c, as...)
		outer := spawn(c, func(c ctx) error { _, err := g.Await(c); proof += 100; return err })
		_ = yield(c, 2)
		require.True(t, outer.Cancel())
		_, err := outer.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.True(t, waiter.Cancelled())
		require.True(t, as[0].Cancelled())
		require.True(t, as[1].Cancelled())
		require.False(t, g.Cancel())
		require.Equal(t, 100, proof)

		done := asyncio.CreateTask(c, func(ctx) (int, error) { return 42, nil })
		g2 := asyncio.GatherFuture(c, done)
		for !done.Done() {
			_ = asyncio.Sleep(c, 0)
		}
		require.False(t, g2.Cancel())
		vs, err := g2.Await(c)
		require.Equal(t, []int{42}, vs)
		require.NoError(t, err)
	})
	behaves(t, "TK-34 outcomes do not swallow a cancel", func(t *testing.T, c ctx) {
		w := spawn(c, func(c ctx) error {
			for {
				if _, err := asyncio.GatherOutcomes(c, returnsAfter(c, 50*ms, 1)); err != nil {
					return err
				}
			}
		})
		asyncio.RunningLoop(c).CallLater(200*ms+1, func() { w.Cancel("my message") })
		_, err := w.Await(c)
		require.EqualError(t, err, "asyncio: cancelled: my message")
	})
	behaves(t, "GA-08 the second error is seen too", func(t *testing.T, c ctx) {
		_, err := asyncio.Gather(c, tasksOf(c, fails(1, "first"), fails(2, "second"))...)
		require.EqualError(t, err, "first")
		_ = yield(c, 3)
	})
	t.Run("an error of a Gathering that nobody asks for is reported", func(t *testing.T) {
		var o trace
		require.NoError(t, run(t, func(c ctx) error {
			asyncio.GatherFuture(c, tasksOf(c, fails(0, "lost"))...)
			short, cancel := context.WithCancel(c)
			f := newFuture(c)
			asyncio.RunningLoop(c).CallSoon(cancel)
			_, err := asyncio.Gather[asyncio.AwaitableOf[int]](short, f)
			require.ErrorIs(t, err, context.Canceled)
			require.NoError(t, f.SetError(errBad))
			return yield(c, 3)
		}, reports(&o)))
		slices.Sort(o)
		require.Equal(t, trace{"Gathering exception was never retrieved: : bad", "Gathering exception was never retrieved: : lost"}, o)
	})
}

func TestShield(t *testing.T) {
	behaves(t, "SH-01 the outcome is the inner one", func(t *testing.T, c ctx) {
		v, err := asyncio.Shield(c, returnsAfter(c, ms, 42))
		require.Equal(t, 42, v)
		require.NoError(t, err)
		f := newFuture(c)
		s := asyncio.ShieldFuture[int](f)
		require.NoError(t, f.SetError(errBad))
		require.False(t, s.Done())
		_, err = s.Await(c)
		require.Same(t, errBad, err)
	})
	behaves(t, "SH-02 a cancel of either", func(t *testing.T, c ctx) {
		inner := newFuture(c)
		outer := asyncio.ShieldFuture[int](inner)
		inner.Cancel("why")
		_, err := outer.Await(c)
		require.EqualError(t, err, "asyncio: cancelled: why")
		require.True(t, outer.Cancelled())
		inner = newFuture(c)
		outer = asyncio.ShieldFuture[int](inner)
		require.True(t, outer.Cancel())
		require.False(t, outer.Cancel())
		require.True(t, outer.Cancelled())
		require.False(t, inner.Done())
		require.NoError(t, inner.SetResult(1))
	})
	t.Run("SH-03 what comes after the cancel", func(t *testing.T) {
		var o trace
		require.NoError(t, run(t, func(c ctx) error {
			fine, bad := newFuture(c), newFuture(c)
			for _, f := range []*asyncio.Future[int]{fine, bad, bad} {
				require.True(t, asyncio.ShieldFuture[int](f).Cancel())
			}
			require.NoError(t, fine.SetResult(1))
			require.NoError(t, bad.SetError(errBad))
			return asyncio.Sleep(c, 0)
		}, reports(&o)))
		require.Equal(t, trace{"Future exception was never retrieved: : bad"}, o)
	})
	behaves(t, "SH-04 what is done is not shielded; the inner goes on", func(t *testing.T, c ctx) {
		f := newFuture(c)
		require.NoError(t, f.SetResult(1))
		require.Same(t, f, asyncio.ShieldFuture[int](f))
		waiter := newFuture(c)
		proof := 0
		inner := spawn(c, func(c ctx) error { _, err := waiter.Await(c); proof++; return err })
		outer := spawn(c, func(c ctx) error { _, err := asyncio.Shield(c, inner); proof += 100; return err })
		_ = yield(c, 2)
		outer.Cancel()
		_, err := outer.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.NoError(t, waiter.SetResult(1))
		_, err = inner.Await(c)
		require.NoError(t, err)
		require.Equal(t, 101, proof)
	})
	behaves(t, "SH-05 with Gather", func(t *testing.T, c ctx) {
		a, b := newFuture(c), newFuture(c)
		g := asyncio.GatherFuture[asyncio.AwaitableOf[int]](c, a, b)
		outer := asyncio.ShieldFuture(asyncio.AwaitableOf[[]int](g))
		require.True(t, outer.Cancel())
		require.NoError(t, a.SetResult(1))
		require.NoError(t, b.SetResult(2))
		vs, err := g.Await(c)
		require.Equal(t, []int{1, 2}, vs)
		require.NoError(t, err)

		a, b = newFuture(c), newFuture(c)
		x, y := asyncio.ShieldFuture[int](a), asyncio.ShieldFuture[int](b)
		parent := asyncio.GatherFuture(c, x, y)
		require.True(t, parent.Cancel())
		_, err = parent.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.True(t, x.Cancelled())
		require.True(t, y.Cancelled())
		require.False(t, a.Done())
		require.False(t, b.Done())
	})
}

func TestFutures(t *testing.T) {
	behaves(t, "FU-01 states", func(t *testing.T, c ctx) {
		f := newFuture(c)
		require.False(t, f.Done())
		_, err := f.Result()
		require.ErrorIs(t, err, asyncio.ErrInvalidState)
		require.ErrorIs(t, f.Err(), asyncio.ErrInvalidState)
		require.NoError(t, f.SetResult(1))
		require.ErrorIs(t, f.SetResult(2), asyncio.ErrInvalidState)
		require.ErrorIs(t, f.SetError(errBad), asyncio.ErrInvalidState)
		v, err := f.Result()
		require.Equal(t, 1, v)
		require.NoError(t, err)
		panicSays(t, "the error is nil", func() { _ = newFuture(c).SetError(nil) })
	})
	behaves(t, "FU-02 FU-05 cancel", func(t *testing.T, c ctx) {
		f := newFuture(c)
		require.True(t, f.Cancel())
		require.True(t, f.Done())
		require.True(t, f.Cancelled())
		_, err := f.Result()
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.ErrorIs(t, f.Err(), asyncio.ErrCancelled)
		require.ErrorIs(t, f.SetResult(1), asyncio.ErrInvalidState)
		require.ErrorIs(t, f.SetError(errBad), asyncio.ErrInvalidState)
		require.False(t, f.Cancel())
		require.ErrorIs(t, f.Err(), asyncio.ErrCancelled)
	})
	behaves(t, "FU-03 FU-07 callbacks are removed one by one, also by callbacks", func(t *testing.T, c ctx) {
		f := newFuture(c)
		var o trace
		removes := map[int]func() bool{}
		for _, n := range []int{42, 17, 100, 17} {
			removes[n] = f.AddDoneCallback(func(*asyncio.Future[int]) { o.add(n) })
		}
		require.True(t, removes[42]())
		require.False(t, removes[42]())
		require.True(t, removes[17](), "the second one")
		const many = 64
		var all [many]func() bool
		for i := range many {
			all[i] = f.AddDoneCallback(func(*asyncio.Future[int]) {
				if i == 0 {
					for _, remove := range all {
						require.False(t, remove(), "they are scheduled already")
					}
				}
				o.add("x")
			})
		}
		for i := 1; i < many; i += 2 {
			require.True(t, all[i]())
		}
		require.NoError(t, f.SetResult(1))
		_ = asyncio.Sleep(c, 0)
		require.Equal(t, trace{"17", "100"}, o[:2])
		require.Len(t, o[2:], many/2)
	})
	behaves(t, "FU-08 awaiting twice", func(t *testing.T, c ctx) {
		f := newFuture(c)
		var o trace
		w := spawn(c, func(c ctx) error {
			_, err := f.Await(c)
			asyncio.RunningLoop(c).CallSoon(func() { o.add("later") })
			_, err2 := f.Await(c)
			o.add("twice")
			return errors.Join(err, err2)
		})
		_ = asyncio.Sleep(c, 0)
		require.NoError(t, f.SetResult(1))
		_, err := w.Await(c)
		require.NoError(t, err)
		require.Equal(t, trace{"twice", "later"}, o)
	})
	t.Run("FU-04 an error that nobody retrieves is reported once", func(t *testing.T) {
		var o trace
		require.NoError(t, run(t, func(c ctx) error {
			fail := func() *asyncio.Future[int] {
				f := newFuture(c)
				require.NoError(t, f.SetError(errBad))
				return f
			}
			fail()
			_ = fail().Err()
			_, _ = fail().Result()
			fail().Cancel()
			return newFuture(c).SetResult(1)
		}, reports(&o)))
		require.Equal(t, trace{"Future exception was never retrieved: : bad"}, o)
	})
}
