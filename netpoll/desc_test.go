//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package netpoll_test

import (
	"math"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

const (
	read  = netpoll.ReadSide
	write = netpoll.WriteSide
)

// socketpair returns two connected non-blocking stream sockets. The caller closes
// them.
func socketpair(t testing.TB) (a, b int) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	for _, fd := range fds {
		require.NoError(t, syscall.SetNonblock(fd, true))
	}
	return fds[0], fds[1]
}

// openPair returns a socketpair, of which the first is open in the loop. They are
// closed at the end of the test, before the loop.
func openPair(t testing.TB, l *netpoll.Loop) (d *netpoll.Desc, peer int) {
	t.Helper()
	a, b := socketpair(t)
	d, err := l.Open(a)
	require.NoError(t, err)
	t.Cleanup(func() {
		d.Release()
		syscall.Close(a)
		syscall.Close(b)
	})
	return d, b
}

// drained returns a Desc whose read side is known to be empty.
func drainedPair(t testing.TB, l *netpoll.Loop) (d *netpoll.Desc, peer int) {
	d, peer = openPair(t, l)
	drain(t, d)
	settle(l)
	return d, peer
}

// drain sees EAGAIN.
func drain(t testing.TB, d *netpoll.Desc) {
	t.Helper()
	_, err := syscall.Read(d.FD(), make([]byte, 1))
	require.Equal(t, syscall.EAGAIN, err)
	d.Drained(read)
}

func send(t testing.TB, fd int, s string) {
	t.Helper()
	n, err := syscall.Write(fd, []byte(s))
	require.NoError(t, err)
	require.Equal(t, len(s), n)
}

func TestDesc(t *testing.T) {
	t.Run("is ready at first", func(t *testing.T) {
		l := newLoop(t)
		d, _ := openPair(t, l)
		require.True(t, d.Ready(read))
		require.True(t, d.Ready(write))
		require.False(t, d.Wait(read, runner(func() {})))
		require.Equal(t, 1, l.Stats().Descs)
		require.False(t, l.Turn(), "nobody waits")
	})
	t.Run("wakes its waiter once at the next edge", func(t *testing.T) {
		l := newLoop(t)
		d, peer := drainedPair(t, l)
		n := 0
		require.True(t, d.Wait(read, runner(func() { n++ })))
		require.NotNil(t, d.Waiter(read))
		require.Nil(t, d.Waiter(write))
		require.Equal(t, 1, l.Stats().Waiting)
		settle(l)
		require.Zero(t, n)

		time.AfterFunc(5*time.Millisecond, func() { syscall.Write(peer, []byte("x")) })
		require.NoError(t, l.Run())
		require.Equal(t, 1, n)
		require.Nil(t, d.Waiter(read))
		require.True(t, d.Ready(read))
		send(t, peer, "y")
		settle(l)
		require.Equal(t, 1, n)
	})
	t.Run("remembers an edge for which nobody waited", func(t *testing.T) {
		l := newLoop(t)
		d, peer := drainedPair(t, l)
		require.False(t, d.Ready(read))
		send(t, peer, "x")
		settle(l)
		require.True(t, d.Ready(read))
		require.False(t, d.Wait(read, runner(func() {})))
	})
	t.Run("is writable again when the peer has read", func(t *testing.T) {
		l := newLoop(t)
		d, peer := openPair(t, l)
		var err error
		for err == nil {
			_, err = syscall.Write(d.FD(), make([]byte, 4096))
		}
		require.Equal(t, syscall.EAGAIN, err)
		settle(l)
		d.Drained(write)
		woken := false
		require.True(t, d.Wait(write, runner(func() { woken = true })))
		settle(l)
		require.False(t, woken)
		for err = nil; err == nil; {
			_, err = syscall.Read(peer, make([]byte, 65536))
		}
		require.NoError(t, l.Run())
		require.True(t, woken)
	})
	t.Run("has one waiter for each side", func(t *testing.T) {
		l := newLoop(t)
		d, _ := drainedPair(t, l)
		d.Drained(write)
		r := runner(func() { t.Error("woken") })
		require.True(t, d.Wait(read, r))
		require.PanicsWithValue(t, "netpoll.Wait: the read side has a waiter; let one at a time read", func() { d.Wait(read, r) })
		require.PanicsWithValue(t, "netpoll.Wait: nil Runner; pass the entry that is to be made ready", func() { d.Wait(write, nil) })
		require.True(t, d.Wait(write, r))
		require.Equal(t, 2, l.Stats().Waiting)
		d.Forget(read)
		d.Forget(read)
		d.Forget(write)
		require.Zero(t, l.Stats().Waiting)
		require.False(t, l.Turn())
	})
	t.Run("wakes both sides when the peer is gone", func(t *testing.T) {
		l := newLoop(t)
		a, b := socketpair(t)
		defer syscall.Close(a)
		d, err := l.Open(a)
		require.NoError(t, err)
		settle(l)
		d.Drained(read)
		d.Drained(write)
		var got recorder
		require.True(t, d.Wait(write, runner(got.add("write"))))
		require.True(t, d.Wait(read, runner(got.add("read"))))
		require.NoError(t, syscall.Close(b))
		require.NoError(t, l.Run())
		require.ElementsMatch(t, recorder{"read", "write"}, got)
		require.NoError(t, d.Release())
	})
	t.Run("ends with Release", func(t *testing.T) {
		l := newLoop(t)
		d, _ := drainedPair(t, l)
		require.True(t, d.Wait(read, runner(func() { t.Error("woken") })))
		require.NoError(t, d.Release())
		require.ErrorIs(t, d.Release(), netpoll.ErrClosed)
		require.Equal(t, netpoll.Stats{}.Descs, l.Stats().Descs)
		require.Zero(t, l.Stats().Waiting)
		require.Nil(t, d.Waiter(read))
		d.Drained(read)
		require.True(t, d.Ready(read))
		require.Panics(t, func() { d.Wait(read, runner(func() {})) })
		require.False(t, l.Turn())
	})
	t.Run("cannot be had twice", func(t *testing.T) {
		l := newLoop(t)
		d, _ := openPair(t, l)
		require.ErrorIs(t, l.AddReader(d.FD(), func() {}), syscall.EEXIST)
		fd := d.FD()
		require.NoError(t, d.Release())
		require.NoError(t, l.AddReader(fd, func() {}))
		_, err := l.Open(fd)
		require.ErrorIs(t, err, syscall.EEXIST)
		require.True(t, l.RemoveReader(fd))
		again, err := l.Open(fd)
		require.NoError(t, err)
		require.NoError(t, again.Release())
	})
	t.Run("cannot be had of a closed descriptor", func(t *testing.T) {
		l := newLoop(t)
		a, b := socketpair(t)
		syscall.Close(a)
		syscall.Close(b)
		_, err := l.Open(a)
		require.ErrorIs(t, err, syscall.EBADF)
		var sys *os.SyscallError
		require.ErrorAs(t, err, &sys)
		require.ErrorIs(t, l.AddReader(a, func() {}), syscall.EBADF)
		require.Equal(t, netpoll.Stats{}, l.Stats())
	})
	t.Run("cannot be had of a number of which the system would take the lower half", func(t *testing.T) {
		l := newLoop(t)
		r, _ := socketpair(t)
		huge := math.MaxInt32
		huge += 1 + r // negative where an int has 32 bits
		_, err := l.Open(huge)
		require.ErrorIs(t, err, syscall.EBADF)
		require.ErrorIs(t, l.AddReader(huge, func() {}), syscall.EBADF)
		require.Equal(t, netpoll.Stats{}, l.Stats())
	})
	t.Run("is released by Close of the loop", func(t *testing.T) {
		l := newLoop(t)
		d, _ := drainedPair(t, l)
		require.True(t, d.Wait(read, runner(func() { t.Error("woken") })))
		require.NoError(t, l.Close())
		require.ErrorIs(t, d.Release(), netpoll.ErrClosed)
		require.Nil(t, d.Waiter(read))
		d.Forget(read)
		require.Panics(t, func() { d.Wait(read, runner(func() {})) })
	})
}

// One edge for the last data and the end: a short read must not wait for another.
func TestEndOfFileAfterShortReadIsNotLost(t *testing.T) {
	for name, end := range map[string]func(fd int){
		"close":    func(fd int) { syscall.Close(fd) },
		"shutdown": func(fd int) { syscall.Shutdown(fd, syscall.SHUT_WR) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			a, b := socketpair(t)
			defer syscall.Close(a)
			d, err := l.Open(a)
			require.NoError(t, err)
			drain(t, d)
			settle(l)
			require.True(t, d.Wait(read, runner(func() {})))
			send(t, b, "last words")
			end(b)
			require.NoError(t, l.Run())

			buf := make([]byte, 100)
			n, err := syscall.Read(a, buf)
			require.NoError(t, err)
			require.Equal(t, "last words", string(buf[:n]))
			d.DrainedShort(read)
			require.True(t, d.Ready(read), "the end is still to be read")
			n, err = syscall.Read(a, buf)
			require.NoError(t, err)
			require.Zero(t, n)
			require.NoError(t, d.Release())
			if name == "shutdown" {
				syscall.Close(b)
			}
		})
	}
	t.Run("an end that comes later makes an edge of its own", func(t *testing.T) {
		l := newLoop(t)
		a, b := socketpair(t)
		defer syscall.Close(a)
		d, err := l.Open(a)
		require.NoError(t, err)
		send(t, b, "last words")
		settle(l)
		n, err := syscall.Read(a, make([]byte, 100))
		require.NoError(t, err)
		require.Equal(t, 10, n)
		d.DrainedShort(read)
		require.False(t, d.Ready(read))
		woken := false
		require.True(t, d.Wait(read, runner(func() { woken = true })))
		syscall.Close(b)
		require.NoError(t, l.Run())
		require.True(t, woken)
		require.NoError(t, d.Release())
	})
	t.Run("EAGAIN overrides an old report", func(t *testing.T) {
		l := newLoop(t)
		d, peer := openPair(t, l)
		require.NoError(t, syscall.Shutdown(peer, syscall.SHUT_WR))
		settle(l)
		d.DrainedShort(read)
		require.True(t, d.Ready(read))
		d.Drained(read)
		require.False(t, d.Ready(read))
	})
}

// Entries a and b are woken by one poll. The first to run closes the other's
// descriptor and opens its number anew.
func TestNumberReusedWithinABatch(t *testing.T) {
	l := newLoop(t)
	a, peerA := drainedPair(t, l)
	fdB, peerB := socketpair(t)
	b, err := l.Open(fdB)
	require.NoError(t, err)
	drain(t, b)
	settle(l)

	var c *netpoll.Desc
	var peerC int
	var got recorder
	require.True(t, a.Wait(read, runner(func() {
		got.add("a")()
		require.NoError(t, b.Release())
		require.NoError(t, syscall.Close(fdB))
		require.NoError(t, syscall.Close(peerB))
		var fdC int
		fdC, peerC = socketpair(t)
		if fdC != fdB {
			fdC, peerC = peerC, fdC
		}
		require.Equal(t, fdB, fdC, "the number is used again")
		c, err = l.Open(fdC)
		require.NoError(t, err)
		drain(t, c)
		require.True(t, c.Wait(read, runner(got.add("c"))))
	})))
	require.True(t, b.Wait(read, runner(got.add("b"))))
	send(t, peerA, "x")
	send(t, peerB, "x")
	settle(l)
	require.Equal(t, recorder{"a", "b"}, got)
	require.NotNil(t, c.Waiter(read))
	require.False(t, c.Ready(read))

	send(t, peerC, "x")
	require.NoError(t, l.Run())
	require.Equal(t, recorder{"a", "b", "c"}, got)
	require.NoError(t, c.Release())
	syscall.Close(fdB)
	syscall.Close(peerC)
}

// More events than one poll fetches.
func TestManyEventsAtOnce(t *testing.T) {
	l := newLoop(t)
	n := 0
	for range 300 {
		d, peer := drainedPair(t, l)
		require.True(t, d.Wait(read, runner(func() { n++ })))
		send(t, peer, "x")
	}
	require.NoError(t, l.Run())
	require.Equal(t, 300, n)
}

func TestVirtualClockJumpsWhileDescriptorsWait(t *testing.T) {
	l, c := newVirtual(t)
	d, peer := drainedPair(t, l)
	var got recorder
	require.True(t, d.Wait(read, runner(func() { got.add("read at " + c.Now().String())() })))
	l.CallLater(time.Hour, func() { got.add("timer")(); send(t, peer, "x") })
	l.CallLater(2*time.Hour, got.add("late timer"))
	require.NoError(t, l.Run())
	require.Equal(t, recorder{"timer", "read at 1h0m0s", "late timer"}, got)
}

func TestABusyQueueDoesNotStarveDescriptors(t *testing.T) {
	l, c := newVirtual(t)
	d, peer := drainedPair(t, l)
	done := false
	require.True(t, d.Wait(read, runner(func() { done = true })))
	n := 0
	var again func()
	again = func() {
		if n++; !done {
			l.CallSoon(again)
		}
	}
	l.CallSoon(again)
	send(t, peer, "x")
	require.NoError(t, l.Run())
	require.LessOrEqual(t, n, netpoll.PollInterval+1)
	require.Zero(t, c.Now())
}

func TestWaitingAllocatesNothing(t *testing.T) {
	l := newLoop(t)
	d, peer := drainedPair(t, l)
	buf := make([]byte, 8)
	var r netpoll.Runner = runner(func() {})
	require.Zero(t, testing.AllocsPerRun(100, func() {
		d.Wait(read, r)
		syscall.Write(peer, buf[:1])
		l.RunOnce()
		syscall.Read(d.FD(), buf)
		d.DrainedShort(read)
	}))
}

// A byte is sent to a Desc that waits, and read: one write, one poll, one read.
func BenchmarkDescWaitRead(b *testing.B) {
	l := newLoop(b)
	d, peer := drainedPair(b, l)
	buf := make([]byte, 8)
	r := new(nothing)
	b.ReportAllocs()
	for b.Loop() {
		d.Wait(read, r)
		syscall.Write(peer, buf[:1])
		l.RunOnce()
		syscall.Read(d.FD(), buf)
		d.DrainedShort(read)
	}
}

func BenchmarkOpenRelease(b *testing.B) {
	l := newLoop(b)
	x, _ := watched(b)
	b.ReportAllocs()
	for b.Loop() {
		d, _ := l.Open(x)
		d.Release()
	}
}
