//go:build unix

package signal_test

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/signal"
	"github.com/baton-go/baton/netpoll"
)

// raise sends this process a signal.
func raise(t testing.TB, sig syscall.Signal) {
	t.Helper()
	require.NoError(t, syscall.Kill(os.Getpid(), sig))
}

// until lets others run until done.
func until(t testing.TB, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); gevent.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(end), "it did not come")
	}
}

func test(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { require.NoError(t, gevent.Run(func() { f(t) })) })
}

// handle sets a handler until the end of the test.
func handle[F func() | func() error](t *testing.T, sig os.Signal, f F) *signal.Signal {
	t.Helper()
	s, err := signal.Handler(sig, f)
	require.NoError(t, err)
	return s
}

var errExpected = errors.New("expected")

func TestAHandler(t *testing.T) {
	test(t, "runs in a greenlet of its own, and may wait", func(t *testing.T) {
		var who *gevent.Greenlet
		done := false
		s := handle(t, syscall.SIGUSR1, func() {
			who = gevent.Current()
			gevent.Sleep(time.Millisecond)
			done = true
		})
		defer s.Cancel()
		raise(t, syscall.SIGUSR1)
		until(t, func() bool { return done })
		require.Equal(t, "handler of signal "+syscall.SIGUSR1.String(), who.Name())
	})
	test(t, "T128 has its error interrupt the main greenlet, again and again", func(t *testing.T) {
		s := handle(t, syscall.SIGALRM, func() error { return errExpected })
		defer s.Cancel()
		for range 2 {
			raise(t, syscall.SIGALRM)
			require.ErrorIs(t, gevent.Try(func() error { gevent.Sleep(time.Minute); return nil }), errExpected)
		}
	})
	test(t, "T128 may be referenced, and cancelled twice", func(t *testing.T) {
		s := handle(t, syscall.SIGALRM, func() {})
		require.False(t, s.Ref())
		s.SetRef(true)
		require.True(t, s.Ref())
		s.SetRef(false)
		require.False(t, s.Ref())
		require.True(t, s.Active())
		s.Cancel()
		s.Cancel()
		require.False(t, s.Active())
	})
	test(t, "is one of several, which are called in order", func(t *testing.T) {
		var got []string
		a := handle(t, syscall.SIGUSR1, func() { got = append(got, "a") })
		b := handle(t, syscall.SIGUSR1, func() { got = append(got, "b") })
		c := handle(t, syscall.SIGUSR2, func() { got = append(got, "c") })
		raise(t, syscall.SIGUSR1)
		until(t, func() bool { return len(got) == 2 })
		require.Equal(t, []string{"a", "b"}, got)
		a.Cancel()
		raise(t, syscall.SIGUSR1)
		until(t, func() bool { return len(got) == 3 })
		raise(t, syscall.SIGUSR2)
		until(t, func() bool { return len(got) == 4 })
		require.Equal(t, []string{"a", "b", "b", "c"}, got)
		b.Cancel()
		c.Cancel()
	})
	test(t, "is not called when it was cancelled after the signal had come", func(t *testing.T) {
		called := false
		var a, b *signal.Signal
		a = handle(t, syscall.SIGUSR1, func() { b.Cancel() })
		b = handle(t, syscall.SIGUSR1, func() { called = true })
		raise(t, syscall.SIGUSR1)
		until(t, func() bool { return !b.Active() })
		gevent.Sleep(0)
		require.False(t, called)
		a.Cancel()
	})
	test(t, "may cancel itself", func(t *testing.T) {
		n := 0
		var s *signal.Signal
		s = handle(t, syscall.SIGUSR1, func() { n++; s.Cancel() })
		other := handle(t, syscall.SIGUSR1, func() {})
		raise(t, syscall.SIGUSR1)
		until(t, func() bool { return n == 1 })
		other.Cancel()
	})
	t.Run("has its panic reported, and is called again", func(t *testing.T) {
		var reports []string
		require.NoError(t, gevent.Run(func() {
			n := 0
			s := handle(t, syscall.SIGUSR1, func() { n++; panic("boom") })
			defer s.Cancel()
			raise(t, syscall.SIGUSR1)
			until(t, func() bool { return len(reports) == 1 })
			raise(t, syscall.SIGUSR1)
			until(t, func() bool { return len(reports) == 2 })
			require.Equal(t, 2, n)
		}, gevent.WithErrorHook(func(where string, err error) { reports = append(reports, where) })))
		require.Contains(t, reports[0], "handler of signal")
	})
	t.Run("T128 needs a function", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() {
			const message = "signal.Handler: the function is nil; pass the handler, or Cancel the one that there is"
			require.PanicsWithValue(t, message, func() { signal.Handler[func()](os.Interrupt, nil) })
			require.PanicsWithValue(t, message, func() { signal.Handler[func() error](os.Interrupt, nil) })
		}))
	})
	test(t, "T123 of what is no signal, or cannot be caught, is refused", func(t *testing.T) {
		for _, sig := range []os.Signal{syscall.Signal(1000), syscall.Signal(-1), syscall.SIGKILL} {
			_, err := signal.Handler(sig, func() {})
			require.ErrorIs(t, err, netpoll.ErrSignal)
		}
		_, err := signal.Wait(syscall.SIGUSR1, syscall.SIGKILL)
		require.ErrorIs(t, err, netpoll.ErrSignal)
	})
	t.Run("is for threads", func(t *testing.T) {
		require.Panics(t, func() { signal.Handler(os.Interrupt, func() {}) })
		require.Panics(t, func() { signal.Wait(os.Interrupt) })
		require.NoError(t, gevent.Run(func() {
			s := handle(t, syscall.SIGUSR1, func() {})
			done := make(chan any)
			go func() {
				defer func() { done <- recover() }()
				s.Cancel()
			}()
			err := (<-done).(error)
			require.ErrorIs(t, err, gevent.ErrWrongThread)
			require.ErrorContains(t, err, "signal.Cancel: "+s.String()+" belongs to another thread")
			require.True(t, s.Active())
		}))
	})
}

func TestAHandlerDoesNotKeepItsThread(t *testing.T) {
	t.Run("T127 from being told that nothing is left to wait for", func(t *testing.T) {
		err := gevent.Run(func() {
			handle(t, syscall.SIGUSR1, func() {})
			gevent.NewGreenlet(func() {}).Join()
		})
		require.ErrorIs(t, err, gevent.ErrLoopExit)
	})
	test(t, "T051 in JoinHub", func(t *testing.T) {
		s := handle(t, syscall.SIGUSR1, func() {})
		gevent.Spawn(func() { gevent.Sleep(time.Millisecond) })
		require.True(t, gevent.JoinHubTimeout(time.Minute))
		gevent.JoinHub()
		require.True(t, s.Active())
	})
	t.Run("unless it is referenced", func(t *testing.T) {
		require.ErrorIs(t, gevent.Run(func() {
			handle(t, syscall.SIGUSR1, func() error { return errExpected }).SetRef(true)
			raise(t, syscall.SIGUSR1)
			gevent.NewGreenlet(func() {}).Join()
		}), errExpected)
	})
	t.Run("and ends with it", func(t *testing.T) {
		var s *signal.Signal
		require.NoError(t, gevent.Run(func() { s = handle(t, syscall.SIGUSR1, func() {}) }))
		require.False(t, s.Active())
		s.Cancel()
	})
	t.Run("nor one that was referenced, once it is cancelled", func(t *testing.T) {
		require.ErrorIs(t, gevent.Run(func() {
			handle(t, syscall.SIGUSR1, func() {})
			s := handle(t, syscall.SIGUSR1, func() {})
			s.SetRef(true)
			s.Cancel()
			gevent.NewGreenlet(func() {}).Join()
		}), gevent.ErrLoopExit)
	})
	test(t, "and main is not told when one is killed", func(t *testing.T) {
		var handling *gevent.Greenlet
		s := handle(t, syscall.SIGUSR1, func() error {
			handling = gevent.Current()
			return gevent.Try(func() error { gevent.Sleep(time.Hour); return nil })
		})
		defer s.Cancel()
		raise(t, syscall.SIGUSR1)
		until(t, func() bool { return handling != nil })
		require.NoError(t, gevent.Try(func() error {
			handling.Kill()
			gevent.Sleep(time.Millisecond)
			return nil
		}))
	})
	t.Run("nor does one that was cancelled touch it", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() {
			s := handle(t, syscall.SIGUSR1, func() {})
			other := handle(t, syscall.SIGUSR1, func() {}) // of the same kind
			s.Cancel()
			done := make(chan bool)
			go func() { // at the same time, for the race detector
				s.SetRef(true)
				close(done)
			}()
			other.SetRef(true)
			other.Cancel()
			gevent.Offload(func() { <-done })
			require.True(t, s.Ref())
		}))
	})
}

func TestAnErrorOfAHandlerIsForTheMainGreenletAndNotReportedAsWell(t *testing.T) {
	errHandled := errors.New("handled")
	err := gevent.Run(func() {
		handle(t, syscall.SIGUSR1, func() error { return errHandled })
		raise(t, syscall.SIGUSR1)
		gevent.Sleep(time.Hour)
	}, gevent.ReportErrors(), gevent.WithErrorHook(func(where string, err error) { t.Error(where, err) }))
	require.Equal(t, errHandled, err)
}

func TestSeveralThreadsHandleOneSignal(t *testing.T) {
	ready, done := make(chan bool), make(chan error)
	for range 3 {
		go func() {
			done <- gevent.Run(func() error {
				return gevent.Try(func() error {
					s := handle(t, syscall.SIGUSR2, func() error { return errExpected })
					defer s.Cancel()
					ready <- true
					gevent.Sleep(time.Minute)
					return nil
				})
			})
		}()
	}
	for range 3 {
		<-ready
	}
	raise(t, syscall.SIGUSR2)
	for range 3 {
		require.ErrorIs(t, <-done, errExpected)
	}
}

func TestWait(t *testing.T) {
	test(t, "returns the signal that comes", func(t *testing.T) {
		gevent.Spawn(func() { raise(t, syscall.SIGUSR2) })
		sig, err := signal.Wait(syscall.SIGUSR1, syscall.SIGUSR2)
		require.NoError(t, err)
		require.Equal(t, syscall.SIGUSR2, sig)
	})
	test(t, "may be ended by a time-out", func(t *testing.T) {
		err := gevent.WithTimeout(time.Millisecond, func() error {
			_, err := signal.Wait(syscall.SIGUSR1)
			return err
		})
		require.ErrorIs(t, err, gevent.ErrTimeout)
	})
}

func TestT167AHandlerOfSIGCHLDIsCalledForAChildAndDisturbsNobodyWhoWaitsForIt(t *testing.T) {
	test(t, "wait", func(t *testing.T) {
		n := 0
		s := handle(t, syscall.SIGCHLD, func() { gevent.Sleep(time.Millisecond); n++ })
		defer s.Cancel()
		cmd := exec.Command("/bin/sh", "-c", "exit 3")
		if err := cmd.Start(); err != nil {
			t.Skip(err)
		}
		var err error
		gevent.Offload(func() { err = cmd.Wait() })
		require.Error(t, err)
		require.Equal(t, 3, cmd.ProcessState.ExitCode())
		until(t, func() bool { return n > 0 })
	})
}
