package asyncio_test

import (
	"context"
	"errors"
	"time"

	"github.com/baton-go/baton/asyncio"
)

// tasksOf makes a task of each function, for Gather.
func tasksOf(c ctx, fs ...func(ctx) error) (as []asyncio.AwaitableOf[none]) {
	for _, f := range fs {
		as = append(as, spawn(c, f))
	}
	return as
}

// The rest of the programs about callbacks, tasks, cancellation, and what waits for
// several: see goldens.
var moreGoldens = []golden{
	{"G01 callbacks run in the order of their scheduling", "0 | 1 | 2 | 3 | 4", func(c ctx, o *trace) error {
		for i := range 5 {
			asyncio.RunningLoop(c).CallSoon(func() { o.add(i) })
		}
		return asyncio.Sleep(c, 0)
	}},
	{"G02 callbacks that reschedule themselves take turns", "a0 | b0 | a1 | b1 | a2 | b2", func(c ctx, o *trace) error {
		l := asyncio.RunningLoop(c)
		var again func(n string, i int) func()
		again = func(n string, i int) func() {
			return func() {
				if o.add(n, i); i < 2 {
					l.CallSoon(again(n, i+1))
				}
			}
		}
		l.CallSoon(again("a", 0))
		l.CallSoon(again("b", 0))
		return yield(c, 4)
	}},
	{"G07 calling a coroutine does not yield", "inner | outer | cs", func(c ctx, o *trace) error {
		asyncio.RunningLoop(c).CallSoon(func() { o.add("cs") })
		inner := func(ctx) (int, error) { o.add("inner"); return 1, nil }
		_, err := inner(c)
		o.add("outer")
		return errors.Join(err, asyncio.Sleep(c, 0))
	}},
	{"G08 done callbacks are scheduled in order, and never called", "set | cb0 | cb1 | cb2 | cs | late", func(c ctx, o *trace) error {
		l := asyncio.RunningLoop(c)
		f := asyncio.NewFuture[int](l)
		for i := range 3 {
			f.AddDoneCallback(func(*asyncio.Future[int]) { o.add("cb", i) })
		}
		err := f.SetResult(1)
		o.add("set")
		l.CallSoon(func() { o.add("cs") })
		f.AddDoneCallback(func(*asyncio.Future[int]) { o.add("late") })
		return errors.Join(err, asyncio.Sleep(c, 0))
	}},
	{"G10 timers in the past fire in the order of their times, after what is ready", "s | b | a", func(c ctx, o *trace) error {
		l := asyncio.RunningLoop(c)
		l.CallLater(-1*time.Second, func() { o.add("a") })
		l.CallLater(-2*time.Second, func() { o.add("b") })
		l.CallSoon(func() { o.add("s") })
		return yield(c, 2)
	}},
	{"G11 timers fire in the order of their times", "1 | 2 | 3", func(c ctx, o *trace) error {
		l := asyncio.RunningLoop(c)
		for _, i := range []time.Duration{3, 1, 2} {
			l.CallAt(l.Time()+i*5*ms, func() { o.add(int(i)) })
		}
		return asyncio.Sleep(c, 30*ms)
	}},
	{"G16 TK-19 a swallowed cancel counts until it is taken back", "in 1 | 42 false 1", func(c ctx, o *trace) error {
		t := asyncio.CreateTask(c, func(c ctx) (int, error) {
			_ = asyncio.Sleep(c, time.Hour)
			o.add("in ", asyncio.CurrentTask(c).Cancelling())
			return 42, nil
		})
		_ = asyncio.Sleep(c, 0)
		t.Cancel()
		v, err := t.Await(c)
		o.add(v, " ", t.Cancelled(), " ", t.Cancelling())
		return err
	}},
	{"G17 TK-09 two requests count as two, and are delivered once", "true true 2 | once | nil", func(c ctx, o *trace) error {
		t := spawn(c, func(c ctx) error {
			if asyncio.Sleep(c, time.Hour) != nil {
				o.add("once")
			}
			return asyncio.Sleep(c, ms)
		})
		_ = asyncio.Sleep(c, 0)
		o.add(t.Cancel(), " ", t.Cancel(), " ", t.Cancelling())
		if _, err := t.Await(c); err == nil {
			o.add("nil")
		}
		return nil
	}},
	{"G21 TK-12 uncancel clears a cancel of oneself that is due", "1 | 0 | 42", func(c ctx, o *trace) error {
		t := asyncio.CreateTask(c, func(c ctx) (int, error) {
			me := asyncio.CurrentTask(c)
			me.Cancel()
			o.add(me.Cancelling())
			o.add(me.Uncancel())
			return 42, asyncio.Sleep(c, 0)
		})
		o.add(outcome(t.Await(c)))
		return nil
	}},
	{"G22 TK-10 uncancel after the cancel was delivered", "1 | 0 | ok false", func(c ctx, o *trace) error {
		t := asyncio.CreateTask(c, func(c ctx) (string, error) {
			if err := asyncio.Sleep(c, time.Hour); !errors.Is(err, asyncio.ErrCancelled) {
				return "", err
			}
			me := asyncio.CurrentTask(c)
			o.add(me.Cancelling())
			o.add(me.Uncancel())
			return "ok", asyncio.Sleep(c, 0)
		})
		_ = asyncio.Sleep(c, 0)
		t.Cancel()
		v, err := t.Await(c)
		o.add(v, " ", t.Cancelled())
		return err
	}},
	{"G25 outcomes are values, errors and cancellations", "1 | bad | cancelled", func(c ctx, o *trace) error {
		os, err := asyncio.GatherOutcomes[asyncio.AwaitableOf[int]](c,
			asyncio.CreateTask(c, func(ctx) (int, error) { return 1, nil }),
			asyncio.CreateTask(c, func(ctx) (int, error) { return 0, errBad }),
			asyncio.CreateTask(c, func(ctx) (int, error) { return 0, &asyncio.CancelledError{Msg: "m"} }))
		for _, out := range os {
			o.add(outcome(out.Value, out.Err))
		}
		return err
	}},
	{"G27 GA-07 cancelling a Gathering", "true | a | b | cancelled false | false", func(c ctx, o *trace) error {
		w := func(n string) func(ctx) error {
			return func(c ctx) error { defer o.add(n); return asyncio.Sleep(c, time.Hour) }
		}
		g := asyncio.GatherFuture(c, tasksOf(c, w("a"), w("b"))...)
		_ = asyncio.Sleep(c, 0)
		o.add(g.Cancel())
		o.add(outcome(g.Await(c)), " ", g.Cancelled())
		o.add(g.Cancel())
		return nil
	}},
	{"G28 GA-05 a Gathering of nothing is done", "true | []", func(c ctx, o *trace) error {
		g := asyncio.GatherFuture[asyncio.AwaitableOf[int]](c)
		o.add(g.Done())
		o.add(outcome(g.Await(c)))
		return nil
	}},
	{"G29 GA-06 the same task several times runs once", "run | [5 5 5]", func(c ctx, o *trace) error {
		t := asyncio.CreateTask(c, func(ctx) (int, error) { o.add("run"); return 5, nil })
		o.add(outcome(asyncio.Gather(c, t, t, t)))
		return nil
	}},
	{"G39 WT Wait for the first exception with a cancelled child waits for both", "2 0", func(c ctx, o *trace) error {
		a := spawn(c, func(c ctx) error { return asyncio.Sleep(c, time.Second) })
		b := spawn(c, func(c ctx) error { return asyncio.Sleep(c, 2*time.Second) })
		asyncio.RunningLoop(c).CallSoon(func() { a.Cancel() })
		done, left, err := asyncio.Wait(c, []*task{a, b}, asyncio.FirstException)
		o.add(len(done), " ", len(left))
		return err
	}},
	{"G51 SH a shield's caller is cancelled, and what it shields goes on", "outer cancelled | false | slept | 1", func(c ctx, o *trace) error {
		inner := asyncio.CreateTask(c, func(c ctx) (int, error) { return 1, sleeper(o, "slept", 20*ms)(c) })
		outer := asyncio.CreateTask(c, func(c ctx) (int, error) {
			v, err := asyncio.Shield(c, inner)
			o.add("outer ", outcome(v, err))
			return v, err
		})
		_ = yield(c, 2)
		outer.Cancel()
		_, _ = outer.Await(c)
		o.add(inner.Done())
		o.add(outcome(inner.Await(c)))
		return nil
	}},
	{"G52 AsCompleted is in the order of the ends", "b | c | a", func(c ctx, o *trace) error {
		w := func(n string, d time.Duration) *asyncio.Task[string] {
			return asyncio.CreateTask(c, func(c ctx) (string, error) { return n, asyncio.Sleep(c, d) })
		}
		for t, err := range asyncio.AsCompleted(c, []*asyncio.Task[string]{w("a", 20*ms), w("b", 5*ms), w("c", 10*ms)}) {
			if err != nil {
				return err
			}
			o.add(outcome(t.Result()))
		}
		return nil
	}},
	{"G66 CX-01 a task sees the values from when it was made", "1 | 2 | 1", func(c ctx, o *trace) error {
		c = context.WithValue(c, key("v"), 1)
		t := spawn(c, func(c ctx) error {
			o.add(c.Value(key("v")))
			c = context.WithValue(c, key("v"), 2)
			o.add(c.Value(key("v")))
			return nil
		})
		_, err := t.Await(context.WithValue(c, key("v"), 3))
		o.add(c.Value(key("v")))
		return err
	}},
	{"a Gathering does not start its tasks", "gathered | a0 | b0 | a1 | b1", func(c ctx, o *trace) error {
		w := func(n string) func(ctx) error {
			return func(c ctx) error {
				o.add(n, 0)
				err := asyncio.Sleep(c, 0)
				o.add(n, 1)
				return err
			}
		}
		g := asyncio.GatherFuture(c, tasksOf(c, w("a"), w("b"))...)
		o.add("gathered")
		_, err := g.Await(c)
		return err
	}},
	{"G78 a done callback that came before the awaiter", "cb | main", func(c ctx, o *trace) error {
		t := spawn(c, func(ctx) error { return nil })
		t.AddDoneCallback(func(*task) { o.add("cb") })
		_, err := t.Await(c)
		o.add("main")
		return err
	}},
	{"G79 a done callback that came after the awaiter", "main | cb", func(c ctx, o *trace) error {
		f := asyncio.NewFuture[int](asyncio.RunningLoop(c))
		a := spawn(c, func(c ctx) error { _, err := f.Await(c); o.add("main"); return err })
		_ = asyncio.Sleep(c, 0)
		f.AddDoneCallback(func(*asyncio.Future[int]) { o.add("cb") })
		_ = f.SetResult(1)
		_, err := a.Await(c)
		return errors.Join(err, asyncio.Sleep(c, 0))
	}},
}
