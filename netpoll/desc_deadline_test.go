//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package netpoll_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

func TestDescDeadlines(t *testing.T) {
	// wait makes a waiter for the side, which counts.
	wait := func(t *testing.T, d *netpoll.Desc, s netpoll.Side) *int {
		n := new(int)
		require.True(t, d.Wait(s, runner(func() { *n++ })))
		return n
	}
	t.Run("end a wait", func(t *testing.T) {
		l, c := newVirtual(t)
		d, _ := drainedPair(t, l)
		d.SetDeadline(read, l.Deadline(time.Minute))
		require.Zero(t, l.Stats().Timers, "nobody waits")
		n := wait(t, d, read)
		require.False(t, d.TimedOut(read))
		require.NoError(t, l.Run())
		require.Equal(t, 1, *n)
		require.True(t, d.TimedOut(read))
		require.False(t, d.TimedOut(write))
		require.Nil(t, d.Waiter(read))
		require.Equal(t, time.Minute, c.Now())
		require.Zero(t, l.Stats().Waiting)
	})
	t.Run("that have passed end later waits at once", func(t *testing.T) {
		l, c := newVirtual(t)
		d, _ := drainedPair(t, l)
		d.SetDeadline(read, -1)
		for range 3 {
			n := wait(t, d, read)
			require.NoError(t, l.Run())
			require.Equal(t, 1, *n)
			require.True(t, d.TimedOut(read))
		}
		require.Zero(t, c.Now())
	})
	t.Run("do not count when the side becomes ready", func(t *testing.T) {
		l, c := newVirtual(t)
		d, peer := drainedPair(t, l)
		d.SetDeadline(read, time.Minute)
		n := wait(t, d, read)
		send(t, peer, "x")
		require.NoError(t, l.Run())
		require.Equal(t, 1, *n)
		require.False(t, d.TimedOut(read))
		require.Zero(t, l.Stats().Timers)
		require.Zero(t, c.Now())
	})
	t.Run("come after an edge in the same turn", func(t *testing.T) {
		l, c := newVirtual(t)
		d, peer := drainedPair(t, l)
		d.SetDeadline(read, time.Minute)
		n := wait(t, d, read)
		send(t, peer, "x")
		c.Advance(time.Hour)
		require.True(t, l.Turn())
		l.Next().RunReady()
		require.Equal(t, 1, *n)
		require.False(t, d.TimedOut(read))
	})
	t.Run("may be set, moved and cleared while somebody waits", func(t *testing.T) {
		l, c := newVirtual(t)
		d, _ := drainedPair(t, l)
		n := wait(t, d, read)
		d.SetDeadline(read, time.Minute)
		require.Equal(t, 1, l.Stats().Timers)
		l.CallAt(30*time.Second, func() { d.SetDeadline(read, 2*time.Minute) })
		l.CallAt(90*time.Second, func() { d.ClearDeadline(read) })
		l.CallAt(3*time.Minute, func() {
			require.Zero(t, *n)
			d.SetDeadline(read, 4*time.Minute)
		})
		require.NoError(t, l.Run())
		require.Equal(t, 1, *n)
		require.True(t, d.TimedOut(read))
		require.Equal(t, 4*time.Minute, c.Now())
		d.ClearDeadline(read)
		require.False(t, d.TimedOut(read))
		n = wait(t, d, read)
		require.NoError(t, l.RunUntilBlocked())
		require.Zero(t, *n)
		require.Zero(t, l.Stats().Timers)
		d.Forget(read)
	})
	t.Run("are of one side", func(t *testing.T) {
		l, c := newVirtual(t)
		d, _ := openPair(t, l)
		var err error
		for err == nil {
			_, err = syscall.Write(d.FD(), make([]byte, 4096))
		}
		settle(l)
		d.Drained(read)
		d.Drained(write)
		r, w := wait(t, d, read), wait(t, d, write)
		d.SetDeadline(write, time.Minute)
		l.CallAt(time.Hour, l.Stop)
		require.NoError(t, l.Run())
		require.Equal(t, []int{0, 1}, []int{*r, *w})
		require.True(t, d.TimedOut(write))
		require.False(t, d.TimedOut(read))
		require.Equal(t, time.Hour, c.Now())
	})
	t.Run("end with the wait and with the Desc", func(t *testing.T) {
		l, _ := newVirtual(t)
		d, _ := drainedPair(t, l)
		d.SetDeadline(read, time.Minute)
		n := wait(t, d, read)
		d.Forget(read)
		require.Zero(t, l.Stats().Timers)
		require.True(t, d.Wait(read, runner(func() { *n++ })))
		require.Equal(t, 1, l.Stats().Timers)
		require.NoError(t, d.Release())
		require.Zero(t, l.Stats().Timers)
		d.SetDeadline(read, 0)
		d.ClearDeadline(write)
		require.False(t, l.Turn())
		require.Zero(t, *n)
	})
	t.Run("end with the loop", func(t *testing.T) {
		l, _ := newVirtual(t)
		d, _ := drainedPair(t, l)
		d.SetDeadline(read, time.Minute)
		n := wait(t, d, read)
		require.NoError(t, l.Close())
		d.Forget(read)
		d.ClearDeadline(read)
		require.Zero(t, *n)
	})
	t.Run("let a Waker decide", func(t *testing.T) {
		l, _ := newVirtual(t)
		d, _ := drainedPair(t, l)
		d.SetDeadline(read, time.Minute)
		woken := 0
		require.True(t, d.Wait(read, waking(func() { woken++ })))
		l.CallAt(time.Hour, func() {})
		require.NoError(t, l.Run())
		require.Equal(t, 1, woken)
		require.True(t, d.TimedOut(read))
	})
}

// waking is a Waker that is never run.
type waking func()

func (f waking) Wake()     { f() }
func (f waking) RunReady() { panic("a Waker that was not enqueued ran") }

func TestDeadlinesAllocateOnce(t *testing.T) {
	l, _ := newVirtual(t)
	d, peer := drainedPair(t, l)
	buf := make([]byte, 8)
	var r netpoll.Runner = runner(func() {})
	d.SetDeadline(read, time.Hour)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		d.SetDeadline(read, time.Hour)
		d.Wait(read, r)
		syscall.Write(peer, buf[:1])
		l.RunOnce()
		syscall.Read(d.FD(), buf)
		d.DrainedShort(read)
	}))
}

// What is there when the loop is asked is not missed, whichever way it slept
// before.
func TestRunUntilBlockedSeesDescriptors(t *testing.T) {
	l := newLoop(t)
	d, peer := drainedPair(t, l)
	buf := make([]byte, 8)
	for range 50 {
		l.Ref()
		go l.Post(l.Unref)
		require.True(t, l.RunOnce())
		n := 0
		require.True(t, d.Wait(read, runner(func() { n++ })))
		require.NoError(t, l.RunUntilBlocked())
		require.Zero(t, n)
		send(t, peer, "x")
		require.NoError(t, l.RunUntilBlocked())
		require.Equal(t, 1, n)
		_, err := syscall.Read(d.FD(), buf)
		require.NoError(t, err)
		d.DrainedShort(read)
	}
}

func TestCloseTellsWhoWaitsForDescriptors(t *testing.T) {
	l := newLoop(t)
	d, _ := drainedPair(t, l)
	var got recorder
	require.True(t, d.Wait(read, &dropped{t, got.add("reader")}))
	require.NoError(t, l.Close())
	require.Equal(t, recorder{"reader"}, got)
}

func TestAWaitThatNeedNotWaitForgetsTheTimeOut(t *testing.T) {
	l := newLoop(t)
	d, b := drainedPair(t, l)
	d.SetDeadline(netpoll.ReadSide, l.Deadline(0))
	woken := 0
	require.True(t, d.Wait(netpoll.ReadSide, runner(func() { woken++ })))
	l.Run()
	require.Equal(t, 1, woken)
	require.True(t, d.TimedOut(netpoll.ReadSide))
	send(t, b, "x")
	settle(l)
	require.False(t, d.Wait(netpoll.ReadSide, runner(func() {})), "it is ready")
	require.False(t, d.TimedOut(netpoll.ReadSide), "the last Wait did not time out")
}
