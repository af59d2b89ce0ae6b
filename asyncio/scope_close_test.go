package asyncio_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
)

// nested waits in all that the package can wait in.
func nested(o *trace) func(ctx) error {
	return func(c ctx) error {
		defer o.add("unwound")
		return asyncio.WithTimeout(c, time.Hour, func(c ctx) error {
			return asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error {
				w, err := asyncio.GroupCreateTask(g, proc(func(c ctx) error {
					defer o.add("child")
					_, err := asyncio.WaitFor(c, asyncio.NewFuture[int](asyncio.RunningLoop(c)), time.Hour)
					return err
				}))
				if err != nil {
					return err
				}
				_ = g.Go(func(c ctx) error {
					_, err := asyncio.Shield(c, w)
					return err
				})
				_ = g.Go(func(c ctx) error {
					for _, err := range asyncio.AsCompleted(c, []*task{w}, asyncio.WaitTimeout(time.Hour)) {
						return err
					}
					return nil
				})
				return nil
			})
		})
	}
}

func TestTheEndOfALoopEndsItsScopes(t *testing.T) {
	t.Run("by Close", func(t *testing.T) {
		var o trace
		l, err := asyncio.NewLoop(asyncio.WithClock(netpoll.NewVirtualClock()),
			asyncio.WithExceptionHandler(func(*asyncio.Loop, asyncio.ExceptionContext) {}))
		require.NoError(t, err)
		w := spawn(l.Context(), nested(&o))
		_, err = asyncio.RunUntilComplete(l, proc(func(c ctx) error { return yield(c, 5) }))
		require.NoError(t, err)
		require.NoError(t, l.Close())
		require.ElementsMatch(t, trace{"child", "unwound"}, o)
		require.ErrorIs(t, w.Err(), asyncio.ErrLoopClosed)
	})
	t.Run("by the shutdown of Run", func(t *testing.T) {
		var o trace
		require.NoError(t, run(t, func(c ctx) error {
			spawn(c, nested(&o))
			return yield(c, 5)
		}))
		require.Equal(t, trace{"child", "unwound"}, o)
	})
	t.Run("by the end of a thread", func(t *testing.T) {
		var o trace
		require.NoError(t, green(t, func() error {
			spawn(t.Context(), nested(&o))
			gevent.Sleep(time.Second)
			return nil
		}))
		require.ElementsMatch(t, trace{"child", "unwound"}, o)
	})
}
