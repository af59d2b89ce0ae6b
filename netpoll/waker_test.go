//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package netpoll_test

import (
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// waker is a Waker that waits for anything and counts what came.
type waker struct {
	wake func()
	n    int
}

func (w *waker) Wake() {
	if w.n++; w.wake != nil {
		w.wake()
	}
}
func (w *waker) RunReady() { panic("a Waker is not run") }

func TestWakers(t *testing.T) {
	t.Run("are woken instead of enqueued", func(t *testing.T) {
		l, _ := newVirtual(t)
		d, peer := drainedPair(t, l)
		ran := false
		w := &waker{wake: func() { l.CallSoon(func() { ran = true }) }}
		var timer netpoll.Timer
		l.Arm(&timer, time.Second, w)
		require.NoError(t, l.Run())
		require.True(t, ran)
		require.Equal(t, 1, w.n)

		require.True(t, d.Wait(read, w))
		send(t, peer, "x")
		require.NoError(t, l.Run())
		require.Equal(t, 2, w.n)
	})
	t.Run("may drop the waiter of the other side of the same event", func(t *testing.T) {
		l := newLoop(t)
		a, b := socketpair(t)
		defer syscall.Close(a)
		d, err := l.Open(a)
		require.NoError(t, err)
		settle(l)
		d.Drained(read)
		d.Drained(write)
		other := &waker{}
		require.True(t, d.Wait(read, &waker{wake: func() { d.Forget(write); l.CallSoon(func() {}) }}))
		require.True(t, d.Wait(write, other))
		require.NoError(t, syscall.Close(b))
		require.NoError(t, l.Run())
		require.Zero(t, other.n)
		require.Zero(t, l.Stats().Waiting)
		require.NoError(t, d.Release())
	})
	t.Run("may release a descriptor whose event has been fetched", func(t *testing.T) {
		l := newLoop(t)
		a, peerA := drainedPair(t, l)
		fd, peerB := socketpair(t)
		defer syscall.Close(fd)
		defer syscall.Close(peerB)
		b, err := l.Open(fd)
		require.NoError(t, err)
		drain(t, b)
		settle(l)
		// The number is opened again at once, and takes the same slot.
		var c *netpoll.Desc
		stale, late := &waker{}, &waker{}
		require.True(t, a.Wait(read, &waker{wake: func() {
			require.NoError(t, b.Release())
			c, err = l.Open(fd)
			require.NoError(t, err)
			c.Drained(read)
			require.True(t, c.Wait(read, late))
			l.CallSoon(func() {})
		}}))
		require.True(t, b.Wait(read, stale))
		send(t, peerA, "x")
		send(t, peerB, "x")
		before := l.Stats().Stale
		require.True(t, l.Turn())
		require.Zero(t, stale.n)
		require.Zero(t, late.n, "the event is the predecessor's")
		if runtime.GOOS == "linux" {
			require.Equal(t, before+1, l.Stats().Stale)
		}
		settle(l)
		require.Equal(t, 1, late.n, "the registration made an edge of its own")
		require.NoError(t, c.Release())
	})
	t.Run("may disarm a timer that is due as well", func(t *testing.T) {
		l, c := newVirtual(t)
		var first, second netpoll.Timer
		other := &waker{}
		l.Arm(&first, 1, &waker{wake: func() { require.True(t, l.Disarm(&second)) }})
		l.Arm(&second, 1, other)
		c.Advance(time.Second)
		require.False(t, l.Turn())
		require.Zero(t, other.n)
	})
	t.Run("that panic lose no event but their own", func(t *testing.T) {
		l := newLoop(t)
		a, peerA := drainedPair(t, l)
		b, peerB := drainedPair(t, l)
		got := 0
		require.True(t, a.Wait(read, &waker{wake: func() { panic("a bug") }}))
		require.True(t, b.Wait(read, runner(func() { got++ })))
		send(t, peerA, "x")
		send(t, peerB, "x")
		require.PanicsWithValue(t, "a bug", func() { l.Turn() })
		settle(l)
		require.Equal(t, 1, got)
	})
	t.Run("may take a Turn, which they should not, and nothing is lost", func(t *testing.T) {
		l := newLoop(t)
		a, peerA := drainedPair(t, l)
		b, peerB := drainedPair(t, l)
		_, peerC := drainedPair(t, l)
		got := 0
		require.True(t, a.Wait(read, &waker{wake: func() {
			send(t, peerC, "y")
			l.CallSoon(func() {})
			l.Turn()
		}}))
		require.True(t, b.Wait(read, runner(func() { got++ })))
		send(t, peerA, "x")
		send(t, peerB, "x")
		l.Turn()
		settle(l)
		require.Equal(t, 1, got)
	})
	t.Run("may close the loop", func(t *testing.T) {
		l := newLoop(t)
		a, peerA := drainedPair(t, l)
		b, peerB := drainedPair(t, l)
		require.True(t, a.Wait(read, &waker{wake: func() { l.Close() }}))
		require.True(t, b.Wait(read, &waker{wake: func() { t.Error("the loop is closed") }}))
		send(t, peerA, "x")
		send(t, peerB, "x")
		require.False(t, l.Turn())
		require.ErrorIs(t, l.Post(func() {}), netpoll.ErrClosed)
	})
	t.Run("may close the loop, of which many timers are due", func(t *testing.T) {
		for _, n := range []int{1, 10, 100, 1000, 5000} {
			l, _ := newVirtual(t)
			timers := make([]netpoll.Timer, n)
			for i := range timers {
				w := &waker{}
				if i == n*3/4 {
					w.wake = func() { l.Close() }
				}
				l.Arm(&timers[i], 0, w)
			}
			require.False(t, l.Turn())
			require.ErrorIs(t, l.Close(), netpoll.ErrClosed)
		}
	})
}
