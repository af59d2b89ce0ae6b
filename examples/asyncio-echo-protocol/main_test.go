package main

import (
	"bufio"
	"context"
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

	"github.com/baton-go/baton/asyncio"
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

// serve runs a server on a goroutine of its own. Stop stops it and returns it, and
// what the exception handler was told.
func serve(t *testing.T, s *server, grace time.Duration) (address string, stop func() []asyncio.ExceptionContext) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there is no poller here")
	}
	var reports []asyncio.ExceptionContext
	addresses, quit, ended := make(chan string, 1), make(chan bool), make(chan error, 1)
	go func() {
		_, err := asyncio.Run(func(ctx context.Context) (int, error) {
			if err := s.start(ctx, "127.0.0.1:0"); err != nil {
				close(addresses)
				return 0, err
			}
			addresses <- s.Addrs()[0].String()
			_, err := asyncio.ToThread(ctx, func() (int, error) { <-quit; return 0, nil })
			s.stop(ctx, grace)
			return 0, err
		}, asyncio.WithExceptionHandler(func(_ *asyncio.Loop, c asyncio.ExceptionContext) { reports = append(reports, c) }))
		ended <- err
	}()
	return <-addresses, func() []asyncio.ExceptionContext {
		close(quit)
		require.NoError(t, <-ended)
		return reports
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
	if runtime.GOOS == "windows" {
		t.Skip("there is no poller here")
	}
	out, err := program("-conns", "30", "-requests", "20", "-size", "100").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "client: 30 connections got 600 answers of 100 bytes in ")
	require.Contains(t, string(out), "echo: served 30 connections (0 broken off), 600 requests, 60000 bytes\n")
	require.Contains(t, string(out), " requests/s, ")
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
	talk(t, idle, "hello\n")
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
	_, err = c.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.Contains(t, string(rest), " requests, 38 bytes")
	require.NoError(t, cmd.Wait())
	_, err = idle.Read(make([]byte, 1))
	require.Error(t, err, "the idle connection was not closed")
}

func TestClientsThatMisbehaveDoNoHarm(t *testing.T) {
	s := newServer(echo)
	address, stop := serve(t, s, time.Second)
	steady := dial(t, address)
	talk(t, steady, "before")
	for i := range 20 {
		silent, resets, halfCloses := dial(t, address), dial(t, address), dial(t, address)
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
		silent.Close()
		talk(t, steady, "meanwhile")
	}
	steady.Close()
	require.Empty(t, stop())
	require.GreaterOrEqual(t, s.Conns, 61)
}

func TestAConnectionThatDoesNotEndIsAbortedAfterTheGrace(t *testing.T) {
	address, stop := serve(t, newServer(echo), 20*time.Millisecond)
	c := dial(t, address)
	talk(t, c, "hello")
	begin := time.Now()
	stop()
	require.GreaterOrEqual(t, time.Since(begin), 20*time.Millisecond)
	_, err := c.Read(make([]byte, 1))
	require.Error(t, err)
}

func TestAClientThatDoesNotReadIsHeldBack(t *testing.T) {
	address, stop := serve(t, newServer(echo), time.Second)
	c, other := dial(t, address), dial(t, address)
	require.NoError(t, c.SetReadBuffer(64<<10))
	require.NoError(t, c.SetWriteBuffer(64<<10))
	data := make([]byte, 64<<20) // more than the system keeps for a connection
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(data)
		sent <- err
	}()
	select {
	case err := <-sent:
		t.Fatal("all of it went somewhere: ", err)
	case <-time.After(300 * time.Millisecond):
	}
	talk(t, other, "others are served")
	_, err := io.ReadFull(c, make([]byte, len(data)))
	require.NoError(t, err)
	require.NoError(t, <-sent)
	c.Close()
	other.Close()
	require.Empty(t, stop())
}

func TestOtherProgramsGetTheirLineBack(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip(err)
	}
	address, stop := serve(t, newServer(echo), time.Second)
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	const script = `
import asyncio, sys
async def main():
    r, w = await asyncio.open_connection(sys.argv[1], int(sys.argv[2]))
    w.write(b"a line from outside\n")
    await w.drain()
    sys.stdout.write((await r.readline()).decode())
    w.write_eof()
    assert await r.read() == b""
    w.close()
    await w.wait_closed()
asyncio.run(main())
`
	out, err := exec.Command("python3", "-c", script, host, port).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "a line from outside\n", string(out))
	stop()
}

// A fragile protocol panics when it is told to.
type fragile struct{ echoProtocol }

func (p *fragile) DataReceived(data []byte) {
	if data[0] == 'p' {
		panic("the client asked for it")
	}
	p.echoProtocol.DataReceived(data)
}

func TestAProtocolThatPanicsEndsItsConnectionOnly(t *testing.T) {
	s := newServer(func(s *server) asyncio.Protocol { return &fragile{echoProtocol{server: s}} })
	address, stop := serve(t, s, time.Second)
	steady, doomed := dial(t, address), dial(t, address)
	talk(t, steady, "before")
	_, err := io.WriteString(doomed, "panic")
	require.NoError(t, err)
	rest, _ := io.ReadAll(doomed) // the end, or a reset
	require.Empty(t, rest)
	talk(t, steady, "after")
	steady.Close()
	reports := stop()
	require.Len(t, reports, 1)
	require.ErrorContains(t, reports[0].Err, "the client asked for it")
	var panicked *asyncio.PanicError
	require.ErrorAs(t, reports[0].Err, &panicked)
	require.Contains(t, string(panicked.Stack), "main_test.go")
}
