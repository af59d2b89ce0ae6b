package net_test

import (
	"io"
	stdnet "net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/net"
)

// busyListener is a listener on whose address a Dial waits for ever: its queue is
// full, so that the kernel drops what would begin a connection.
func busyListener(t *testing.T) (addr string) {
	t.Helper()
	l, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	raw, err := l.(*stdnet.TCPListener).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) { err = syscall.Listen(int(fd), 0) }))
	require.NoError(t, err)
	for {
		c, err := stdnet.DialTimeout("tcp", l.Addr().String(), 50*time.Millisecond)
		if err != nil {
			return l.Addr().String()
		}
		t.Cleanup(func() { c.Close() })
	}
}

// options tells the options of a socket that package net sets.
func options(t *testing.T, c syscall.Conn) map[string]int {
	t.Helper()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	found := map[string]int{}
	require.NoError(t, raw.Control(func(fd uintptr) {
		for name, o := range map[string][2]int{
			"SO_KEEPALIVE":  {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE},
			"SO_REUSEADDR":  {syscall.SOL_SOCKET, syscall.SO_REUSEADDR},
			"TCP_NODELAY":   {syscall.IPPROTO_TCP, syscall.TCP_NODELAY},
			"TCP_KEEPIDLE":  {syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE},
			"TCP_KEEPINTVL": {syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL},
			"TCP_KEEPCNT":   {syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT},
			"IPV6_V6ONLY":   {syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY},
		} {
			v, err := syscall.GetsockoptInt(int(fd), o[0], o[1])
			if err != nil {
				v = -1
			}
			found[name] = v
		}
		flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
		found["O_NONBLOCK"] = int(flags & syscall.O_NONBLOCK)
		flags, _, _ = syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFD, 0)
		found["FD_CLOEXEC"] = int(flags)
	}))
	return found
}

// A read stops where an urgent byte was. That it was short does not mean that
// nothing is left, and what is left makes no edge of its own.
func TestWhatFollowsAnUrgentByteIsRead(t *testing.T) {
	run(t, func() {
		c, peer := mixedPair(t)
		defer peer.Close()
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Millisecond)))
		isTimeout(t, readOne(c)()) // the loop knows that there is nothing
		require.NoError(t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
		raw, err := peer.SyscallConn()
		require.NoError(t, err)
		for range 3 {
			_, err = peer.Write([]byte("before"))
			require.NoError(t, err)
			require.NoError(t, raw.Control(func(fd uintptr) {
				err = syscall.Sendto(int(fd), []byte("!"), syscall.MSG_OOB, nil)
			}))
			require.NoError(t, err)
			_, err = peer.Write([]byte("after"))
			require.NoError(t, err)
			b, got := make([]byte, 64), ""
			for len(got) < len("beforeafter") {
				n, err := c.Read(b)
				require.NoError(t, err, "after %q", got)
				got += string(b[:n])
			}
			require.Equal(t, "beforeafter", got)
		}
	})
}

func TestARawConnWaitsBetweenTwoCalls(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		raw, err := c.SyscallConn()
		require.NoError(t, err)
		var got []byte
		g := gevent.Spawn(func() error {
			return raw.Read(func(fd uintptr) bool {
				b := make([]byte, 16)
				n, err := syscall.Read(int(fd), b)
				if err == syscall.EAGAIN {
					return false
				}
				got = append(got, b[:n]...)
				return len(got) == 6
			})
		})
		settle()
		for _, part := range []string{"two", "fro"} {
			_, err := s.Write([]byte(part))
			require.NoError(t, err)
			settle()
		}
		require.NoError(t, g.Get())
		require.Equal(t, "twofro", string(got))
		require.NoError(t, raw.Write(func(fd uintptr) bool {
			_, err := syscall.Write(int(fd), []byte("x"))
			return err == nil
		}))
		require.NoError(t, readOne(s)())
	})
}

// A function that closes the conn under itself still has its descriptor.
func TestARawConnKeepsTheDescriptorThatItsFunctionCloses(t *testing.T) {
	keepsDescriptors(t)
	run(t, func() {
		c, s := pair(t)
		raw, err := c.SyscallConn()
		require.NoError(t, err)
		require.NoError(t, raw.Control(func(fd uintptr) {
			require.NoError(t, c.Close())
			_, err := syscall.Write(int(fd), []byte("still open"))
			require.NoError(t, err)
		}))
		all, err := io.ReadAll(s)
		require.NoError(t, err)
		require.Equal(t, "still open", string(all))
	})
}

// A process that has no descriptor left gets a temporary error, and the
// connection waits in the queue until there is one.
func TestAcceptWithoutADescriptorLeftIsATemporaryError(t *testing.T) {
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	run(t, func() {
		l := listen(t)
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		probe, err := os.Open(os.DevNull)
		require.NoError(t, err)
		low := limit
		low.Cur = uint64(probe.Fd())
		require.NoError(t, probe.Close())
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low))
		for range 3 {
			_, err = l.Accept()
			require.ErrorIs(t, err, syscall.EMFILE)
			var ne net.Error
			require.ErrorAs(t, err, &ne)
			require.True(t, ne.(interface{ Temporary() bool }).Temporary())
		}
		_, err = net.Dial("tcp", l.Addr().String())
		require.ErrorIs(t, err, syscall.EMFILE)
		_, err = net.Listen("tcp", "127.0.0.1:0")
		require.ErrorIs(t, err, syscall.EMFILE)
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
		s, err := l.Accept()
		require.NoError(t, err)
		require.Equal(t, c.LocalAddr().String(), s.RemoteAddr().String())
	})
}
