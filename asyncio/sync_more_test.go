package asyncio_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

func TestShutdownEndsAllThatWait(t *testing.T) {
	for _, immediate := range []bool{false, true} {
		require.NoError(t, run(t, func(c ctx) error {
			empty, full := asyncio.NewQueue[int](1), asyncio.NewQueue[int](1)
			require.NoError(t, full.PutNowait(0))
			var all []*task
			for i := range 3 {
				all = append(all, spawn(c, func(c ctx) error {
					_, err := empty.Get(c)
					return err
				}), spawn(c, func(c ctx) error { return full.Put(c, i) }))
			}
			require.NoError(t, yield(c, 1))
			empty.Shutdown(immediate)
			full.Shutdown(immediate)
			require.NoError(t, yield(c, 1))
			for _, w := range all {
				require.Equal(t, asyncio.ErrQueueShutDown, w.Err())
			}
			return nil
		}))
	}
}

func TestTheLastCancelOfAConditionsWaitCounts(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		cond := asyncio.NewCondition(nil)
		w := spawn(c, func(c ctx) error {
			return cond.With(c, func() error { return cond.Wait(c) })
		})
		require.NoError(t, yield(c, 1))
		require.NoError(t, cond.Acquire(c))
		w.Cancel("while it waits")
		require.NoError(t, yield(c, 1))
		w.Cancel("while it acquires")
		require.NoError(t, yield(c, 1))
		require.False(t, w.Done())
		require.NoError(t, cond.Release())
		_, err := w.Await(c)
		require.EqualError(t, err, "asyncio: cancelled: while it acquires")
		return nil
	}))
}
