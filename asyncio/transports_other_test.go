//go:build windows

package asyncio_test

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/netpoll"
)

func TestWithoutAPollerThereAreNoPipesAndDatagrams(t *testing.T) {
	refused := func(err error) {
		t.Helper()
		require.ErrorIs(t, err, netpoll.ErrNoPoller)
		require.ErrorIs(t, err, errors.ErrUnsupported)
	}
	require.NoError(t, run(t, func(c ctx) error {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		protocol := func() *asyncio.BaseProtocol { return &asyncio.BaseProtocol{} }
		_, _, err = asyncio.ConnectReadPipe(c, protocol, r)
		refused(err)
		require.NoError(t, r.Close())
		_, _, err = asyncio.ConnectWritePipe(c, protocol, w)
		refused(err)
		require.NoError(t, w.Close())
		_, _, err = asyncio.CreateDatagramEndpoint(c, func() *asyncio.BaseDatagramProtocol { return &asyncio.BaseDatagramProtocol{} }, "udp")
		refused(err)
		_, err = asyncio.CreateSubprocessShell(c, "exit 0", asyncio.WithStdout(asyncio.PIPE))
		refused(err)
		_, _, err = asyncio.SubprocessShell(c, func() *asyncio.BaseSubprocessProtocol { return &asyncio.BaseSubprocessProtocol{} }, "exit 0")
		refused(err)
		p, err := asyncio.CreateSubprocessShell(c, "exit 3", asyncio.WithStdin(asyncio.DEVNULL))
		require.NoError(t, err)
		code, err := p.Wait(c)
		require.NoError(t, err)
		require.Equal(t, 3, code)
		return p.WaitPipes(c)
	}))
}
