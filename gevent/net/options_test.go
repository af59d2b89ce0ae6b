package net_test

import (
	"context"
	"fmt"
	"io"
	stdnet "net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent/net"
)

// addresses are forms in which one may listen and dial.
var addresses = []struct{ network, listen, dial string }{
	{"tcp", "127.0.0.1:0", "127.0.0.1:%d"},
	{"tcp", ":0", "127.0.0.1:%d"},
	{"tcp", ":0", ":%d"},
	{"tcp", ":0", "[::1]:%d"},
	{"tcp", "[::]:0", "[::]:%d"},
	{"tcp", "[::]:", "127.0.0.1:%d"},
	{"tcp", "0.0.0.0:0", "0.0.0.0:%d"},
	{"tcp", "localhost:0", "localhost:%d"},
	{"tcp4", ":0", "127.0.0.1:%d"},
	{"tcp4", "localhost:0", "localhost:%d"},
	{"tcp6", "[::1]:0", "[::1]:%d"},
	{"tcp6", ":0", ":%d"},
}

func TestAddressesAndOptionsAreThoseOfPackageNet(t *testing.T) {
	for _, a := range addresses {
		t.Run(strings.ReplaceAll(a.network+" "+a.listen+" "+a.dial, "/", "_"), func(t *testing.T) {
			look := func(lib library) (seen []any) {
				l, err := lib.listen(a.network, a.listen)
				require.NoError(t, err)
				defer l.Close()
				number := l.Addr().(*net.TCPAddr).Port
				c, err := lib.dial(a.network, fmt.Sprintf(a.dial, number))
				require.NoError(t, err)
				defer c.Close()
				s, err := l.Accept()
				require.NoError(t, err)
				defer s.Close()
				require.Equal(t, number, s.LocalAddr().(*net.TCPAddr).Port)
				require.Equal(t, c.LocalAddr().(*net.TCPAddr).Port, s.RemoteAddr().(*net.TCPAddr).Port)
				for _, addr := range []net.Addr{l.Addr(), c.LocalAddr(), c.RemoteAddr(), s.LocalAddr(), s.RemoteAddr()} {
					seen = append(seen, addr.Network(), port.ReplaceAllString(addr.String(), ":PORT"))
				}
				return append(seen, options(t, l.(syscall.Conn)), options(t, c.(syscall.Conn)), options(t, s.(syscall.Conn)))
			}
			want := look(standard)
			run(t, func() { require.Equal(t, want, look(ours)) })
		})
	}
}

func TestKeepAliveOptionsAreThoseOfPackageNet(t *testing.T) {
	for _, config := range []struct {
		time   time.Duration
		config net.KeepAliveConfig
	}{
		{-1, net.KeepAliveConfig{}},
		{2500 * time.Millisecond, net.KeepAliveConfig{}},
		{-1, net.KeepAliveConfig{Enable: true}},
		{-1, net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 2 * time.Second, Count: 3}},
		{-1, net.KeepAliveConfig{Enable: true, Idle: -1, Interval: -1, Count: -1}},
	} {
		t.Run(fmt.Sprint(config), func(t *testing.T) {
			lc := stdnet.ListenConfig{KeepAlive: config.time, KeepAliveConfig: config.config}
			l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer l.Close()
			d := stdnet.Dialer{KeepAlive: config.time, KeepAliveConfig: config.config}
			c, err := d.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			defer c.Close()
			s, err := l.Accept()
			require.NoError(t, err)
			defer s.Close()
			want := []any{options(t, c.(syscall.Conn)), options(t, s.(syscall.Conn))}
			run(t, func() {
				lc := net.ListenConfig{KeepAlive: config.time, KeepAliveConfig: config.config}
				l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
				require.NoError(t, err)
				d := net.Dialer{KeepAlive: config.time, KeepAliveConfig: config.config}
				c, err := d.Dial("tcp", l.Addr().String())
				require.NoError(t, err)
				s, err := l.Accept()
				require.NoError(t, err)
				require.Equal(t, want, []any{options(t, c.(syscall.Conn)), options(t, s.(syscall.Conn))})
			})
		})
	}
}

func TestOptionsMayBeSet(t *testing.T) {
	run(t, func() {
		c, _ := pair(t)
		require.NoError(t, c.SetNoDelay(false))
		require.NoError(t, c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: false, Idle: time.Second}))
		require.NoError(t, c.SetKeepAlivePeriod(90*time.Second))
		require.NoError(t, c.SetReadBuffer(1<<17))
		require.NoError(t, c.SetWriteBuffer(1<<17))
		o := options(t, c)
		if o == nil {
			return
		}
		require.Zero(t, o["TCP_NODELAY"])
		require.Zero(t, o["SO_KEEPALIVE"])
		require.Equal(t, 90, o["TCP_KEEPIDLE"])
	})
}

func TestADialerHasALocalAddressAndAControlFunction(t *testing.T) {
	run(t, func() {
		l := listen(t)
		local := free(t)
		var seen []string
		d := net.Dialer{LocalAddr: local, Control: func(network, address string, raw syscall.RawConn) error {
			seen = append(seen, network, address)
			require.Error(t, raw.Read(nil))
			require.Error(t, raw.Write(nil))
			return raw.Control(func(fd uintptr) { require.NotZero(t, fd) })
		}}
		c, err := d.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		require.Equal(t, local.String(), c.LocalAddr().String())
		require.Equal(t, []string{"tcp4", l.Addr().String()}, seen)
		require.NoError(t, c.(*net.TCPConn).SetLinger(0))
		require.NoError(t, c.Close())

		d.ControlContext = func(context.Context, string, string, syscall.RawConn) error { return io.ErrNoProgress }
		_, err = d.Dial("tcp", l.Addr().String())
		require.ErrorIs(t, err, io.ErrNoProgress)
	})
}

// The addresses of a name are tried one after another.
func TestADialTriesEveryAddressOfAName(t *testing.T) {
	hosts, err := stdnet.LookupHost("localhost")
	require.NoError(t, err)
	if len(hosts) < 2 {
		t.Skip("localhost has one address here")
	}
	run(t, func() {
		for _, only := range []string{"127.0.0.1:0", "[::1]:0"} {
			l, err := net.Listen("tcp", only)
			require.NoError(t, err)
			c, err := net.Dial("tcp", fmt.Sprintf("localhost:%d", l.Addr().(*net.TCPAddr).Port))
			require.NoError(t, err)
			require.Equal(t, l.Addr().String(), c.RemoteAddr().String())
		}
	})
}

func TestNamesAreResolvedWhileOthersRun(t *testing.T) {
	run(t, func() {
		a, err := net.ResolveTCPAddr("tcp4", "localhost:80")
		require.NoError(t, err)
		require.Equal(t, "127.0.0.1:80", a.String())
		a, err = net.ResolveTCPAddr("tcp", "[::1]:http")
		require.NoError(t, err)
		require.Equal(t, netip.MustParseAddrPort("[::1]:80"), a.AddrPort())
		_, err = net.ResolveTCPAddr("tcp", "127.0.0.1")
		require.ErrorContains(t, err, "missing port in address")
	})
}

func TestAFileIsACopyOfTheDescriptor(t *testing.T) {
	keepsDescriptors(t)
	run(t, func() {
		l := listen(t)
		c, s := connect(t, l)
		f, err := c.File()
		require.NoError(t, err)
		require.NoError(t, c.Close())
		_, err = f.Write([]byte("copy"))
		require.NoError(t, err)
		require.NoError(t, f.Close())
		all, err := io.ReadAll(s)
		require.NoError(t, err)
		require.Equal(t, "copy", string(all))

		lf, err := l.File()
		require.NoError(t, err)
		require.NoError(t, l.Close())
		again, err := stdnet.FileListener(lf)
		require.NoError(t, err)
		require.NoError(t, lf.Close())
		require.Equal(t, l.Addr().String(), again.Addr().String())
		require.NoError(t, again.Close())
	})
}
