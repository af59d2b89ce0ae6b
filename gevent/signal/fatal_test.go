//go:build unix

package signal_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/signal"
)

// A process that is interrupted while its main greenlet waits for another one, as the
// child of the test below.
func TestTheProcessThatIsInterrupted(t *testing.T) {
	if os.Getenv("BATON_SIGNAL_CHILD") == "" {
		t.Skip("it is run by another test")
	}
	errInterrupted := errors.New("interrupted")
	err := gevent.Run(func() error {
		if _, err := signal.Handler(os.Interrupt, func() error { return errInterrupted }); err != nil {
			return err
		}
		task := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
		fmt.Println("ready")
		return task.Get()
	})
	if !errors.Is(err, errInterrupted) {
		t.Fatal(err)
	}
	os.Exit(0)
}

func TestT129AProcessThatWaitsForAGreenletEndsWhenItIsInterrupted(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run", "^TestTheProcessThatIsInterrupted$")
	cmd.Env = append(os.Environ(), "BATON_SIGNAL_CHILD=1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	s := bufio.NewScanner(out)
	for s.Scan() && s.Text() != "ready" {
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	require.NoError(t, cmd.Wait())
}
