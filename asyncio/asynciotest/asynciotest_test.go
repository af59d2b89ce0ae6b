package asynciotest_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/asyncio/asynciotest"
)

var errOops = errors.New("oops")

func TestRun(t *testing.T) {
	t.Run("T3 a year takes no time", func(t *testing.T) {
		const year = 365 * 24 * time.Hour
		begin := time.Now()
		asynciotest.Run(t, func(c ctx) error {
			err := asyncio.Sleep(c, year)
			require.Equal(t, year, asyncio.RunningLoop(c).Time())
			return err
		})
		require.Less(t, time.Since(begin), time.Minute)
	})
	t.Run("fails with the error of the coroutine", func(t *testing.T) {
		d := failing(t, func(t testing.TB) { asynciotest.Run(t, func(ctx) error { return errOops }) })
		require.Contains(t, d.fatal, "oops")
	})
	t.Run("fails with its panic", func(t *testing.T) {
		d := failing(t, func(t testing.TB) { asynciotest.Run(t, func(ctx) error { panic("oops") }) })
		require.Contains(t, d.fatal, "oops")
		require.Contains(t, d.fatal, "asynciotest_test.go:", "the stack")
	})
	t.Run("fails when nothing can wake it", func(t *testing.T) {
		d := failing(t, func(t testing.TB) {
			asynciotest.Run(t, func(c ctx) error {
				_, err := asyncio.NewFuture[int](asyncio.RunningLoop(c)).Await(c)
				return err
			})
		})
		require.Contains(t, d.fatal, "Future")
	})
	t.Run("fails when nobody retrieves an error", func(t *testing.T) {
		d := failing(t, func(t testing.TB) {
			asynciotest.Run(t, func(c ctx) error {
				spawn(c, func(ctx) error { return errOops })
				return asyncio.Sleep(c, 1)
			})
		})
		require.Len(t, d.errors, 1)
		require.Contains(t, d.errors[0], "never retrieved")
	})
	t.Run("takes options", func(t *testing.T) {
		var told []error
		asynciotest.Run(t, func(c ctx) error {
			asyncio.RunningLoop(c).CallSoon(func() { panic(errOops) })
			return asyncio.Sleep(c, 1)
		}, asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) { told = append(told, e.Err) }))
		require.Len(t, told, 1)
		require.ErrorIs(t, told[0], errOops)
	})
}

func TestShuffled(t *testing.T) {
	orders := make(map[string]bool)
	for range 2 { // the same again
		runs := 0
		asynciotest.Shuffled(t, 40, func(c ctx, t *testing.T) error {
			runs++
			var order []int
			var tasks []asyncio.AwaitableOf[struct{}]
			for i := range 4 {
				tasks = append(tasks, spawn(c, func(ctx) error { order = append(order, i); return nil }))
			}
			_, err := asyncio.Gather(c, tasks...)
			orders[fmt.Sprint(order)] = true
			slices.Sort(order)
			require.Equal(t, []int{0, 1, 2, 3}, order)
			return err
		})
		require.Equal(t, 40, runs)
	}
	require.Greater(t, len(orders), 12, "of 24 orders")
	require.LessOrEqual(t, len(orders), 24)
}

func TestWaitAllBlocked(t *testing.T) {
	t.Run("waits for what is ready, and not for a time", func(t *testing.T) {
		asynciotest.Run(t, func(c ctx) error {
			loop := asyncio.RunningLoop(c)
			steps, woken := 0, false
			t1 := spawn(c, func(c ctx) error {
				for range 1000 {
					steps++
					if err := asyncio.Sleep(c, 0); err != nil {
						return err
					}
				}
				err := asyncio.Sleep(c, time.Second)
				woken = true
				return err
			})
			require.NoError(t, asynciotest.WaitAllBlocked(c))
			require.Equal(t, 1000, steps)
			require.False(t, woken)
			require.Zero(t, loop.Time())
			_, err := t1.Await(c)
			require.Equal(t, time.Second, loop.Time())
			return err
		})
	})
	t.Run("several go on in the order of their calls", func(t *testing.T) {
		asynciotest.Run(t, func(c ctx) error {
			var order []int
			var tasks []asyncio.AwaitableOf[struct{}]
			for i := range 5 {
				tasks = append(tasks, spawn(c, func(c ctx) error {
					err := asynciotest.WaitAllBlocked(c)
					order = append(order, i)
					return err
				}))
			}
			_, err := asyncio.Gather(c, tasks...)
			require.Equal(t, []int{0, 1, 2, 3, 4}, order)
			return err
		})
	})
	t.Run("can be cancelled", func(t *testing.T) {
		asynciotest.Run(t, func(c ctx) error {
			waits := spawn(c, asynciotest.WaitAllBlocked)
			require.NoError(t, asyncio.Sleep(c, 0))
			waits.Cancel()
			_, err := waits.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			return asynciotest.WaitAllBlocked(c)
		})
	})
}

func TestSequencer(t *testing.T) {
	t.Run("T5 puts steps of two tasks in order", func(t *testing.T) {
		asynciotest.Shuffled(t, 10, func(c ctx, t *testing.T) error {
			var seq asynciotest.Sequencer
			var order []string
			task := func(name string, steps ...int) *asyncio.Task[struct{}] {
				return spawn(c, func(c ctx) error {
					for _, n := range steps {
						if err := seq.Do(c, n, func() error {
							order = append(order, fmt.Sprint(name, n))
							return asyncio.Sleep(c, time.Second)
						}); err != nil {
							return err
						}
					}
					return nil
				})
			}
			_, err := asyncio.Gather(c, task("b", 1, 3), task("a", 0, 2, 4))
			require.Equal(t, []string{"a0", "b1", "a2", "b3", "a4"}, order)
			require.Equal(t, 5*time.Second, asyncio.RunningLoop(c).Time())
			return err
		})
	})
	t.Run("is broken when a step is given up", func(t *testing.T) {
		asynciotest.Run(t, func(c ctx) error {
			var seq asynciotest.Sequencer
			never := func() error { t.Error("ran"); return nil }
			one := spawn(c, func(c ctx) error { return seq.Do(c, 1, never) })
			two := spawn(c, func(c ctx) error { return seq.Do(c, 2, never) })
			require.NoError(t, asynciotest.WaitAllBlocked(c))
			one.Cancel()
			_, err := two.Await(c)
			require.ErrorIs(t, err, asynciotest.ErrSequencerBroken)
			require.ErrorIs(t, one.Err(), asyncio.ErrCancelled)
			require.ErrorIs(t, seq.Do(c, 0, never), asynciotest.ErrSequencerBroken)
			return nil
		})
	})
	t.Run("goes on after an error and a panic", func(t *testing.T) {
		asynciotest.Run(t, func(c ctx) error {
			var seq asynciotest.Sequencer
			require.ErrorIs(t, seq.Do(c, 0, func() error { return errOops }), errOops)
			require.PanicsWithValue(t, "oops", func() { _ = seq.Do(c, 1, func() error { panic("oops") }) })
			require.Panics(t, func() { _ = seq.Do(c, 1, nil) }, "twice")
			require.Panics(t, func() { _ = seq.Do(c, -1, nil) })
			return seq.Do(c, 2, func() error { return nil })
		})
	})
}

func TestCancelEverywhere(t *testing.T) {
	t.Run("finds the place where something is lost", func(t *testing.T) {
		var held, lost atomic.Int32
		acquire := func(c ctx) error { // holds what it has taken, though it says that it has not
			held.Add(1)
			return asyncio.Sleep(c, 0)
		}
		release := func() { held.Add(-1) }
		ends := make(map[bool]int)
		runs := asynciotest.CancelEverywhere(t, func(c ctx) error {
			if err := asyncio.Sleep(c, time.Second); err != nil {
				return err
			}
			if err := acquire(c); err != nil {
				return err
			}
			defer release()
			return asyncio.Sleep(c, time.Second)
		}, func(_ int, err error) {
			ends[err == nil]++
			lost.Add(held.Swap(0))
		})
		require.Positive(t, lost.Load())
		require.Less(t, int(lost.Load()), runs)
		require.Equal(t, map[bool]int{true: 1, false: runs - 1}, ends)
	})
	t.Run("comes to an end if the coroutine ignores it", func(t *testing.T) {
		runs := asynciotest.CancelEverywhere(t, func(c ctx) error {
			for range 3 {
				_ = asyncio.Sleep(c, time.Second)
			}
			return nil
		}, func(n int, err error) {
			require.Equal(t, n == 0, errors.Is(err, asyncio.ErrCancelled), "only before its start: %v", err)
		})
		require.Greater(t, runs, 3)
	})
	t.Run("fails if the coroutine fails", func(t *testing.T) {
		d := failing(t, func(t testing.TB) {
			asynciotest.CancelEverywhere(t, func(c ctx) error {
				if asyncio.Sleep(c, 1) != nil {
					return errOops
				}
				return nil
			}, func(int, error) {})
		})
		require.Contains(t, d.fatal, "oops")
	})
}
