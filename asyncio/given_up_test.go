package asyncio_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
)

// A request to cancel that was passed on to what the task awaits comes back with that.
// If the task does not wait so long, it is to come all the same.
func TestACancelIsNotLostWithAWaitThatIsGivenUp(t *testing.T) {
	// given runs a task that awaits another one, which does not end when it is cancelled.
	given := func(t *testing.T, await func(c ctx, child *task) error, after func(c ctx) error, meddle func(c ctx, w *task)) {
		require.NoError(t, run(t, func(c ctx) error {
			var child *task
			w := spawn(c, func(c ctx) error {
				child = spawn(c, func(c ctx) error {
					require.ErrorIs(t, asyncio.Sleep(c, time.Hour), asyncio.ErrCancelled)
					return asyncio.Sleep(c, time.Hour)
				})
				_ = await(c, child)
				return after(c)
			})
			require.NoError(t, asyncio.Sleep(c, time.Second))
			meddle(c, w)
			_, _ = w.Await(c)
			require.Equal(t, 1, w.Cancelling())
			require.True(t, w.Cancelled())
			require.False(t, child.Done())
			child.Cancel()
			return yield(c, 3)
		}))
	}
	sleeps := func(c ctx) error { return asyncio.Sleep(c, time.Minute) }
	t.Run("by another context", func(t *testing.T) {
		other, end := context.WithCancel(t.Context())
		given(t, func(_ ctx, child *task) error {
			_, err := child.Await(other)
			require.Same(t, context.Canceled, err)
			return err
		}, sleeps, func(c ctx, w *task) {
			require.True(t, w.Cancel())
			end()
			// The end of a context comes from another goroutine.
			for !w.Done() {
				require.NoError(t, yield(c, 1))
			}
		})
	})
	t.Run("by a time-out of gevent", func(t *testing.T) {
		await := func(c ctx, child *task) error {
			err := gevent.WithTimeout(2*time.Second, func() error {
				_, err := child.Await(c)
				return err
			})
			require.ErrorIs(t, err, gevent.ErrTimeout)
			return err
		}
		cancel := func(_ ctx, w *task) { require.True(t, w.Cancel()) }
		t.Run("it comes with the next call", func(t *testing.T) { given(t, await, sleeps, cancel) })
		t.Run("it comes with the next call of gevent", func(t *testing.T) {
			given(t, await, func(ctx) error {
				gevent.Sleep(time.Minute)
				t.Error("the call was not ended")
				return nil
			}, cancel)
		})
		t.Run("it comes with the end", func(t *testing.T) {
			given(t, await, func(ctx) error { return nil }, cancel)
		})
	})
	t.Run("but one that was taken back is", func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error {
			f := asyncio.GatherFuture(c, asyncio.AwaitableOf[none](spawn(c, func(c ctx) error {
				_ = asyncio.Sleep(c, time.Hour)
				return asyncio.Sleep(c, time.Hour)
			})))
			w := spawn(c, func(c ctx) error {
				err := gevent.WithTimeout(2*time.Second, func() error {
					_, err := f.Await(c)
					return err
				})
				require.ErrorIs(t, err, gevent.ErrTimeout)
				return asyncio.Sleep(context.WithoutCancel(c), time.Second)
			})
			require.NoError(t, asyncio.Sleep(c, time.Second))
			require.True(t, w.Cancel())
			require.Zero(t, w.Uncancel())
			_, err := w.Await(c)
			require.NoError(t, err)
			f.Cancel()
			_ = yield(c, 5)
			return nil
		}))
	})
	t.Run("and one that a context has brought does not come twice", func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error {
			ended := false
			child := spawn(c, func(c ctx) error {
				_ = asyncio.Sleep(c, time.Hour)
				return asyncio.Sleep(c, time.Hour)
			})
			w := spawn(c, func(c ctx) error {
				derived, end := context.WithCancel(c)
				defer end()
				_, err := child.Await(derived)
				require.ErrorIs(t, err, asyncio.ErrCancelled)
				ended = true
				return asyncio.Sleep(c, time.Second)
			})
			require.NoError(t, yield(c, 2))
			require.True(t, w.Cancel())
			for !ended { // the end of a context comes from another goroutine
				require.NoError(t, yield(c, 1))
			}
			_, err := w.Await(c)
			require.NoError(t, err)
			child.Cancel()
			return yield(c, 3)
		}))
	})
}

func TestASleepThatWasCancelledWakesNoLaterCall(t *testing.T) {
	clock := netpoll.NewVirtualClock()
	require.NoError(t, run(t, func(c ctx) error {
		l := asyncio.RunningLoop(c)
		w := spawn(c, func(c ctx) error {
			require.ErrorIs(t, asyncio.Sleep(c, 2*time.Second), asyncio.ErrCancelled)
			from := l.Time()
			gevent.Sleep(time.Minute)
			require.Equal(t, time.Minute, l.Time()-from)
			return nil
		})
		l.CallLater(time.Second, func() {
			// The task is ready before its time is up, which it is when the task runs.
			w.Cancel()
			clock.Advance(time.Second)
		})
		_, err := w.Await(c)
		return err
	}, asyncio.WithClock(clock)))
}

func TestUncancelTakesACancelOfAYieldBack(t *testing.T) {
	for _, d := range []time.Duration{0, time.Second} {
		for _, due := range []bool{false, true} {
			name := "that came meanwhile"
			if due {
				name = "that was due"
			}
			t.Run(d.String()+" "+name, func(t *testing.T) {
				require.NoError(t, run(t, func(c ctx) error {
					w := spawn(c, func(c ctx) error {
						if due {
							asyncio.CurrentTask(c).Cancel()
						}
						return asyncio.Sleep(c, d)
					})
					require.NoError(t, yield(c, 1))
					if !due {
						w.Cancel()
					}
					require.Zero(t, w.Uncancel())
					_, err := w.Await(c)
					if d > 0 { // it has been passed on to what the task waits for
						require.ErrorIs(t, err, asyncio.ErrCancelled)
					} else {
						require.NoError(t, err)
					}
					return nil
				}))
			})
		}
	}
}

func TestADrainThatIsGivenUpLeavesTheOrderOfTheOthers(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		var o trace
		var p asyncio.FlowControlProtocol
		p.PauseWriting()
		drain := func(i int) *task {
			return spawn(c, func(c ctx) error {
				defer o.add(i)
				return p.Drain(c)
			})
		}
		first := drain(0)
		drain(1)
		require.NoError(t, yield(c, 1))
		first.Cancel()
		require.NoError(t, yield(c, 1))
		drain(2)
		require.NoError(t, yield(c, 1))
		p.ResumeWriting()
		require.NoError(t, yield(c, 1))
		require.Equal(t, trace{"0", "1", "2"}, o)
		return nil
	}))
}

func TestACancelThatWasSwallowedDoesNotComeAgainWithALaterWait(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		l := asyncio.RunningLoop(c)
		w := spawn(c, func(c ctx) error {
			child := spawn(c, func(c ctx) error {
				require.ErrorIs(t, asyncio.Sleep(c, time.Hour), asyncio.ErrCancelled)
				return nil
			})
			_, err := child.Await(c)
			require.NoError(t, err)
			err = gevent.WithTimeout(time.Second, func() error {
				_, err := asyncio.NewFuture[int](l).Await(c)
				return err
			})
			require.ErrorIs(t, err, gevent.ErrTimeout)
			return asyncio.Sleep(c, time.Second)
		})
		require.NoError(t, yield(c, 3))
		require.True(t, w.Cancel())
		_, err := w.Await(c)
		return err
	}))
}

func TestATimeoutDoesNotTakeAnothersForItsOwn(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		err := gevent.WithTimeout(2*time.Second, func() error {
			return asyncio.WithTimeout(c, time.Second, func(c ctx) error {
				require.ErrorIs(t, asyncio.Sleep(c, time.Hour), asyncio.ErrCancelled)
				gevent.Sleep(time.Hour)
				return nil
			})
		})
		require.ErrorIs(t, err, gevent.ErrTimeout)
		require.NotErrorIs(t, err, asyncio.ErrTimeout)
		require.Zero(t, asyncio.CurrentTask(c).Cancelling())
		return nil
	}))
}

func TestAMainTaskIsNotEager(t *testing.T) {
	var o trace
	l := newLoop(t)
	l.SetTaskFactory(asyncio.EagerTaskFactory)
	l.CallSoon(func() { o.add("soon") })
	_, err := asyncio.RunUntilComplete(l, proc(func(c ctx) error {
		o.add("main")
		spawn(c, func(ctx) error {
			o.add("eager")
			return nil
		})
		o.add("made")
		return nil
	}))
	require.NoError(t, err)
	require.Equal(t, trace{"soon", "main", "eager", "made"}, o)
}
