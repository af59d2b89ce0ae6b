//go:build !linux && !darwin && !dragonfly && !freebsd && !netbsd && !openbsd

package asyncio_test

import (
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

func TestWhereThereAreNoSocketsThatIsSaid(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		factory := func() asyncio.Protocol { return asyncio.BaseProtocol{} }
		_, _, err := asyncio.CreateConnection(c, factory, "tcp", "127.0.0.1:1")
		require.ErrorIs(t, err, errors.ErrUnsupported)
		_, err = asyncio.CreateServer(c, factory, "tcp", "127.0.0.1:0")
		require.ErrorIs(t, err, errors.ErrUnsupported)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		_, err = asyncio.CreateServer(c, factory, "", "", asyncio.WithListener(l))
		require.ErrorIs(t, err, errors.ErrUnsupported)
		return nil
	}))
}
