//go:build unix

package gevent_test

import (
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
)

func TestDumpOnSignalPrints(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	read := func() string {
		require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGUSR1))
		b := make([]byte, 1<<16)
		n, err := r.Read(b)
		require.NoError(t, err)
		return string(b[:n])
	}
	require.NoError(t, gevent.Run(func() {
		gevent.Spawn(func() { gevent.Sleep(time.Hour) }).SetName("sleeper")
		gevent.Sleep(0)
		gevent.Offload(func() {
			for range 2 {
				require.Contains(t, read(), "sleeper: parked in gevent.Sleep")
			}
		})
		// The thread itself stands still, which is a time for wanting to know.
		text := read()
		require.Contains(t, text, "does not answer")
		require.Contains(t, text, "(sleeper)")
		require.Contains(t, text, "TestDumpOnSignalPrints")
	}, gevent.DumpOnSignal(w, syscall.SIGUSR1)))
	require.Panics(t, func() { gevent.DumpOnSignal(w) })
}
