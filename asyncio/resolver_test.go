package asyncio_test

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

func TestGetAddrInfo(t *testing.T) {
	t.Run("NT-01 of literals needs no resolver, and does not yield", func(t *testing.T) {
		for _, c := range []struct{ network, address, want string }{
			{"tcp", "1.2.3.4:1", "1.2.3.4:1"},
			{"tcp4", "1.2.3.4:1", "1.2.3.4:1"},
			{"udp", "1.2.3.4:1", "1.2.3.4:1"},
			{"udp4", "1.2.3.4:65535", "1.2.3.4:65535"},
			{"tcp", "[::3]:1", "[::3]:1"},
			{"tcp6", "[::3]:1", "[::3]:1"},
			{"udp6", "[fe80::1%1]:1", "[fe80::1%1]:1"},
			{"tcp", "1.2.3.4:", "1.2.3.4:0"},
			{"tcp", ":80", ":80"},
			{"tcp", ":", ":0"},
			{"tcp6", "1.2.3.4:1", "address 1.2.3.4: no suitable address found"},
			{"udp4", "[::3]:1", "address ::3: no suitable address found"},
			{"ip", "1.2.3.4:1", "unknown network ip"},
			{"tcp44", "1.2.3.4:1", "unknown network tcp44"},
			{"", "1.2.3.4:1", "unknown network "},
			{"tcp", "1.2.3.4", "address 1.2.3.4: missing port in address"},
		} {
			t.Run(c.network+" "+c.address, func(t *testing.T) {
				require.NoError(t, run(t, func(x ctx) error {
					yielded := false
					asyncio.RunningLoop(x).CallSoon(func() { yielded = true })
					addrs, err := asyncio.GetAddrInfo(x, c.network, c.address)
					require.False(t, yielded)
					if err != nil {
						require.EqualError(t, err, "asyncio.GetAddrInfo: "+c.want)
						return nil
					}
					require.Len(t, addrs, 1)
					require.Equal(t, c.want, addrs[0].String())
					require.Equal(t, strings.TrimRight(c.network, "46"), addrs[0].Network())
					return nil
				}))
			})
		}
	})
	t.Run("of a name and a service asks the resolver, whatever the executor does", func(t *testing.T) {
		require.NoError(t, run(t, func(x ctx) error {
			l := asyncio.RunningLoop(x)
			l.SetDefaultExecutor(asyncio.NewThreadPoolExecutor(1))
			g := newLoopGate()
			busy := asyncio.RunInExecutor(x, nil, g.job)
			addrs, err := asyncio.GetAddrInfo(x, "tcp", "localhost:http")
			require.NoError(t, err)
			require.NotEmpty(t, addrs)
			for _, a := range addrs {
				require.True(t, a.(*net.TCPAddr).IP.IsLoopback())
				require.Equal(t, 80, a.(*net.TCPAddr).Port)
			}
			addrs, err = asyncio.GetAddrInfo(x, "udp4", "localhost:")
			require.NoError(t, err)
			require.IsType(t, &net.UDPAddr{}, addrs[0])
			_, err = asyncio.GetAddrInfo(x, "tcp", "127.0.0.1:no-such-service")
			require.Error(t, err)
			close(g.release)
			_, err = busy.Await(x)
			return err
		}))
	})
	t.Run("may be cancelled", func(t *testing.T) {
		require.NoError(t, run(t, func(x ctx) error {
			w := spawn(x, func(x ctx) error { _, err := asyncio.GetAddrInfo(x, "tcp", "localhost:http"); return err })
			require.NoError(t, asyncio.Sleep(x, 0))
			w.Cancel()
			_, err := w.Await(x)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			return nil
		}))
	})
}

func TestGetNameInfo(t *testing.T) {
	require.NoError(t, run(t, func(x ctx) error {
		host, service, err := asyncio.GetNameInfo(x, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80})
		require.NoError(t, err)
		require.NotEmpty(t, host)
		require.NotContains(t, host, ":")
		require.Equal(t, "80", service)
		_, service, err = asyncio.GetNameInfo(x, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53})
		require.NoError(t, err)
		require.Equal(t, "53", service)
		_, _, err = asyncio.GetNameInfo(x, &net.UnixAddr{Name: "/x"})
		require.ErrorContains(t, err, "asyncio.GetNameInfo: address /x: no internet address")
		return nil
	}))
}
