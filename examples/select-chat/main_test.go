package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
		require.ErrorIs(t, run(io.Discard), errors.ErrUnsupported)
		t.Skip("no descriptors")
	}
}

func TestAConversation(t *testing.T) {
	needsDescriptors(t)
	var out strings.Builder
	require.NoError(t, play(&out, []string{"ann", "bob"}, []remark{
		{"ann", "hello"},
		{"bob", "hi ann"},
		{operator, "last round"},
		{"ann", leaves},
		{operator, "just us, bob"},
	}))
	require.Equal(t, `operator's terminal | listening on ADDRESS
operator's terminal | guest 1 has come from ADDRESS
operator's terminal | guest 2 has come from ADDRESS
     ann's terminal | guest 2 has come from ADDRESS
ann types: hello
operator's terminal | guest 1: hello
     bob's terminal | guest 1: hello
bob types: hi ann
operator's terminal | guest 2: hi ann
     ann's terminal | guest 2: hi ann
operator types: last round
operator's terminal | operator: last round
     ann's terminal | operator: last round
     bob's terminal | operator: last round
ann leaves
operator's terminal | guest 1 has left
     bob's terminal | guest 1 has left
operator types: just us, bob
operator's terminal | operator: just us, bob
     bob's terminal | operator: just us, bob
`, regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(out.String(), "ADDRESS"))
	require.NoError(t, run(io.Discard))
}

func TestSomebodyWhoIsNotThere(t *testing.T) {
	needsDescriptors(t)
	require.ErrorContains(t, play(io.Discard, nil, []remark{{"ann", "hello"}}), "ann is not there")
}

// A place is a server with two listening sockets and an operator.
type place struct {
	t         *testing.T
	operator  *terminal
	seen      chan string // by the operator
	addresses [2]string
}

// begin serves until the test's end.
func begin(t *testing.T) *place {
	t.Helper()
	needsDescriptors(t)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	op, err := start(operator, &all, func(stdin int, out io.Writer) error {
		return serve(ctx, []string{"127.0.0.1:0", "127.0.0.1:0"}, stdin, out)
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		cancel()
		op.close()
		all.Wait()
	})
	p := &place{t: t, operator: op, seen: make(chan string, 1<<16)}
	go func() {
		defer close(p.seen)
		for {
			line, err := op.show(io.Discard)
			if err != nil {
				return
			}
			p.seen <- line
		}
	}()
	for i := range p.addresses {
		p.addresses[i] = strings.TrimPrefix(p.next(), "listening on ")
	}
	return p
}

// next is the next line that the operator sees.
func (p *place) next() string {
	p.t.Helper()
	select {
	case line, ok := <-p.seen:
		require.True(p.t, ok, "the server has ended")
		return line
	case <-time.After(20 * time.Second):
		require.Fail(p.t, "the operator sees nothing")
		return ""
	}
}

// dial connects until the test's end, and is seen by the operator.
func (p *place) dial(socket int) *net.TCPConn {
	p.t.Helper()
	c, err := net.Dial("tcp", p.addresses[socket])
	require.NoError(p.t, err)
	p.t.Cleanup(func() { c.Close() })
	require.NoError(p.t, c.SetDeadline(time.Now().Add(20*time.Second)))
	require.Regexp(p.t, `guest \d+ has come from `+c.LocalAddr().String(), p.next())
	return c.(*net.TCPConn)
}

// hears checks what a guest gets next.
func hears(t *testing.T, c net.Conn, text string) {
	t.Helper()
	got := make([]byte, len(text))
	n, err := io.ReadFull(c, got)
	require.NoError(t, err, "%s", got[:n])
	require.Equal(t, text, string(got))
}

func TestGuestsOfAllSocketsAreTogether(t *testing.T) {
	p := begin(t)
	one := p.dial(0)
	two := p.dial(1)
	hears(t, one, "guest 2 has come from "+two.LocalAddr().String()+"\n")
	_, err := io.WriteString(two, "in two ")
	require.NoError(t, err)
	_, err = io.WriteString(two, "parts\r\nand more\nwithout end")
	require.NoError(t, err)
	require.NoError(t, two.CloseWrite())
	hears(t, one, "guest 2: in two parts\nguest 2: and more\nguest 2: without end\nguest 2 has left\n")
	rest, err := io.ReadAll(two)
	require.NoError(t, err)
	require.Empty(t, rest, "own words came back")
}

func TestTheServerOutlivesItsOperatorAndItsGuests(t *testing.T) {
	p := begin(t)
	steady := p.dial(0)
	_, err := io.WriteString(p.operator.keyboard, "I have to go")
	require.NoError(t, err)
	require.NoError(t, p.operator.keyboard.Close())
	require.Equal(t, "operator: I have to go", p.next())
	hears(t, steady, "operator: I have to go\n")

	resets := p.dial(1)
	hears(t, steady, "guest 2 has come from "+resets.LocalAddr().String()+"\n")
	require.NoError(t, resets.SetLinger(0))
	require.NoError(t, resets.Close())
	hears(t, steady, "guest 2 has left\n")
	require.Equal(t, "guest 2 has left", p.next())
	_, err = io.WriteString(steady, "anybody?\n")
	require.NoError(t, err)
	require.Equal(t, "guest 1: anybody?", p.next())
}

func TestAGuestThatDoesNotReadHasToGo(t *testing.T) {
	p := begin(t)
	p.dial(0) // and never reads
	talker := p.dial(0)
	stop := make(chan error, 1)
	go func() {
		block := bytes.Repeat([]byte(strings.Repeat("x", 1023)+"\n"), 64)
		for {
			if _, err := talker.Write(block); err != nil {
				stop <- err
				return
			}
		}
	}()
	for line := ""; line != "guest 1 has left"; line = p.next() {
	}
	require.NoError(t, talker.Close())
	require.ErrorIs(t, <-stop, net.ErrClosed)
	for line := ""; line != "guest 2 has left"; line = p.next() {
	}
}

func TestALineThatIsTooLongComesInParts(t *testing.T) {
	p := begin(t)
	c := p.dial(0)
	_, err := io.WriteString(c, strings.Repeat("x", maxLine+3)+"\n")
	require.NoError(t, err)
	require.Equal(t, "guest 1: "+strings.Repeat("x", maxLine), p.next())
	require.Equal(t, "guest 1: xxx", p.next())
}

// Select takes a regular file too.
func TestAClientReadsAFile(t *testing.T) {
	p := begin(t)
	other := p.dial(0)
	var all strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&all, "this is line %d\n", i)
	}
	name := filepath.Join(t.TempDir(), "lines")
	require.NoError(t, os.WriteFile(name, []byte(all.String()), 0o600))
	file, err := os.Open(name)
	require.NoError(t, err)
	defer file.Close()
	ended := make(chan error, 1)
	go func() { ended <- connect(t.Context(), p.addresses[1], int(file.Fd()), io.Discard) }()
	go io.Copy(io.Discard, other)
	require.Contains(t, p.next(), "guest 2 has come from")
	for line := range strings.Lines(all.String()) {
		require.Equal(t, "guest 2: "+strings.TrimSpace(line), p.next())
	}
	require.Equal(t, "guest 2 has left", p.next())
	require.NoError(t, <-ended)
}

func TestAClientEndsWithItsServer(t *testing.T) {
	needsDescriptors(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	var all sync.WaitGroup
	ann, err := start("ann", &all, func(stdin int, out io.Writer) error {
		return connect(t.Context(), l.Addr().String(), stdin, out)
	})
	require.NoError(t, err)
	defer ann.close()
	c, err := l.Accept()
	require.NoError(t, err)
	_, err = io.WriteString(c, "good night\n")
	require.NoError(t, err)
	require.NoError(t, c.Close())
	line, err := ann.show(io.Discard)
	require.NoError(t, err)
	require.Equal(t, "good night", line)
	_, err = ann.show(io.Discard)
	require.ErrorIs(t, err, io.EOF)
	all.Wait()
}

func TestOtherProgramsTakePart(t *testing.T) {
	p := begin(t)
	host, port, err := net.SplitHostPort(p.addresses[0])
	require.NoError(t, err)
	for name, cmd := range map[string]*exec.Cmd{
		"python3": exec.Command("python3", "-c", `
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
s.sendall(sys.stdin.read().encode())
s.shutdown(socket.SHUT_WR)
assert s.recv(1024) == b""
`, host, port),
		"nc": exec.Command("nc", "-N", host, port),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(name); err != nil {
				t.Skip(err)
			}
			cmd.Stdin = strings.NewReader("hello from " + name + "\n")
			out, err := cmd.CombinedOutput()
			if name == "nc" && err != nil {
				t.Skipf("this nc knows no -N: %s", out)
			}
			require.NoError(t, err, "%s", out)
			require.Contains(t, p.next(), " has come from ")
			require.Regexp(t, `^guest \d+: hello from `+name+`$`, p.next())
			require.Regexp(t, `^guest \d+ has left$`, p.next())
		})
	}
}
