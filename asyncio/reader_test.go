//go:build unix

package asyncio_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// fdPair returns the numbers of two sockets that are connected, and do not block.
func fdPair(t testing.TB) (a, b int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	for _, fd := range fds {
		unix.CloseOnExec(fd)
		require.NoError(t, unix.SetNonblock(fd, true))
		t.Cleanup(func() { _ = unix.Close(fd) })
	}
	return fds[0], fds[1]
}

func fdWrite(t testing.TB, fd int, s string) {
	t.Helper()
	n, err := unix.Write(fd, []byte(s))
	require.NoError(t, err)
	require.Equal(t, len(s), n)
}

// Each program is asyncio.run(main()) in Python, and want is what it prints there.
func TestDescriptorsHaveCallbacks(t *testing.T) {
	t.Run("N19 of which a new one replaces the old", func(t *testing.T) {
		var o trace
		require.NoError(t, run(t, func(c ctx) error {
			l := asyncio.RunningLoop(c)
			a, b := fdPair(t)
			require.NoError(t, l.AddReader(a, func() { o.add("old") }))
			require.NoError(t, l.AddReader(a, func() {
				o.add("new")
				_, err := unix.Read(a, make([]byte, 10))
				require.NoError(t, err)
			}))
			require.NoError(t, l.AddWriter(a, func() {
				o.add("writer")
				l.RemoveWriter(a)
			}))
			fdWrite(t, b, "x")
			require.NoError(t, yield(c, 4))
			o.add(l.RemoveReader(a), l.RemoveReader(a), l.RemoveWriter(a))
			return nil
		}))
		require.Equal(t, trace{"new", "writer", "true false false"}, o)
	})
	t.Run("N20 G12 between what is ready and timers", func(t *testing.T) {
		var o trace
		require.NoError(t, run(t, func(c ctx) error {
			l := asyncio.RunningLoop(c)
			a, b := fdPair(t)
			fdWrite(t, b, "x")
			require.NoError(t, l.AddReader(a, func() { o.add("io"); l.RemoveReader(a) }))
			l.CallLater(0, func() { o.add("timer") })
			l.CallSoon(func() { o.add("soon") })
			require.NoError(t, asyncio.Sleep(c, 0))
			o.add("main")
			return yield(c, 2)
		}))
		require.Equal(t, trace{"soon", "main", "io", "timer"}, o)
	})
	t.Run("LP-13 which do not run once they are removed", func(t *testing.T) {
		n := 0
		l := newLoop(t)
		a, b := fdPair(t)
		fdWrite(t, b, "x")
		require.NoError(t, l.AddReader(a, func() {
			n++
			l.Stop()
		}))
		require.NoError(t, l.RunForever())
		require.Equal(t, 1, n)
		l.CallSoon(func() {
			l.CallSoon(func() { require.True(t, l.RemoveReader(a)); l.Stop() })
		})
		l.CallSoon(func() {}) // so that the poll comes between both
		require.NoError(t, l.RunForever())
		require.LessOrEqual(t, n, 2)
		after := n
		l.CallSoon(l.Stop)
		require.NoError(t, l.RunForever())
		require.Equal(t, after, n)
	})
	t.Run("LP-13 nor when another of their batch removes them", func(t *testing.T) {
		var o trace
		l := newLoop(t)
		a, b := fdPair(t)
		fdWrite(t, a, "x")
		fdWrite(t, b, "x")
		l.CallLater(0, l.Stop) // after both
		for _, fds := range [][2]int{{a, b}, {b, a}} {
			require.NoError(t, l.AddReader(fds[0], func() {
				o.add("one")
				require.True(t, l.RemoveReader(fds[1]))
			}))
		}
		require.NoError(t, l.RunForever())
		require.Equal(t, trace{"one"}, o)
	})
	t.Run("EV-05 that read until the end", func(t *testing.T) {
		var got []byte
		l := newLoop(t)
		a, b := fdPair(t)
		require.NoError(t, l.AddReader(a, func() {
			p := make([]byte, 1024)
			n, err := unix.Read(a, p)
			require.NoError(t, err)
			if n == 0 {
				require.True(t, l.RemoveReader(a))
				l.Stop()
			}
			got = append(got, p[:n]...)
		}))
		l.CallSoon(func() { fdWrite(t, b, "abc") })
		l.CallLater(ms, func() { fdWrite(t, b, "def") })
		l.CallLater(2*ms, func() { _ = unix.Shutdown(b, unix.SHUT_WR) })
		require.NoError(t, l.RunForever())
		require.Equal(t, "abcdef", string(got))
	})
	t.Run("whose panics go to the handler", func(t *testing.T) {
		var o trace
		l := newLoop(t, asyncio.WithExceptionHandler(func(l *asyncio.Loop, e asyncio.ExceptionContext) {
			o.add(e.Message)
			l.Stop()
		}))
		a, _ := fdPair(t)
		require.NoError(t, l.AddWriter(a, func() { panic("oops") }))
		require.NoError(t, l.RunForever())
		require.Equal(t, trace{"Exception in callback"}, o)
		require.True(t, l.RemoveWriter(a))
	})
	t.Run("EV-09 until the loop is closed", func(t *testing.T) {
		l, err := asyncio.NewLoop()
		require.NoError(t, err)
		a, _ := fdPair(t)
		nothing := func() {}
		require.NoError(t, l.AddReader(a, nothing))
		require.NoError(t, l.Close())
		require.False(t, l.RemoveReader(a), "H01")
		require.False(t, l.RemoveWriter(a), "H01")
		require.ErrorIs(t, l.AddReader(a, nothing), asyncio.ErrLoopClosed)
		require.ErrorIs(t, l.AddWriter(a, nothing), asyncio.ErrLoopClosed)
	})
	t.Run("also in a thread of gevent", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() error {
			l, err := asyncio.NewLoop()
			require.NoError(t, err)
			a, _ := fdPair(t)
			n := 0
			require.NoError(t, l.AddWriter(a, func() { n++ }))
			gevent.Sleep(ms)
			require.NotZero(t, n)
			require.NoError(t, l.Close())
			before := n
			gevent.Sleep(ms)
			require.Equal(t, before, n)
			return nil
		}))
	})
	t.Run("if the system knows them", func(t *testing.T) {
		l := newLoop(t)
		require.ErrorIs(t, l.AddReader(1<<20, func() {}), syscall.EBADF)
		panicSays(t, "asyncio.Loop.AddReader: the function is nil", func() { _ = l.AddReader(0, nil) })
	})
	t.Run("unless a transport has them", func(t *testing.T) {
		l := newLoop(t)
		a, _ := fdPair(t)
		l.OwnFD(a, "the transport")
		require.ErrorIs(t, l.AddReader(a, func() {}), asyncio.ErrFDUsed)
		require.ErrorContains(t, l.AddWriter(a, func() {}), "is used by a transport: ")
		panicSays(t, "is used by the transport", func() { l.RemoveReader(a) })
		panicSays(t, "is used by the transport", func() { l.RemoveWriter(a) })
		l.DisownFD(a)
		require.NoError(t, l.AddReader(a, func() {}))
		require.True(t, l.RemoveReader(a))
	})
	t.Run("and keep the loop waiting", func(t *testing.T) {
		l := newLoop(t)
		a, b := fdPair(t)
		require.NoError(t, l.AddReader(a, func() { l.RemoveReader(a); l.Stop() }))
		timer := time.AfterFunc(ms, func() { _, _ = unix.Write(b, []byte("x")) })
		defer timer.Stop()
		require.NoError(t, l.RunForever())
	})
}
