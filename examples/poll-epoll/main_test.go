package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// TestMain makes this test's binary be the second process of the measurement when
// it is started with its flags.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-hold" {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// needsDescriptors skips the test where sockets are none, after a look at what
// the program says there.
func needsDescriptors(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		require.ErrorIs(t, run(io.Discard, "1"), errors.ErrUnsupported)
		t.Skip("no descriptors")
	}
}

func TestAnEventCostsTheSameWithTheBestAndMoreWithPoll(t *testing.T) {
	needsDescriptors(t)
	if raiseLimit() < 2000+spare {
		t.Skip("too few files may be opened")
	}
	// A machine that is busy elsewhere may spoil a measurement, but not all of them.
	var table table
	for range 5 {
		var err error
		table, err = measure(io.Discard, []int{10, 2000})
		require.NoError(t, err)
		require.Len(t, table.rows, 2)
		few, many := table.rows[0].cost, table.rows[1].cost
		best := table.pollers[2]
		require.Contains(t, few, "select")
		require.NotContains(t, many, "select", "select took more than it can")
		if many["poll"] >= 3*few["poll"] && many[best] < 3*few[best] {
			return
		}
	}
	t.Errorf("poll should cost at least 3 times as much with 2,000 as with 10, and the best less: %v", table)
}

func TestTheTableShowsWhatSelectCannot(t *testing.T) {
	needsDescriptors(t)
	var out strings.Builder
	require.NoError(t, run(&out, "5,1100"))
	require.Regexp(t, `^ +idle connections +select +poll +(epoll|kqueue)
 +5 +[\d.]+ µs +[\d.]+ µs +[\d.]+ µs
 +1100 +- +[\d.]+ µs +[\d.]+ µs
$`, out.String())
}

func TestSizesBeyondTheLimitAreLeftOut(t *testing.T) {
	needsDescriptors(t)
	var out strings.Builder
	require.NoError(t, run(&out, "3,2000000000"))
	require.Regexp(t, `^2000000000 idle connections are left out: this process may open \d+ files\n +idle`, out.String())
	require.Equal(t, 3, strings.Count(out.String(), "\n"))
}

func TestFlagsThatMakeNoSense(t *testing.T) {
	for _, idle := range []string{"", "x", "10,", "0", "-1"} {
		require.ErrorContains(t, run(io.Discard, idle), "want numbers", idle)
	}
	require.ErrorContains(t, listen(t.Context(), io.Discard, "127.0.0.1:0", "magic"), "-poller magic: want select, ")
}

func TestAServerOnEachPoller(t *testing.T) {
	needsDescriptors(t)
	for _, poller := range []string{"select", "poll", "epoll", "kqueue", "best"} {
		t.Run(poller, func(t *testing.T) {
			sel, err := open(poller)
			if errors.Is(err, errors.ErrUnsupported) {
				t.Skip(err)
			}
			require.NoError(t, err)
			require.NoError(t, sel.Close())
			t.Run("clients that misbehave do no harm", func(t *testing.T) { misbehave(t, poller) })
			t.Run("Python is answered", func(t *testing.T) { askPython(t, poller) })
		})
	}
}

// start listens until the test's end, or stop.
func start(t *testing.T, poller string) (address string, stop func()) {
	t.Helper()
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- listen(ctx, w, "127.0.0.1:0", poller) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	t.Cleanup(stop)
	line, err := bufio.NewReader(r).ReadString('\n')
	require.NoError(t, err)
	rest, ok := strings.CutPrefix(line, "poll-epoll: listening on ")
	require.True(t, ok, line)
	address, _, _ = strings.Cut(rest, " ")
	return address, stop
}

// dial connects until the test's end.
func dial(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	return c.(*net.TCPConn)
}

// talk checks that the server answers.
func talk(t *testing.T, c net.Conn) {
	t.Helper()
	_, err := io.WriteString(c, "hello")
	require.NoError(t, err)
	answer := make([]byte, 5)
	_, err = io.ReadFull(c, answer)
	require.NoError(t, err)
	require.Equal(t, "HELLO", string(answer))
}

// misbehave is clients that break off, or do not read.
func misbehave(t *testing.T, poller string) {
	address, stop := start(t, poller)
	steady := dial(t, address)
	talk(t, steady)

	dial(t, address).Close()
	resets := dial(t, address)
	talk(t, resets)
	_, err := io.WriteString(resets, "never read")
	require.NoError(t, err)
	require.NoError(t, resets.SetLinger(0))
	require.NoError(t, resets.Close())
	talk(t, steady)

	// A client that reads only when all is written fills the connection, and gets
	// everything all the same, also what is on its way when it has said all.
	const size = 8 << 20
	slow := dial(t, address)
	written := make(chan error, 1)
	go func() {
		_, err := slow.Write(bytes.Repeat([]byte("x"), size))
		written <- errors.Join(err, slow.CloseWrite())
	}()
	time.Sleep(20 * time.Millisecond)
	talk(t, steady)
	answer, err := io.ReadAll(slow)
	require.NoError(t, err)
	require.NoError(t, <-written)
	require.True(t, bytes.Equal(bytes.Repeat([]byte("X"), size), answer), "%d bytes", len(answer))
	talk(t, steady)

	stop()
	_, err = steady.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
}

func askPython(t *testing.T, poller string) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip(err)
	}
	address, _ := start(t, poller)
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	out, err := exec.Command("python3", "-c", `
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
for i in range(3):
    s.sendall(b"hello world")
    print(s.recv(1024).decode())
`, host, port).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, strings.Repeat("HELLO WORLD\n", 3), string(out))
}
