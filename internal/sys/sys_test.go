//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sys_test

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/internal/sys"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens a socket for the test's time.
func open(t *testing.T, f sys.Family, k sys.Kind) int {
	t.Helper()
	fd, err := sys.Open(f, k, false)
	require.NoError(t, err)
	t.Cleanup(func() { _ = sys.Close(fd) })
	return fd
}

// accept accepts a connection that is on its way.
func accept(t *testing.T, l int, network string) (int, net.Addr) {
	t.Helper()
	for {
		fd, peer, err := sys.Accept(l, network)
		if err == syscall.EAGAIN {
			continue
		}
		require.NoError(t, err)
		t.Cleanup(func() { _ = sys.Close(fd) })
		return fd, peer
	}
}

func TestStreamsOfEveryFamily(t *testing.T) {
	for _, c := range []struct {
		name, network string
		family        sys.Family
		address       net.Addr
	}{
		{"tcp4", "tcp", sys.Inet4, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}},
		{"tcp6", "tcp", sys.Inet6, &net.TCPAddr{IP: net.IPv6loopback}},
		{"unix", "unix", sys.Unix, &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.family, sys.FamilyOf(c.network, c.address))
			l := open(t, c.family, sys.Stream)
			if err := sys.Bind(l, c.family, c.address); err != nil && c.family == sys.Inet6 {
				t.Skip("no IPv6 here:", err)
			} else {
				require.NoError(t, err)
			}
			require.NoError(t, sys.Listen(l, 8))
			_, _, err := sys.Accept(l, c.network)
			require.Equal(t, syscall.EAGAIN, err)
			at := sys.LocalAddr(l, c.network)
			require.IsType(t, c.address, at)

			fd := open(t, c.family, sys.Stream)
			if err := sys.Connect(fd, c.family, at); err != nil {
				require.Equal(t, syscall.EINPROGRESS, err)
			}
			conn, peer := accept(t, l, c.network)
			remote, err := sys.Connected(fd, c.network)
			require.NoError(t, err)
			require.Equal(t, at.String(), remote.String())
			require.Equal(t, sys.LocalAddr(fd, c.network).String(), peer.String())
			require.Equal(t, at.String(), sys.RemoteAddr(fd, c.network).String())
			network, err := sys.Network(fd)
			require.NoError(t, err)
			require.Equal(t, c.network, network)

			n, errno := sys.Writev(fd, [][]byte{[]byte("ab"), {}, []byte("cde")})
			require.Zero(t, errno)
			for n < 5 { // where one piece is the most
				m, errno := sys.Write(fd, []byte("abcde")[n:])
				require.Zero(t, errno)
				n += m
			}
			b := make([]byte, 10)
			var got []byte
			for len(got) < 5 {
				n, errno := sys.Read(conn, b)
				if errno != syscall.EAGAIN {
					require.Zero(t, errno)
					got = append(got, b[:n]...)
				}
			}
			require.Equal(t, "abcde", string(got))
			require.NoError(t, sys.Shutdown(fd, true))
			for {
				n, errno := sys.Read(conn, b)
				if errno == syscall.EAGAIN {
					continue
				}
				require.Zero(t, errno)
				require.Zero(t, n)
				break
			}
		})
	}
}

func TestDatagramsAndTheirAddresses(t *testing.T) {
	here := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
	a, b := open(t, sys.Inet4, sys.Datagram), open(t, sys.Inet4, sys.Datagram)
	require.NoError(t, sys.Bind(a, sys.Inet4, here))
	require.NoError(t, sys.Bind(b, sys.Inet4, here))
	to := sys.LocalAddr(b, "udp")
	require.IsType(t, &net.UDPAddr{}, to)
	p := make([]byte, 10)
	_, _, errno := sys.ReadFrom(b, "udp", p)
	require.Equal(t, syscall.EAGAIN, errno)
	require.Error(t, sys.WriteTo(a, sys.Inet4, nil, nil), "it is not connected")
	require.ErrorContains(t, sys.WriteTo(a, sys.Inet4, nil, &net.UDPAddr{IP: net.IPv6loopback}), "non-IPv4")
	require.ErrorContains(t, sys.WriteTo(a, sys.Inet4, nil, &net.UnixAddr{Name: "x"}), "not an IP address")
	for _, data := range []string{"one", "", "two"} {
		require.NoError(t, sys.WriteTo(a, sys.Inet4, []byte(data), to))
		for {
			n, from, errno := sys.ReadFrom(b, "udp", p)
			if errno == syscall.EAGAIN {
				continue
			}
			require.Zero(t, errno)
			require.Equal(t, data, string(p[:n]))
			require.Equal(t, sys.LocalAddr(a, "udp").String(), from.String())
			break
		}
	}
	network, err := sys.Network(a)
	require.NoError(t, err)
	require.Equal(t, "udp", network)
}

func TestWhatIsNoSocket(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer f.Close()
	_, err = sys.Network(int(f.Fd()))
	require.ErrorIs(t, err, syscall.ENOTSOCK)
}

func TestSendfileSendsFromAnOffset(t *testing.T) {
	if !sys.SendfileSupported {
		_, err := sys.Sendfile(0, 0, 0, 0)
		require.Error(t, err)
		return
	}
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteString("0123456789")
	require.NoError(t, err)
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	defer sys.Close(fds[0])
	defer sys.Close(fds[1])
	n, err := sys.Sendfile(fds[0], int(f.Fd()), 3, 4)
	require.NoError(t, err)
	require.Equal(t, 4, n)
	n, err = sys.Sendfile(fds[0], int(f.Fd()), 10, 4)
	require.NoError(t, err)
	require.Zero(t, n)
	b := make([]byte, 10)
	n, errno := sys.Read(fds[1], b)
	require.Zero(t, errno)
	require.True(t, bytes.Equal([]byte("3456"), b[:n]))
}

func TestOptions(t *testing.T) {
	fd := open(t, sys.Inet4, sys.Stream)
	for name, set := range map[string]func() error{
		"no delay":     func() error { return sys.SetNoDelay(fd, true) },
		"keep alive":   func() error { return sys.SetKeepAlive(fd, true) },
		"reuse addr":   func() error { return sys.SetReuseAddr(fd, true) },
		"reuse port":   func() error { return sys.SetReusePort(fd, true) },
		"broadcast":    func() error { return sys.SetBroadcast(fd, true) },
		"linger":       func() error { return sys.SetLinger(fd, 1) },
		"linger off":   func() error { return sys.SetLinger(fd, -1) },
		"read buffer":  func() error { return sys.SetReadBuffer(fd, 1<<16) },
		"write buffer": func() error { return sys.SetWriteBuffer(fd, 1<<16) },
		"non-blocking": func() error { return sys.SetNonblock(fd) },
	} {
		require.NoError(t, set(), name)
	}
	dup, err := sys.Dup(fd)
	require.NoError(t, err)
	require.NoError(t, sys.Close(dup))
	require.ErrorIs(t, sys.Close(dup), syscall.EBADF)
	require.ErrorIs(t, sys.SetNoDelay(dup, true), syscall.EBADF)
}
