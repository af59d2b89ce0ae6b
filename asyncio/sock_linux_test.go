package asyncio_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// sockCalls returns how many system calls the process has made that read, and that
// write.
func sockCalls(t testing.TB) (reads, writes int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skip("system calls are not counted here:", err)
	}
	var skip int
	_, err = fmt.Sscanf(string(b), "rchar: %d\nwchar: %d\nsyscr: %d\nsyscw: %d\n", &skip, &skip, &reads, &writes)
	require.NoError(t, err)
	return reads, writes
}

func TestARequestCostsOneReadAndOneWrite(t *testing.T) {
	const requests = 2000
	sockRun(t, nil, func(c ctx) error {
		s, err := asyncio.CreateServer(c, func() asyncio.Protocol { return &sockEcho{} }, "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		left := 100
		p := &sockPinger{sockProto: sockNew(c, "", nil), ping: []byte("ping"), left: &left}
		tr, _, err := asyncio.CreateConnection(c, func() *sockPinger { return p }, "tcp", s.Addrs()[0].String())
		require.NoError(t, err)
		talk := func(n int) {
			left = n
			_, err := tr.Write(p.ping)
			require.NoError(t, err)
			sockUntil(t, c, "end", func() bool { return left == 0 })
		}
		talk(100)
		reads, writes := sockCalls(t)
		talk(requests)
		moreReads, moreWrites := sockCalls(t)
		// Both ends of the connection are here.
		require.InDelta(t, 2*requests, moreReads-reads, requests/10)
		require.InDelta(t, 2*requests, moreWrites-writes, requests/10)
		tr.Close()
		s.Close()
		return s.WaitClosed(c)
	})
}

// A read stops where an urgent byte was. That it was short does not mean that nothing
// is left, and what is left makes no edge of its own.
func TestWhatFollowsAnUrgentByteIsReadByATransport(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		p := sockNew(c, "", nil)
		tr, peer := sockTCP(t, c, p)
		raw, err := peer.SyscallConn()
		require.NoError(t, err)
		for i := range 3 {
			_, err = peer.Write([]byte("before"))
			require.NoError(t, err)
			require.NoError(t, raw.Control(func(fd uintptr) {
				err = syscall.Sendto(int(fd), []byte("!"), syscall.MSG_OOB, nil)
			}))
			require.NoError(t, err)
			_, err = peer.Write([]byte("after"))
			require.NoError(t, err)
			sockUntil(t, c, "data", func() bool { return len(p.got) == (i+1)*len("beforeafter") })
		}
		tr.Close()
		_, err = p.lost.Await(c)
		return err
	})
}
