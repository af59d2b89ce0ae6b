//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// sockRefuses returns a local address at which nobody listens.
func sockRefuses(t testing.TB, host string) *net.TCPAddr {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().(*net.TCPAddr)
}

func TestNT03WhatGoesWrongWithSeveralAddresses(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		s := sockServe(t, c, "tcp", "127.0.0.1:0")
		good := s.Addrs()[0]
		a, b := sockRefuses(t, "127.0.0.1"), sockRefuses(t, "127.0.0.2")
		before := sockOpen(t)
		got, err := asyncio.Reach(c, "tcp", []net.Addr{a, b, good})
		require.NoError(t, err)
		require.Equal(t, good.String(), got.String())

		_, err = asyncio.Reach(c, "tcp", []net.Addr{a, b})
		var all *asyncio.ConnectError
		require.ErrorAs(t, err, &all)
		require.Len(t, all.Errs, 2)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		require.ErrorContains(t, err, a.String()+": connect: connection refused, dial tcp "+b.String()+": connect: connection refused")

		_, err = asyncio.Reach(c, "tcp", []net.Addr{a, a})
		var one *net.OpError
		require.ErrorAs(t, err, &one)
		require.NotErrorAs(t, err, new(*asyncio.ConnectError), "both say the same")
		_, err = asyncio.Reach(c, "tcp", []net.Addr{a, a}, asyncio.WithAllErrors())
		require.ErrorAs(t, err, &all)
		require.Len(t, all.Errs, 2)
		sockUntil(t, c, "end of the connection", func() bool { return len(s.protos) == 1 && s.protos[0].lost.Done() })
		require.NoError(t, asyncio.Sleep(c, 0))
		sockNoMore(t, before)
		s.Close()
		return s.WaitClosed(c)
	})
}

func TestAddressesAreInterleaved(t *testing.T) {
	v4 := func(n byte) net.Addr { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, n)} }
	v6 := func(n byte) net.Addr { return &net.TCPAddr{IP: net.IP{0: 0xfd, 15: n}} }
	all := []net.Addr{v6(1), v6(2), v6(3), v6(4), v4(1), v4(2)}
	require.Equal(t, []net.Addr{v6(1), v4(1), v6(2), v4(2), v6(3), v6(4)}, asyncio.Interleaved(all, 1))
	require.Equal(t, []net.Addr{v6(1), v6(2), v6(3), v4(1), v6(4), v4(2)}, asyncio.Interleaved(all, 3))
	require.Equal(t, all[:4], asyncio.Interleaved(all[:4], 9))
}

func TestNT04LiteralsNeedNoLookUp(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
			t.Skip("no IPv6 here:", err)
		} else {
			require.NoError(t, l.Close())
		}
		s := sockServe(t, c, "tcp6", "[::1]:0")
		sockTalkOnce(t, c, "tcp", s.Addrs()[0].String())
		sockTalkOnce(t, c, "tcp6", s.Addrs()[0].String())
		_, _, err := asyncio.CreateConnection(c, func() asyncio.Protocol { return nil }, "tcp4", s.Addrs()[0].String())
		require.ErrorContains(t, err, "no suitable address")
		// A zone is kept: nobody can be reached there, but the address is used.
		_, _, err = asyncio.CreateConnection(c, func() asyncio.Protocol { return nil }, "tcp", "[fe80::1%lo]:1")
		require.ErrorContains(t, err, "[fe80::1%lo]:1")
		s.Close()
		return s.WaitClosed(c)
	})
}

func TestNT04NamesAreLookedUpMeanwhile(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		s := sockServe(t, c, "tcp", "127.0.0.1:0")
		_, port, _ := net.SplitHostPort(s.Addrs()[0].String())
		ran := false
		asyncio.RunningLoop(c).CallSoon(func() { ran = true })
		sockTalkOnce(t, c, "tcp4", "localhost:"+port)
		require.True(t, ran)
		_, _, err := asyncio.CreateConnection(c, func() asyncio.Protocol { return nil }, "tcp", "no.such.name.invalid:1")
		var dns *net.DNSError
		require.ErrorAs(t, err, &dns)
		_, _, err = asyncio.CreateConnection(c, func() asyncio.Protocol { return nil }, "tcp", "127.0.0.1:no-such-service")
		require.ErrorAs(t, err, &dns)
		// A wait that ends leaves the look-up behind.
		gone, cancel := context.WithCancel(c)
		cancel()
		_, _, err = asyncio.CreateConnection(gone, func() asyncio.Protocol { return nil }, "tcp", "no.such.name.invalid:1")
		require.ErrorIs(t, err, context.Canceled)
		s.Close()
		return s.WaitClosed(c)
	})
}

func TestNT05TheLocalAddress(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		s := sockServe(t, c, "tcp", "127.0.0.1:0")
		address := s.Addrs()[0].String()
		p := sockDial(t, c, "tcp", address, asyncio.WithLocalAddr("127.0.0.3:0"))
		require.Equal(t, "127.0.0.3", p.t.LocalAddr().(*net.TCPAddr).IP.String())
		sockTalk(t, c, p)
		p.t.Close()
		factory := func() asyncio.Protocol { return nil }
		_, _, err := asyncio.CreateConnection(c, factory, "tcp", address, asyncio.WithLocalAddr("[::1]:0"))
		require.ErrorContains(t, err, "no local address of that family")
		l, err := net.Listen("tcp", "127.0.0.3:0")
		require.NoError(t, err)
		defer l.Close()
		_, _, err = asyncio.CreateConnection(c, factory, "tcp", address, asyncio.WithLocalAddr(l.Addr().String()))
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.ErrorContains(t, err, l.Addr().String())
		_, _, err = asyncio.CreateConnection(c, factory, "tcp", address, asyncio.WithLocalAddr("no port"))
		require.ErrorContains(t, err, "missing port")
		_, err = p.lost.Await(c)
		require.NoError(t, err)
		s.Close()
		return s.WaitClosed(c)
	})
}

func TestNobodyIsConnectedToItself(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		// With the local port given, the system would connect it to itself.
		a := sockRefuses(t, "127.0.0.1").String()
		_, _, err := asyncio.CreateConnection(c, func() asyncio.Protocol { return nil }, "tcp", a)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		return nil
	})
}

func TestWhatIsNoAddressToConnectTo(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		for _, bad := range []struct{ network, address, want string }{
			{"udp", "127.0.0.1:1", "unknown network udp"},
			{"tcp", "127.0.0.1", "missing port"},
			{"unix", filepath.Join(t.TempDir(), "none"), "no such file"},
		} {
			_, _, err := asyncio.CreateConnection(c, func() asyncio.Protocol { return nil }, bad.network, bad.address)
			require.ErrorContains(t, err, bad.want)
			var op *net.OpError
			require.ErrorAs(t, err, &op)
			require.Equal(t, "dial", op.Op)
		}
		return nil
	})
}

// A connection that takes long: the listener's queue is full.
func sockStuck(t testing.TB) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Listen(fd, 0))
	sa, err := syscall.Getsockname(fd)
	require.NoError(t, err)
	a := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: sa.(*syscall.SockaddrInet4).Port}).String()
	for range 8 {
		n, err := net.DialTimeout("tcp", a, 50*time.Millisecond)
		if err != nil {
			return a
		}
		t.Cleanup(func() { n.Close() })
	}
	t.Skip("the system lets connections wait without end")
	return ""
}

func TestAnAttemptThatIsEndedLeavesNothing(t *testing.T) {
	stuck := sockStuck(t)
	factory := func() asyncio.Protocol { return asyncio.BaseProtocol{} }
	sockRun(t, nil, func(c ctx) error {
		before := sockOpen(t)
		connect := spawn(c, func(c ctx) error {
			_, _, err := asyncio.CreateConnection(c, factory, "tcp", stuck)
			return err
		})
		_ = asyncio.Sleep(c, time.Millisecond)
		require.Equal(t, before+1, sockOpen(t))
		connect.Cancel()
		_, err := connect.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		sockNoMore(t, before)

		short, cancel := context.WithTimeout(c, 2*time.Millisecond)
		defer cancel()
		_, _, err = asyncio.CreateConnection(short, factory, "tcp", stuck)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		sockNoMore(t, before)
		return nil
	})
	require.NoError(t, gevent.Run(func() error {
		before := sockOpen(t)
		g := gevent.Spawn(func() {
			_, _, _ = asyncio.CreateConnection(context.Background(), factory, "tcp", stuck)
		})
		gevent.Sleep(time.Millisecond)
		require.Equal(t, before+1, sockOpen(t))
		g.Kill()
		sockNoMore(t, before)
		return nil
	}))
}

func TestACreatorWhoIsCancelledClosesTheTransport(t *testing.T) {
	var o trace
	sockRun(t, nil, func(c ctx) error {
		before := sockOpen(t)
		fd, peer := sockEnds(t)
		p := sockNew(c, "", &o)
		connect := spawn(c, func(c ctx) error {
			_, _, err := asyncio.CreateConnection(c, func() *sockProto { return p }, "", "", asyncio.WithFD(fd))
			return err
		})
		_ = asyncio.Sleep(c, 0)
		connect.Cancel()
		_, err := connect.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		_, err = p.lost.Await(c)
		require.NoError(t, err)
		require.NoError(t, peer.Close())
		sockNoMore(t, before)
		return nil
	})
	require.Equal(t, trace{"made", "lost nil"}, o)
}

func TestAFactoryThatFailsLeavesNothing(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		s := sockServe(t, c, "tcp", "127.0.0.1:0")
		before := sockOpen(t)
		panicSays(t, "oops", func() {
			_, _, _ = asyncio.CreateConnection(c, func() asyncio.Protocol { panic("oops") }, "tcp", s.Addrs()[0].String())
		})
		panicSays(t, "the factory returned nil", func() {
			_, _, _ = asyncio.CreateConnection(c, func() asyncio.Protocol { return nil }, "tcp", s.Addrs()[0].String())
		})
		sockUntil(t, c, "ends", func() bool { return len(s.protos) == 2 && s.protos[0].lost.Done() && s.protos[1].lost.Done() })
		require.NoError(t, asyncio.Sleep(c, 0))
		sockNoMore(t, before)
		s.Close()
		return s.WaitClosed(c)
	})
}

func TestExistingSockets(t *testing.T) {
	t.Run("a net.Conn", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			s := sockServe(t, c, "tcp", "127.0.0.1:0")
			before := sockOpen(t)
			n, err := net.Dial("tcp", s.Addrs()[0].String())
			require.NoError(t, err)
			p := sockDial(t, c, "", "", asyncio.WithConn(n))
			require.Equal(t, n.LocalAddr().String(), p.t.LocalAddr().String())
			sockTalk(t, c, p)
			_, err = n.Write([]byte("x"))
			require.ErrorIs(t, err, net.ErrClosed)
			p.t.Close()
			_, err = p.lost.Await(c)
			require.NoError(t, err)
			sockUntil(t, c, "end", func() bool { return s.protos[0].lost.Done() })
			require.NoError(t, asyncio.Sleep(c, 0))
			sockNoMore(t, before)
			s.Close()
			return s.WaitClosed(c)
		})
	})
	t.Run("one that somebody else accepted", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer l.Close()
			client := sockDial(t, c, "tcp", l.Addr().String())
			n, err := l.Accept()
			require.NoError(t, err)
			_, p, err := asyncio.ConnectAcceptedSocket(c, func() *sockProto { return sockNew(c, "", nil) }, n)
			require.NoError(t, err)
			p.data = func(b []byte) { _, _ = p.t.Write(b) }
			sockTalk(t, c, client)
			client.t.Close()
			_, err = p.lost.Await(c)
			return err
		})
	})
	t.Run("what is none", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			before := sockOpen(t)
			factory := func() asyncio.Protocol { return asyncio.BaseProtocol{} }
			a, b := net.Pipe()
			defer b.Close()
			u, err := net.ListenPacket("udp", "127.0.0.1:0")
			require.NoError(t, err)
			file, err := os.CreateTemp(t.TempDir(), "")
			require.NoError(t, err)
			defer file.Close()
			fd, err := syscall.Dup(int(file.Fd()))
			require.NoError(t, err)
			for _, opt := range []asyncio.ConnectOption{
				asyncio.WithConn(a), asyncio.WithConn(u.(net.Conn)), asyncio.WithFD(fd), asyncio.WithFD(-1),
			} {
				_, _, err := asyncio.CreateConnection(c, factory, "", "", opt)
				require.ErrorIs(t, err, asyncio.ErrNoStreamSocket)
			}
			require.NoError(t, file.Close())
			sockNoMore(t, before)
			return nil
		})
	})
}

func TestUnixSocketsConnect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	sockRun(t, nil, func(c ctx) error {
		s := sockServe(t, c, "unix", path)
		p := sockDial(t, c, "unix", path)
		sockTalk(t, c, p)
		require.Equal(t, path, p.t.RemoteAddr().String())
		require.Equal(t, "unix", p.t.RemoteAddr().Network())
		s.Close()
		s.CloseClients()
		_, err := p.lost.Await(c)
		require.NoError(t, err)
		return s.WaitClosed(c)
	})
}

func TestATLSConnectionTakesTheHostForTheServersName(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		s := sockServe(t, c, "tcp", "127.0.0.1:0") // which echoes, and so is no TLS
		_, _, err := asyncio.CreateConnection(c, func() asyncio.Protocol { return asyncio.BaseProtocol{} },
			"tcp", s.Addrs()[0].String(), asyncio.WithTLS(&tls.Config{}))
		require.Error(t, err)
		s.Close()
		return s.WaitClosed(c)
	})
}
