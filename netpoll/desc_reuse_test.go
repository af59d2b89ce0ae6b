//go:build linux

package netpoll_test

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/baton-go/baton/netpoll"
)

// reuse closes fd and makes its number stand for a new socket, whose peer it
// returns.
func reuse(t testing.TB, fd int) (peer int) {
	t.Helper()
	a, peer := socketpair(t)
	require.NoError(t, syscall.Dup3(a, fd, syscall.O_CLOEXEC))
	require.NoError(t, syscall.Close(a))
	t.Cleanup(func() { syscall.Close(peer) })
	return peer
}

// A number with callbacks is closed and stands for another file, without
// RemoveReader. The callbacks that are set afterwards are for the new file.
func TestCallbacksDoNotHearOfTheFormerFile(t *testing.T) {
	for name, c := range map[string]struct {
		before, after func(l *netpoll.Loop, fd int, f func()) error
	}{
		"when it is replaced": {
			before: func(l *netpoll.Loop, fd int, f func()) error { return l.AddReader(fd, func() {}) },
			after:  func(l *netpoll.Loop, fd int, f func()) error { return l.AddReader(fd, f) },
		},
		"when another is added": {
			before: func(l *netpoll.Loop, fd int, f func()) error { return l.AddReader(fd, f) },
			after:  func(l *netpoll.Loop, fd int, f func()) error { return l.AddWriter(fd, func() {}) },
		},
		"when another is removed": {
			before: func(l *netpoll.Loop, fd int, f func()) error {
				return errors.Join(l.AddReader(fd, f), l.AddWriter(fd, func() {}))
			},
			after: func(l *netpoll.Loop, fd int, f func()) error { l.RemoveWriter(fd); return nil },
		},
	} {
		t.Run("which a duplicate keeps open, "+name, func(t *testing.T) {
			l := newLoop(t)
			fd, peer := watched(t)
			dup, err := syscall.Dup(fd)
			require.NoError(t, err)
			defer syscall.Close(dup)
			calls := 0
			f := func() { calls++ }
			require.NoError(t, c.before(l, fd, f))
			reuse(t, fd)
			require.NoError(t, c.after(l, fd, f))
			send(t, peer, "for the old file")
			before := l.Stats().Stale
			settle(l)
			require.Zero(t, calls)
			require.Greater(t, l.Stats().Stale, before)
			require.True(t, l.RemoveReader(fd))
			l.RemoveWriter(fd)
			require.NoError(t, l.CheckSources())
		})
	}
	t.Run("of which an event is under way", func(t *testing.T) {
		l := newLoop(t)
		d, peerD := drainedPair(t, l)
		fd, peer := watched(t)
		require.NoError(t, l.AddReader(fd, func() { t.Error("the removed callback is called") }))
		calls := 0
		require.True(t, d.Wait(read, &waker{wake: func() {
			reuse(t, fd)
			require.NoError(t, l.AddReader(fd, func() { calls++ }))
			l.CallSoon(func() {})
		}}))
		send(t, peerD, "x") // the first event of the poll
		send(t, peer, "x")  // the second
		settle(l)
		require.Zero(t, calls)
		require.True(t, l.RemoveReader(fd))
	})
}

// A Desc is released too late, when its number is closed, and the kernel goes on
// with the registration, because a duplicate keeps the file open. When the number
// stands for that file again, it can be registered.
func TestAFileCanBeRegisteredAgainAfterALateRelease(t *testing.T) {
	for name, register := range map[string]func(t *testing.T, l *netpoll.Loop, fd int, f func()) (undo func()){
		"with Open": func(t *testing.T, l *netpoll.Loop, fd int, f func()) func() {
			d, err := l.Open(fd)
			require.NoError(t, err)
			drain(t, d)
			require.True(t, d.Wait(read, runner(f)))
			return func() { require.NoError(t, d.Release()) }
		},
		"with AddReader": func(t *testing.T, l *netpoll.Loop, fd int, f func()) func() {
			require.NoError(t, l.AddReader(fd, f))
			return func() { require.True(t, l.RemoveReader(fd)) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			fd, peer := socketpair(t)
			defer syscall.Close(peer)
			old, err := l.Open(fd)
			require.NoError(t, err)
			dup, err := syscall.Dup(fd)
			require.NoError(t, err)
			defer syscall.Close(dup)
			require.NoError(t, syscall.Close(fd))
			require.ErrorIs(t, old.Release(), syscall.EBADF)

			require.NoError(t, syscall.Dup3(dup, fd, syscall.O_CLOEXEC))
			defer syscall.Close(fd)
			calls := 0
			undo := register(t, l, fd, func() { calls++ })
			settle(l)
			require.Zero(t, calls)
			send(t, peer, "x")
			require.True(t, l.RunOnce())
			require.Equal(t, 1, calls)
			undo()
			require.NoError(t, l.CheckSources())
		})
	}
}

// The waiter of a Desc that was closed without Release is woken when the number is
// opened again. A Waker may release the successor there and then, and open it
// itself.
func TestAnOrphanedWakerMayOpenTheNumberItself(t *testing.T) {
	l := newLoop(t)
	fd, first := socketpair(t)
	defer syscall.Close(first)
	defer syscall.Close(fd)
	old, err := l.Open(fd)
	require.NoError(t, err)
	drain(t, old)
	var inner *netpoll.Desc
	var refused error
	require.True(t, old.Wait(read, &waker{wake: func() {
		_, refused = l.Open(fd)
		reuse(t, fd)
		inner, err = l.Open(fd)
		require.NoError(t, err)
	}}))
	reuse(t, fd)
	outer, err := l.Open(fd)
	require.NoError(t, err)
	require.ErrorIs(t, refused, syscall.EEXIST)
	require.ErrorIs(t, outer.Release(), netpoll.ErrClosed, "the Waker replaced it")
	require.Equal(t, 1, l.Stats().Descs)
	require.NoError(t, inner.Release())
	require.NoError(t, l.CheckSources())
}

// Somebody else's number, by mistake.
func TestTheLoopsOwnDescriptorsAreRefused(t *testing.T) {
	l := newLoop(t)
	for _, fd := range l.OwnFDs() {
		_, err := l.Open(fd)
		require.Error(t, err)
		require.Error(t, l.AddReader(fd, func() {}))
		require.False(t, l.RemoveReader(fd))
	}
	require.NoError(t, l.CheckSources())
	l.Ref()
	time.AfterFunc(time.Millisecond, func() { l.Post(l.Unref) })
	require.NoError(t, l.Run(), "it is woken all the same")
}

// The kernel goes on with the registration of a file whose number was closed too
// early. Its tag must not come up again when all generations of its slot have been.
func TestASlotIsNotUsedForEver(t *testing.T) {
	l := newLoop(t)
	fd, peer := socketpair(t)
	defer syscall.Close(peer)
	dup, err := syscall.Dup(fd)
	require.NoError(t, err)
	defer syscall.Close(dup)
	early, err := l.Open(fd) // generation 0
	require.NoError(t, err)
	drain(t, early)
	settle(l)
	require.NoError(t, syscall.Close(fd))
	require.Error(t, early.Release())

	l.AgeSlots()
	last, _ := openPair(t, l)
	require.NoError(t, last.Release())
	d, _ := drainedPair(t, l)
	require.True(t, d.Wait(read, runner(func() { t.Error("woken by a stranger") })))
	send(t, peer, "x")
	settle(l)
	require.NotNil(t, d.Waiter(read))
	require.False(t, d.Ready(read))
	require.NoError(t, d.Release())
	require.NoError(t, l.CheckSources())
}

func TestADescIsReadyAfterCloseOfTheLoop(t *testing.T) {
	l := newLoop(t)
	d, _ := drainedPair(t, l)
	require.False(t, d.Ready(read))
	require.NoError(t, l.Close())
	require.True(t, d.Ready(read), "as after Release: whoever tries gets to know")
	d.Drained(read)
	require.True(t, d.Ready(read))
}

// A read stops where an urgent byte was, with more behind it for which there will
// be no edge.
func TestAShortReadAtAnUrgentByteIsNotTheEnd(t *testing.T) {
	l := newLoop(t)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer server.Close()
	client, err := net.Dial("tcp", server.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	accepted, err := server.Accept()
	require.NoError(t, err)
	defer accepted.Close()
	file, err := accepted.(*net.TCPConn).File()
	require.NoError(t, err)
	defer file.Close()
	fd := int(file.Fd())
	require.NoError(t, syscall.SetNonblock(fd, true))

	d, err := l.Open(fd)
	require.NoError(t, err)
	drain(t, d)
	settle(l)
	raw, err := client.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(s uintptr) {
		for i, flags := range []int{0, syscall.MSG_OOB, 0} {
			require.NoError(t, syscall.Sendto(int(s), []byte("a!b")[i:i+1], flags, nil))
		}
	}))
	for polls := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}; polls[0].Revents == 0; {
		_, err := unix.Poll(polls, -1)
		require.True(t, err == nil || err == unix.EINTR)
	}
	woken := false
	require.True(t, d.Wait(read, runner(func() { woken = true })))
	require.NoError(t, l.Run())
	require.True(t, woken)
	buf := make([]byte, 100)
	n, err := syscall.Read(fd, buf)
	require.NoError(t, err)
	require.Equal(t, "a", string(buf[:n]))
	d.DrainedShort(read)
	require.True(t, d.Ready(read))
	require.Eventually(t, func() bool {
		n, err = syscall.Read(fd, buf)
		return err == nil
	}, 10*time.Second, time.Millisecond)
	require.Equal(t, "b", string(buf[:n]))
	require.NoError(t, d.Release())
}
