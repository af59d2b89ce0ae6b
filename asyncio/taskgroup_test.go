package asyncio_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

type (
	tgroup = asyncio.TaskGroup
	body   = func(ctx, *tgroup) error
)

// grouped runs a group and puts its error into words.
func grouped(c ctx, b body) string { return groupErrors(asyncio.WithTaskGroup(c, b)) }

// interrupted starts f in a task, cancels that when it waits, and returns what it
// returned.
func interrupted(c ctx, f func(ctx) error) (*task, error) {
	w := spawn(c, f)
	_ = yield(c, 3)
	w.Cancel()
	_, err := w.Await(c)
	return w, err
}

// turnsBad waits, and makes an error of the cancellation.
func turnsBad(text string) func(ctx) error {
	return func(c ctx) error { _ = forever(c); return errors.New(text) }
}

func TestTaskGroup(t *testing.T) {
	behaves(t, "TG-01 results are there after the group", func(t *testing.T, c ctx) {
		var a, b *asyncio.Task[int]
		err := asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) (err error) {
			a, err = asyncio.GroupCreateTask(g, func(c ctx) (int, error) { return 42, asyncio.Sleep(c, 100*ms) })
			b, _ = asyncio.GroupCreateTask(g, func(c ctx) (int, error) { return 11, asyncio.Sleep(c, 200*ms) })
			return err
		})
		require.NoError(t, err)
		va, _ := a.Result()
		vb, _ := b.Result()
		require.Equal(t, [2]int{42, 11}, [2]int{va, vb})
		require.Equal(t, 200*ms, at(c))
	})
	behaves(t, "TG-03 a child fails", func(t *testing.T, c ctx) {
		var sibling *task
		ran := false
		err := asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) error {
			_ = g.Go(fails(0, "bad"))
			sibling, _ = asyncio.GroupCreateTask(g, proc(func(c ctx) error { err := asyncio.Sleep(c, time.Second); ran = err == nil; return err }))
			return nil
		})
		require.Equal(t, "EG[bad]", groupErrors(err))
		require.EqualError(t, err, "asyncio: unhandled errors in a TaskGroup (1): bad")
		require.True(t, sibling.Cancelled())
		require.False(t, ran)
	})
	behaves(t, "TG-05 a cancel counts once for each", func(t *testing.T, c ctx) {
		n := 0
		count := func(by int) func(ctx) error {
			return func(c ctx) error {
				err := forever(c)
				if errors.Is(err, asyncio.ErrCancelled) {
					n += by
				}
				return err
			}
		}
		w, err := interrupted(c, func(c ctx) error {
			return asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) error {
				for range 5 {
					_ = g.Go(count(1))
				}
				return count(10)(c)
			})
		})
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.True(t, w.Cancelled())
		require.Equal(t, 15, n)
	})
	behaves(t, "TG-06 children that make errors of the cancel", func(t *testing.T, c ctx) {
		one := func(c ctx) error {
			return asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) error { return g.Go(turnsBad("bad")) })
		}
		w, err := interrupted(c, one)
		require.Equal(t, "EG[bad]", groupErrors(err))
		require.Equal(t, 1, w.Cancelling())
		_, err = interrupted(c, func(c ctx) error {
			return asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) error { return g.Go(one) })
		})
		require.Equal(t, "EG[EG[bad]]", groupErrors(err))
		_, err = interrupted(c, func(c ctx) error {
			return asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) error {
				_ = g.Go(turnsBad("bad"))
				return one(c)
			})
		})
		require.Equal(t, "EG[bad EG[bad]]", groupErrors(err), "the body's is the last")
	})
	behaves(t, "TG-07 the body fails, with and without having waited", func(t *testing.T, c ctx) {
		for _, turns := range []int{0, 1} {
			var child *task
			require.Equal(t, "EG[bad]", grouped(c, func(c ctx, g *tgroup) error {
				child, _ = asyncio.GroupCreateTask(g, proc(forever))
				return fails(turns, "bad")(c)
			}))
			require.True(t, child.Cancelled())
			require.Zero(t, cancelling(c))
		}
	})
	behaves(t, "TG-09 a child fails while the body cleans up after a cancel", func(t *testing.T, c ctx) {
		_, err := interrupted(c, func(c ctx) error {
			return asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) error {
				_ = g.Go(func(c ctx) error { return errors.Join(asyncio.Sleep(c, 100*ms), errBad) })
				err := forever(c)
				_ = asyncio.Sleep(c, 500*ms)
				return err
			})
		})
		require.Equal(t, "EG[bad]", groupErrors(err))
	})
	behaves(t, "TG-10 a cancel without errors, and a body that makes an error of it", func(t *testing.T, c ctx) {
		_, err := interrupted(c, func(c ctx) error {
			return asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) error { _ = g.Go(forever); return forever(c) })
		})
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		_, err = interrupted(c, func(c ctx) error {
			return asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) error { _ = g.Go(forever); return turnsBad("mine")(c) })
		})
		require.Equal(t, "EG[mine]", groupErrors(err))
	})
	behaves(t, "TG-11 TG-18 a child fails, and the body's clean-up", func(t *testing.T, c ctx) {
		require.Equal(t, "EG[child body]", grouped(c, func(c ctx, g *tgroup) error {
			_ = g.Go(fails(1, "child"))
			return turnsBad("body")(c)
		}))
		require.Zero(t, cancelling(c))
	})
	behaves(t, "TG-12 panics are errors of the group", func(t *testing.T, c ctx) {
		var child *task
		err := asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) error {
			_ = g.Go(func(ctx) error { panic("child") })
			child, _ = asyncio.GroupCreateTask(g, proc(forever))
			_ = forever(c)
			panic("body")
		})
		var group *asyncio.TaskGroupError
		require.ErrorAs(t, err, &group)
		require.Len(t, group.Errors(), 2)
		for i, value := range []string{"child", "body"} {
			var p *asyncio.PanicError
			require.ErrorAs(t, group.Errors()[i], &p)
			require.Equal(t, value, p.Value)
			require.Contains(t, string(p.Stack), "TestTaskGroup")
		}
		require.True(t, child.Cancelled())
	})
	behaves(t, "TG-14 TG-13 a child may make siblings while the group waits", func(t *testing.T, c ctx) {
		var o trace
		require.Equal(t, "<nil>", grouped(c, func(c ctx, g *tgroup) error {
			return g.Go(func(c ctx) error {
				_ = asyncio.Sleep(c, ms)
				return g.Go(sleeper(&o, "sibling", ms))
			})
		}))
		require.Equal(t, trace{"sibling"}, o)
	})
	behaves(t, "TG-15 hydra", func(t *testing.T, c ctx) {
		heads := 0
		require.Equal(t, "EG[killed]", grouped(c, func(c ctx, g *tgroup) error {
			var head func(c ctx) error
			head = func(c ctx) error {
				heads++
				if err := asyncio.Sleep(c, 10*ms); err != nil {
					return err
				}
				for range 2 {
					if err := g.Go(head); err != nil {
						return err
					}
				}
				return nil
			}
			_ = g.Go(head)
			return g.Go(func(c ctx) error {
				for heads < 10 {
					if err := asyncio.Sleep(c, 10*ms); err != nil {
						return err
					}
				}
				return errors.New("killed")
			})
		}))
		require.GreaterOrEqual(t, heads, 10)
		require.Len(t, asyncio.RunningLoop(c).AllTasks(), 1)
	})
	behaves(t, "TG-16 names and values", func(t *testing.T, c ctx) {
		c = context.WithValue(c, key("k"), 1)
		require.NoError(t, asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) error {
			require.Equal(t, 1, c.Value(key("k")))
			w, err := asyncio.GroupCreateTask(g, proc(func(c ctx) error {
				require.Equal(t, 1, c.Value(key("k")))
				return nil
			}), asyncio.WithName("yolo"))
			require.Equal(t, "yolo", w.Name())
			return err
		}))
	})
	behaves(t, "TG-19 misuse", func(t *testing.T, c ctx) {
		g := asyncio.NewTaskGroup()
		panicSays(t, "asyncio.TaskGroup.Go: the TaskGroup has not been entered", func() { _ = g.Go(forever) })
		require.NoError(t, g.Do(c, func(c ctx) error {
			panicSays(t, "the TaskGroup has been used already", func() { _ = g.Do(c, forever) })
			panicSays(t, "the function is nil", func() { _ = g.Go(nil) })
			panicSays(t, "the coroutine is nil", func() { _, _ = asyncio.GroupCreateTask[int](g, nil) })
			return nil
		}))
		panicSays(t, "asyncio.GroupCreateTask: the TaskGroup is finished", func() { _, _ = asyncio.GroupCreateTask(g, proc(forever)) })
		panicSays(t, "the TaskGroup has been used already", func() { _ = g.Do(c, forever) })
	})
	t.Run("TG-19 in a greenlet", func(t *testing.T) {
		require.NoError(t, green(t, func() error {
			panicSays(t, "asyncio.WithTaskGroup: a TaskGroup needs a task", func() {
				_ = asyncio.WithTaskGroup(t.Context(), func(ctx, *tgroup) error { return nil })
			})
			return nil
		}))
	})
	behaves(t, "TG-21 nested groups that both fail", func(t *testing.T, c ctx) {
		var inside int
		require.Equal(t, "EG[outer]", grouped(c, func(c ctx, outer *tgroup) error {
			require.Equal(t, "EG[inner]", grouped(c, func(c ctx, inner *tgroup) error {
				_ = inner.Go(fails(1, "inner"))
				return outer.Go(fails(1, "outer"))
			}))
			inside = cancelling(c)
			return nil
		}))
		require.Equal(t, 1, inside, "the outer group's cancel is still to come")
		require.Zero(t, cancelling(c))
		require.NoError(t, asyncio.Sleep(c, 0))
	})
	behaves(t, "TG-23 a task of the group that makes another one, which fails", func(t *testing.T, c ctx) {
		ran := false
		require.Equal(t, "EG[third]", grouped(c, func(c ctx, g *tgroup) error {
			return g.Go(func(c ctx) error {
				_ = g.Go(fails(0, "third"))
				_ = asyncio.Sleep(c, 0)
				err := asyncio.Sleep(c, 0)
				ran = errors.Is(err, asyncio.ErrCancelled)
				return nil
			})
		}))
		require.True(t, ran)
	})
	behaves(t, "TG-24 TG-20 nothing is left of the group's cancel", func(t *testing.T, c ctx) {
		require.Equal(t, "EG[bad]", grouped(c, func(c ctx, g *tgroup) error { return g.Go(fails(0, "bad")) }))
		require.Zero(t, cancelling(c))
		require.NoError(t, c.Err())
		require.NoError(t, asyncio.Sleep(c, 0))
		require.NoError(t, asyncio.Sleep(c, ms))
	})
	behaves(t, "eager tasks", func(t *testing.T, c ctx) {
		var o trace
		require.Equal(t, "EG[at once]", grouped(c, func(c ctx, g *tgroup) error {
			w, err := asyncio.GroupCreateTask(g, proc(fails(0, "at once")), asyncio.WithEagerStart())
			o.add(w.Done(), " ", err)
			_ = g.Go(notes(&o, "sibling", forever), asyncio.WithEagerStart())
			return notes(&o, "body", forever)(c)
		}))
		require.Equal(t, trace{"true <nil>", "sibling CE", "body CE"}, o, "the group learns of it a turn later")
		o = nil
		require.NoError(t, asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) error {
			w, err := asyncio.GroupCreateTask(g, proc(func(c ctx) error {
				g.Cancel()
				return notes(&o, "self", forever)(c)
			}), asyncio.WithEagerStart())
			require.Equal(t, 1, w.Cancelling(), "it belongs to the group that it has ended")
			return err
		}))
		require.Equal(t, trace{"self CE"}, o)
	})
	t.Run("a body that exits the goroutine takes the tasks along", func(t *testing.T) {
		var child *task
		done := make(chan bool)
		go func() {
			defer close(done)
			_, _ = asyncio.Run(proc(func(c ctx) error {
				return asyncio.WithTimeout(c, time.Hour, func(c ctx) error {
					return asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) error {
						child, _ = asyncio.GroupCreateTask(g, proc(forever))
						_ = asyncio.Sleep(c, 0)
						runtime.Goexit()
						return nil
					})
				})
			}))
		}()
		<-done
		require.True(t, child.Cancelled())
	})
	t.Run("a group that was aborting when it is unwound", func(t *testing.T) {
		require.NoError(t, green(t, func() error {
			_, err := asyncio.Run(proc(func(c ctx) error {
				limit := gevent.NewTimeout(ms)
				require.Same(t, limit, limit.Do(func() error {
					return asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) error {
						g.Cancel()
						_ = asyncio.Sleep(c, 0)
						return forever(c)
					})
				}))
				require.Zero(t, cancelling(c))
				return asyncio.Sleep(c, 0)
			}))
			return err
		}))
	})
	behaves(t, "the tasks are cancelled in the order of their creation", func(t *testing.T, c ctx) {
		var o trace
		var want []string
		_ = asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) error {
			for i := range 20 {
				_ = g.Go(notes(&o, fmt.Sprint(i), forever))
				want = append(want, fmt.Sprint(i, " CE"))
			}
			_ = asyncio.Sleep(c, 0)
			return errBad
		})
		require.Equal(t, trace(want), o)
	})
	behaves(t, "the body's context ends when the group aborts", func(t *testing.T, c ctx) {
		require.Equal(t, "EG[bad]", grouped(c, func(c ctx, g *tgroup) error {
			_ = g.Go(fails(0, "bad"))
			_ = forever(c)
			require.ErrorIs(t, c.Err(), context.Canceled)
			return c.Err() // as a library would: it counts as the cancellation
		}))
		require.NoError(t, c.Err())
	})
	t.Run("a deadline of package context ends the tasks", func(t *testing.T) {
		_, err := asyncio.Run(proc(func(c ctx) error {
			short, cancel := context.WithTimeout(c, ms)
			defer cancel()
			err := asyncio.WithTaskGroup(short, func(c ctx, g *tgroup) error { _ = g.Go(forever); return g.Go(forever) })
			require.ErrorIs(t, err, context.DeadlineExceeded)
			return nil
		}))
		require.NoError(t, err)
	})
	t.Run("a cancel unwinds a body in a call of gevent; a kill leaves the tasks cancelled", func(t *testing.T) {
		require.NoError(t, green(t, func() error {
			_, err := asyncio.Run(proc(func(c ctx) error {
				require.Equal(t, "EG[bad]", grouped(c, func(c ctx, g *tgroup) error {
					_ = g.Go(fails(1, "bad"))
					gevent.Sleep(time.Hour)
					return nil
				}))
				require.Zero(t, cancelling(c))
				var child *task
				limit := gevent.NewTimeout(ms)
				require.Same(t, limit, limit.Do(func() error {
					return asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) (err error) {
						child, err = asyncio.GroupCreateTask(g, proc(forever))
						return err
					})
				}))
				_, err := child.Await(c)
				require.ErrorIs(t, err, asyncio.ErrCancelled)
				require.Zero(t, cancelling(c))
				return nil
			}))
			return err
		}))
	})
	t.Run("errors of tasks whose group was unwound are reported", func(t *testing.T) {
		var o trace
		require.NoError(t, green(t, func() error {
			_, err := asyncio.Run(proc(func(c ctx) error {
				limit := gevent.NewTimeout(ms)
				require.Same(t, limit, limit.Do(func() error {
					return asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) error { return g.Go(turnsBad("late"), asyncio.WithName("w")) })
				}))
				return yield(c, 3)
			}), reports(&o))
			return err
		}))
		require.Equal(t, trace{"Task has errored out but its TaskGroup was unwound: w: late"}, o)
	})
}

func TestTaskGroupCancel(t *testing.T) {
	behaves(t, "ends the tasks and the body without an error", func(t *testing.T, c ctx) {
		var o trace
		g := asyncio.NewTaskGroup()
		require.NoError(t, g.Do(c, func(c ctx) error {
			_ = g.Go(notes(&o, "a", forever))
			asyncio.RunningLoop(c).CallLater(ms, g.Cancel)
			return notes(&o, "body", forever)(c)
		}))
		g.Cancel()
		require.Equal(t, trace{"a CE", "body CE"}, o)
		require.Equal(t, ms, at(c))
		require.Zero(t, cancelling(c))
	})
	behaves(t, "while the group waits, by a task of it", func(t *testing.T, c ctx) {
		require.NoError(t, asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) error {
			_ = g.Go(forever)
			return g.Go(func(c ctx) error { g.Cancel(); g.Cancel(); return nil })
		}))
		require.NoError(t, asyncio.Sleep(c, 0))
		require.Zero(t, cancelling(c))
	})
	behaves(t, "before the group is entered", func(t *testing.T, c ctx) {
		g := asyncio.NewTaskGroup()
		g.Cancel()
		began := false
		require.NoError(t, g.Do(c, func(c ctx) error {
			began = true
			require.ErrorIs(t, g.Go(forever), asyncio.ErrTaskGroupShutDown)
			require.Error(t, c.Err())
			return asyncio.Sleep(c, 0)
		}))
		require.True(t, began)
		require.NoError(t, asyncio.Sleep(c, 0))
	})
	behaves(t, "errors count all the same", func(t *testing.T, c ctx) {
		require.Equal(t, "EG[bad]", grouped(c, func(c ctx, g *tgroup) error {
			_ = g.Go(turnsBad("bad"))
			_ = asyncio.Sleep(c, 0)
			g.Cancel()
			return forever(c)
		}))
	})
	behaves(t, "never swallows the cancel of somebody else", func(t *testing.T, c ctx) {
		for _, first := range []string{"group", "task"} {
			for _, inBody := range []bool{true, false} {
				g := asyncio.NewTaskGroup()
				w := spawn(c, func(c ctx) error {
					return g.Do(c, func(c ctx) error {
						_ = g.Go(func(c ctx) error { _ = forever(c); return asyncio.Sleep(c, ms) })
						if inBody {
							return forever(c)
						}
						return nil
					})
				})
				_ = yield(c, 2)
				if first == "group" {
					g.Cancel()
					if !inBody {
						_ = yield(c, 2)
					}
					w.Cancel()
				} else {
					w.Cancel()
					g.Cancel()
				}
				_, err := w.Await(c)
				require.ErrorIs(t, err, asyncio.ErrCancelled, "%s %v", first, inBody)
				require.True(t, w.Cancelled())
				require.Equal(t, 1, w.Cancelling())
			}
		}
	})
	behaves(t, "after a cancel that was swallowed is still its own", func(t *testing.T, c ctx) {
		w := spawn(c, func(c ctx) error {
			_ = forever(c)
			return asyncio.WithTaskGroup(c, func(c ctx, g *tgroup) error { g.Cancel(); return forever(c) })
		})
		_ = asyncio.Sleep(c, 0)
		w.Cancel()
		_, err := w.Await(c)
		require.NoError(t, err)
		require.Equal(t, 1, w.Cancelling())
	})
}
