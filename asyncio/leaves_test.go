//go:build unix

package asyncio_test

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// leavesNothingE checks at the test's end that no descriptor was left open, and no
// child is left, dead or alive.
func leavesNothingE(t testing.TB) {
	t.Helper()
	r, w, err := os.Pipe() // the first one opens the Go runtime's poller
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
	before := openDescriptors(t)
	t.Cleanup(func() {
		// A loop may leave a child that it has killed to a goroutine.
		for end := time.Now().Add(30 * time.Second); haveChildren() || openDescriptors(t) > before; time.Sleep(time.Millisecond) {
			require.True(t, time.Now().Before(end), "left: %d descriptors of %d, children: %v", openDescriptors(t), before, haveChildren())
		}
	})
}

// openDescriptors returns the number of the process's open descriptors.
func openDescriptors(t testing.TB) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

// haveChildren reports whether this process has a child, which may be a zombie.
func haveChildren() bool {
	var status syscall.WaitStatus
	// Of one that has ended this takes the state away; nobody else wants it when a test
	// is over.
	pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
	return err != unix.ECHILD && pid >= 0
}
