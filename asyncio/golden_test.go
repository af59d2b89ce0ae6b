package asyncio_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// outcome puts into words how an awaiting call returned.
func outcome(v any, err error) string {
	switch {
	case errors.Is(err, asyncio.ErrCancelled):
		return "cancelled"
	case err != nil:
		return err.Error()
	}
	return fmt.Sprint(v)
}

// yield lets everything that is ready run n times.
func yield(c ctx, n int) (err error) {
	for range n {
		err = errors.Join(err, asyncio.Sleep(c, 0))
	}
	return err
}

const ms = time.Millisecond

var errBad = errors.New("bad")

type task = asyncio.Task[none]

// sleeper sleeps for d and notes n when it has, and what interrupted it.
func sleeper(o *trace, n string, d time.Duration) func(ctx) error {
	return func(c ctx) error {
		err := asyncio.Sleep(c, d)
		if err == nil {
			o.add(n)
		}
		return err
	}
}

type golden struct {
	name, want string
	main       func(ctx, *trace) error
}

// Each program is asyncio.run(main()) in Python, and want is what it prints there
// (CPython 3.13.0 and 3.11.7, one word to a line).
var goldens = []golden{
	{"G03 tasks take turns", "a0 | b0 | c0 | a1 | b1 | c1 | a2 | b2 | c2", func(c ctx, o *trace) error {
		var ts []asyncio.AwaitableOf[none]
		for _, n := range []string{"a", "b", "c"} {
			ts = append(ts, spawn(c, func(c ctx) error {
				for i := range 3 {
					o.add(n, i)
					_ = asyncio.Sleep(c, 0)
				}
				return nil
			}))
		}
		_, err := asyncio.Gather(c, ts...)
		return err
	}},
	{"G04 a task starts when its maker waits", "created | task | awaited", func(c ctx, o *trace) error {
		t := spawn(c, func(ctx) error { o.add("task"); return nil })
		o.add("created")
		_, err := t.Await(c)
		o.add("awaited")
		return err
	}},
	{"G05 tasks and callbacks share one FIFO", "cs1 | t1 | cs2 | main", func(c ctx, o *trace) error {
		l := asyncio.RunningLoop(c)
		l.CallSoon(func() { o.add("cs1") })
		spawn(c, func(ctx) error { o.add("t1"); return nil })
		l.CallSoon(func() { o.add("cs2") })
		err := asyncio.Sleep(c, 0)
		o.add("main")
		return err
	}},
	{"G06 awaiting what is done does not yield", "awaited | cs | main", func(c ctx, o *trace) error {
		t := spawn(c, func(ctx) error { return nil })
		_ = asyncio.Sleep(c, 0)
		asyncio.RunningLoop(c).CallSoon(func() { o.add("cs") })
		_, err := t.Await(c)
		o.add("awaited")
		_ = asyncio.Sleep(c, 0)
		o.add("main")
		return err
	}},
	{"G77 an awaiter goes on one hop after the end", "w | c1 | main | c2", func(c ctx, o *trace) error {
		l := asyncio.RunningLoop(c)
		t := spawn(c, func(ctx) error { o.add("w"); return nil })
		l.CallSoon(func() { o.add("c1") })
		l.CallSoon(func() { l.CallSoon(func() { o.add("c2") }) })
		_, err := t.Await(c)
		o.add("main")
		_ = asyncio.Sleep(c, 0)
		return err
	}},
	{"Wait goes on two hops after the end", "w | c0 | c1 | main | c2 | c3 | c4 | c5", func(c ctx, o *trace) error {
		t := spawn(c, func(ctx) error { o.add("w"); return nil })
		chain(c, o, 5)
		_, _, err := asyncio.Wait(c, []*task{t})
		o.add("main")
		_ = yield(c, 3)
		return err
	}},
	{"Gather goes on two hops after the end", "c0 | w | c1 | c2 | main | c3 | c4 | c5", func(c ctx, o *trace) error {
		chain(c, o, 5)
		_, err := asyncio.Gather(c, spawn(c, func(ctx) error { o.add("w"); return nil }))
		o.add("main")
		_ = yield(c, 3)
		return err
	}},
	{"a sleeper goes on one hop after its time", "c0 | slept | c1 | c2 | c3", func(c ctx, o *trace) error {
		t := spawn(c, sleeper(o, "slept", 10*ms))
		_ = asyncio.Sleep(c, 0)
		asyncio.RunningLoop(c).CallLater(10*ms, links(c, o, 3))
		_, err := t.Await(c)
		return errors.Join(err, asyncio.Sleep(c, 10*ms))
	}},
	{"done callbacks and awaiters keep their order", "awaiter | main | before | late", func(c ctx, o *trace) error {
		t := spawn(c, func(ctx) error { return nil })
		t.AddDoneCallback(func(*task) { o.add("before") })
		a := spawn(c, func(c ctx) error { _, err := t.Await(c); o.add("awaiter"); return err })
		_ = asyncio.Sleep(c, 0)
		t.AddDoneCallback(func(*task) { o.add("late") })
		o.add("main")
		_, err := a.Await(c)
		return err
	}},
	{"G09 the awaiters of a future go on in order", "set | 0 | 1 | 2 | 3", func(c ctx, o *trace) error {
		f := asyncio.NewFuture[int](asyncio.RunningLoop(c))
		var ts []asyncio.AwaitableOf[none]
		for i := range 4 {
			ts = append(ts, spawn(c, func(c ctx) error { _, err := f.Await(c); o.add(i); return err }))
		}
		_ = asyncio.Sleep(c, 0)
		err := f.SetResult(1)
		o.add("set")
		_, err2 := asyncio.Gather(c, ts...)
		return errors.Join(err, err2)
	}},
	{"G12 a timer of zero comes after what is ready", "soon | resumed | timer | resumed2", func(c ctx, o *trace) error {
		l := asyncio.RunningLoop(c)
		l.CallLater(0, func() { o.add("timer") })
		l.CallSoon(func() { o.add("soon") })
		_ = asyncio.Sleep(c, 0)
		o.add("resumed")
		_ = asyncio.Sleep(c, 0)
		o.add("resumed2")
		return nil
	}},
	{"G74 G75 a cancelled handle does not run", "x | y", func(c ctx, o *trace) error {
		l := asyncio.RunningLoop(c)
		var h *asyncio.Handle
		l.CallSoon(func() { o.add("x"); h.Cancel() })
		h = l.CallSoon(func() { o.add("never") })
		l.CallSoon(func() { o.add("y") })
		l.CallLater(0, func() { o.add("never") }).Cancel()
		return yield(c, 2)
	}},
	{"G13 a task that is cancelled before its start never runs", "true | false | cancelled | true | false", func(c ctx, o *trace) error {
		t := spawn(c, func(ctx) error { o.add("body"); return nil })
		o.add(t.Cancel())
		o.add(t.Cancelled())
		o.add(outcome(t.Await(c)))
		o.add(t.Cancelled())
		o.add(t.Cancel())
		return nil
	}},
	{"G14 a cancelled sleep ends at once", "cancelfalse | in CE | fin | ticktrue | cancelled", func(c ctx, o *trace) error {
		t := spawn(c, func(c ctx) error {
			defer o.add("fin")
			err := asyncio.Sleep(c, 10*time.Second)
			if errors.Is(err, asyncio.ErrCancelled) {
				o.add("in CE")
			}
			return err
		})
		_ = asyncio.Sleep(c, 0)
		t.Cancel()
		o.add("cancel", t.Done())
		_ = asyncio.Sleep(c, 0)
		o.add("tick", t.Done())
		o.add(outcome(t.Await(c)))
		return nil
	}},
	{"G15 cancelling an awaiter cancels what it awaits", "inner fin | outer fin true | ticks 2 true true", func(c ctx, o *trace) error {
		inner := spawn(c, func(c ctx) error { defer o.add("inner fin"); return asyncio.Sleep(c, 10*time.Second) })
		t := spawn(c, func(c ctx) error {
			_, err := inner.Await(c)
			o.add("outer fin ", inner.Done())
			return err
		})
		_ = yield(c, 2)
		t.Cancel()
		n := 0
		for ; !t.Done(); n++ {
			_ = asyncio.Sleep(c, 0)
		}
		o.add("ticks ", n, " ", t.Cancelled(), " ", inner.Cancelled())
		return nil
	}},
	{"an awaited task that swallows the cancel saves its awaiter", "42 | false false", func(c ctx, o *trace) error {
		inner := asyncio.CreateTask(c, func(c ctx) (int, error) { _ = asyncio.Sleep(c, 10*time.Second); return 42, nil })
		t := asyncio.CreateTask(c, inner.Await)
		_ = yield(c, 2)
		t.Cancel()
		o.add(outcome(t.Await(c)))
		o.add(t.Cancelled(), " ", inner.Cancelled())
		return nil
	}},
	{"G16 a task that swallows the cancel is done with its value", "42 | false", func(c ctx, o *trace) error {
		t := asyncio.CreateTask(c, func(c ctx) (int, error) { _ = asyncio.Sleep(c, 10*time.Second); return 42, nil })
		_ = asyncio.Sleep(c, 0)
		t.Cancel()
		o.add(outcome(t.Await(c)))
		o.add(t.Cancelled())
		return nil
	}},
	{"G17 G83 two cancels before the first is delivered are one", "CE m1 | 1", func(c ctx, o *trace) error {
		t := asyncio.CreateTask(c, func(c ctx) (n int, _ error) {
			for range 3 {
				var e *asyncio.CancelledError
				if errors.As(asyncio.Sleep(c, ms), &e) {
					n++
					o.add("CE ", e.Msg)
				}
			}
			return n, nil
		})
		_ = asyncio.Sleep(c, 0)
		t.Cancel("m1")
		t.Cancel("m2")
		o.add(outcome(t.Await(c)))
		return nil
	}},
	{"G18 a cancel on the way of a result wins", "true | cancelled | 7", func(c ctx, o *trace) error {
		f := asyncio.NewFuture[int](asyncio.RunningLoop(c))
		t := asyncio.CreateTask(c, f.Await)
		_ = asyncio.Sleep(c, 0)
		_ = f.SetResult(7)
		o.add(t.Cancel())
		o.add(outcome(t.Await(c)))
		o.add(outcome(f.Result()))
		return nil
	}},
	{"G19 TK-21 a task that cancels itself and returns is cancelled", "cancelled | true", func(c ctx, o *trace) error {
		t := asyncio.CreateTask(c, func(c ctx) (int, error) { asyncio.CurrentTask(c).Cancel(); return 12, nil })
		o.add(outcome(t.Await(c)))
		o.add(t.Cancelled())
		return nil
	}},
	{"G20 a task that cancels itself and fails has failed", "bad | false", func(c ctx, o *trace) error {
		t := spawn(c, func(c ctx) error { asyncio.CurrentTask(c).Cancel(); return errBad })
		o.add(outcome(t.Await(c)))
		o.add(t.Cancelled())
		return nil
	}},
	{"a task that cancels itself and awaits cancels that", "inner fin | w true | cancelled | true true", func(c ctx, o *trace) error {
		inner := spawn(c, func(c ctx) error { defer o.add("inner fin"); return asyncio.Sleep(c, 10*time.Second) })
		_ = asyncio.Sleep(c, 0)
		t := spawn(c, func(c ctx) error {
			asyncio.CurrentTask(c).Cancel()
			_, err := inner.Await(c)
			o.add("w ", inner.Done())
			return err
		})
		o.add(outcome(t.Await(c)))
		o.add(t.Cancelled(), " ", inner.Cancelled())
		return nil
	}},
	{"G81 a clean-up may await", "cleaned | slept | cancelled", func(c ctx, o *trace) error {
		t := spawn(c, func(c ctx) error {
			err := asyncio.Sleep(c, 10*time.Second)
			_ = asyncio.Sleep(c, 0)
			o.add("cleaned")
			_ = asyncio.Sleep(c, ms)
			o.add("slept")
			return err
		})
		_ = asyncio.Sleep(c, 0)
		t.Cancel()
		o.add(outcome(t.Await(c)))
		return nil
	}},
	{"G82 a second cancel ends the clean-up", "cleaning | cancelled", func(c ctx, o *trace) error {
		t := spawn(c, func(c ctx) error {
			_ = asyncio.Sleep(c, 10*time.Second)
			o.add("cleaning")
			return sleeper(o, "never", 10*time.Second)(c)
		})
		_ = asyncio.Sleep(c, 0)
		t.Cancel()
		_ = asyncio.Sleep(c, 0)
		t.Cancel()
		o.add(outcome(t.Await(c)))
		return nil
	}},
	{"G84 awaiting a cancelled task ends as cancelled", "cancelled | true true", func(c ctx, o *trace) error {
		child := spawn(c, sleeper(o, "never", 10*time.Second))
		p := asyncio.CreateTask(c, child.Await)
		_ = yield(c, 2)
		child.Cancel()
		o.add(outcome(p.Await(c)))
		o.add(p.Cancelled(), " ", child.Cancelled())
		return nil
	}},
	{"G23 Gather returns in the order of its arguments", "b | c | a | [a b c]", func(c ctx, o *trace) error {
		w := func(n string, d time.Duration) *asyncio.Task[string] {
			return asyncio.CreateTask(c, func(c ctx) (string, error) { return n, sleeper(o, n, d)(c) })
		}
		o.add(outcome(asyncio.Gather(c, w("a", 30*ms), w("b", 10*ms), w("c", 20*ms))))
		return nil
	}},
	{"G24 Gather returns the first error, and the others go on", "bad | false | slow", func(c ctx, o *trace) error {
		slow := spawn(c, sleeper(o, "slow", 20*ms))
		bad := spawn(c, func(c ctx) error { return errors.Join(asyncio.Sleep(c, 10*ms), errBad) })
		o.add(outcome(asyncio.Gather(c, slow, bad)))
		o.add(slow.Done())
		_, err := slow.Await(c)
		return err
	}},
	{"cancelling a Gather cancels its children and waits for them", "a | b | g true true | cancelled | true", func(c ctx, o *trace) error {
		w := func(n string) *task {
			return spawn(c, func(c ctx) error { defer o.add(n); return asyncio.Sleep(c, 10*time.Second) })
		}
		a, b := w("a"), w("b")
		t := spawn(c, func(c ctx) error {
			_, err := asyncio.Gather(c, a, b)
			o.add("g ", a.Done(), " ", b.Done())
			return err
		})
		_ = yield(c, 2)
		t.Cancel()
		o.add(outcome(t.Await(c)))
		o.add(t.Cancelled())
		return nil
	}},
	{"G26 a cancelled child fails its Gather", "a CE | cancelled | false | b", func(c ctx, o *trace) error {
		w := func(n string) *task {
			return spawn(c, func(c ctx) error {
				err := sleeper(o, n, 10*ms)(c)
				if err != nil {
					o.add(n, " CE")
				}
				return err
			})
		}
		a, b := w("a"), w("b")
		_ = asyncio.Sleep(c, 0)
		a.Cancel()
		o.add(outcome(asyncio.Gather(c, a, b)))
		o.add(b.Done())
		_, err := b.Await(c)
		return err
	}},
	{"G37 Wait returns what is done", "1 2 | 2 1 | 3 0", func(c ctx, o *trace) error {
		var ts []*task
		for _, d := range []time.Duration{10 * ms, 0, 30 * ms} {
			ts = append(ts, spawn(c, func(c ctx) error { return asyncio.Sleep(c, d) }))
		}
		for _, opt := range []asyncio.WaitOption{asyncio.FirstCompleted, asyncio.WaitTimeout(20 * ms), asyncio.AllCompleted} {
			done, left, err := asyncio.Wait(c, ts, opt)
			o.add(len(done), len(left))
			if err != nil {
				return err
			}
		}
		return nil
	}},
	{"G38 Wait returns all that is done when it goes on", "2 0", func(c ctx, o *trace) error {
		l := asyncio.RunningLoop(c)
		f, g := asyncio.NewFuture[int](l), asyncio.NewFuture[string](l)
		l.CallSoon(func() {
			_ = f.SetResult(1)
			l.CallSoon(func() { _ = g.SetResult("") })
		})
		done, left, err := asyncio.Wait(c, []asyncio.Awaitable{f, g}, asyncio.FirstCompleted)
		o.add(len(done), len(left))
		return err
	}},
	{"G39 Wait for the first exception ignores a cancellation", "2 1 | 2 0", func(c ctx, o *trace) error {
		bad := spawn(c, func(c ctx) error { return errors.Join(asyncio.Sleep(c, 20*ms), errBad) })
		last := spawn(c, func(c ctx) error { return asyncio.Sleep(c, 30*ms) })
		ts := []*task{spawn(c, func(c ctx) error { return asyncio.Sleep(c, 10*ms) }), bad, last}
		done, left, err := asyncio.Wait(c, ts, asyncio.FirstException)
		o.add(len(done), len(left))
		_, err2 := last.Await(c)
		ts = []*task{spawn(c, sleeper(o, "never", time.Second)), spawn(c, func(c ctx) error { return asyncio.Sleep(c, 10*ms) })}
		_ = asyncio.Sleep(c, 0)
		ts[0].Cancel()
		done, left, err3 := asyncio.Wait(c, ts, asyncio.FirstException)
		o.add(len(done), len(left))
		return errors.Join(err, err2, err3)
	}},
	{"cancelling a Wait leaves what it waits for", "cancelled | false | w", func(c ctx, o *trace) error {
		w := spawn(c, sleeper(o, "w", 10*ms))
		t := spawn(c, func(c ctx) error { _, _, err := asyncio.Wait(c, []*task{w}); return err })
		_ = yield(c, 2)
		t.Cancel()
		o.add(outcome(t.Await(c)))
		o.add(w.Done())
		_, err := w.Await(c)
		return err
	}},
	{"what is ready when the main task ends runs once more", "a0 | b0 | a1 | b1 | main | a2 | b2 | a CE | b CE", func(c ctx, o *trace) error {
		for _, n := range []string{"a", "b"} {
			spawn(c, func(c ctx) error {
				for i := range 9 {
					o.add(n, i)
					if err := asyncio.Sleep(c, 0); err != nil {
						o.add(n, " CE")
						return err
					}
				}
				return nil
			})
		}
		_ = yield(c, 2)
		o.add("main")
		return nil
	}},
	{"a task that is made at the end still starts", "main | ran | CE", func(c ctx, o *trace) error {
		spawn(c, func(c ctx) error {
			o.add("ran")
			err := sleeper(o, "never", 10*time.Second)(c)
			o.add("CE")
			return err
		})
		o.add("main")
		return nil
	}},
}

// links returns a callback that schedules others, one a hop: c0 to cn.
func links(c ctx, o *trace, n int) func() {
	l := asyncio.RunningLoop(c)
	i := 0
	var link func()
	link = func() {
		o.add("c", i)
		if i++; i <= n {
			l.CallSoon(link)
		}
	}
	return link
}

// chain schedules them.
func chain(c ctx, o *trace, n int) { asyncio.RunningLoop(c).CallSoon(links(c, o, n)) }

func TestProgramsRunInTheOrderOfCPython(t *testing.T) {
	for _, g := range slices.Concat(goldens, moreGoldens, scopeGoldens) {
		t.Run(g.name, func(t *testing.T) {
			var o trace
			require.NoError(t, run(t, func(c ctx) error { return g.main(c, &o) }))
			require.Equal(t, g.want, strings.Join(o, " | "))
		})
	}
}
