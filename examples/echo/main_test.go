package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/gevent"
	greennet "github.com/baton-go/baton/gevent/net"
)

// asProgram makes this test's binary, when it runs itself, be the program.
const asProgram = "BATON_ECHO_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// program returns a command that runs the program with the arguments.
func program(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// start starts a server in a thread of its own. Stop stops it and returns it.
func start(t *testing.T, handle func(*server, *greennet.TCPConn) error, grace time.Duration, opts ...gevent.Option) (address string, stop func() *server) {
	t.Helper()
	addresses, quit, ended := make(chan string, 1), make(chan bool), make(chan error, 1)
	s := newServer(handle)
	go func() {
		ended <- gevent.Run(func() error {
			l, err := greennet.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			addresses <- l.Addr().String()
			gevent.Spawn(func() error { return s.serve(l) })
			gevent.Offload(func() { <-quit })
			s.stop(l, grace)
			return nil
		}, opts...)
	}()
	return <-addresses, func() *server {
		close(quit)
		require.NoError(t, <-ended)
		require.Empty(t, s.handlers)
		return s
	}
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

// talk checks that the server echoes.
func talk(t *testing.T, c net.Conn, line string) {
	t.Helper()
	_, err := io.WriteString(c, line)
	require.NoError(t, err)
	answer := make([]byte, len(line))
	_, err = io.ReadFull(c, answer)
	require.NoError(t, err)
	require.Equal(t, line, string(answer))
}

func TestTheProgramServesASecondProcess(t *testing.T) {
	out, err := program("-conns", "30", "-requests", "20", "-size", "100").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "client: 30 connections got 600 answers of 100 bytes in ")
	require.Contains(t, string(out), "echo: served 30 connections (0 broken off), 600 requests, 60000 bytes\n")
	require.Contains(t, string(out), " requests/s, ")
}

func TestAWrongByteFailsTheProgram(t *testing.T) {
	address, stop := start(t, func(_ *server, c *greennet.TCPConn) error {
		b := make([]byte, 64)
		if _, err := io.ReadFull(c, b); err != nil {
			return err
		}
		b[63]++
		_, err := c.Write(b)
		return err
	}, time.Second)
	out, err := program("-conns", "2", "-client", address).CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Contains(t, string(out), "answer 0 of connection 1 is wrong")
	require.NotContains(t, string(out), "every byte right")
	stop()
}

func TestItListensUntilItIsInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signal can be sent here")
	}
	cmd := program("-listen", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	require.NoError(t, err)
	address, ok := strings.CutPrefix(strings.TrimSpace(first), "echo: listening on ")
	require.True(t, ok, first)

	c, idle := dial(t, address), dial(t, address)
	talk(t, c, "hello\n")
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		late, err := net.Dial("tcp", address)
		if err != nil {
			break // it accepts no more
		}
		late.Close()
		require.Less(t, time.Since(begin), 5*time.Second)
	}
	talk(t, c, "one more within the grace\n")
	require.NoError(t, c.CloseWrite())
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.Contains(t, string(rest), "requests, 32 bytes")
	require.NoError(t, cmd.Wait())
	_, err = idle.Read(make([]byte, 1))
	require.Error(t, err, "the idle connection was not closed")
}

func TestClientsThatMisbehaveDoNoHarm(t *testing.T) {
	before := descriptors(t)
	address, stop := start(t, echo, time.Second)
	steady := dial(t, address)
	talk(t, steady, "before")
	for i := range 20 {
		silent := dial(t, address)
		resets := dial(t, address)
		halfCloses := dial(t, address)
		dial(t, address).Close() // connects and vanishes

		_, err := resets.Write(make([]byte, 100*i))
		require.NoError(t, err)
		require.NoError(t, resets.SetLinger(0))
		require.NoError(t, resets.Close())

		_, err = io.WriteString(halfCloses, "the last words")
		require.NoError(t, err)
		require.NoError(t, halfCloses.CloseWrite())
		answer, err := io.ReadAll(halfCloses)
		require.NoError(t, err)
		require.Equal(t, "the last words", string(answer))
		halfCloses.Close()
		silent.Close()
		talk(t, steady, fmt.Sprint("round ", i))
	}
	killed := program("-conns", "5", "-requests", "100000000", "-client", address)
	require.NoError(t, killed.Start())
	time.Sleep(50 * time.Millisecond)
	require.NoError(t, killed.Process.Kill())
	require.Error(t, killed.Wait())
	talk(t, steady, "after")
	steady.Close()
	s := stop()
	require.GreaterOrEqual(t, s.Conns, 81)
	require.Equal(t, before, descriptors(t), "descriptors were left open")
}

func TestAPanicEndsItsConnectionOnly(t *testing.T) {
	var reports []string
	hook := gevent.WithErrorHook(func(where string, err error) { reports = append(reports, fmt.Sprintf("%s: %+v", where, err)) })
	address, stop := start(t, func(s *server, c *greennet.TCPConn) error {
		first := make([]byte, 1)
		if _, err := c.Read(first); err != nil {
			return err
		}
		if first[0] == 'p' {
			panic("the client asked for it")
		}
		if _, err := c.Write(first); err != nil {
			return err
		}
		return echo(s, c)
	}, time.Second, hook)
	steady, doomed := dial(t, address), dial(t, address)
	talk(t, steady, "before")
	_, err := io.WriteString(doomed, "panic")
	require.NoError(t, err)
	rest, _ := io.ReadAll(doomed) // the end, or a reset
	require.Empty(t, rest)
	talk(t, steady, "after")
	steady.Close()
	stop()
	require.Len(t, reports, 1)
	require.Contains(t, reports[0], "the client asked for it")
	require.Contains(t, reports[0], "main_test.go", "the stack is missing")
}

func TestAConnectionThatDoesNotEndIsKilledAfterTheGrace(t *testing.T) {
	address, stop := start(t, echo, 20*time.Millisecond)
	c := dial(t, address)
	talk(t, c, "hello")
	begin := time.Now()
	stop()
	require.GreaterOrEqual(t, time.Since(begin), 20*time.Millisecond)
	_, err := c.Read(make([]byte, 1))
	require.Error(t, err)
}

func TestOtherProgramsGetTheirLineBack(t *testing.T) {
	address, stop := start(t, echo, time.Second)
	defer stop()
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	const script = `
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
s.sendall(b"a line from outside\n")
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
			cmd.Stdin = strings.NewReader("a line from outside\n")
			out, err := cmd.CombinedOutput()
			if name == "nc" && err != nil {
				t.Skipf("this nc knows no -N: %s", out)
			}
			require.NoError(t, err, "%s", out)
			require.Equal(t, "a line from outside\n", string(out))
		})
	}
}

// descriptors returns the number of the process's open descriptors, once the Go
// runtime has opened its own.
func descriptors(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // not on this system
	}
	return len(entries)
}
