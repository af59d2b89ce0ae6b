package asyncio_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/greenlet"
)

// eagerly makes all tasks of the loop of c start at once.
func eagerly(c ctx) { asyncio.RunningLoop(c).SetTaskFactory(asyncio.EagerTaskFactory) }

// Each program is asyncio.run(main()) in Python, and want is what it prints there.
func TestEagerTasksStartWhenTheyAreMade(t *testing.T) {
	for _, g := range []struct {
		name, want string
		main       func(ctx, *trace) error
	}{
		{"G69 and go on in their turn", "a start | created | sync | true 7 false | a end", func(c ctx, o *trace) error {
			eagerly(c)
			w := spawn(c, func(c ctx) error {
				o.add("a start")
				err := asyncio.Sleep(c, 0)
				o.add("a end")
				return err
			})
			o.add("created")
			s := asyncio.CreateTask(c, func(c ctx) (int, error) { o.add("sync"); return 7, nil })
			v, err := s.Result()
			o.add(s.Done(), " ", v, " ", s.Cancelled())
			_, err2 := w.Await(c)
			return errors.Join(err, err2)
		}},
		{"G70 also those that are gathered", "a0 | b0 | gathered | a1 | b1", func(c ctx, o *trace) error {
			var ts []asyncio.AwaitableOf[none]
			for _, n := range []string{"a", "b"} {
				ts = append(ts, spawn(c, func(c ctx) error {
					o.add(n, 0)
					err := asyncio.Sleep(c, 0)
					o.add(n, 1)
					return err
				}, asyncio.WithEagerStart()))
			}
			o.add("gathered")
			_, err := asyncio.Gather(c, ts...)
			return err
		}},
		{"EG-01 and may set a future", "true | my message", func(c ctx, o *trace) error {
			f := asyncio.NewFuture[string](asyncio.RunningLoop(c))
			s := spawn(c, func(ctx) error { return f.SetResult("my message") }, asyncio.WithEagerStart())
			o.add(s.Done())
			v, err := f.Await(c)
			o.add(v)
			return err
		}},
		{"EG-02 and are never in the list if they end at once", "2 | true | hello | 1", func(c ctx, o *trace) error {
			l := asyncio.RunningLoop(c)
			s := asyncio.CreateTask(c, func(ctx) (string, error) { o.add(len(l.AllTasks())); return "hello", nil }, asyncio.WithEagerStart())
			o.add(s.Done())
			v, err := s.Result()
			o.add(v)
			o.add(len(l.AllTasks()))
			return err
		}},
		{"EG-03 and cannot be cancelled when they have ended", "false | hello | false | cancelled | bye", func(c ctx, o *trace) error {
			s := asyncio.CreateTask(c, func(ctx) (string, error) { return "hello", nil }, asyncio.WithEagerStart())
			o.add(s.Cancel())
			o.add(outcome(s.Await(c)))
			o.add(s.Cancelled())
			b := spawn(c, sleeper(o, "never", time.Second), asyncio.WithEagerStart())
			b.Cancel("bye")
			_, err := b.Await(c)
			o.add(outcome(nil, err))
			var e *asyncio.CancelledError
			require.True(t, errors.As(err, &e))
			o.add(e.Msg)
			return nil
		}},
		{"EG-04 and are the current task meanwhile", "child | main | child again | main", func(c ctx, o *trace) error {
			name := func(c ctx, suffix string) { o.add(asyncio.CurrentTask(c).Name(), suffix) }
			asyncio.CurrentTask(c).SetName("main")
			s := spawn(c, func(c ctx) error {
				name(c, "")
				err := asyncio.Sleep(c, 0)
				name(c, " again")
				return err
			}, asyncio.WithEagerStart(), asyncio.WithName("child"))
			name(c, "")
			_, err := s.Await(c)
			name(c, "")
			return err
		}},
		{"one in the other", "a0 | b0 | c0 | b1 | a1 | main | c2 | b2 | a2", func(c ctx, o *trace) error {
			var nest func(c ctx, names ...string) error
			nest = func(c ctx, names ...string) error {
				o.add(names[0], 0)
				var inner *task
				if len(names) > 1 {
					inner = spawn(c, func(c ctx) error { return nest(c, names[1:]...) }, asyncio.WithEagerStart())
					o.add(names[0], 1)
				}
				err := asyncio.Sleep(c, 0)
				if inner != nil {
					_, err2 := inner.Await(c)
					err = errors.Join(err, err2)
				}
				o.add(names[0], 2)
				return err
			}
			a := spawn(c, func(c ctx) error { return nest(c, "a", "b", "c") }, asyncio.WithEagerStart())
			o.add("main")
			_, err := a.Await(c)
			return err
		}},
		{"in a callback", "in | child | out | next | end", func(c ctx, o *trace) error {
			l := asyncio.RunningLoop(c)
			l.CallSoon(func() {
				o.add("in")
				spawn(c, func(c ctx) error {
					o.add("child")
					err := asyncio.Sleep(c, 0)
					o.add("end")
					return err
				}, asyncio.WithEagerStart())
				o.add("out")
			})
			l.CallSoon(func() { o.add("next") })
			return yield(c, 3)
		}},
		{"with their errors kept for who asks", "bad | oops", func(c ctx, o *trace) error {
			s := spawn(c, func(ctx) error { return errBad }, asyncio.WithEagerStart())
			o.add(s.Err())
			var p *asyncio.PanicError
			require.True(t, errors.As(spawn(c, func(ctx) error { panic("oops") }, asyncio.WithEagerStart()).Err(), &p))
			o.add(p.Value)
			return nil
		}},
		{"and may cancel who makes them", "made | cancelled", func(c ctx, o *trace) error {
			w := spawn(c, func(c ctx) error {
				me := asyncio.CurrentTask(c)
				spawn(c, func(ctx) error { me.Cancel(); return nil }, asyncio.WithEagerStart())
				o.add("made")
				return sleeper(o, "never", time.Second)(c)
			})
			o.add(outcome(w.Await(c)))
			return nil
		}},
		{"not if their maker says otherwise", "created | ran", func(c ctx, o *trace) error {
			eagerly(c)
			w := spawn(c, func(ctx) error { o.add("ran"); return nil }, asyncio.WithEager(false))
			o.add("created")
			_, err := w.Await(c)
			return err
		}},
		{"cancelled or not by the time they are awaited", "in | true | done", func(c ctx, o *trace) error {
			var self asyncio.AnyTask
			w := asyncio.CreateTask(c, func(c ctx) (string, error) {
				self = asyncio.CurrentTask(c)
				o.add("in")
				return "done", nil
			}, asyncio.WithEagerStart())
			o.add(asyncio.AnyTask(w) == self)
			o.add(outcome(w.Await(c)))
			return nil
		}},
		{"in order with what their maker has made ready", "x | child | main | y | child 2", func(c ctx, o *trace) error {
			l := asyncio.RunningLoop(c)
			o.add("x")
			l.CallSoon(func() { o.add("y") })
			spawn(c, func(c ctx) error {
				o.add("child")
				err := asyncio.Sleep(c, 0)
				o.add("child 2")
				return err
			}, asyncio.WithEagerStart())
			o.add("main")
			return yield(c, 2)
		}},
	} {
		t.Run(g.name, func(t *testing.T) {
			var o trace
			require.NoError(t, run(t, func(c ctx) error { return g.main(c, &o) }))
			require.Equal(t, g.want, strings.Join(o, " | "))
		})
	}
}

func TestEG06HowManyTasksMustWaitForTheirStart(t *testing.T) {
	// count runs main, and returns how many tasks had not begun when they were made.
	count := func(eager bool, main func(ctx) error) (late int) {
		l := newLoop(t)
		counting := asyncio.TaskFactory(func(_ *asyncio.Loop, c context.Context, create func(context.Context, ...asyncio.TaskOption) asyncio.AnyTask) asyncio.AnyTask {
			begun := false
			task := create(context.WithValue(c, runnerKey{}, &begun))
			if !begun {
				late++
			}
			return task
		})
		if eager {
			counting = asyncio.CreateEagerTaskFactory(counting)
		}
		_, err := asyncio.RunUntilComplete(l, proc(func(c ctx) error {
			l.SetTaskFactory(counting)
			_, err := spawn(c, main).Await(c)
			return err
		}))
		require.NoError(t, err)
		return late
	}
	begin := func(c ctx) { *c.Value(runnerKey{}).(*bool) = true }
	var tree func(depth int) func(ctx) error
	tree = func(depth int) func(ctx) error {
		return func(c ctx) error {
			begin(c)
			if depth == 0 {
				return nil
			}
			var ts []asyncio.AwaitableOf[none]
			for range 5 {
				ts = append(ts, spawn(c, tree(depth-1)))
			}
			_, err := asyncio.Gather(c, ts...)
			return err
		}
	}
	require.Equal(t, 781, count(false, tree(4)))
	require.Equal(t, 0, count(true, tree(4)))
	var chain func(c ctx, n int) (int, error)
	chain = func(c ctx, n int) (int, error) {
		begin(c)
		if n == 0 {
			return 0, nil
		}
		m, err := chain(c, n-1)
		return m + 1, err
	}
	main := func(c ctx) error {
		n, err := chain(c, 100)
		require.Equal(t, 100, n)
		return err
	}
	require.Equal(t, 1, count(false, main))
	require.Equal(t, 0, count(true, main))
}

func TestEagerTasksElsewhere(t *testing.T) {
	t.Run("on a loop that does not run start when it does", func(t *testing.T) {
		ran := false
		l := newLoop(t)
		l.SetTaskFactory(asyncio.EagerTaskFactory)
		w := spawn(l.Context(), func(ctx) error { ran = true; return nil })
		require.False(t, ran)
		_, err := asyncio.RunUntilComplete(l, w.Await)
		require.NoError(t, err)
		require.True(t, ran)
	})
	t.Run("may be made by greenlets of all kinds", func(t *testing.T) {
		var o trace
		require.NoError(t, green(t, func() error {
			eager := func(n string) *task {
				return spawn(context.Background(), func(c ctx) error {
					o.add(n, 0)
					gevent.Sleep(0)
					o.add(n, 1)
					return nil
				}, asyncio.WithEagerStart())
			}
			a := eager("main")
			o.add("-")
			gevent.Spawn(func() { eager("greenlet"); o.add("--") }).Join()
			_, err := greenlet.New(func() { eager("raw"); o.add("---") }).Switch()
			require.NoError(t, err)
			gevent.Sleep(0)
			_, err = a.Await(context.Background())
			return err
		}))
		require.Equal(t, "main0 | - | main1 | greenlet0 | -- | greenlet1 | raw0 | --- | raw1", strings.Join(o, " | "))
	})
	t.Run("that call runtime.Goexit end the run, and nobody is forgotten", func(t *testing.T) {
		var o trace
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = asyncio.Run(proc(func(c ctx) error {
				defer o.add("main unwound")
				w := spawn(c, func(c ctx) error {
					defer o.add("w unwound")
					spawn(c, func(c ctx) error {
						defer o.add("child unwound")
						spawn(c, func(ctx) error { runtime.Goexit(); return nil }, asyncio.WithEagerStart())
						o.add("child goes on")
						return asyncio.Sleep(c, time.Hour)
					}, asyncio.WithEagerStart())
					o.add("w goes on")
					return asyncio.Sleep(c, time.Hour)
				}, asyncio.WithEagerStart())
				o.add("main goes on")
				_, err := w.Await(c)
				return err
			}), asyncio.WithExceptionHandler(func(*asyncio.Loop, asyncio.ExceptionContext) {}))
			o.add("not reached")
		}()
		<-done
		require.NotContains(t, o, "not reached")
		require.ElementsMatch(t, trace{"main goes on", "w goes on", "child goes on", "main unwound", "w unwound", "child unwound"}, o)
	})
	t.Run("that call runtime.Goexit in a callback", func(t *testing.T) {
		var o trace
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = asyncio.Run(proc(func(c ctx) error {
				asyncio.RunningLoop(c).CallSoon(func() {
					spawn(c, func(ctx) error { runtime.Goexit(); return nil }, asyncio.WithEagerStart())
					o.add("the callback goes on")
				})
				return asyncio.Sleep(c, time.Hour)
			}))
		}()
		<-done
		require.Equal(t, trace{"the callback goes on"}, o)
	})
}

func TestATaskFactory(t *testing.T) {
	t.Run("LP-10 LP-11 makes the tasks of its loop until it is taken away", func(t *testing.T) {
		var o trace
		l := newLoop(t)
		require.Nil(t, l.TaskFactory())
		l.SetTaskFactory(func(of *asyncio.Loop, c context.Context, create func(context.Context, ...asyncio.TaskOption) asyncio.AnyTask) asyncio.AnyTask {
			require.Same(t, l, of)
			made := create(c, asyncio.WithName("made"))
			o.add(made.Name())
			return made
		})
		require.NotNil(t, l.TaskFactory())
		_, err := asyncio.RunUntilComplete(l, proc(func(c ctx) error {
			spawn(c, func(ctx) error { return nil }, asyncio.WithName("mine"))
			l.SetTaskFactory(nil)
			require.Equal(t, "Task-3", spawn(c, func(ctx) error { return nil }).Name())
			return asyncio.Sleep(c, 0)
		}))
		require.NoError(t, err)
		require.Equal(t, trace{"made", "mine"}, o)
	})
	t.Run("must return what it makes", func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error {
			l := asyncio.RunningLoop(c)
			nothing := func(ctx) error { return nil }
			l.SetTaskFactory(func(*asyncio.Loop, context.Context, func(context.Context, ...asyncio.TaskOption) asyncio.AnyTask) asyncio.AnyTask {
				return nil
			})
			panicSays(t, "return what create returns", func() { spawn(c, nothing) })
			l.SetTaskFactory(func(_ *asyncio.Loop, c context.Context, create func(context.Context, ...asyncio.TaskOption) asyncio.AnyTask) asyncio.AnyTask {
				create(c)
				return create(c)
			})
			panicSays(t, "create was called twice", func() { spawn(c, nothing) })
			l.SetTaskFactory(nil)
			return nil
		}))
		panicSays(t, "CreateEagerTaskFactory: the factory is nil", func() { asyncio.CreateEagerTaskFactory(nil) })
	})
}

func TestCX05AnEagerTaskHasTheValuesOfItsMaker(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		c = context.WithValue(c, runnerKey{}, "parent")
		s := spawn(c, func(child ctx) error {
			require.Equal(t, "parent", child.Value(runnerKey{}))
			child = context.WithValue(child, runnerKey{}, "child")
			return asyncio.Sleep(child, 0)
		}, asyncio.WithEagerStart())
		_, err := s.Await(c)
		require.Equal(t, "parent", c.Value(runnerKey{}))
		return err
	}))
}
