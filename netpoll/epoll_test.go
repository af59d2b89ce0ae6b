//go:build linux

package netpoll_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

func countFDs(t testing.TB) int {
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

func TestCloseReleasesTheLoopsDescriptors(t *testing.T) {
	before := countFDs(t)
	for range 10 {
		l, err := netpoll.NewLoop()
		require.NoError(t, err)
		require.Equal(t, before+2, countFDs(t))
		require.NoError(t, l.Close())
	}
	require.Equal(t, before, countFDs(t))
}

func TestRegularFilesAreRefused(t *testing.T) {
	l := newLoop(t)
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer f.Close()
	_, err = l.Open(int(f.Fd()))
	require.ErrorIs(t, err, syscall.EPERM)
	var sys *os.SyscallError
	require.ErrorAs(t, err, &sys)
	require.Equal(t, "epoll_ctl", sys.Syscall)
	require.ErrorContains(t, err, "netpoll.Open: descriptor ")
	require.ErrorIs(t, l.AddWriter(int(f.Fd()), func() {}), syscall.EPERM)
}

func TestTheSameFileCannotBeOpenedTwice(t *testing.T) {
	l := newLoop(t)
	d, peer := drainedPair(t, l)
	_, err := l.Open(d.FD())
	require.ErrorIs(t, err, syscall.EEXIST)
	woken := false
	require.True(t, d.Wait(read, runner(func() { woken = true })))
	send(t, peer, "x")
	require.NoError(t, l.Run())
	require.True(t, woken)
}

// A descriptor is closed without Release while a duplicate keeps its file open:
// the kernel goes on reporting it. Its number is opened again.
func TestEventsOfAClosedFileDoNotReachItsSuccessor(t *testing.T) {
	l := newLoop(t)
	a, peerA := socketpair(t)
	defer syscall.Close(peerA)
	old, err := l.Open(a)
	require.NoError(t, err)
	drain(t, old)
	settle(l)
	dup, err := syscall.Dup(a)
	require.NoError(t, err)
	defer syscall.Close(dup)
	orphan := false
	require.True(t, old.Wait(read, runner(func() { orphan = true })))
	require.NoError(t, syscall.Close(a))

	b, peerB := socketpair(t)
	defer syscall.Close(peerB)
	require.Equal(t, a, b, "the number is used again")
	d, err := l.Open(b)
	require.NoError(t, err)
	drain(t, d)
	settle(l)
	require.True(t, orphan, "the old one's waiter gets to know")
	woken := false
	require.True(t, d.Wait(read, runner(func() { woken = true })))
	before := l.Stats().Stale

	send(t, peerA, "for the old file")
	settle(l)
	require.False(t, woken)
	require.False(t, d.Ready(read))
	require.Greater(t, l.Stats().Stale, before)

	require.ErrorIs(t, old.Release(), netpoll.ErrClosed, "and does not touch the successor")
	send(t, peerB, "for the new one")
	require.NoError(t, l.Run())
	require.True(t, woken)
	require.NoError(t, d.Release())
	require.NoError(t, syscall.Close(b))
}

func TestShortWaitsAreNotRoundedUp(t *testing.T) {
	l := newLoop(t)
	best := time.Hour
	for range 20 {
		start := time.Now()
		l.CallLater(100*time.Microsecond, func() {})
		require.NoError(t, l.Run())
		took := time.Since(start)
		require.GreaterOrEqual(t, took, 100*time.Microsecond)
		best = min(best, took)
	}
	require.Less(t, best, time.Millisecond)
}

func TestWithoutPwait2WaitsAreRoundedUp(t *testing.T) {
	l := newLoop(t)
	openPair(t, l) // or the loop would not sleep in the poller
	l.WithoutPwait2()
	for _, d := range []time.Duration{1, 100 * time.Microsecond, time.Millisecond, 2100 * time.Microsecond} {
		waits := l.Stats().Waits
		start := time.Now()
		l.CallLater(d, func() {})
		require.NoError(t, l.Run())
		require.GreaterOrEqual(t, time.Since(start), d)
		require.LessOrEqual(t, l.Stats().Waits, waits+1, "it does not wake too early")
	}
}

// Without descriptors there is nothing to ask the kernel for.
func TestSystemCallsAreSpared(t *testing.T) {
	l := newLoop(t)
	var again func()
	n := 0
	again = func() {
		if n++; n < 10*netpoll.PollInterval {
			l.CallSoon(again)
		}
	}
	l.CallSoon(again)
	require.NoError(t, l.Run())
	require.Zero(t, l.Stats().Polls)

	n = 0
	d, _ := openPair(t, l)
	_ = d
	l.CallSoon(again)
	require.NoError(t, l.Run())
	require.InDelta(t, 10, l.Stats().Polls, 1)
	require.Zero(t, l.Stats().Waits)
}

func TestASignalDoesNotEndAWait(t *testing.T) {
	l := newLoop(t)
	start := time.Now()
	l.CallLater(50*time.Millisecond, func() {})
	for i := range 5 {
		time.AfterFunc(time.Duration(i)*8*time.Millisecond, func() { syscall.Kill(syscall.Getpid(), syscall.SIGURG) })
	}
	require.True(t, l.Turn())
	require.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond)
	require.Equal(t, 1, l.Stats().Ready)
}
