package subprocess_test

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/gevent"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// test is a sub-test that is the main greenlet of a thread, and that needs a shell.
func test(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Helper()
		needsShell(t)
		require.NoError(t, gevent.Run(func() { f(t) }))
	})
}

func needsShell(t testing.TB) {
	t.Helper()
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("there is no /bin/sh")
	}
	for _, program := range []string{"cat", "sleep"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
}

// forever is a script that does nothing for a long time.
const forever = "exec sleep 1000"

// descriptors returns the number of the process's open descriptors.
func descriptors(t testing.TB) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

// leavesNothing checks at the test's end that no descriptor was left open, and no
// child is left, dead or alive.
func leavesNothing(t testing.TB) {
	t.Helper()
	r, w, err := os.Pipe() // the first one opens the Go runtime's poller
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
	before := descriptors(t)
	t.Cleanup(func() {
		// A thread may leave a child that it has killed to a goroutine.
		for end := time.Now().Add(30 * time.Second); hasChildren() || descriptors(t) > before; time.Sleep(time.Millisecond) {
			require.True(t, time.Now().Before(end), "left: %d descriptors of %d, children: %v", descriptors(t), before, hasChildren())
		}
	})
}
