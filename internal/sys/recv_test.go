//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sys_test

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/sys"
)

// datagramPair returns two bound sockets with their addresses.
func datagramPair(t *testing.T, network string, f sys.Family, names ...net.Addr) (fds [2]int, addrs [2]net.Addr) {
	t.Helper()
	for i := range fds {
		fd, err := sys.Open(f, sys.Datagram, false)
		require.NoError(t, err)
		t.Cleanup(func() { _ = sys.Close(fd) })
		if names[i] != nil {
			if err := sys.Bind(fd, f, names[i]); err != nil {
				t.Skip(err)
			}
		}
		fds[i], addrs[i] = fd, sys.LocalAddr(fd, network)
	}
	return fds, addrs
}

func TestAReceiverKnowsWhoSent(t *testing.T) {
	dir, err := os.MkdirTemp("", "sys")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	unix := func(name string) net.Addr { return &net.UnixAddr{Name: name, Net: "unixgram"} }
	for name, c := range map[string]struct {
		network string
		family  sys.Family
		names   []net.Addr
		from    string // "" for what the sender's socket says
		linux   bool
	}{
		"IPv4": {"udp", sys.Inet4, []net.Addr{&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}}, "", false},
		"IPv6": {"udp", sys.Inet6, []net.Addr{&net.UDPAddr{IP: net.IPv6loopback}, &net.UDPAddr{IP: net.IPv6loopback}}, "", false},
		"Unix": {"unixgram", sys.Unix, []net.Addr{unix(filepath.Join(dir, "a")), unix(filepath.Join(dir, "b"))}, "", false},
		"abstract Unix": {"unixgram", sys.Unix,
			[]net.Addr{unix("@baton-" + filepath.Base(dir)), unix("@baton-2" + filepath.Base(dir))}, "@baton-2" + filepath.Base(dir), true},
		"Unix without a name": {"unixgram", sys.Unix, []net.Addr{unix(filepath.Join(dir, "c")), nil}, "nobody", false},
	} {
		t.Run(name, func(t *testing.T) {
			if c.linux && runtime.GOOS != "linux" {
				t.Skip("there are none")
			}
			fds, addrs := datagramPair(t, c.network, c.family, c.names...)
			r := sys.NewReceiver(c.network)
			s := sys.Sender{Family: c.family}
			var last net.Addr
			for range 3 {
				dest, err := s.Dest(addrs[0])
				require.NoError(t, err)
				require.Zero(t, sys.Send(fds[1], []byte("abc"), dest))
				b := make([]byte, 10)
				n, from, errno := r.ReadFrom(fds[0], b)
				require.Zero(t, errno)
				require.Equal(t, "abc", string(b[:n]))
				switch c.from {
				case "":
					require.Equal(t, addrs[1], from)
				case "nobody":
					require.Nil(t, from)
				default:
					require.Equal(t, c.from, from.String())
				}
				last = from
			}
			_, _, errno := r.ReadFrom(fds[0], make([]byte, 10))
			require.Equal(t, syscall.EAGAIN, errno)
			if last != nil { // and back, connected
				require.NoError(t, sys.Connect(fds[0], c.family, last))
				require.Zero(t, sys.Send(fds[0], nil, sys.Dest{}))
				n, from, errno := sys.NewReceiver(c.network).ReadFrom(fds[1], make([]byte, 10))
				require.Zero(t, errno)
				require.Zero(t, n)
				require.Equal(t, addrs[0].String(), from.String())
			}
		})
	}
	t.Run("when senders take turns", func(t *testing.T) {
		local := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
		fds, addrs := datagramPair(t, "udp", sys.Inet4, local, local)
		more, others := datagramPair(t, "udp", sys.Inet4, local, local)
		r := sys.NewReceiver("udp")
		var kept []string
		for i, fd := range []int{fds[1], more[0], fds[1], more[1], more[1]} {
			var s sys.Sender
			dest, err := s.Dest(addrs[0])
			require.NoError(t, err)
			require.Zero(t, sys.Send(fd, []byte{byte(i)}, dest))
			_, from, errno := r.ReadFrom(fds[0], make([]byte, 10))
			require.Zero(t, errno)
			kept = append(kept, from.String())
		}
		a, b, c := addrs[1].String(), others[0].String(), others[1].String()
		require.Equal(t, []string{a, b, a, c, c}, kept)
	})
}

func TestASenderTakesAddressesThatAreModifiedLater(t *testing.T) {
	local := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
	fds, addrs := datagramPair(t, "udp", sys.Inet4, local, local)
	s := sys.Sender{}
	to := &net.UDPAddr{IP: append(net.IP{}, addrs[0].(*net.UDPAddr).IP...), Port: addrs[0].(*net.UDPAddr).Port}
	first, err := s.Dest(to)
	require.NoError(t, err)
	to.Port, to.IP[3] = 1, 7
	second, err := s.Dest(to)
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	require.Zero(t, sys.Send(fds[1], []byte("x"), first))
	n, _, errno := sys.NewReceiver("udp").ReadFrom(fds[0], make([]byte, 10))
	require.Zero(t, errno)
	require.Equal(t, 1, n)
	var none *net.UDPAddr
	for _, a := range []net.Addr{nil, none} {
		dest, err := s.Dest(a)
		require.NoError(t, err)
		require.Equal(t, sys.Dest{}, dest)
	}
	var wrong *net.AddrError
	_, err = s.Dest(&net.UDPAddr{IP: net.IPv6loopback})
	require.ErrorAs(t, err, &wrong)
}

func TestTakePipe(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	p, err := sys.TakePipe(int(r.Fd())) // which makes it blocking
	require.NoError(t, err)
	defer sys.Close(p.FD)
	require.True(t, p.Blocking)
	require.False(t, p.Both)
	b := make([]byte, 10)
	_, errno := sys.ReadPipe(p.FD, b)
	require.Equal(t, syscall.EAGAIN, errno)
	q, err := sys.TakePipe(p.FD)
	require.NoError(t, err)
	defer sys.Close(q.FD)
	require.False(t, q.Blocking)
	n, errno := sys.WritePipe(int(w.Fd()), []byte("abc"))
	require.Zero(t, errno)
	require.Equal(t, 3, n)
	n, errno = sys.ReadPipe(q.FD, b)
	require.Zero(t, errno)
	require.Equal(t, "abc", string(b[:n]))
	sys.SetBlocking(p.FD)
	again, err := sys.TakePipe(p.FD)
	require.NoError(t, err)
	defer sys.Close(again.FD)
	require.True(t, again.Blocking)
	_, err = sys.TakePipe(-1)
	require.ErrorIs(t, err, syscall.EBADF)
}
