//go:build unix

package asyncio_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/signal"
	"github.com/baton-go/baton/netpoll"
)

func kill(t testing.TB, sig syscall.Signal) {
	t.Helper()
	require.NoError(t, syscall.Kill(os.Getpid(), sig))
}

func TestSignalHandlers(t *testing.T) {
	t.Run("N22 EV-07 are called on the loop", func(t *testing.T) {
		var o trace
		_, err := asyncio.Run(proc(func(c ctx) error {
			l := asyncio.RunningLoop(c)
			got := asyncio.NewFuture[none](l)
			require.NoError(t, l.AddSignalHandler(syscall.SIGUSR1, func() { t.Error("it was replaced") }))
			require.NoError(t, l.AddSignalHandler(syscall.SIGUSR1, func() { o.add("sig"); _ = got.SetResult(none{}) }))
			kill(t, syscall.SIGUSR1)
			o.add("raised")
			_, err := got.Await(c)
			require.NoError(t, err)
			o.add(l.RemoveSignalHandler(syscall.SIGUSR1), l.RemoveSignalHandler(syscall.SIGUSR1))
			return nil
		}))
		require.NoError(t, err)
		require.Equal(t, trace{"raised", "sig", "true false"}, o)
	})
	t.Run("N22 EV-07 are for signals that can be caught", func(t *testing.T) {
		l := newLoop(t)
		for _, sig := range []os.Signal{syscall.Signal(0), syscall.Signal(1000), syscall.SIGKILL, syscall.SIGSTOP, nil} {
			require.ErrorIs(t, l.AddSignalHandler(sig, func() {}), netpoll.ErrSignal)
			require.False(t, l.RemoveSignalHandler(sig))
		}
		panicSays(t, "AddSignalHandler: the function is nil", func() { _ = l.AddSignalHandler(syscall.SIGUSR1, nil) })
	})
	t.Run("EV-07 wake a loop that waits", func(t *testing.T) {
		l, err := asyncio.NewLoop()
		require.NoError(t, err)
		require.NoError(t, l.AddSignalHandler(syscall.SIGUSR1, l.Stop))
		time.AfterFunc(ms, func() { _ = syscall.Kill(os.Getpid(), syscall.SIGUSR1) })
		require.NoError(t, l.RunForever())
		require.NoError(t, l.Close())
		require.False(t, l.RemoveSignalHandler(syscall.SIGUSR1), "the loop is closed")
		require.ErrorIs(t, l.AddSignalHandler(syscall.SIGUSR1, func() {}), asyncio.ErrLoopClosed)
	})
	t.Run("that panic are reported", func(t *testing.T) {
		var o trace
		l := newLoop(t, asyncio.WithExceptionHandler(func(l *asyncio.Loop, e asyncio.ExceptionContext) {
			o.add(e.Message)
			l.Stop()
		}))
		require.NoError(t, l.AddSignalHandler(syscall.SIGUSR1, func() { panic("oops") }))
		kill(t, syscall.SIGUSR1)
		require.NoError(t, l.RunForever())
		require.Equal(t, trace{"Exception in callback"}, o)
	})
	t.Run("leave gevent's alone", func(t *testing.T) {
		var o trace
		require.NoError(t, gevent.Run(func() error {
			done := make(map[string]bool)
			note := func(who string) func() {
				return func() { o.add(who); done[who] = true }
			}
			green, err := signal.Handler(syscall.SIGUSR1, note("gevent"))
			require.NoError(t, err)
			defer green.Cancel()
			var loops []*asyncio.Loop
			for _, who := range []string{"one", "two"} {
				l, err := asyncio.NewLoop()
				require.NoError(t, err)
				loops = append(loops, l)
				require.NoError(t, l.AddSignalHandler(syscall.SIGUSR1, note("old")))
				require.NoError(t, l.AddSignalHandler(syscall.SIGUSR1, note(who)))
			}
			kill(t, syscall.SIGUSR1)
			for deadline := time.Now().Add(10 * time.Second); len(done) < 3 && time.Now().Before(deadline); {
				gevent.Sleep(ms)
			}
			require.ElementsMatch(t, trace{"gevent", "one", "two"}, o)
			require.NoError(t, loops[0].Close())
			clear(done)
			kill(t, syscall.SIGUSR1)
			for deadline := time.Now().Add(10 * time.Second); len(done) < 2 && time.Now().Before(deadline); {
				gevent.Sleep(ms)
			}
			require.Len(t, o, 5)
			return loops[1].Close()
		}))
	})
}
