package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// order runs the demonstration and returns its lines without the times.
func order(t *testing.T, goroutines bool) []string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, run(&out, 50*time.Millisecond, goroutines))
	times := regexp.MustCompile(`(?m)^ *\d+ ms  `)
	require.Len(t, times.FindAllString(out.String(), -1), 6, out.String())
	return strings.Split(strings.TrimSpace(times.ReplaceAllString(out.String(), "")), "\n")
}

func TestTheSecondClientWaitsUntilTheFirstLeaves(t *testing.T) {
	require.Equal(t, []string{
		"first: asked one, was answered ONE",
		"second: is connected, and asks hello",
		"first: asked two, was answered TWO",
		"first: asked three, was answered THREE",
		"first: leaves",
		"second: was answered HELLO",
	}, order(t, false))
}

func TestWithGoroutinesNobodyWaits(t *testing.T) {
	address, _ := start(t, true)
	first, second := dial(t, address), dial(t, address)
	for _, c := range []client{first, second, first, second} {
		answer, err := c.ask("hello")
		require.NoError(t, err)
		require.Equal(t, "HELLO", answer)
	}
	require.ElementsMatch(t, order(t, false), order(t, true))
}

// dial connects until the test's end.
func dial(t *testing.T, address string) client {
	t.Helper()
	c, err := connect(address)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	return c
}

// start listens until the test's end, or stop.
func start(t *testing.T, goroutines bool) (address string, stop func()) {
	t.Helper()
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- listen(ctx, w, "127.0.0.1:0", goroutines) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	t.Cleanup(stop)
	line, err := bufio.NewReader(r).ReadString('\n')
	require.NoError(t, err)
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "blocking: listening on ")
	require.True(t, ok, line)
	return address, stop
}

func TestTheEndOfTheServerEndsItsClients(t *testing.T) {
	address, stop := start(t, false)
	served, waiting := dial(t, address), dial(t, address)
	answer, err := served.ask("hello")
	require.NoError(t, err)
	require.Equal(t, "HELLO", answer)
	stop()
	for _, c := range []client{served, waiting} {
		_, err := c.Read(make([]byte, 1))
		require.Error(t, err)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	}
}

func TestAClientThatResetsDoesNoHarm(t *testing.T) {
	address, _ := start(t, false)
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	_, err = io.WriteString(c, "never read")
	require.NoError(t, err)
	require.NoError(t, c.(*net.TCPConn).SetLinger(0))
	require.NoError(t, c.Close())
	answer, err := dial(t, address).ask("still there?")
	require.NoError(t, err)
	require.Equal(t, "STILL THERE?", answer)
}

func TestPythonIsAnswered(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip(err)
	}
	address, _ := start(t, true)
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	out, err := exec.Command("python3", "-c", `
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
s.sendall(b"hello world")
print(s.recv(1024).decode())
`, host, port).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "HELLO WORLD\n", string(out))
}
