//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/baton-go/baton/asyncio"
)

func TestCreateDatagramEndpoint(t *testing.T) {
	open := func(c ctx, network string, opts ...asyncio.DatagramOption) error {
		tr, _, err := asyncio.CreateDatagramEndpoint(c, func() *dgProtocol { return &dgProtocol{} }, network, opts...)
		if err == nil {
			tr.Close()
			return asyncio.Sleep(c, 0)
		}
		return err
	}
	test := func(name string, f func(t *testing.T, c ctx)) {
		t.Run(name, func(t *testing.T) {
			leavesNothingE(t)
			require.NoError(t, run(t, func(c ctx) error { f(t, c); return nil }))
		})
	}
	test("NT-08 binds and connects", func(t *testing.T, c ctx) {
		server, s := dgOpen(t, c, "s", nil, "udp4", asyncio.WithDatagramLocal("127.0.0.1:0"))
		client, p := dgOpen(t, c, "c", nil, "udp", asyncio.WithDatagramLocal("127.0.0.1:0"),
			asyncio.WithDatagramRemote(server.LocalAddr().String()))
		require.Equal(t, server.LocalAddr().String(), client.RemoteAddr().String())
		require.Nil(t, server.RemoteAddr())
		require.Nil(t, server.ExtraInfo("peername"))
		require.Nil(t, server.ExtraInfo("nothing"))
		require.Equal(t, client.RemoteAddr(), client.ExtraInfo("peername"))
		require.Equal(t, client.LocalAddr(), client.ExtraInfo("sockname"))
		require.NoError(t, client.ExtraInfo("socket").(syscall.RawConn).Control(func(fd uintptr) {
			kind, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TYPE)
			require.NoError(t, err)
			require.Equal(t, unix.SOCK_DGRAM, kind)
			require.ErrorIs(t, asyncio.RunningLoop(c).AddReader(int(fd), func() {}), asyncio.ErrFDUsed)
		}))
		require.Equal(t, fmt.Sprintf("udp %v->%v", client.LocalAddr(), server.LocalAddr()), fmt.Sprint(client))
		require.NoError(t, p.closed(c))
		require.NoError(t, s.closed(c))
	})
	test("NT-08 looks names up", func(t *testing.T, c ctx) {
		server, s := dgOpen(t, c, "s", nil, "udp4", asyncio.WithDatagramLocal("localhost:0"))
		require.True(t, server.LocalAddr().(*net.UDPAddr).IP.IsLoopback())
		require.NoError(t, s.closed(c))
		var dns *net.DNSError
		require.ErrorAs(t, open(c, "udp", asyncio.WithDatagramRemote("localhost:nothing-of-this-name")), &dns)
	})
	test("NT-08 takes all addresses of both families", func(t *testing.T, c ctx) {
		server, s := dgOpen(t, c, "s", nil, "udp", asyncio.WithDatagramLocal(":0"))
		port := server.LocalAddr().(*net.UDPAddr).Port
		client, p := dgOpen(t, c, "c", nil, "udp", asyncio.WithDatagramRemote(fmt.Sprintf(":%d", port)))
		var from net.Addr
		s.got = func(_ []byte, a net.Addr) { from = a; _ = server.SendTo([]byte("back"), a) }
		answered := false
		p.got = func([]byte, net.Addr) { answered = true }
		require.NoError(t, client.SendTo([]byte("x"), nil))
		require.NoError(t, p.wait(c, func() bool { return answered }))
		require.Equal(t, client.LocalAddr().String(), from.String())
		require.NoError(t, p.closed(c))
		require.NoError(t, s.closed(c))
	})
	test("NT-08 needs no address", func(t *testing.T, c ctx) {
		for _, network := range []string{"udp", "udp4"} {
			require.NoError(t, open(c, network))
		}
	})
	test("NT-08 takes sockets of Unix, and removes what one has left", func(t *testing.T, c ctx) {
		path := filepath.Join(dgTempDir(t), "s")
		_, s := dgOpen(t, c, "s", nil, "unixgram", asyncio.WithDatagramLocal(path))
		require.NoError(t, s.closed(c))
		require.FileExists(t, path)
		server, s := dgOpen(t, c, "s", nil, "unixgram", asyncio.WithDatagramLocal(path))
		client, p := dgOpen(t, c, "c", nil, "unixgram", asyncio.WithDatagramLocal(path+"2"), asyncio.WithDatagramRemote(path))
		var from net.Addr
		s.got = func(_ []byte, a net.Addr) { from = a; _ = server.SendTo([]byte("back"), a) }
		answered := false
		p.got = func(_ []byte, a net.Addr) { answered = true; require.Equal(t, path, a.String()) }
		require.NoError(t, client.SendTo([]byte("x"), server.LocalAddr()))
		require.NoError(t, p.wait(c, func() bool { return answered }))
		require.Equal(t, path+"2", from.String())
		require.ErrorIs(t, client.SendTo(nil, &net.UnixAddr{Name: "elsewhere", Net: "unixgram"}), net.ErrWriteToConnected)
		require.NoError(t, p.closed(c))
		require.NoError(t, s.closed(c))
		file := path + "3"
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		require.ErrorIs(t, open(c, "unixgram", asyncio.WithDatagramLocal(file)), syscall.EADDRINUSE)
		require.FileExists(t, file)
	})
	test("NT-08 takes a socket that exists", func(t *testing.T, c ctx) {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		require.NoError(t, err)
		addr := conn.LocalAddr().String()
		server, s := dgOpen(t, c, "s", nil, "", asyncio.WithPacketConn(conn))
		require.Equal(t, addr, server.LocalAddr().String())
		require.ErrorIs(t, conn.Close(), net.ErrClosed, "it is the transport's")
		conn2, err := net.Dial("udp", addr)
		require.NoError(t, err)
		client, p := dgOpen(t, c, "c", nil, "", asyncio.WithPacketConn(conn2.(*net.UDPConn)))
		require.Equal(t, addr, client.RemoteAddr().String())
		got := false
		s.got = func([]byte, net.Addr) { got = true }
		require.NoError(t, client.SendTo([]byte("x"), nil))
		require.NoError(t, s.wait(c, func() bool { return got }))
		require.NoError(t, p.closed(c))
		require.NoError(t, s.closed(c))
	})
	test("NT-08 refuses a socket that is none for datagrams", func(t *testing.T, c ctx) {
		path := filepath.Join(dgTempDir(t), "s")
		l, err := net.Listen("unix", path)
		require.NoError(t, err)
		defer l.Close()
		conn, err := net.Dial("unix", path)
		require.NoError(t, err)
		err = open(c, "", asyncio.WithPacketConn(conn.(*net.UnixConn)))
		require.ErrorIs(t, err, asyncio.ErrNoDatagramSocket)
		var op *net.OpError
		require.ErrorAs(t, err, &op)
		require.ErrorIs(t, conn.Close(), net.ErrClosed)
		require.ErrorIs(t, open(c, "", asyncio.WithPacketConn(dgNoConn{})), asyncio.ErrNoDatagramSocket)
	})
	test("NT-08 refuses other options with a socket, and none at all", func(t *testing.T, c ctx) {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		require.NoError(t, err)
		defer conn.Close()
		for _, opt := range []asyncio.DatagramOption{
			asyncio.WithDatagramLocal("127.0.0.1:0"), asyncio.WithDatagramRemote("127.0.0.1:1"),
			asyncio.WithDatagramReusePort(), asyncio.WithBroadcast(),
		} {
			require.PanicsWithValue(t, "asyncio.CreateDatagramEndpoint: socket modifier options can not be used when a socket is given; "+
				"leave the network and them out, or WithPacketConn", func() { _ = open(c, "", asyncio.WithPacketConn(conn), opt) })
		}
		require.Panics(t, func() { _ = open(c, "udp", asyncio.WithPacketConn(conn)) })
		require.Panics(t, func() { _ = open(c, "") })
		require.Panics(t, func() { _, _, _ = asyncio.CreateDatagramEndpoint[*dgProtocol](c, nil, "udp") })
		require.Panics(t, func() {
			_, _, _ = asyncio.CreateDatagramEndpoint(c, func() asyncio.DatagramProtocol { return nil }, "udp")
		})
		require.Panics(t, func() {
			_, _, _ = asyncio.CreateDatagramEndpoint(c, func() *dgProtocol { panic("no") }, "udp")
		})
	})
	test("NT-08 lets sockets share a port if all say so", func(t *testing.T, c ctx) {
		a, p := dgOpen(t, c, "a", nil, "udp4", asyncio.WithDatagramLocal("127.0.0.1:0"), asyncio.WithDatagramReusePort())
		local := asyncio.WithDatagramLocal(a.LocalAddr().String())
		err := open(c, "udp4", local)
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.ErrorContains(t, err, a.LocalAddr().String())
		require.NoError(t, open(c, "udp4", local, asyncio.WithDatagramReusePort()))
		require.NoError(t, p.closed(c))
	})
	test("NT-08 allows broadcasts, and is not connected then", func(t *testing.T, c ctx) {
		s, sp := dgOpen(t, c, "s", nil, "udp4", asyncio.WithDatagramLocal("127.0.0.1:0"))
		b, p := dgOpen(t, c, "b", nil, "udp4", asyncio.WithBroadcast(), asyncio.WithDatagramRemote(s.LocalAddr().String()))
		require.Nil(t, b.RemoteAddr())
		require.NoError(t, b.ExtraInfo("socket").(syscall.RawConn).Control(func(fd uintptr) {
			on, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST)
			require.NoError(t, err)
			require.NotZero(t, on)
		}))
		got := 0
		sp.got = func([]byte, net.Addr) { got++ }
		require.NoError(t, b.SendTo([]byte("x"), nil))
		require.NoError(t, b.SendTo([]byte("x"), s.LocalAddr()))
		require.ErrorIs(t, b.SendTo([]byte("x"), b.LocalAddr()), net.ErrWriteToConnected)
		require.NoError(t, sp.wait(c, func() bool { return got == 2 }))
		require.NoError(t, p.closed(c))
		require.NoError(t, sp.closed(c))
	})
	test("NT-08 tells what is wrong", func(t *testing.T, c ctx) {
		require.ErrorIs(t, open(c, "udp", asyncio.WithDatagramLocal("127.0.0.1:0"), asyncio.WithDatagramRemote("[::1]:1")),
			asyncio.ErrNoAddressInfo)
		require.ErrorIs(t, open(c, "udp6", asyncio.WithDatagramLocal("127.0.0.1:0")), asyncio.ErrNoAddressInfo)
		var unknown net.UnknownNetworkError
		require.ErrorAs(t, open(c, "tcp"), &unknown)
		var addr *net.AddrError
		require.ErrorAs(t, open(c, "udp", asyncio.WithDatagramLocal("127.0.0.1")), &addr)
		require.ErrorIs(t, open(c, "udp", asyncio.WithDatagramLocal("203.0.113.7:1")), syscall.EADDRNOTAVAIL)
		require.ErrorIs(t, open(c, "unixgram", asyncio.WithDatagramRemote("/nowhere/s")), syscall.ENOENT)
		s, p := dgOpen(t, c, "s", nil, "udp4")
		require.ErrorAs(t, s.SendTo(nil, &net.UDPAddr{IP: net.IPv6loopback, Port: 1}), &addr)
		require.ErrorAs(t, s.SendTo(nil, &net.TCPAddr{IP: net.IPv6loopback, Port: 1}), &addr)
		var refused error
		p.fail = func(err error) { refused = err }
		require.NoError(t, s.SendTo(nil, nil), "the protocol is told")
		require.Error(t, refused)
		require.NoError(t, s.SendTo(make([]byte, 1<<17), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}))
		require.ErrorIs(t, refused, syscall.EMSGSIZE)
		require.NoError(t, p.closed(c))
	})
	test("leaves nothing when it is cancelled", func(t *testing.T, c ctx) {
		for n := range 4 {
			var p *dgProtocol
			task := spawn(c, func(c ctx) error {
				_, _, err := asyncio.CreateDatagramEndpoint(c, func() *dgProtocol { p = &dgProtocol{}; return p }, "udp4",
					asyncio.WithDatagramLocal("localhost:0"))
				return err
			})
			for range n {
				require.NoError(t, asyncio.Sleep(c, 0))
			}
			task.Cancel()
			_, err := task.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			require.NoError(t, yield(c, 3))
			require.True(t, p == nil || p.lost || p.t == nil)
		}
		ended, cancel := context.WithCancel(c)
		cancel()
		_, _, err := asyncio.CreateDatagramEndpoint(ended, func() *dgProtocol { return &dgProtocol{} }, "udp4")
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, yield(c, 3))
	})
}

// dgNoConn is no socket.
type dgNoConn struct{ net.PacketConn }

func (dgNoConn) Close() error        { return nil }
func (dgNoConn) LocalAddr() net.Addr { return &net.UnixAddr{Name: "none", Net: "none"} }
