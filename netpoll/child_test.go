//go:build unix

package netpoll_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// start starts a shell that runs script.
func start(t testing.TB, script string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", script)
	require.NoError(t, cmd.Start())
	return cmd
}

// addChild has the loop wait for the process.
func addChild(t testing.TB, l *netpoll.Loop, p *os.Process, f func(*os.ProcessState, error)) *netpoll.Child {
	t.Helper()
	c, err := l.AddChild(p, f)
	require.NoError(t, err)
	require.Equal(t, p, c.Process())
	return c
}

func TestChildren(t *testing.T) {
	t.Run("in the way of the platform", func(t *testing.T) {
		testChildren(t, runtime.GOOS == "linux")
	})
	t.Run("with a goroutine for each", func(t *testing.T) {
		defer netpoll.WithoutPidfd()()
		testChildren(t, false)
	})
}

// testChildren tests the loop's children, which pidfd says are watched by the
// poller.
func testChildren(t *testing.T, pidfd bool) {
	t.Run("are told of when they end", func(t *testing.T) {
		l := newLoop(t)
		var states []*os.ProcessState
		cmd := start(t, "exit 3")
		addChild(t, l, cmd.Process, func(s *os.ProcessState, err error) {
			require.NoError(t, err)
			states = append(states, s)
		})
		require.Equal(t, 1, l.Stats().Children)
		require.NoError(t, l.Run())
		require.Len(t, states, 1)
		require.Equal(t, 3, states[0].ExitCode())
		require.Equal(t, cmd.Process.Pid, states[0].Pid())
		require.Zero(t, l.Stats().Children)
		require.Zero(t, l.Stats().Watchers)
		require.False(t, l.Turn())
	})
	t.Run("may be killed", func(t *testing.T) {
		l := newLoop(t)
		cmd := start(t, "exec sleep 1000")
		var state *os.ProcessState
		addChild(t, l, cmd.Process, func(s *os.ProcessState, err error) {
			require.NoError(t, err)
			state = s
		})
		l.CallLater(time.Millisecond, func() { require.NoError(t, cmd.Process.Kill()) })
		require.NoError(t, l.Run())
		require.Equal(t, syscall.SIGKILL, state.Sys().(syscall.WaitStatus).Signal())
	})
	t.Run("may have ended already", func(t *testing.T) {
		l := newLoop(t)
		r, w, err := os.Pipe()
		require.NoError(t, err)
		cmd := exec.Command("/bin/sh", "-c", "exit 7")
		cmd.ExtraFiles = []*os.File{w}
		require.NoError(t, cmd.Start())
		require.NoError(t, w.Close())
		_, err = r.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err, "the end of the process closes its end")
		require.NoError(t, r.Close())
		code := -1
		addChild(t, l, cmd.Process, func(s *os.ProcessState, err error) {
			require.NoError(t, err)
			code = s.ExitCode()
		})
		require.NoError(t, l.Run())
		require.Equal(t, 7, code)
	})
	t.Run("may be many", func(t *testing.T) {
		l := newLoop(t)
		const n = 200
		told := make(map[int]int)
		for i := range n {
			cmd := start(t, "exit "+strconv.Itoa(i))
			addChild(t, l, cmd.Process, func(s *os.ProcessState, err error) {
				require.NoError(t, err)
				require.Equal(t, i, s.ExitCode())
				told[i]++
			})
		}
		require.Equal(t, n, l.Stats().Children)
		require.NoError(t, l.Run())
		require.Len(t, told, n)
		for _, times := range told {
			require.Equal(t, 1, times)
		}
	})
	t.Run("that are none are told of with an error", func(t *testing.T) {
		l := newLoop(t)
		parent, err := os.FindProcess(os.Getppid())
		require.NoError(t, err)
		waited := start(t, "exit 0")
		require.NoError(t, waited.Wait())
		released := start(t, "exit 0")
		require.NoError(t, released.Process.Release())
		n := 0
		for _, p := range []*os.Process{parent, waited.Process, released.Process} {
			addChild(t, l, p, func(s *os.ProcessState, err error) {
				n++
				require.Nil(t, s)
				require.Error(t, err)
				require.ErrorContains(t, err, "netpoll.AddChild: process "+strconv.Itoa(p.Pid)+": ")
				if p == parent {
					require.ErrorIs(t, err, syscall.ECHILD)
				}
			})
		}
		require.NoError(t, l.Run())
		require.Equal(t, 3, n)
	})
	t.Run("do not keep the loop with Unref", func(t *testing.T) {
		l := newLoop(t)
		cmd := start(t, "exec sleep 1000")
		told := false
		c := addChild(t, l, cmd.Process, func(*os.ProcessState, error) { told = true })
		c.Unref()
		require.False(t, l.Turn())
		c.Ref()
		require.NoError(t, cmd.Process.Kill())
		require.NoError(t, l.Run())
		require.True(t, told)
		require.False(t, c.Remove())
	})
	t.Run("do not hold back a virtual clock", func(t *testing.T) {
		l, c := newVirtual(t)
		cmd := start(t, "exec sleep 1000")
		addChild(t, l, cmd.Process, func(*os.ProcessState, error) {})
		l.CallLater(time.Hour, func() { require.NoError(t, cmd.Process.Kill()) })
		require.NoError(t, l.Run())
		require.Equal(t, time.Hour, c.Now())
	})
	t.Run("may be removed when their end is ready", func(t *testing.T) {
		l := newLoop(t)
		cmd := start(t, "exit 0")
		var c *netpoll.Child
		n := 0
		remove := func() {
			if n++; n == 1 {
				require.True(t, c.Remove())
				l.Stop()
			}
		}
		l.AddCheck(remove).Unref() // once the poll has seen it
		c = addChild(t, l, cmd.Process, func(*os.ProcessState, error) { t.Error("called after Remove") })
		require.NoError(t, l.Run())
		require.NoError(t, l.RunUntilBlocked())
		require.Equal(t, 1, n)
		require.Zero(t, l.Stats().Children)
		if err := cmd.Wait(); pidfd {
			require.NoError(t, err, "it is the caller's again")
		}
	})
	t.Run("that run on when the loop closes are left alone", func(t *testing.T) {
		l := newLoop(t)
		cmd := start(t, "exec sleep 1000")
		c := addChild(t, l, cmd.Process, func(*os.ProcessState, error) { t.Error("called after Close") })
		require.NoError(t, l.Close())
		require.False(t, c.Remove())
		require.NoError(t, cmd.Process.Signal(syscall.Signal(0)))
		_, err := l.AddChild(cmd.Process, func(*os.ProcessState, error) {})
		require.ErrorIs(t, err, netpoll.ErrClosed)
		require.NoError(t, cmd.Process.Kill())
		cmd.Wait() // unless the goroutine has
	})
	t.Run("may be commands with pipes", func(t *testing.T) {
		l := newLoop(t)
		cmd := exec.Command("/bin/sh", "-c", "cat; echo done")
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		out, err := os.CreateTemp(t.TempDir(), "out")
		require.NoError(t, err)
		defer out.Close()
		cmd.Stdout = out
		require.NoError(t, cmd.Start())
		var state *os.ProcessState
		addChild(t, l, cmd.Process, func(s *os.ProcessState, err error) {
			require.NoError(t, err)
			state = s
		})
		l.CallSoon(func() {
			_, err := io.WriteString(in, "text\n")
			require.NoError(t, err)
			require.NoError(t, in.Close())
		})
		require.NoError(t, l.Run())
		require.True(t, state.Success())
		text, err := os.ReadFile(out.Name())
		require.NoError(t, err)
		require.Equal(t, "text\ndone\n", string(text))
		require.Error(t, cmd.Wait(), "it has been waited for")
	})
	t.Run("need a process and a function", func(t *testing.T) {
		l := newLoop(t)
		require.PanicsWithValue(t, "netpoll.AddChild: nil Process; start the process first",
			func() { l.AddChild(nil, func(*os.ProcessState, error) {}) })
		require.PanicsWithValue(t, "netpoll.AddChild: nil function; pass the function that is to be told of the end",
			func() { l.AddChild(&os.Process{}, nil) })
	})
}

// The descriptor of the process is the loop's own: nobody waits for it.
func TestChildNeedsNoGoroutine(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere a goroutine waits")
	}
	l := newLoop(t)
	const children = 50
	before := runtime.NumGoroutine()
	var running []*exec.Cmd
	for range children {
		cmd := start(t, "exec sleep 1000")
		addChild(t, l, cmd.Process, func(*os.ProcessState, error) {})
		running = append(running, cmd)
	}
	if l.Stats().Watchers != 0 {
		t.Error("the descriptors of processes are counted among the users'")
	}
	after := runtime.NumGoroutine()
	for _, cmd := range running {
		require.NoError(t, cmd.Process.Kill())
	}
	require.NoError(t, l.Run())
	require.Less(t, after, before+children/2)
}

// A Cmd that copies by goroutines is waited for in a goroutine.
func TestCommandWithWriterIsLeftToAGoroutine(t *testing.T) {
	l := newLoop(t)
	var out bytes.Buffer
	cmd := exec.CommandContext(context.Background(), "/bin/sh", "-c", "echo text")
	cmd.Stdout = &out
	require.NoError(t, cmd.Start())
	l.Ref()
	go func() {
		err := cmd.Wait()
		l.Post(func() { l.Unref(); require.NoError(t, err) })
	}()
	require.NoError(t, l.Run())
	require.Equal(t, "text\n", out.String())
}
