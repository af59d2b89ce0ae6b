package net_test

import (
	"errors"
	"io"
	stdnet "net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/net"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run runs f as the main greenlet of a thread, and fails the test if the thread
// ends with an error.
func run(t testing.TB, f func()) {
	t.Helper()
	require.NoError(t, gevent.Run(f))
}

// listen listens on a free port of the loopback interface until the test's end,
// in the thread or goroutine that calls.
func listen(t testing.TB) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l.(*net.TCPListener)
}

// pair returns both ends of a connection. The caller is a greenlet, or nobody's
// goroutine.
func pair(t testing.TB) (client, server *net.TCPConn) {
	t.Helper()
	l := listen(t)
	defer l.Close()
	return connect(t, l)
}

// connect dials the listener and accepts.
func connect(t testing.TB, l *net.TCPListener) (client, server *net.TCPConn) {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	s, err := l.AcceptTCP()
	require.NoError(t, err)
	return c.(*net.TCPConn), s
}

// mixedPair returns a conn of this package and its peer of package net.
func mixedPair(t testing.TB) (ours *net.TCPConn, peer *stdnet.TCPConn) {
	t.Helper()
	l, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	p, err := l.Accept()
	require.NoError(t, err)
	return c.(*net.TCPConn), p.(*stdnet.TCPConn)
}

// fill writes to c until it takes no more.
func fill(t testing.TB, c net.Conn) {
	t.Helper()
	require.NoError(t, c.SetWriteDeadline(time.Now().Add(30*time.Millisecond)))
	for {
		if _, err := c.Write(make([]byte, 1<<20)); err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			break
		}
	}
	require.NoError(t, c.SetWriteDeadline(time.Time{}))
}

// settle lets every other greenlet get to where it waits.
func settle() {
	for range 3 {
		gevent.Sleep(0)
	}
	gevent.Sleep(time.Millisecond)
}

// descriptors returns the number of the process's open descriptors.
func descriptors(t testing.TB) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

// keepsDescriptors checks at the test's end that none was left open. The first
// socket of package net opens the Go runtime's poller, so that is done before.
func keepsDescriptors(t testing.TB) {
	t.Helper()
	l, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	// Fewer is right too: a socket that an earlier test closed may be closed by
	// the kernel a moment later, because closing it may block.
	before := descriptors(t)
	t.Cleanup(func() { require.LessOrEqual(t, descriptors(t), before, "descriptors were left open") })
}

// echo sends back what it receives until the end.
func echo(c net.Conn) {
	defer c.Close()
	_, _ = io.Copy(c, c)
}

// isTimeout fails the test unless err is what a deadline gives.
func isTimeout(t testing.TB, err error) {
	t.Helper()
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	var ne net.Error
	require.True(t, errors.As(err, &ne) && ne.Timeout())
}
