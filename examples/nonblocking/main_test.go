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
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMostCallsAreWasted(t *testing.T) {
	needsDescriptors(t)
	var out strings.Builder
	require.NoError(t, run(&out, load{3, 4, 10 * time.Millisecond}, 0, 5*time.Millisecond))
	row := regexp.MustCompile(`(?m)^3 clients of 4 requests, rest (.*): (\d+) rounds, (\d+) useful system calls, (\d+) wasted; an answer took .*$`)
	rows := row.FindAllStringSubmatch(out.String(), -1)
	require.Len(t, rows, 2, out.String())
	require.Equal(t, "0s", rows[0][1])
	require.Equal(t, "5ms", rows[1][1])
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		require.NoError(t, err)
		return n
	}
	for _, r := range rows {
		// Each client is one accept; each request a read and a write. The end of a
		// client is a read, unless the server has stopped by then.
		require.GreaterOrEqual(t, number(r[3]), 3+3*4*2)
		require.LessOrEqual(t, number(r[3]), 3+3*4*2+3)
	}
	require.Greater(t, number(rows[0][4]), number(rows[0][3]), "wasted, useful")
	require.Less(t, number(rows[1][2]), number(rows[0][2]), "the rest saves no rounds")
}

// needsDescriptors skips the test where sockets are none, after a look at what
// the program says there.
func needsDescriptors(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		require.ErrorIs(t, run(io.Discard, load{1, 1, 0}, 0), errors.ErrUnsupported)
		t.Skip("no descriptors")
	}
}

// start listens until the test's end, or stop, which returns what was printed
// at the end.
func start(t *testing.T, rest time.Duration) (address string, stop func() string) {
	t.Helper()
	needsDescriptors(t)
	r, w := io.Pipe()
	lines := bufio.NewReader(r)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		err := listen(ctx, w, "127.0.0.1:0", rest)
		w.Close()
		ended <- err
	}()
	stop = sync.OnceValue(func() string {
		cancel()
		last, err := io.ReadAll(lines)
		require.NoError(t, err)
		require.NoError(t, <-ended)
		return string(last)
	})
	t.Cleanup(func() { stop() })
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "nonblocking: listening on ")
	require.True(t, ok, line)
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

func TestNobodyWaitsForAnother(t *testing.T) {
	address, stop := start(t, time.Millisecond)
	first, second := dial(t, address), dial(t, address)
	for range 3 {
		talk(t, first)
		talk(t, second)
	}
	require.Regexp(t, `^\d+ rounds, 14 useful system calls, \d+ wasted\n$`, stop())
	_, err := first.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestClientsThatMisbehaveDoNoHarm(t *testing.T) {
	address, _ := start(t, 0)
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
	// everything all the same.
	const size = 16 << 20
	slow := dial(t, address)
	written := make(chan error, 1)
	go func() {
		_, err := slow.Write(bytes.Repeat([]byte("x"), size))
		written <- err
	}()
	time.Sleep(20 * time.Millisecond)
	talk(t, steady)
	answer := make([]byte, size)
	_, err = io.ReadFull(slow, answer)
	require.NoError(t, err)
	require.NoError(t, <-written)
	require.Equal(t, bytes.Repeat([]byte("X"), size), answer)
}

func TestPythonIsAnswered(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip(err)
	}
	address, _ := start(t, time.Millisecond)
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
