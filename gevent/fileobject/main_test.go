package fileobject_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/fileobject"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// test is a sub-test that is the main greenlet of a thread.
func test(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Helper()
		require.NoError(t, gevent.Run(func() { f(t) }))
	})
}

// temp makes a file with a text in it, and returns its name.
func temp(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func open(t testing.TB, name string) *fileobject.FileObject {
	t.Helper()
	f, err := fileobject.Open(name)
	require.NoError(t, err)
	return f
}

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

// keepsDescriptors checks at the test's end that none was left open. The first pipe
// opens the Go runtime's poller, so that is done before.
func keepsDescriptors(t testing.TB) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
	before := descriptors(t)
	t.Cleanup(func() {
		// A goroutine that was opening a FIFO may still be about to close it.
		for end := time.Now().Add(30 * time.Second); descriptors(t) > before; time.Sleep(time.Millisecond) {
			require.True(t, time.Now().Before(end), "descriptors were left open")
		}
	})
}
