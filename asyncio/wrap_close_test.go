package asyncio_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/netpoll"
)

func TestTheEndOfALoopEndsTheFunctionOfAWrapFuture(t *testing.T) {
	t.Run("with its tasks", func(t *testing.T) {
		l, err := asyncio.NewLoop(asyncio.WithClock(netpoll.NewVirtualClock()),
			asyncio.WithExceptionHandler(func(*asyncio.Loop, asyncio.ExceptionContext) {}))
		require.NoError(t, err)
		ended := make(chan struct{}, 2)
		wait := func(c ctx) (int, error) {
			<-c.Done()
			ended <- struct{}{}
			return 0, c.Err()
		}
		asyncio.WrapFuture(l.Context(), wait)
		spawn(l.Context(), func(c ctx) error {
			_, err := asyncio.WrapFuture(c, wait).Await(c)
			return err
		})
		_, err = asyncio.RunUntilComplete(l, proc(func(c ctx) error { return yield(c, 3) }))
		require.NoError(t, err)
		require.NoError(t, l.Close())
		<-ended
		<-ended
	})
	t.Run("on a thread that goes on", func(t *testing.T) {
		require.NoError(t, green(t, func() error {
			l, err := asyncio.NewLoop()
			require.NoError(t, err)
			f := asyncio.WrapFuture(l.Context(), func(c ctx) (int, error) {
				<-c.Done()
				return 0, c.Err()
			})
			require.NoError(t, l.Close())
			_, err = f.Await(t.Context())
			require.ErrorIs(t, err, context.Canceled)
			return nil
		}))
	})
	t.Run("and forgets those that have ended before", func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error {
			l := asyncio.RunningLoop(c)
			f := asyncio.WrapFuture(c, func(c ctx) (int, error) { <-c.Done(); return 0, nil })
			require.Equal(t, 1, asyncio.Held(l))
			require.True(t, f.Cancel())
			require.Zero(t, asyncio.Held(l))
			_, err := asyncio.WrapFuture(c, func(ctx) (int, error) { return 1, nil }).Await(c)
			require.Zero(t, asyncio.Held(l))
			return err
		}))
	})
}
