package gevent_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
)

func TestOffloadValue(t *testing.T) {
	test(t, "returns what the function returns", func(t *testing.T) {
		n, err := gevent.OffloadValue(func() (int, error) { return 42, io.EOF })
		require.Equal(t, 42, n)
		require.Equal(t, io.EOF, err)
		require.PanicsWithValue(t, "gevent.OffloadValue: the function is nil; pass the function that is to be run",
			func() { _, _ = gevent.OffloadValue[int](nil) })
	})
	t.Run("goes on with the panic of the function, and its stack", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() {
			v := func() (v any) {
				defer func() { v = recover() }()
				_, _ = gevent.OffloadValue(func() (int, error) { explode(); return 0, nil })
				return nil
			}()
			require.Contains(t, v.(error).Error(), "gevent_test.explode", "as the runtime would print it")
		}))
	})
	t.Run("shares nothing with a function that was abandoned", func(t *testing.T) {
		abandoned, written := make(chan struct{}), make(chan struct{})
		require.NoError(t, gevent.Run(func() {
			var page string
			var err error
			timeout := gevent.WithTimeout(time.Millisecond, func() error {
				page, err = gevent.OffloadValue(func() (string, error) {
					defer close(written)
					<-abandoned
					return "late", errBoom
				})
				return err
			})
			close(abandoned)
			require.ErrorIs(t, timeout, gevent.ErrTimeout)
			for len(written) == 0 && page == "" && err == nil { // for the race detector
				if _, ok := gevent.Recv(written); !ok {
					break
				}
			}
			require.Empty(t, page)
			require.NoError(t, err)
		}))
	})
	t.Run("is killed with its greenlet", func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		require.NoError(t, gevent.Run(func() {
			g := gevent.SpawnValue(func() (int, error) {
				return gevent.OffloadValue(func() (int, error) { <-ctx.Done(); return 1, nil })
			})
			gevent.Sleep(time.Millisecond)
			g.Kill()
			n, err := g.Get()
			require.Zero(t, n)
			require.True(t, errors.Is(err, gevent.ErrGreenletExit))
		}))
		end()
	})
}
