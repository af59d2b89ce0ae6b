//go:build linux

package netpoll_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The number of a descriptor that was closed too early may be the one of a child's
// pidfd; RemoveReader and AddReader of it must not take the child's end away.
func TestAChildIsNotForgottenThroughItsNumber(t *testing.T) {
	for _, what := range []string{"RemoveReader", "AddReader"} {
		t.Run(what, func(t *testing.T) {
			l := newLoop(t)
			var p [2]int
			require.NoError(t, syscall.Pipe2(p[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK))
			defer syscall.Close(p[1])
			cmd := exec.Command("sleep", "0.1")
			require.NoError(t, cmd.Start())
			require.NoError(t, syscall.Close(p[0])) // the lowest free number
			ended := false
			_, err := l.AddChild(cmd.Process, func(*os.ProcessState, error) { ended = true; l.Stop() })
			require.NoError(t, err)
			if what == "RemoveReader" {
				require.False(t, l.RemoveReader(p[0]), "there is no reader")
			} else {
				require.ErrorIs(t, l.AddReader(p[0], func() { l.RemoveReader(p[0]) }), syscall.EEXIST)
			}
			l.CallLater(time.Minute, l.Stop)
			l.Run()
			require.True(t, ended)
		})
	}
}
