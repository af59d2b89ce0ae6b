package main

import (
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

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// needsDescriptors skips the test where sockets are none, after a look at what
// the program says there.
func needsDescriptors(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		require.ErrorIs(t, run(io.Discard, 1), errors.ErrUnsupported)
		t.Skip("no descriptors")
	}
}

func TestEveryClientHearsItself(t *testing.T) {
	needsDescriptors(t)
	var out strings.Builder
	require.NoError(t, run(&out, 2))
	require.Regexp(t, `^listening on (127\.0\.0\.1:\d+) with (epoll|kqueue)
accepted (127\.0\.0\.1:\d+)
echoing "hello from client 1\\n" to 127\.0\.0\.1:\d+
echoing "goodbye from client 1\\n" to 127\.0\.0\.1:\d+
closing 127\.0\.0\.1:\d+
accepted 127\.0\.0\.1:\d+
echoing "hello from client 2\\n" to 127\.0\.0\.1:\d+
echoing "goodbye from client 2\\n" to 127\.0\.0\.1:\d+
closing 127\.0\.0\.1:\d+
2 clients got their words back
$`, out.String())
}

func TestConnectionsAreServedInTurns(t *testing.T) {
	address, _ := start(t)
	first, second := dial(t, address), dial(t, address)
	for range 3 {
		talk(t, first)
		talk(t, second)
	}
}

// start listens until the test's end, or stop.
func start(t *testing.T) (address string, stop func()) {
	t.Helper()
	needsDescriptors(t)
	ctx, cancel := context.WithCancel(context.Background())
	addresses, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- listen(ctx, io.Discard, "127.0.0.1:0", func(a string) { addresses <- a })
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	t.Cleanup(stop)
	select {
	case address = <-addresses:
	case err := <-ended:
		ended <- err
		require.NoError(t, err)
	}
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
	require.Equal(t, "hello", string(answer))
}

func TestClientsThatMisbehaveDoNoHarm(t *testing.T) {
	address, stop := start(t)
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
	require.True(t, bytes.Equal(bytes.Repeat([]byte("x"), size), answer), "%d bytes", len(answer))
	talk(t, steady)

	stop()
	_, err = steady.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestOtherProgramsAreAnswered(t *testing.T) {
	address, _ := start(t)
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	const script = `
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
s.sendall(b"hello world\n")
sys.stdout.write(s.recv(1024).decode())
s.shutdown(socket.SHUT_WR)
assert s.recv(1024) == b""
`
	for name, cmd := range map[string]*exec.Cmd{
		"python3": exec.Command("python3", "-c", script, host, port),
		"nc":      exec.Command("nc", "-N", host, port),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(name); err != nil {
				t.Skip(err)
			}
			cmd.Stdin = strings.NewReader("hello world\n")
			out, err := cmd.CombinedOutput()
			if name == "nc" && err != nil {
				t.Skipf("this nc knows no -N: %s", out)
			}
			require.NoError(t, err, "%s", out)
			require.Equal(t, "hello world\n", string(out))
		})
	}
}
