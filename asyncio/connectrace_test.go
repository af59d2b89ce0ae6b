//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

func TestHappyEyeballs(t *testing.T) {
	stuck, err := net.ResolveTCPAddr("tcp", sockStuck(t))
	require.NoError(t, err)
	sockRun(t, nil, func(c ctx) error {
		s := sockServe(t, c, "tcp", "127.0.0.1:0")
		good := s.Addrs()[0]
		refused, other := sockRefuses(t, "127.0.0.1"), sockRefuses(t, "127.0.0.2")
		before := sockOpen(t)
		got, err := asyncio.Reach(c, "tcp", []net.Addr{refused, good}, asyncio.WithHappyEyeballs(time.Minute))
		require.NoError(t, err)
		require.Equal(t, good.String(), got.String(), "as soon as the first has failed")
		_, err = asyncio.Reach(c, "tcp", []net.Addr{refused, other}, asyncio.WithHappyEyeballs(time.Minute))
		var all *asyncio.ConnectError
		require.ErrorAs(t, err, &all)
		require.Len(t, all.Errs, 2)
		got, err = asyncio.Reach(c, "tcp", []net.Addr{stuck, good}, asyncio.WithHappyEyeballs(time.Millisecond))
		require.NoError(t, err)
		require.Equal(t, good.String(), got.String())
		got, err = asyncio.Reach(c, "tcp", []net.Addr{good, good, good}, asyncio.WithHappyEyeballs(0))
		require.NoError(t, err)
		require.Equal(t, good.String(), got.String())
		waiting := spawn(c, func(c ctx) error {
			_, err := asyncio.Reach(c, "tcp", []net.Addr{stuck, stuck}, asyncio.WithHappyEyeballs(time.Millisecond))
			return err
		})
		require.NoError(t, asyncio.Sleep(c, 5*time.Millisecond))
		waiting.Cancel()
		_, err = waiting.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		sockUntil(t, c, "end of what was accepted", func() bool { return sockOpen(t) <= before })
		s.Close()
		return s.WaitClosed(c)
	})
}
