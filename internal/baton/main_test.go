package baton_test

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/internal/baton"
)

// caseVariable names, in the environment, the fatal case that a sub-process runs
// instead of the tests (see fatal_test.go).
const caseVariable = "BATON_FATAL_CASE"

func TestMain(m *testing.M) {
	if name := os.Getenv(caseVariable); name != "" {
		fatalCases[name]()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// runFatalCase runs one of fatalCases in a sub-process and returns its output.
func runFatalCase(t *testing.T, name string) (output string, failed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), caseVariable+"="+name)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err != nil
}

// body runs the function on a carrier; the fiber that it returns gets the baton
// at the end.
type body func(f *baton.Fiber) *baton.Fiber

func (b body) Run(f *baton.Fiber) (baton.Body, *baton.Fiber) { return nil, b(f) }
func (b body) Goexit(f *baton.Fiber) *baton.Fiber            { return f.Thread().ExitRoot() }

// exiting is a body that calls runtime.Goexit after run; heir gets the baton.
type exiting struct {
	run  func(f *baton.Fiber)
	heir func(f *baton.Fiber) *baton.Fiber
}

func (e exiting) Run(f *baton.Fiber) (baton.Body, *baton.Fiber) {
	if e.run != nil {
		e.run(f)
	}
	runtime.Goexit()
	return nil, nil
}

func (e exiting) Goexit(f *baton.Fiber) *baton.Fiber { return e.heir(f) }

// toRoot ends a body by giving the baton to the root.
func toRoot(f *baton.Fiber) *baton.Fiber { return f.Thread().Root() }

// enter makes the test's goroutine the root of a new thread and sees to it that
// the test leaves no carrier.
func enter(t *testing.T) (*baton.Thread, *baton.Fiber) {
	t.Helper()
	th := baton.NewThread()
	root := th.Enter()
	t.Cleanup(func() {
		require.Zero(t, th.Close(root), "carriers are still parked in a body")
		th.Leave()
	})
	return th, root
}

// keepsGoroutines checks at the test's end that there are as many goroutines as
// at its begin. The chan back-end's goroutines end a moment after they are
// reaped, so it waits a little.
func keepsGoroutines(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		after := runtime.NumGoroutine()
		for wait := time.Microsecond; after > before && wait < 2*time.Second; wait *= 2 {
			time.Sleep(wait)
			after = runtime.NumGoroutine()
		}
		require.LessOrEqual(t, after, before, "goroutines were left behind")
	})
}

// log collects what happened in the order in which it did. It has no lock: that
// it needs none is a part of what the race detector checks here.
type log struct{ entries []string }

func (l *log) add(entry string) { l.entries = append(l.entries, entry) }

// take returns the entries and forgets them.
func (l *log) take() []string {
	taken := slices.Clone(l.entries)
	l.entries = l.entries[:0]
	return taken
}
