package asyncio_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/baton-go/baton/asyncio"
)

// groupErrors puts the errors of a group into words, nested groups in brackets; other
// errors as outcome does.
func groupErrors(err error) string {
	var group *asyncio.TaskGroupError
	if !errors.As(err, &group) {
		return outcome(nil, err)
	}
	var words []string
	for _, err := range group.Errors() {
		words = append(words, groupErrors(err))
	}
	return "EG[" + strings.Join(words, " ") + "]"
}

// notes runs f, and notes what kind of error it returns: a cancellation as "n CE".
func notes(o *trace, n string, f func(ctx) error) func(ctx) error {
	return func(c ctx) error {
		err := f(c)
		if errors.Is(err, asyncio.ErrCancelled) {
			o.add(n, " CE")
		}
		return err
	}
}

func forever(c ctx) error { return asyncio.Sleep(c, 10*time.Second) }

// fails returns a coroutine that fails after some turns.
func fails(turns int, text string) func(ctx) error {
	return func(c ctx) error {
		if err := yield(c, turns); err != nil {
			return err
		}
		return errors.New(text)
	}
}

func cancelling(c ctx) int { return asyncio.CurrentTask(c).Cancelling() }

// The programs about time-outs and groups: see goldens.
var scopeGoldens = []golden{
	{"G40 WF-02 WaitFor with no time at all", "asyncio: timed out | 3 | 3", func(c ctx, o *trace) error {
		o.add(outcome(asyncio.WaitForCoroutine(c, func(ctx) (int, error) { o.add("never"); return 1, nil }, 0)))
		f := asyncio.NewFuture[int](asyncio.RunningLoop(c))
		_ = f.SetResult(3)
		o.add(outcome(asyncio.WaitFor(c, f, 0)))
		o.add(outcome(asyncio.WaitFor(c, f, -1)))
		return nil
	}},
	{"G41 WF-05 what swallows the cancel of a WaitFor returns its value", "val", func(c ctx, o *trace) error {
		t := asyncio.CreateTask(c, func(c ctx) (string, error) { _ = forever(c); return "val", nil })
		o.add(outcome(asyncio.WaitFor(c, t, 10*ms)))
		return nil
	}},
	{"G42 WF-07 what makes an error of the cancel of a WaitFor", "bad (after asyncio: timed out) | true true false", func(c ctx, o *trace) error {
		t := asyncio.CreateTask(c, func(c ctx) (int, error) { _ = forever(c); return 0, errBad })
		_, err := asyncio.WaitFor(c, t, 10*ms)
		o.add(err)
		o.add(errors.Is(err, errBad), " ", errors.Is(err, asyncio.ErrTimeout), " ", errors.Is(err, asyncio.ErrCancelled))
		return nil
	}},
	{"G43 a coroutine of WaitFor runs in the caller's task", "true", func(c ctx, o *trace) error {
		me := asyncio.CurrentTask(c)
		same, err := asyncio.WaitForCoroutine(c, func(c ctx) (bool, error) { return asyncio.CurrentTask(c) == me, nil }, time.Second)
		o.add(same)
		return err
	}},
	{"G44 an outer time-out that comes first", "asyncio: timed out | true false 0", func(c ctx, o *trace) error {
		outer, inner := asyncio.NewTimeout(5*ms), asyncio.NewTimeout(10*time.Second)
		o.add(outer.Do(c, func(c ctx) error { return inner.Do(c, forever) }))
		o.add(outer.Expired(), " ", inner.Expired(), " ", cancelling(c))
		return nil
	}},
	{"G45 TO-02 two time-outs at the same time", "body CE | inner CE | asyncio: timed out | true true 0", func(c ctx, o *trace) error {
		outer, inner := asyncio.NewTimeout(5*ms), asyncio.NewTimeout(5*ms)
		o.add(outer.Do(c, notes(o, "inner", func(c ctx) error { return inner.Do(c, notes(o, "body", forever)) })))
		o.add(outer.Expired(), " ", inner.Expired(), " ", cancelling(c))
		return nil
	}},
	{"G46 G48 a time-out does not end what does not wait", "<nil> | false", func(c ctx, o *trace) error {
		to := asyncio.NewTimeout(0)
		o.add(to.Do(c, func(ctx) error { return nil }))
		o.add(to.Expired())
		return nil
	}},
	{"G47 TO-04 a time-out of nothing ends what yields", "asyncio: timed out | true | asyncio: timed out", func(c ctx, o *trace) error {
		to := asyncio.NewTimeout(0)
		o.add(to.Do(c, func(c ctx) error { return asyncio.Sleep(c, 0) }))
		o.add(to.Expired())
		o.add(asyncio.WithTimeoutAt(c, -time.Second, func(c ctx) error { return asyncio.Sleep(c, 0) }))
		return nil
	}},
	{"G49 TO-06 an error instead of the cancellation", "bad (after asyncio: timed out) | true true", func(c ctx, o *trace) error {
		err := asyncio.WithTimeout(c, 5*ms, func(c ctx) error { _ = forever(c); return errBad })
		o.add(err)
		o.add(errors.Is(err, errBad), " ", errors.Is(err, asyncio.ErrTimeout))
		return nil
	}},
	{"G50 a time-out and a cancel in the same turn", "cancelled | true true", func(c ctx, o *trace) error {
		to := asyncio.NewTimeout(5 * ms)
		t := spawn(c, func(c ctx) error { return to.Do(c, forever) })
		_ = asyncio.Sleep(c, 0)
		asyncio.RunningLoop(c).CallLater(5*ms, func() { t.Cancel() })
		o.add(outcome(t.Await(c)))
		o.add(to.Expired(), " ", t.Cancelled())
		return nil
	}},
	{"G30 TG-04 TG-20 a failing child ends its sibling and the body", "slow CE | body CE | EG[b] | 0", func(c ctx, o *trace) error {
		err := asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error {
			_ = g.Go(notes(o, "slow", forever))
			_ = g.Go(fails(1, "b"))
			return notes(o, "body", forever)(c)
		})
		o.add(groupErrors(err))
		o.add(cancelling(c))
		return nil
	}},
	{"G31 TG-11 children that fail when the body has failed", "EG[1 2 body]", func(c ctx, o *trace) error {
		failing := func(n int) func(ctx) error {
			return func(c ctx) error { _ = forever(c); return fmt.Errorf("%d", n) }
		}
		err := asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error {
			_ = g.Go(failing(1))
			_ = g.Go(failing(2))
			return errors.Join(asyncio.Sleep(c, 0), errors.New("body"))
		})
		o.add(groupErrors(err))
		return nil
	}},
	{"G32 a child that has not started when the body fails", "EG[bad] | true", func(c ctx, o *trace) error {
		var child *task
		err := asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) (err error) {
			child, err = asyncio.GroupCreateTask(g, proc(func(ctx) error { o.add("never"); return nil }))
			return errors.Join(err, errBad)
		})
		o.add(groupErrors(err))
		o.add(child.Cancelled())
		return nil
	}},
	{"G33 TG-02 a child that is cancelled does not end its group", "<nil> | true false", func(c ctx, o *trace) error {
		var a, b *task
		err := asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error {
			a, _ = asyncio.GroupCreateTask(g, proc(forever))
			b, _ = asyncio.GroupCreateTask(g, proc(func(c ctx) error { return asyncio.Sleep(c, ms) }))
			_ = asyncio.Sleep(c, 0)
			a.Cancel()
			return nil
		})
		o.add(err)
		o.add(a.Cancelled(), " ", b.Cancelled())
		return nil
	}},
	{"G34 TG-05 a cancel of the task in a group", "a CE | b CE | asyncio: cancelled: msg | true 1", func(c ctx, o *trace) error {
		t := spawn(c, func(c ctx) error {
			return asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error {
				_ = g.Go(notes(o, "a", forever))
				_ = g.Go(notes(o, "b", forever))
				return nil
			})
		})
		_ = yield(c, 2)
		t.Cancel("msg")
		_, err := t.Await(c)
		o.add(err)
		o.add(t.Cancelled(), " ", t.Cancelling())
		return nil
	}},
	{"G35 TG-22 a cancel of the task and a failing child", "EG[bad] | 1 | next cancelled | true", func(c ctx, o *trace) error {
		t := spawn(c, func(c ctx) error {
			err := asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error {
				_ = g.Go(func(c ctx) error { _ = forever(c); return errBad })
				return nil
			})
			o.add(groupErrors(err))
			o.add(cancelling(c))
			err = asyncio.Sleep(c, 0)
			o.add("next ", outcome(nil, err))
			return err
		})
		_ = yield(c, 2)
		t.Cancel()
		_, _ = t.Await(c)
		o.add(t.Cancelled())
		return nil
	}},
	{"G36 TG-08 groups nest, and so do their errors", "EG[EG[deep]] | EG[shallow]", func(c ctx, o *trace) error {
		nest := func(outer func(ctx) error, inner func(ctx) error) error {
			return asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error {
				_ = g.Go(outer)
				return asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error {
					_ = g.Go(inner)
					return nil
				})
			})
		}
		o.add(groupErrors(nest(forever, fails(0, "deep"))))
		o.add(groupErrors(nest(fails(0, "shallow"), forever)))
		return nil
	}},
	{"G85 TG-17 a task for a group that aborts", "true | EG[bad]", func(c ctx, o *trace) error {
		err := asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error {
			_ = g.Go(fails(0, "bad"))
			_ = g.Go(func(c ctx) error {
				err := forever(c)
				o.add(errors.Is(g.Go(forever), asyncio.ErrTaskGroupShutDown))
				return err
			})
			return nil
		})
		o.add(groupErrors(err))
		return nil
	}},
	{"G86 a body that swallows the cancel of its group", "swallowed | continues | EG[bad]", func(c ctx, o *trace) error {
		err := asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error {
			_ = g.Go(fails(0, "bad"))
			if forever(c) != nil {
				o.add("swallowed")
			}
			err := asyncio.Sleep(c, ms)
			o.add("continues")
			return err
		})
		o.add(groupErrors(err))
		return nil
	}},
	{"G87 the errors of a group are in the order of the ends", "EG[first same-iter second]", func(c ctx, o *trace) error {
		// The third fails when the group aborts already.
		err := asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error {
			_ = g.Go(func(c ctx) error { _ = yield(c, 1); return errors.New("second") })
			_ = g.Go(fails(0, "first"))
			_ = g.Go(fails(0, "same-iter"))
			return nil
		})
		o.add(groupErrors(err))
		return nil
	}},
}
