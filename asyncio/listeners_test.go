package asyncio_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// What lives long, and is waited for again and again, must not keep those who have
// given up.
func TestAWaitThatIsGivenUpLeavesNoListenerAndNoTimer(t *testing.T) {
	for name, wait := range map[string]func(c ctx, f *asyncio.Future[int]) error{
		"Await": func(c ctx, f *asyncio.Future[int]) error {
			_, err := f.Await(c)
			return err
		},
		"Shield": func(c ctx, f *asyncio.Future[int]) error {
			_, err := asyncio.ShieldFuture(asyncio.AwaitableOf[int](f)).Await(c)
			return err
		},
		"Wait": func(c ctx, f *asyncio.Future[int]) error {
			_, _, err := asyncio.Wait(c, []*asyncio.Future[int]{f})
			return err
		},
		"Wait with a limit": func(c ctx, f *asyncio.Future[int]) error {
			_, _, err := asyncio.Wait(c, []*asyncio.Future[int]{f}, asyncio.WaitTimeout(time.Hour))
			return err
		},
		"WaitFor of a Shield": func(c ctx, f *asyncio.Future[int]) error {
			_, err := asyncio.WaitFor(c, asyncio.ShieldFuture(asyncio.AwaitableOf[int](f)), time.Hour)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, run(t, func(c ctx) error {
				l := asyncio.RunningLoop(c)
				f := asyncio.NewFuture[int](l)
				keep := asyncio.CreateTask(c, f.Await) // and so is not the first
				w := spawn(c, func(c ctx) error { return wait(c, f) })
				require.NoError(t, yield(c, 3))
				require.Equal(t, 2, asyncio.Listeners(f))
				if name == "Await" {
					keep.Cancel() // the future goes with who awaits it
				} else {
					w.Cancel()
				}
				require.NoError(t, yield(c, 5))
				require.True(t, w.Done())
				if !f.Done() {
					require.Equal(t, 1, asyncio.Listeners(f))
					keep.Cancel()
				}
				require.Zero(t, asyncio.Listeners(f))
				require.Zero(t, asyncio.Timers(l))
				return yield(c, 3)
			}))
		})
	}
	t.Run("WaitFor with no time", func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error {
			slow := asyncio.CreateTask(c, slowToEnd)
			require.NoError(t, yield(c, 1))
			w := spawn(c, func(c ctx) error {
				_, err := asyncio.WaitFor(c, asyncio.AwaitableOf[int](slow), 0)
				return err
			})
			require.NoError(t, yield(c, 1))
			require.Equal(t, 1, asyncio.Listeners(slow))
			w.Cancel()
			require.NoError(t, yield(c, 2))
			require.True(t, w.Done())
			require.Zero(t, asyncio.Listeners(slow))
			_, _ = slow.Await(c)
			return nil
		}))
	})
	t.Run("AsCompleted", func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error {
			l := asyncio.RunningLoop(c)
			f, g := asyncio.NewFuture[int](l), asyncio.NewFuture[int](l)
			both := []*asyncio.Future[int]{f, g}
			for range asyncio.AsCompleted(c, both, asyncio.WaitTimeout(time.Second)) {
				require.Equal(t, time.Second, l.Time())
			}
			require.Zero(t, asyncio.Listeners(f)+asyncio.Listeners(g))
			require.NoError(t, f.SetResult(1))
			require.NoError(t, g.SetResult(2))
			for _, err := range asyncio.AsCompleted(c, both, asyncio.WaitTimeout(time.Hour)) {
				require.NoError(t, err)
			}
			require.Zero(t, asyncio.Timers(l))
			return nil
		}))
	})
}
