package asyncio_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

type key string

func TestATaskHasTheValuesOfItsMakersContext(t *testing.T) {
	base := context.WithValue(t.Context(), key("base"), 1)
	require.NoError(t, run(t, func(c ctx) error {
		inner := asyncio.CreateTask(context.WithValue(c, key("k"), 2), func(c ctx) (int, error) {
			deeper := asyncio.CreateTask(c, func(c ctx) (int, error) {
				return c.Value(key("base")).(int) + c.Value(key("k")).(int), nil
			})
			return deeper.Await(c)
		})
		v, err := inner.Await(c)
		require.Equal(t, 3, v)
		require.Nil(t, c.Value(key("k")))
		return err
	}, asyncio.WithContext(base)))
}

func TestATasksContextEndsWithItsCancelAndWithItself(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		var theirs, child ctx
		w := spawn(c, func(c ctx) error {
			theirs = c
			require.NoError(t, c.Err())
			spawn(c, func(c ctx) error { child = c; return asyncio.Sleep(c, time.Hour) })
			_ = asyncio.Sleep(c, time.Hour)
			require.ErrorIs(t, c.Err(), context.Canceled)
			require.ErrorIs(t, context.Cause(c), asyncio.ErrCancelled)
			<-c.Done()
			return nil
		})
		_ = yield(c, 2)
		w.Cancel("why")
		_ = asyncio.Sleep(c, 0)
		require.True(t, w.Done())
		require.EqualError(t, context.Cause(theirs), "asyncio: cancelled: why")
		require.NoError(t, child.Err(), "a task's cancellation is its own")

		q := spawn(c, func(c ctx) error { theirs = c; return nil })
		_, err := q.Await(c)
		require.ErrorIs(t, theirs.Err(), context.Canceled)
		<-theirs.Done()
		return err
	}))
}

func TestADeadlineFromOutsideEndsAWaitAndNothingElse(t *testing.T) {
	_, err := asyncio.Run(func(c ctx) (int, error) {
		slow := asyncio.CreateTask(c, func(c ctx) (int, error) { return 7, asyncio.Sleep(c, 50*ms) })
		short, cancel := context.WithTimeout(c, ms)
		defer cancel()
		_, err := slow.Await(short)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, asyncio.Sleep(short, time.Hour), context.DeadlineExceeded, "it has ended for good")
		_, err = asyncio.Gather(short, slow)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		done, left, err := asyncio.Wait(short, []*asyncio.Task[int]{slow})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Empty(t, done)
		require.Len(t, left, 1)
		v, err := slow.Await(c)
		require.Equal(t, 7, v)
		require.NoError(t, err)
		v, err = slow.Await(short)
		require.Equal(t, 7, v, "what is done is not waited for")
		return 0, err
	})
	require.NoError(t, err)
}

func TestAContextFromOutsideIsWaitedFor(t *testing.T) {
	outer, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(10*ms, func() { cancel(errBad) })
	require.NoError(t, run(t, func(c ctx) error {
		f := asyncio.NewFuture[int](asyncio.RunningLoop(c))
		_, err := f.Await(outer)
		require.Equal(t, context.Canceled, err)
		return nil
	}))
}

func TestATaskMadeWithADeadlineEndsWithIt(t *testing.T) {
	_, err := asyncio.Run(func(c ctx) (int, error) {
		short, cancel := context.WithTimeout(c, ms)
		defer cancel()
		bound := spawn(short, func(c ctx) error {
			when, ok := c.Deadline()
			require.True(t, ok)
			require.WithinDuration(t, time.Now(), when, time.Minute)
			child := spawn(c, func(c ctx) error { return asyncio.Sleep(c, time.Hour) })
			_, err := child.Await(context.WithoutCancel(c))
			require.ErrorIs(t, err, context.DeadlineExceeded, "and so do its children")
			return asyncio.Sleep(c, time.Hour)
		})
		_, err := bound.Await(c)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.False(t, bound.Cancelled())
		_, ok := c.Deadline()
		require.False(t, ok)
		return 0, nil
	})
	require.NoError(t, err)
}

func TestCancellingATaskEndsAContextDerivedFromItsOwn(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		w := spawn(c, func(c ctx) error {
			derived, cancel := context.WithCancel(c)
			defer cancel()
			first := asyncio.Sleep(derived, time.Hour)
			second := asyncio.Sleep(derived, time.Hour)
			third := asyncio.Sleep(c, time.Hour)
			require.ErrorIs(t, first, asyncio.ErrCancelled)
			require.ErrorIs(t, second, asyncio.ErrCancelled, "a context that has ended stays so")
			require.NoError(t, third, "a cancellation is delivered once")
			return errors.Join(first, second)
		})
		_ = asyncio.Sleep(c, 0)
		w.Cancel()
		_, err := w.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		return nil
	}))
}

func TestRunEndsWithTheContextItIsGiven(t *testing.T) {
	outer, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*ms, cancel)
	_, err := asyncio.Run(func(c ctx) (int, error) {
		return 0, asyncio.Sleep(c, time.Hour)
	}, asyncio.WithContext(outer))
	require.ErrorIs(t, err, context.Canceled)
}

// A context that is derived from one which has ended is over from the start, whether or
// not anybody has looked at that before.
func TestAContextThatIsDerivedAfterACancellationIsOver(t *testing.T) {
	scopes := map[string]func(c ctx, body func(ctx) error) error{
		"a cancelled task": func(c ctx, body func(ctx) error) error {
			w := spawn(c, body)
			err := asyncio.Sleep(c, ms)
			w.Cancel()
			_, _ = w.Await(c)
			return err
		},
		"a cancelled task whose context comes from another": func(c ctx, body func(ctx) error) error {
			c, cancel := context.WithCancel(context.WithValue(c, key("k"), 1))
			defer cancel()
			w := spawn(c, body)
			err := asyncio.Sleep(c, ms)
			w.Cancel()
			_, _ = w.Await(c)
			return err
		},
		"an expired Timeout": func(c ctx, body func(ctx) error) error {
			return asyncio.WithTimeout(c, ms, body)
		},
		"an aborted TaskGroup": func(c ctx, body func(ctx) error) error {
			err := asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error {
				if err := g.Go(func(c ctx) error { return errBad }); err != nil {
					return err
				}
				return body(c)
			})
			require.ErrorIs(t, err, errBad)
			return nil
		},
		"a Timeout in a cancelled task": func(c ctx, body func(ctx) error) error {
			w := spawn(c, func(c ctx) error {
				_ = asyncio.Sleep(c, time.Hour)
				return asyncio.WithTimeout(c, ms, body)
			})
			err := asyncio.Sleep(c, ms)
			w.Cancel()
			_, _ = w.Await(c)
			return err
		},
	}
	calls := map[string]func(ctx) error{
		"Sleep":        func(c ctx) error { return asyncio.Sleep(c, time.Hour) },
		"yield":        func(c ctx) error { return asyncio.Sleep(c, 0) },
		"Event.Wait":   func(c ctx) error { return new(asyncio.Event).Wait(c) },
		"Future.Await": func(c ctx) error { _, err := asyncio.NewFuture[int](asyncio.RunningLoop(c)).Await(c); return err },
		"Timeout":      func(c ctx) error { return asyncio.WithTimeout(c, time.Hour, forever) },
		"a task":       func(c ctx) error { w := spawn(c, forever); _, err := w.Await(context.WithoutCancel(c)); return err },
	}
	derive := map[string]func(ctx) (ctx, context.CancelFunc){
		"WithTimeout": func(c ctx) (ctx, context.CancelFunc) { return context.WithTimeout(c, time.Hour) },
		"WithCancel":  context.WithCancel,
		"WithCancel of one with a value": func(c ctx) (ctx, context.CancelFunc) {
			return context.WithCancel(context.WithValue(c, key("k"), 1))
		},
	}
	for scope, in := range scopes {
		for call, f := range calls {
			for how, from := range derive {
				t.Run(scope+"/"+call+"/"+how, func(t *testing.T) {
					ran := false
					require.NoError(t, run(t, func(c ctx) error {
						err := in(c, func(c ctx) error {
							_ = forever(c)
							late, cancel := from(c)
							defer cancel()
							require.ErrorIs(t, late.Err(), context.Canceled)
							begin := at(c)
							require.ErrorIs(t, f(late), context.Canceled)
							require.ErrorIs(t, f(late), context.Canceled, "and stays so")
							require.Equal(t, begin, at(c))
							require.NoError(t, asyncio.Sleep(context.WithValue(c, key("k"), 1), ms), "its own may be used to clean up")
							require.NoError(t, asyncio.WithTimeout(c, time.Second, func(c ctx) error { return asyncio.Sleep(c, ms) }))
							free, stop := context.WithTimeout(context.WithoutCancel(c), time.Hour)
							defer stop()
							require.NoError(t, asyncio.Sleep(free, ms))
							ran = true
							return nil
						})
						return err
					}))
					require.True(t, ran)
				})
			}
		}
	}
}

func TestAnErrorOfAContextThatEndedFromOutsideIsNotReported(t *testing.T) {
	errWhy := errors.New("why")
	for name, test := range map[string]struct {
		outer func(ctx) (ctx, context.CancelFunc)
		fails func(c ctx) error
		want  trace
	}{
		"a cancelled one": {context.WithCancel, forever, nil},
		"a deadline":      {func(c ctx) (ctx, context.CancelFunc) { return context.WithTimeout(c, 10*ms) }, forever, nil},
		"a cause": {func(c ctx) (ctx, context.CancelFunc) {
			c, cancel := context.WithCancelCause(c)
			return c, func() { cancel(errWhy) }
		}, func(c ctx) error { _ = forever(c); return errors.Join(context.Cause(c)) }, nil},
		"a scope of the task": {context.WithCancel, func(c ctx) error { return asyncio.WithTimeout(c, time.Hour, forever) }, nil},
		"another error":       {context.WithCancel, func(c ctx) error { _ = forever(c); return errBad }, trace{"Task exception was never retrieved: side: bad"}},
	} {
		t.Run(name, func(t *testing.T) {
			var o trace
			outer, cancel := test.outer(t.Context())
			defer cancel()
			time.AfterFunc(10*ms, cancel)
			_, err := asyncio.Run(proc(func(c ctx) error {
				side := spawn(c, test.fails, asyncio.WithName("side"))
				gathered := spawn(c, forever)
				asyncio.GatherFuture(c, gathered)
				_ = forever(c)
				free := context.WithoutCancel(c)
				for !side.Done() || !gathered.Done() {
					_ = asyncio.Sleep(free, ms)
				}
				return asyncio.Sleep(free, ms)
			}), asyncio.WithContext(outer), reports(&o))
			require.NoError(t, err)
			require.Equal(t, test.want, o)
		})
	}
	t.Run("but one that comes of its own deadline is", func(t *testing.T) {
		var o trace
		require.NoError(t, run(t, func(c ctx) error {
			spawn(c, func(c ctx) error { return asyncio.WithTimeout(c, ms, forever) }, asyncio.WithName("side"))
			return asyncio.Sleep(c, time.Second)
		}, reports(&o)))
		require.Equal(t, trace{"Task exception was never retrieved: side: asyncio: timed out"}, o)
	})
}

func TestTheBodyOfATimeoutHasADeadline(t *testing.T) {
	near := func(t *testing.T, c ctx, d time.Duration) {
		t.Helper()
		when, ok := c.Deadline()
		require.True(t, ok)
		require.WithinDuration(t, time.Now().Add(d), when, time.Minute)
	}
	_, err := asyncio.Run(proc(func(c ctx) error {
		to := asyncio.NewTimeout(time.Hour)
		return to.Do(c, func(inner ctx) error {
			near(t, inner, time.Hour)
			derived, cancel := context.WithTimeout(inner, 2*time.Hour)
			defer cancel()
			near(t, derived, time.Hour)
			require.NoError(t, asyncio.WithTimeout(inner, 3*time.Hour, func(c ctx) error {
				near(t, c, time.Hour)
				return asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error { near(t, c, time.Hour); return nil })
			}))
			require.NoError(t, asyncio.WithTimeout(inner, 10*time.Minute, func(c ctx) error { near(t, c, 10*time.Minute); return nil }))
			require.NoError(t, asyncio.WithTimeout(inner, asyncio.NoLimit, func(c ctx) error { near(t, c, time.Hour); return nil }))
			_, err := asyncio.CreateTask(inner, func(c ctx) (none, error) {
				_, ok := c.Deadline()
				require.False(t, ok, "a task goes on when the time is up")
				return none{}, nil
			}).Await(inner)
			require.NoError(t, err)
			done := make(chan struct{})
			go func() { // any goroutine may ask
				defer close(done)
				for range 100 {
					_, _ = inner.Deadline()
				}
			}()
			l := asyncio.RunningLoop(c)
			require.NoError(t, to.Reschedule(l.Time()+10*time.Hour))
			near(t, inner, 10*time.Hour)
			require.NoError(t, to.Reschedule(asyncio.NoLimit))
			_, ok := inner.Deadline()
			require.False(t, ok)
			<-done
			return nil
		})
	}))
	require.NoError(t, err)
	require.NoError(t, run(t, func(c ctx) error {
		return asyncio.WithTimeout(c, time.Hour, func(c ctx) error {
			_, ok := c.Deadline()
			require.False(t, ok, "a virtual clock has no real times")
			return nil
		})
	}))
}
