//go:build unix

package netpoll_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// raise sends this process a signal.
func raise(t testing.TB, sig syscall.Signal) {
	t.Helper()
	require.NoError(t, syscall.Kill(os.Getpid(), sig))
}

// handle adds a handler.
func handle(t testing.TB, l *netpoll.Loop, sig os.Signal, f func(os.Signal)) *netpoll.Signal {
	t.Helper()
	s, err := l.AddSignal(sig, f)
	require.NoError(t, err)
	return s
}

// runUntil runs the loop until done returns true.
func runUntil(t testing.TB, l *netpoll.Loop, done func() bool) {
	t.Helper()
	l.Ref()
	defer l.Unref()
	for deadline := time.Now().Add(30 * time.Second); !done(); {
		require.True(t, time.Now().Before(deadline), "it did not come")
		timeout := time.AfterFunc(time.Second, func() { l.Post(func() {}) })
		require.True(t, l.RunOnce())
		timeout.Stop()
	}
}

func TestSignals(t *testing.T) {
	t.Run("call their handler on the loop", func(t *testing.T) {
		l := newLoop(t)
		var got []os.Signal
		handle(t, l, syscall.SIGUSR1, func(sig os.Signal) {
			got = append(got, sig)
			l.Stop()
		})
		require.Equal(t, 1, l.Stats().Signals)
		l.CallSoon(func() { raise(t, syscall.SIGUSR1) })
		require.NoError(t, l.Run())
		require.Equal(t, []os.Signal{syscall.SIGUSR1}, got)
		require.Equal(t, uint64(1), l.Stats().Signalled)
	})
	t.Run("keep the loop from ending until they are removed", func(t *testing.T) {
		l := newLoop(t)
		s := handle(t, l, syscall.SIGUSR1, func(os.Signal) { require.True(t, l.RemoveSignal(syscall.SIGUSR1)) })
		time.AfterFunc(10*time.Millisecond, func() { syscall.Kill(os.Getpid(), syscall.SIGUSR1) })
		require.NoError(t, l.Run())
		require.False(t, s.Remove())
		require.False(t, l.RemoveSignal(syscall.SIGUSR1))
		require.False(t, l.Turn())
		require.Zero(t, l.Stats().Signals)
	})
	t.Run("do not keep the loop with Unref", func(t *testing.T) {
		l := newLoop(t)
		s := handle(t, l, syscall.SIGUSR1, func(os.Signal) {})
		s.Unref()
		s.Unref()
		require.False(t, l.Turn())
		s.Ref()
		s.Ref()
		require.NoError(t, l.RunUntilBlocked())
		require.True(t, s.Remove())
		s.Ref()
		s.Unref()
		require.False(t, l.Turn())
	})
	t.Run("do not hold back a virtual clock", func(t *testing.T) {
		l, c := newVirtual(t)
		handle(t, l, syscall.SIGUSR1, func(os.Signal) {})
		l.CallLater(time.Hour, l.Stop)
		require.NoError(t, l.Run())
		require.Equal(t, time.Hour, c.Now())
	})
	t.Run("one after the other arrive in their order, none lost", func(t *testing.T) {
		l := newLoop(t)
		const rounds = 100
		var got []os.Signal
		next := []syscall.Signal{syscall.SIGUSR2, syscall.SIGUSR1, syscall.SIGHUP, syscall.SIGWINCH}
		f := func(sig os.Signal) {
			if got = append(got, sig); len(got) < rounds {
				raise(t, next[len(got)%len(next)])
			}
		}
		for _, sig := range next {
			handle(t, l, sig, f)
		}
		raise(t, next[0])
		runUntil(t, l, func() bool { return len(got) == rounds })
		for i, sig := range got {
			require.Equal(t, next[i%len(next)], sig)
		}
		require.NoError(t, l.RunUntilBlocked())
		require.Len(t, got, rounds)
	})
	t.Run("of several kinds are not lost in a flood of one", func(t *testing.T) {
		l := newLoop(t)
		flood, other, last := 0, 0, 0
		handle(t, l, syscall.SIGUSR1, func(os.Signal) { flood++ })
		handle(t, l, syscall.SIGUSR2, func(os.Signal) { other++ })
		handle(t, l, syscall.SIGWINCH, func(os.Signal) { last++ })
		for range 5000 {
			raise(t, syscall.SIGUSR1)
		}
		raise(t, syscall.SIGUSR2)
		for range 5000 {
			raise(t, syscall.SIGUSR1)
		}
		runUntil(t, l, func() bool { return other == 1 && flood > 0 })
		raise(t, syscall.SIGWINCH)
		runUntil(t, l, func() bool { return last == 1 })
		require.Equal(t, 1, other)
		require.LessOrEqual(t, flood, 10000)
	})
	t.Run("reach every loop that wants them", func(t *testing.T) {
		a, b := newLoop(t), newLoop(t)
		na, nb := 0, 0
		handle(t, a, syscall.SIGUSR1, func(os.Signal) { na++ })
		handle(t, b, syscall.SIGUSR1, func(os.Signal) { nb++ })
		raise(t, syscall.SIGUSR1)
		runUntil(t, a, func() bool { return na == 1 })
		runUntil(t, b, func() bool { return nb == 1 })
		require.NoError(t, a.Close())
		raise(t, syscall.SIGUSR1)
		runUntil(t, b, func() bool { return nb == 2 })
		require.Equal(t, 1, na)
	})
	t.Run("go to all handlers, in the order in which they were added", func(t *testing.T) {
		l := newLoop(t)
		var got []string
		add := func(name string) *netpoll.Signal {
			return handle(t, l, syscall.SIGUSR1, func(os.Signal) { got = append(got, name) })
		}
		a, b, c := add("a"), add("b"), add("c")
		require.Equal(t, 3, l.Stats().Signals)
		raise(t, syscall.SIGUSR1)
		runUntil(t, l, func() bool { return len(got) == 3 })
		require.Equal(t, []string{"a", "b", "c"}, got)
		require.Equal(t, uint64(3), l.Stats().Signalled)
		require.True(t, b.Remove())
		require.False(t, b.Remove())
		got = nil
		raise(t, syscall.SIGUSR1)
		runUntil(t, l, func() bool { return len(got) == 2 })
		require.Equal(t, []string{"a", "c"}, got)
		require.True(t, l.RemoveSignal(syscall.SIGUSR1))
		require.False(t, a.Remove())
		require.False(t, c.Remove())
		require.False(t, l.RemoveSignal(syscall.SIGUSR1))
		require.False(t, l.Turn())
	})
	t.Run("go to those that one of them leaves", func(t *testing.T) {
		l := newLoop(t)
		n := 0
		var second *netpoll.Signal
		handle(t, l, syscall.SIGUSR1, func(os.Signal) {
			second.Remove()
			n++
			panic("the first")
		})
		second = handle(t, l, syscall.SIGUSR1, func(os.Signal) { t.Error("the first has removed it") })
		handle(t, l, syscall.SIGUSR1, func(os.Signal) { n++ })
		raise(t, syscall.SIGUSR1)
		require.PanicsWithValue(t, "the first", func() { runUntil(t, l, func() bool { return n == 2 }) })
		runUntil(t, l, func() bool { return n == 2 })
	})
	t.Run("keep the loop from ending if one of their handlers does", func(t *testing.T) {
		l := newLoop(t)
		a := handle(t, l, syscall.SIGUSR1, func(os.Signal) {})
		b := handle(t, l, syscall.SIGUSR1, func(os.Signal) {})
		a.Unref()
		require.NoError(t, l.RunUntilBlocked())
		b.Unref()
		require.False(t, l.Turn())
	})
	t.Run("that have arrived are dropped with their handler", func(t *testing.T) {
		l := newLoop(t)
		// What somebody else gets after the relay tells that the relay has it.
		c := make(chan os.Signal, 1)
		s := handle(t, l, syscall.SIGUSR1, func(os.Signal) { t.Error("called after Remove") })
		signal.Notify(c, syscall.SIGUSR1)
		defer signal.Stop(c)
		raise(t, syscall.SIGUSR1)
		<-c
		require.Eventually(t, l.HasPosts, 10*time.Second, time.Millisecond)
		require.True(t, s.Remove())
		n := 0
		handle(t, l, syscall.SIGUSR1, func(os.Signal) { n++ })
		require.NoError(t, l.RunUntilBlocked())
		require.Zero(t, n, "it was for the handler that was removed")
		raise(t, syscall.SIGUSR1)
		runUntil(t, l, func() bool { return n == 1 })
	})
	t.Run("are given back to the system by Remove", func(t *testing.T) {
		cmd := exec.Command(os.Args[0], "-test.run=^TestSignalThatNobodyHandles$")
		cmd.Env = append(os.Environ(), "NETPOLL_TEST_CHILD=1")
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "%s", out)
		require.Equal(t, syscall.SIGTERM, exit.Sys().(syscall.WaitStatus).Signal(), "%s", out)
		require.Contains(t, string(out), "the other is still handled")
	})
	t.Run("need one goroutine, which ends with the last", func(t *testing.T) {
		l := newLoop(t)
		handle(t, l, syscall.SIGUSR1, func(os.Signal) {}).Remove() // os/signal has one of its own
		before := runtime.NumGoroutine()
		// One that has done its work may take a moment to be gone.
		atMost := func(n int) {
			for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > n; time.Sleep(time.Millisecond) {
				require.True(t, time.Now().Before(deadline), "a goroutine is left")
			}
		}
		for range 20 {
			a := handle(t, l, syscall.SIGUSR1, func(os.Signal) {})
			b := handle(t, l, syscall.SIGUSR2, func(os.Signal) {})
			atMost(before + 1)
			require.True(t, a.Remove())
			require.True(t, b.Remove())
			atMost(before)
		}
	})
	t.Run("that cannot be caught are refused", func(t *testing.T) {
		l := newLoop(t)
		for _, sig := range []os.Signal{syscall.SIGKILL, syscall.SIGSTOP, os.Kill, syscall.Signal(0), syscall.Signal(-1), syscall.Signal(1000), notASignal{}, nil} {
			_, err := l.AddSignal(sig, func(os.Signal) {})
			require.ErrorIs(t, err, netpoll.ErrSignal, "%v", sig)
			require.False(t, l.RemoveSignal(sig))
		}
		_, err := l.AddSignal(syscall.SIGKILL, func(os.Signal) {})
		require.EqualError(t, err, "netpoll.AddSignal: killed: the signal cannot be caught")
		require.PanicsWithValue(t, "netpoll.AddSignal: nil function; pass the handler, or remove it with RemoveSignal",
			func() { l.AddSignal(syscall.SIGUSR1, nil) })
		require.False(t, l.Turn())
	})
	t.Run("end with the loop", func(t *testing.T) {
		l := newLoop(t)
		s := handle(t, l, syscall.SIGUSR1, func(os.Signal) { t.Error("called after Close") })
		signal.Ignore(syscall.SIGUSR1) // or it would end the process
		defer signal.Reset(syscall.SIGUSR1)
		require.NoError(t, l.Close())
		raise(t, syscall.SIGUSR1)
		require.False(t, s.Remove())
		require.False(t, l.RemoveSignal(syscall.SIGUSR1))
		_, err := l.AddSignal(syscall.SIGUSR1, func(os.Signal) {})
		require.ErrorIs(t, err, netpoll.ErrClosed)
	})
	t.Run("whose handlers are slow are reported as these", func(t *testing.T) {
		l, got := newDebug(t)
		n := 0
		handle(t, l, syscall.SIGUSR1, func(os.Signal) { slowFunction(); n++ })
		raise(t, syscall.SIGUSR1)
		runUntil(t, l, func() bool { return n == 1 })
		slow := got.of("TestSignals")
		require.Len(t, slow, 1)
		require.Equal(t, "signal_test.go", filepath.Base(slow[0].File))
		require.Empty(t, slow[0].Scheduled)
	})
	t.Run("may panic", func(t *testing.T) {
		l := newLoop(t)
		n := 0
		handle(t, l, syscall.SIGUSR1, func(os.Signal) {
			if n++; n == 1 {
				panic("the first")
			}
		})
		raise(t, syscall.SIGUSR1)
		require.PanicsWithValue(t, "the first", func() { runUntil(t, l, func() bool { return n == 1 }) })
		raise(t, syscall.SIGUSR1)
		runUntil(t, l, func() bool { return n == 2 })
	})
}

// TestSignalThatNobodyHandles is run by TestSignals in a process that it ends.
func TestSignalThatNobodyHandles(t *testing.T) {
	if os.Getenv("NETPOLL_TEST_CHILD") == "" {
		t.Skip("run by TestSignals, in a process of its own")
	}
	l := newLoop(t)
	n := 0
	handle(t, l, syscall.SIGUSR1, func(os.Signal) { n++ })
	require.True(t, handle(t, l, syscall.SIGTERM, func(os.Signal) {}).Remove())
	raise(t, syscall.SIGUSR1)
	runUntil(t, l, func() bool { return n == 1 })
	fmt.Println("the other is still handled")
	raise(t, syscall.SIGTERM)
	time.Sleep(time.Minute)
}

// notASignal is an os.Signal of which the system knows nothing.
type notASignal struct{ _ []int }

func (notASignal) String() string { return "no signal" }
func (notASignal) Signal()        {}
