package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
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
		require.ErrorIs(t, run(io.Discard), errors.ErrUnsupported)
		t.Skip("no descriptors")
	}
}

func TestTwoClientsTakeTurns(t *testing.T) {
	needsDescriptors(t)
	var out strings.Builder
	require.NoError(t, run(&out))
	text := out.String()
	for i := 1; i <= 2; i++ { // the clients' addresses become their names
		var peer string
		from := fmt.Sprintf("client %d: connected from ", i)
		for line := range strings.Lines(text) {
			if rest, ok := strings.CutPrefix(line, from); ok {
				peer = strings.TrimSpace(rest)
			}
		}
		require.NotEmpty(t, peer, text)
		text = strings.ReplaceAll(text, peer, fmt.Sprint("C", i))
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	of := func(what string) (found []string) {
		for _, l := range lines {
			if strings.Contains(l, what) {
				found = append(found, l)
			}
		}
		return found
	}
	for i := 1; i <= 2; i++ { // in the order of the client's messages
		require.Equal(t, strings.Split(strings.ReplaceAll(`server: new connection from C#
server: received "This is the message. " from C#
server: sent 21 bytes to C#
server: received "It will be sent " from C#
server: sent 16 bytes to C#
server: received "in parts." from C#
server: sent 9 bytes to C#
server: C# has left`, "#", fmt.Sprint(i)), "\n"), slices.DeleteFunc(of(fmt.Sprint("C", i)), func(l string) bool {
			return strings.HasPrefix(l, "client")
		}))
	}
	require.Equal(t, strings.Split(`client 1: connected from C1
client 2: connected from C2
client 1: sending "This is the message. "
client 2: sending "This is the message. "
client 1: received "THIS IS THE MESSAGE. "
client 2: received "THIS IS THE MESSAGE. "
client 1: sending "It will be sent "
client 2: sending "It will be sent "
client 1: received "IT WILL BE SENT "
client 2: received "IT WILL BE SENT "
client 1: sending "in parts."
client 2: sending "in parts."
client 1: received "IN PARTS."
client 2: received "IN PARTS."
client 1: closing
client 2: closing`, "\n"), of("client "))
	// Interleaved: the server has served both before it hears of the next part.
	received := of("server: received")
	for i, part := range messages {
		for _, l := range received[2*i : 2*i+2] {
			require.Contains(t, l, part)
		}
	}
}

func TestAClientThatBreaksIsCleanedUp(t *testing.T) {
	var out bytes.Buffer
	address, stop := start(t, &out)
	c := dial(t, address)
	talk(t, c)
	require.NoError(t, c.SetLinger(0))
	require.NoError(t, c.Close())
	talk(t, dial(t, address))
	stop()
	require.Contains(t, out.String(), "is broken: ")
}

// start listens until the test's end, or stop.
func start(t *testing.T, w io.Writer) (address string, stop func()) {
	t.Helper()
	needsDescriptors(t)
	ctx, cancel := context.WithCancel(context.Background())
	addresses, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- listen(ctx, log.New(w, "", 0), "127.0.0.1:0", func(a string) { addresses <- a })
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
	require.Equal(t, "HELLO", string(answer))
}

func TestClientsThatMisbehaveDoNoHarm(t *testing.T) {
	address, stop := start(t, io.Discard)
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

func TestOtherProgramsAreAnswered(t *testing.T) {
	address, _ := start(t, io.Discard)
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
			require.Equal(t, "HELLO WORLD\n", string(out))
		})
	}
}
