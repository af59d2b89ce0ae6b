package baton_test

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/baton"
)

// fatalCases are programs that are meant to crash, each run in a process of its
// own.
var fatalCases = map[string]func(){
	"a body panics": func() {
		th := baton.NewThread()
		root := th.Enter()
		root.Resume(th.Carrier(body(thePanickingBody)))
	},
	"a body panics while the root came by yield": func() {
		th := baton.NewThread()
		root := th.Enter()
		f := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
			third := th.Carrier(body(func(*baton.Fiber) *baton.Fiber { return root }))
			f.Resume(third)
			return thePanickingBody(f)
		}))
		root.Resume(f)
		root.Resume(f)
	},
	"a body locks its thread": func() {
		th := baton.NewThread()
		root := th.Enter()
		root.Resume(th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
			runtime.LockOSThread()
			f.Resume(root)
			return root
		})))
		os.Stdout.WriteString("the switch went well\n")
	},
}

func thePanickingBody(*baton.Fiber) *baton.Fiber { panic("a bug of ours") }

// A Body has to recover what user code panics with, so a panic that comes
// through is a bug. iter.Pull would lose it where the other fiber came by yield.
func TestABodyThatPanicsCrashesTheProcess(t *testing.T) {
	for _, name := range []string{"a body panics", "a body panics while the root came by yield"} {
		t.Run(name, func(t *testing.T) {
			output, failed := runFatalCase(t, name)
			require.True(t, failed)
			require.Contains(t, output, "panic: ")
			require.Contains(t, output, "a bug of ours")
			require.Contains(t, output, "thePanickingBody", "the stack of the body must be shown")
		})
	}
}

func TestLockOSThreadInsideABodyIsFatalAtTheNextSwitch(t *testing.T) {
	if baton.Backend != "pull" {
		t.Skip("only coroutine switches look at the lock")
	}
	output, failed := runFatalCase(t, "a body locks its thread")
	require.True(t, failed, output)
	require.Contains(t, output, "coro: OS thread locking must match")
}
