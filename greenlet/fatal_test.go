package greenlet_test

import (
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/greenlet"
	"github.com/baton-go/baton/internal/baton"
)

// fatal are programs that end their process. TestMain runs one of them instead of
// the tests if the environment asks for it.
var fatal = map[string]func(){
	"lock": func() {
		greenlet.Run(func() {
			main := greenlet.Current()
			greenlet.New(func() {
				runtime.LockOSThread()
				main.Switch()
			}).Switch()
		})
	},
	"panic": func() {
		greenlet.Run(func() {
			greenlet.New(func() { greenlet.New(explode).Switch() }).Switch()
		})
	},
}

// crash runs one of the fatal programs and returns what it printed.
func crash(t *testing.T, name string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "GREENLET_FATAL="+name)
	out, err := cmd.CombinedOutput()
	require.Error(t, err, "the program did not fail, it printed:\n%s", out)
	return string(out)
}

func TestLockOSThreadInAGreenletIsFatalAtTheNextSwitch(t *testing.T) {
	if baton.Backend != "pull" {
		t.Skip("only the coroutines of the runtime mind")
	}
	require.Contains(t, crash(t, "lock"), "fatal error: coro: OS thread locking must match locking at coroutine creation")
}

func TestAPanicThatNobodyRecoversShowsTheStackOfItsGreenlet(t *testing.T) {
	out := crash(t, "panic")
	require.Contains(t, out, "boom")
	require.Contains(t, out, "greenlet_test.explode")
}
