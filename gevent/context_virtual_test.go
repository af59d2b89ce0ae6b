package gevent_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
)

// A goroutine tells that a context has ended. A virtual clock does not jump over the
// end of one that was ended in its thread.
func TestAVirtualClockWaitsForTheEndOfAContext(t *testing.T) {
	clock := netpoll.NewVirtualClock()
	require.NoError(t, gevent.Run(func() error {
		for range 100 {
			begin := clock.Now()
			ctx, cancel := context.WithCancel(context.Background())
			gevent.SpawnLater(time.Minute, func() { cancel() })
			require.ErrorIs(t, gevent.WithContext(ctx, func() error {
				gevent.Sleep(time.Hour)
				return nil
			}), context.Canceled)
			require.Equal(t, time.Minute, clock.Now()-begin)

			ctx, cancel = context.WithCancel(context.Background())
			gevent.SpawnLater(time.Minute, func() { cancel() })
			other := gevent.SpawnLater(time.Hour, func() {})
			require.ErrorIs(t, gevent.WaitContext(ctx), context.Canceled)
			require.Equal(t, 2*time.Minute, clock.Now()-begin)
			other.Kill()

			ctx, cancel = context.WithCancel(context.Background())
			gevent.SpawnLater(time.Minute, func() { cancel() })
			other = gevent.SpawnLater(time.Hour, func() {})
			require.Len(t, gevent.Wait(gevent.FromContext(ctx)), 1)
			require.Equal(t, 3*time.Minute, clock.Now()-begin)
			other.Kill()
		}
		return nil
	}, gevent.WithClock(clock)))
}
