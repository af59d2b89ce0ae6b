package asyncio_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// A goroutine tells that a context has ended. A virtual clock does not jump over the
// end of one that was ended in its thread.
func TestAVirtualClockWaitsForTheEndOfAContext(t *testing.T) {
	t.Run("in tasks", func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error {
			loop := asyncio.RunningLoop(c)
			for range 100 {
				before := loop.Time()
				ended, cancel := context.WithCancel(c)
				loop.CallLater(time.Minute, cancel)
				require.ErrorIs(t, asyncio.Sleep(ended, time.Hour), context.Canceled)
				require.Equal(t, time.Minute, loop.Time()-before)
				ended, cancel = context.WithCancel(c)
				loop.CallLater(time.Minute, cancel)
				slow := asyncio.CreateTask(c, hour)
				_, err := slow.Await(ended)
				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, 2*time.Minute, loop.Time()-before)
				slow.Cancel()
			}
			return nil
		}))
	})
	t.Run("in greenlets", func(t *testing.T) {
		bg := context.Background()
		require.NoError(t, green(t, func() error {
			loop := asyncio.RunningLoop(bg)
			for range 100 {
				before := loop.Time()
				ended, cancel := context.WithCancel(bg)
				gevent.SpawnLater(time.Minute, func() { cancel() })
				require.ErrorIs(t, asyncio.Sleep(ended, time.Hour), context.Canceled)
				require.Equal(t, time.Minute, loop.Time()-before)
			}
			return nil
		}))
	})
}
