package asyncio_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/netpoll"
)

// behaves runs f as the main task of a loop on a virtual clock, as a subtest.
func behaves(t *testing.T, name string, f func(t *testing.T, c ctx)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error { f(t, c); return nil }))
	})
}

// at returns the loop's time.
func at(c ctx) time.Duration { return asyncio.RunningLoop(c).Time() }

func newFuture(c ctx) *asyncio.Future[int] { return asyncio.NewFuture[int](asyncio.RunningLoop(c)) }

func TestTasks(t *testing.T) {
	behaves(t, "TK-01 a future of another loop is refused", func(t *testing.T, c ctx) {
		var foreign *asyncio.Future[int]
		other := make(chan bool)
		go func() {
			defer close(other)
			l, err := asyncio.NewLoop()
			if err == nil {
				foreign = asyncio.NewFuture[int](l)
				_ = l.Close()
			}
		}()
		<-other
		panicSays(t, "belongs to the loop of another thread", func() { _, _ = foreign.Await(c) })
		panicSays(t, "a task of another thread", func() { _, _ = asyncio.Gather[asyncio.AwaitableOf[int]](c, foreign) })
		panicSays(t, "a task of another thread", func() { _ = asyncio.GatherFuture[asyncio.AwaitableOf[int]](c, newFuture(c), foreign) })
	})
	behaves(t, "TK-02 a task that awaits itself is refused", func(t *testing.T, c ctx) {
		var self *task
		self = spawn(c, func(c ctx) error { _, err := self.Await(c); return err })
		_, err := self.Await(c)
		require.ErrorContains(t, err, "awaits itself")
	})
	behaves(t, "TK-05 whatever can be awaited can be a task's coroutine", func(t *testing.T, c ctx) {
		f := newFuture(c)
		w := asyncio.CreateTask(c, f.Await)
		asyncio.RunningLoop(c).CallSoon(func() { _ = f.SetResult(3) })
		v, err := w.Await(c)
		require.Equal(t, 3, v)
		require.NoError(t, err)
	})
	behaves(t, "TK-06 a task is printed with its state, its name and what it waits for", func(t *testing.T, c ctx) {
		f := newFuture(c)
		inner := asyncio.CreateTask(c, f.Await, asyncio.WithName("inner"))
		outer := asyncio.CreateTask(c, inner.Await, asyncio.WithName("outer"))
		sleeps := spawn(c, forever, asyncio.WithName("sleeps"))
		require.Equal(t, `<Task pending name="inner">`, inner.String())
		_ = yield(c, 2)
		require.Equal(t, `<Task pending name="inner" wait_for=<Future pending>>`, inner.String())
		require.Equal(t, `<Task pending name="outer" wait_for=<Task pending name="inner">>`, fmt.Sprint(outer))
		require.Equal(t, `<Task pending name="sleeps" wait_for=<asyncio.Sleep>>`, sleeps.String())
		require.Equal(t, `<Task pending name="Task-1">`, asyncio.CurrentTask(c).String())
		outer.Cancel()
		require.Equal(t, `<Task cancelling name="inner" wait_for=<Future cancelled>>`, inner.String())
		_, _ = outer.Await(c)
		require.Equal(t, `<Task cancelled name="outer">`, outer.String())
		abc := asyncio.CreateTask(c, func(ctx) (string, error) { return "abc", nil }, asyncio.WithName("it"))
		bad := spawn(c, func(ctx) error { return errBad }, asyncio.WithName("bad"))
		_ = asyncio.Sleep(c, 0)
		require.Equal(t, `<Task finished name="it" result=abc>`, abc.String())
		require.Equal(t, `<Task finished name="bad" error="bad">`, bad.String())
		require.ErrorIs(t, bad.Err(), errBad)
		require.Equal(t, "<Future cancelled>", f.String())
		g := newFuture(c)
		require.Equal(t, "<Future pending>", g.String())
		gathering := asyncio.GatherFuture[asyncio.AwaitableOf[int]](c, g)
		require.Equal(t, "<Gathering pending 1 of 1>", gathering.String())
		_ = g.SetResult(7)
		require.Equal(t, "<Future finished result=7>", g.String())
		_, err := gathering.Await(c)
		require.NoError(t, err)
		require.Equal(t, "<Gathering finished>", gathering.String())
		h := newFuture(c)
		_ = h.SetError(errBad)
		require.Equal(t, `<Future finished error="bad">`, h.String())
		require.Error(t, h.Err())
	})
	behaves(t, "TK-07 G68 names count, and can be changed", func(t *testing.T, c ctx) {
		require.Equal(t, "Task-2", spawn(c, forever).Name())
		n := spawn(c, forever, asyncio.WithName("n"))
		require.Equal(t, "n", n.Name())
		n.SetName(fmt.Sprint(5))
		require.Equal(t, "5", n.Name())
		require.Equal(t, "Task-4", spawn(c, forever).Name())
	})
	behaves(t, "TK-08 a task awaits others", func(t *testing.T, c ctx) {
		inner := func(n int) *asyncio.Task[int] {
			return asyncio.CreateTask(c, func(c ctx) (int, error) { return n, asyncio.Sleep(c, 0) })
		}
		v, err := asyncio.CreateTask(c, func(c ctx) (int, error) {
			a, err := inner(42).Await(c)
			b, err2 := inner(1000).Await(c)
			return a + b, errors.Join(err, err2)
		}).Await(c)
		require.Equal(t, 1042, v)
		require.NoError(t, err)
	})
	behaves(t, "TK-24 a loop that is stopped stops in time", func(t *testing.T, c ctx) {
		done := make(chan bool)
		go func() { // a loop of its own needs a goroutine of its own
			defer close(done)
			l, err := asyncio.NewLoop(asyncio.WithClock(netpoll.NewVirtualClock()),
				asyncio.WithExceptionHandler(func(*asyncio.Loop, asyncio.ExceptionContext) {}))
			if err != nil {
				panic(err)
			}
			x := 0
			_, err = asyncio.RunUntilComplete(l, proc(func(c ctx) error {
				for {
					if err := asyncio.Sleep(c, 100*ms); err != nil {
						return err
					}
					if x++; x == 2 {
						l.Stop()
					}
				}
			}))
			if !errors.Is(err, asyncio.ErrLoopStopped) || x != 2 || l.Time() != 200*ms || len(l.AllTasks()) != 1 {
				panic(fmt.Sprint(err, x, l.Time(), l.AllTasks()))
			}
			_ = l.Close()
		}()
		<-done
	})
	behaves(t, "TK-25 the current task is that of the context", func(t *testing.T, c ctx) {
		require.Same(t, asyncio.CurrentTask(c), asyncio.CurrentTask(context.Background()), "or else that of the caller")
		f, g := newFuture(c), newFuture(c)
		var a, b *task
		a = spawn(c, func(c ctx) error {
			require.Same(t, a, asyncio.CurrentTask(c))
			_, err := f.Await(c)
			require.Same(t, a, asyncio.CurrentTask(c))
			return errors.Join(err, g.SetResult(1))
		})
		b = spawn(c, func(c ctx) error {
			require.NoError(t, f.SetResult(1))
			require.Same(t, b, asyncio.CurrentTask(c))
			_, err := g.Await(c)
			require.Same(t, b, asyncio.CurrentTask(c))
			return err
		})
		_, err := asyncio.Gather[asyncio.AwaitableOf[none]](c, a, b)
		require.NoError(t, err)
	})
	behaves(t, "TK-35 a task's stack", func(t *testing.T, c ctx) {
		var inside string
		w := spawn(c, func(c ctx) error { inside = asyncio.CurrentTask(c).Stack(); return foo(c) }, asyncio.WithName("w"))
		require.Empty(t, w.Stack())
		_ = asyncio.Sleep(c, 0)
		require.Contains(t, inside, "TestTasks")
		require.Contains(t, w.Stack(), "asyncio_test.foo(")
		require.NotContains(t, w.Stack(), "baton/internal/")
		var b strings.Builder
		require.NoError(t, w.PrintStack(&b))
		require.True(t, strings.HasPrefix(b.String(), `Stack of <Task pending name="w" wait_for=<asyncio.Sleep>>`+"\n"), b.String())
		require.Contains(t, b.String(), "asyncio_test.foo(")
		w.Cancel()
		_, _ = w.Await(c)
		b.Reset()
		require.NoError(t, w.PrintStack(&b))
		require.Equal(t, "No stack of <Task cancelled name=\"w\">\n", b.String())
		p := spawn(c, func(ctx) error { panic(errBad) }, asyncio.WithName("p"))
		_, err := p.Await(c)
		require.ErrorIs(t, err, errBad)
		b.Reset()
		require.NoError(t, p.PrintStack(&b))
		require.True(t, strings.HasPrefix(b.String(), `Panic of <Task finished name="p" error="panic: bad">`+"\n"), b.String())
		require.Contains(t, b.String(), "TestTasks")
	})
	behaves(t, "TK-37 a hundred tasks whose results the collector sees", func(t *testing.T, c ctx) {
		for range 100 {
			f := newFuture(c)
			asyncio.RunningLoop(c).CallSoon(func() { runtime.GC(); _ = f.SetResult(1) })
			_, err := f.Await(c)
			require.NoError(t, err)
		}
	})
	behaves(t, "CX-01 a parent's later values are not the child's", func(t *testing.T, c ctx) {
		nope := context.WithValue(c, key("v"), "nope")
		child := asyncio.CreateTask(nope, func(c ctx) (any, error) {
			err := asyncio.Sleep(c, 0)
			seen := c.Value(key("v"))
			_ = context.WithValue(c, key("v"), "child")
			return seen, err
		})
		yes := context.WithValue(nope, key("v"), "yes")
		v, err := child.Await(yes)
		require.Equal(t, "nope", v)
		require.Equal(t, "yes", yes.Value(key("v")))
		require.NoError(t, err)
	})
	behaves(t, "CX-03 a hundred tasks keep their own values", func(t *testing.T, c ctx) {
		r := rand.New(rand.NewPCG(3, 3))
		var as []asyncio.AwaitableOf[none]
		for i := range 100 {
			as = append(as, spawn(c, func(c ctx) error {
				c = context.WithValue(c, key("v"), i)
				for range 10 {
					_ = asyncio.Sleep(c, time.Duration(r.IntN(10))*ms)
					require.Equal(t, i, c.Value(key("v")))
				}
				return nil
			}))
		}
		_, err := asyncio.Gather(c, as...)
		require.NoError(t, err)
		require.Nil(t, c.Value(key("v")))
	})
	behaves(t, "CX-04 G67 tasks share what is in a context that they share", func(t *testing.T, c ctx) {
		var shared int
		var seen []int
		c = context.WithValue(c, key("v"), &shared)
		step := func(c ctx) error {
			v := c.Value(key("v")).(*int)
			seen = append(seen, *v)
			*v++
			return nil
		}
		require.NoError(t, step(c))
		_, err := asyncio.Gather(c, tasksOf(c, step, step)...)
		require.NoError(t, err)
		require.Equal(t, []int{0, 1, 2}, seen)
	})
	behaves(t, "SL-01 SL-03 SL-04 sleep", func(t *testing.T, c ctx) {
		require.NoError(t, asyncio.Sleep(c, 50*ms))
		require.NoError(t, asyncio.Sleep(c, 50*ms))
		require.Equal(t, 100*ms, at(c))
		s := spawn(c, func(c ctx) error { return asyncio.Sleep(c, 5000*time.Second) })
		asyncio.RunningLoop(c).CallLater(100*ms, func() { s.Cancel() })
		_, err := s.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.Equal(t, 200*ms, at(c))
		result := 0
		asyncio.RunningLoop(c).CallSoon(func() { result = 11 })
		require.NoError(t, asyncio.Sleep(c, 0))
		require.Equal(t, 11, result)
	})
}

// foo is what stacks are to show.
func foo(c ctx) error { return asyncio.Sleep(c, time.Hour) }

func TestCancellation(t *testing.T) {
	behaves(t, "TK-10 TK-09 cancelling and uncancel", func(t *testing.T, c ctx) {
		w := spawn(c, func(c ctx) error {
			if err := forever(c); !errors.Is(err, asyncio.ErrCancelled) {
				return errors.New("not cancelled")
			}
			me := asyncio.CurrentTask(c)
			require.Zero(t, me.Uncancel())
			require.Zero(t, me.Uncancel(), "there is nothing left")
			require.Contains(t, me.String(), "pending")
			return forever(c)
		})
		_ = asyncio.Sleep(c, 0)
		require.Zero(t, w.Cancelling())
		require.True(t, w.Cancel())
		require.Equal(t, 1, w.Cancelling())
		require.Contains(t, w.String(), "<Task cancelling ")
		require.True(t, w.Cancel())
		require.Equal(t, 2, w.Cancelling())
		require.Equal(t, 1, w.Uncancel(), "anybody may take it back")
		require.False(t, w.Cancelled())
		_ = asyncio.Sleep(c, 0)
		require.Zero(t, w.Cancelling())
		require.True(t, w.Cancel())
		_, err := w.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.True(t, w.Cancelled())
		w.Uncancel()
		require.True(t, w.Cancelled())
	})
	for name, limit := range map[string]time.Duration{"in time": 10 * time.Second, "too late": 100 * ms} {
		behaves(t, "TK-11 a time-out made by hand, "+name, func(t *testing.T, c ctx) {
			work := 10 * time.Second
			if name == "in time" {
				work = 0
			}
			var finished, timedOut, reached bool
			w := spawn(c, func(c ctx) error {
				me := asyncio.CurrentTask(c)
				h := asyncio.RunningLoop(c).CallLater(limit, func() { timedOut = true; me.Cancel() })
				err := asyncio.Sleep(c, work)
				finished = err == nil
				h.Cancel()
				if timedOut && me.Uncancel() == 0 && errors.Is(err, asyncio.ErrCancelled) {
					err = nil
				}
				reached = asyncio.Sleep(c, 0) == nil
				return err
			})
			_, err := w.Await(c)
			require.NoError(t, err)
			require.Equal(t, []bool{name != "in time", name == "in time", true}, []bool{timedOut, finished, reached})
			require.Zero(t, w.Cancelling())
		})
	}
	behaves(t, "TK-12 uncancel clears a request that waits for a result on its way", func(t *testing.T, c ctx) {
		f := newFuture(c)
		w := asyncio.CreateTask(c, f.Await)
		_ = asyncio.Sleep(c, 0)
		require.NoError(t, f.SetResult(42))
		require.True(t, w.Cancel())
		require.Equal(t, 1, w.Cancelling())
		require.Zero(t, w.Uncancel())
		v, err := w.Await(c)
		require.Equal(t, 42, v)
		require.NoError(t, err)
	})
	behaves(t, "uncancel clears a request after the end of a sleep, and not one that ended it", func(t *testing.T, c ctx) {
		l := asyncio.RunningLoop(c)
		slept := spawn(c, func(c ctx) error { return asyncio.Sleep(c, ms) })
		cut := spawn(c, func(c ctx) error { return asyncio.Sleep(c, time.Hour) })
		unstarted := make(chan *task, 1)
		_ = asyncio.Sleep(c, 0) // their timers come first
		l.CallLater(ms, func() {
			for _, w := range []*task{slept, cut} {
				w.Cancel()
				w.Uncancel()
			}
			w := spawn(c, func(ctx) error { return nil })
			w.Cancel()
			w.Uncancel()
			unstarted <- w
		})
		_, err := slept.Await(c)
		require.NoError(t, err)
		_, err = cut.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled, "as in asyncio it was on its way")
		_, err = (<-unstarted).Await(c)
		require.NoError(t, err)
	})
	behaves(t, "TK-13 cancelling a sleep", func(t *testing.T, c ctx) {
		w := spawn(c, forever)
		asyncio.RunningLoop(c).CallSoon(func() { w.Cancel() })
		_, err := w.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.True(t, w.Done())
		require.True(t, w.Cancelled())
		require.False(t, w.Cancel())
		require.Zero(t, at(c))
	})
	behaves(t, "TK-14 TK-15 messages", func(t *testing.T, c ctx) {
		for _, started := range []bool{true, false} {
			for _, msg := range [][]string{nil, {"my message"}} {
				w := spawn(c, forever)
				if started {
					_ = asyncio.Sleep(c, 0)
				}
				w.Cancel(msg...)
				_, _, err := asyncio.Wait(c, []*task{w})
				require.NoError(t, err)
				_, err = w.Result()
				for _, err := range []error{err, w.Err()} {
					var e *asyncio.CancelledError
					require.ErrorAs(t, err, &e)
					require.Equal(t, append(msg, "")[0], e.Msg)
				}
			}
		}
	})
	behaves(t, "TK-16 a cancel between two yields", func(t *testing.T, c ctx) {
		n := 0
		w := spawn(c, func(c ctx) (err error) {
			for ; err == nil; err = asyncio.Sleep(c, 0) {
				n++
			}
			return err
		})
		_ = yield(c, 2)
		w.Cancel()
		_, err := w.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.Equal(t, 2, n)
	})
	behaves(t, "TK-17 cancelling the awaited future, and both", func(t *testing.T, c ctx) {
		for _, both := range []bool{false, true} {
			f := newFuture(c)
			seen := 0
			w := spawn(c, func(c ctx) error {
				_, err := f.Await(c)
				seen++
				return err
			})
			_ = asyncio.Sleep(c, 0)
			require.True(t, f.Cancel())
			if both {
				require.True(t, w.Cancel())
			}
			_, err := w.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			require.True(t, w.Cancelled())
			require.True(t, f.Cancelled())
			require.Equal(t, 1, seen)
		}
	})
	behaves(t, "TK-18 TK-19 catching the cancel of a second await", func(t *testing.T, c ctx) {
		for _, thirdTime := range []bool{false, true} {
			f1, f2, f3 := newFuture(c), newFuture(c), newFuture(c)
			w := asyncio.CreateTask(c, func(c ctx) (int, error) {
				if _, err := f1.Await(c); err != nil {
					return 0, err
				}
				if _, err := f2.Await(c); !errors.Is(err, asyncio.ErrCancelled) {
					return 0, errBad
				}
				if thirdTime {
					return f3.Await(c)
				}
				return 42, nil
			})
			_ = asyncio.Sleep(c, 0)
			require.NoError(t, f1.SetResult(1))
			_ = asyncio.Sleep(c, 0)
			require.True(t, w.Cancel())
			require.True(t, f2.Cancelled(), "at once")
			require.False(t, w.Cancelled())
			if thirdTime {
				_ = asyncio.Sleep(c, 0)
				require.NoError(t, f3.SetResult(42))
			}
			v, err := w.Await(c)
			require.Equal(t, 42, v)
			require.NoError(t, err)
			require.False(t, f3.Cancelled())
			require.False(t, w.Cancelled())
		}
	})
	behaves(t, "TK-20 cancelling oneself, and then waiting", func(t *testing.T, c ctx) {
		w := spawn(c, func(c ctx) error {
			asyncio.CurrentTask(c).Cancel()
			require.Equal(t, 1, cancelling(c))
			return asyncio.Sleep(c, 100*time.Second)
		})
		_, err := w.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.True(t, w.Cancelled())
		require.False(t, w.Cancel())
		require.Zero(t, at(c))
	})
	behaves(t, "TK-22 cancelling oneself, and then awaiting a task", func(t *testing.T, c ctx) {
		f := newFuture(c)
		var nested *asyncio.Task[int]
		w := asyncio.CreateTask(c, func(c ctx) (int, error) {
			nested = asyncio.CreateTask(c, f.Await)
			_ = asyncio.Sleep(c, 0)
			asyncio.CurrentTask(c).Cancel()
			return nested.Await(c)
		})
		_, err := w.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.True(t, w.Cancelled())
		require.True(t, nested.Cancelled())
		require.True(t, f.Cancelled())
	})
	behaves(t, "TK-23 a cancellation knows where it comes from", func(t *testing.T, c ctx) {
		w := spawn(c, forever)
		_ = asyncio.Sleep(c, 0)
		spawn(c, func(ctx) error { w.Cancel(); return nil }, asyncio.WithName("killer"))
		_, err := w.Await(c)
		var e *asyncio.CancelledError
		require.ErrorAs(t, err, &e)
		require.Equal(t, "killer, in asyncio.Sleep", e.Origin())
		f := newFuture(c)
		asyncio.RunningLoop(c).CallSoon(func() { f.Cancel() })
		_, err = f.Await(c)
		require.ErrorAs(t, err, &e)
		require.Empty(t, e.Origin(), "a callback")
	})
	behaves(t, "TK-26 a cancel goes through all frames", func(t *testing.T, c ctx) {
		f := newFuture(c)
		proof := 0
		inner := func(c ctx) error {
			_, err := f.Await(c)
			if errors.Is(err, asyncio.ErrCancelled) {
				proof++
			}
			return err
		}
		w := spawn(c, func(c ctx) error {
			err := inner(c)
			if errors.Is(err, asyncio.ErrCancelled) {
				proof += 100
			}
			return nil
		})
		_ = asyncio.Sleep(c, 0)
		w.Cancel()
		_, err := w.Await(c)
		require.NoError(t, err)
		require.Equal(t, 101, proof)
		require.True(t, f.Cancelled())
	})
	behaves(t, "TK-27 a Wait shields", func(t *testing.T, c ctx) {
		f := newFuture(c)
		proof := 0
		inner := spawn(c, func(c ctx) error { _, err := f.Await(c); proof++; return err })
		outer := spawn(c, func(c ctx) error {
			_, _, err := asyncio.Wait(c, []*task{inner})
			if err == nil {
				proof += 100
			}
			return err
		})
		_ = yield(c, 2)
		outer.Cancel()
		_, err := outer.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.NoError(t, f.SetResult(1))
		_, err = inner.Await(c)
		require.NoError(t, err)
		require.Equal(t, 1, proof)
	})
	behaves(t, "TK-32 a failed task that is cancelled later is not reported", func(t *testing.T, c ctx) {
		w := spawn(c, func(ctx) error { return errBad })
		_ = asyncio.Sleep(c, 0)
		require.False(t, w.Cancel())
	})
	t.Run("TK-28 H09 what the main task ends with comes out of Run", func(t *testing.T) {
		err := run(t, func(ctx) error { return &asyncio.CancelledError{Msg: "m"} })
		require.EqualError(t, err, "asyncio: cancelled: m")
		exit := errors.New("exit")
		err = run(t, func(c ctx) error {
			w := spawn(c, func(c ctx) error { _ = forever(c); return exit })
			_ = asyncio.Sleep(c, 0)
			w.Cancel()
			_, err := w.Await(c)
			require.False(t, w.Cancelled())
			require.Same(t, exit, w.Err())
			return err
		})
		require.Same(t, exit, err)
	})
}
