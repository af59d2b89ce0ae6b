package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/netpoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// needsSIGIO skips the test where there is none, after a look at what the program
// says there.
func needsSIGIO(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		require.ErrorIs(t, run(io.Discard), errors.ErrUnsupported)
		require.ErrorIs(t, signalsFor(0), errors.ErrUnsupported)
		t.Skip("no SIGIO")
	}
}

func TestTheHandlerReadsAllThatIsThere(t *testing.T) {
	needsSIGIO(t)
	var out strings.Builder
	require.NoError(t, run(&out))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := []string{"the loop has no descriptor to wait for; a datagram is sent", `received "hello"`}
	for i := range 10 {
		want = append(want, fmt.Sprintf("received \"number %d of 10\"", i+1))
	}
	require.Equal(t, want, lines[:len(lines)-1])
	var datagrams, signals, vain int
	_, err := fmt.Sscanf(lines[len(lines)-1], "%d datagrams, %d signals, of which %d found nothing", &datagrams, &signals, &vain)
	require.NoError(t, err, out.String())
	require.Equal(t, 11, datagrams)
	require.GreaterOrEqual(t, signals, 1)
	require.LessOrEqual(t, signals, datagrams, "more signals than datagrams")
	require.Less(t, vain, signals, "nobody was told")
}

func TestOtherProgramsAreHeard(t *testing.T) {
	needsSIGIO(t)
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip(err)
	}
	var out strings.Builder
	require.NoError(t, receive(&out, "127.0.0.1:0", func(address string, loop *netpoll.Loop, r *receiver) error {
		r.arrived = func() {
			if r.datagrams == 2 {
				loop.Stop()
			}
		}
		host, port, err := net.SplitHostPort(address)
		require.NoError(t, err)
		loop.Ref()
		go func() {
			said, err := exec.Command("python3", "-c", `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for word in b"one", b"two":
    s.sendto(word, (sys.argv[1], int(sys.argv[2])))
`, host, port).CombinedOutput()
			loop.Post(func() {
				loop.Unref()
				if err != nil {
					r.broken = fmt.Errorf("%w: %s", err, said)
					loop.Stop()
				}
			})
		}()
		return nil
	}))
	require.Contains(t, out.String(), "received \"one\"\nreceived \"two\"\n2 datagrams, ")
}

func TestADescriptorThatIsNone(t *testing.T) {
	needsSIGIO(t)
	require.ErrorContains(t, signalsFor(-1), "F_SETOWN")
	require.Error(t, receive(io.Discard, "no port", nil))
}
