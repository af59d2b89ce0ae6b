//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package netpoll_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// watched returns a socketpair that is closed at the end of the test.
func watched(t testing.TB) (a, b int) {
	a, b = socketpair(t)
	t.Cleanup(func() { syscall.Close(a); syscall.Close(b) })
	return a, b
}

func TestWatchers(t *testing.T) {
	t.Run("a reader is called for as long as there is something to read", func(t *testing.T) {
		l := newLoop(t)
		a, b := watched(t)
		var got []byte
		require.NoError(t, l.AddReader(a, func() {
			var c [1]byte
			n, err := syscall.Read(a, c[:])
			require.NoError(t, err)
			require.Equal(t, 1, n)
			if got = append(got, c[0]); len(got) == 5 {
				require.True(t, l.RemoveReader(a))
			}
		}))
		send(t, b, "hello")
		require.NoError(t, l.Run())
		require.Equal(t, "hello", string(got))
		require.Equal(t, 0, l.Stats().Watchers)
	})
	t.Run("each ready side makes one entry a turn", func(t *testing.T) {
		l := newLoop(t)
		a, b := watched(t)
		reads, writes := 0, 0
		require.NoError(t, l.AddReader(a, func() { reads++ }))
		require.NoError(t, l.AddWriter(a, func() { writes++ }))
		require.Equal(t, 2, l.Stats().Watchers)
		require.Zero(t, l.Stats().Waiting)
		for i := 1; i <= 3; i++ {
			require.True(t, l.Turn())
			for r := l.Next(); r != nil; r = l.Next() {
				r.RunReady()
			}
			require.Equal(t, []int{0, i}, []int{reads, writes})
		}
		send(t, b, "x")
		// Not even if the entries are left in the queue.
		require.True(t, l.Turn())
		require.True(t, l.Turn())
		require.Equal(t, 2, l.Stats().Ready)
		require.True(t, l.RunOnce())
		require.Equal(t, []int{1, 4}, []int{reads, writes})
		require.True(t, l.RemoveWriter(a))
		require.False(t, l.RemoveWriter(a))
		require.True(t, l.RunOnce())
		require.Equal(t, []int{2, 4}, []int{reads, writes})
		require.True(t, l.RemoveReader(a))
		require.False(t, l.Turn())
	})
	t.Run("a callback can be replaced", func(t *testing.T) {
		l := newLoop(t)
		a, b := watched(t)
		var got recorder
		require.NoError(t, l.AddReader(a, got.add("old")))
		require.NoError(t, l.AddReader(a, func() { got.add("new")(); l.RemoveReader(a) }))
		require.Equal(t, 1, l.Stats().Watchers)
		send(t, b, "x")
		require.NoError(t, l.Run())
		require.Equal(t, recorder{"new"}, got)
	})
	t.Run("a removed or replaced callback is not called even if it was ready", func(t *testing.T) {
		l := newLoop(t)
		a, b := watched(t)
		c, d := watched(t)
		var got recorder
		both := func(name string) func() {
			return func() {
				got.add(name)()
				l.RemoveReader(a)
				l.RemoveReader(c)
			}
		}
		require.NoError(t, l.AddReader(a, both("one of them")))
		require.NoError(t, l.AddReader(c, both("one of them")))
		send(t, b, "x")
		send(t, d, "x")
		require.NoError(t, l.Run())
		require.Equal(t, recorder{"one of them"}, got)

		require.NoError(t, l.AddReader(a, got.add("replaced")))
		require.True(t, l.Turn())
		require.NoError(t, l.AddReader(a, both("replacement")))
		require.NoError(t, l.Run())
		require.Equal(t, recorder{"one of them", "replacement"}, got)
	})
	t.Run("an end of file is readable", func(t *testing.T) {
		l := newLoop(t)
		a, b := socketpair(t)
		defer syscall.Close(a)
		called := false
		require.NoError(t, l.AddReader(a, func() { called = true; l.RemoveReader(a) }))
		time.AfterFunc(5*time.Millisecond, func() { syscall.Close(b) })
		require.NoError(t, l.Run())
		require.True(t, called)
	})
	t.Run("an error is readable and writable", func(t *testing.T) {
		l := newLoop(t)
		var p [2]int
		require.NoError(t, syscall.Pipe(p[:]))
		defer syscall.Close(p[1])
		called := false
		require.NoError(t, l.AddWriter(p[1], func() { called = true; l.RemoveWriter(p[1]) }))
		require.NoError(t, syscall.Close(p[0]))
		require.NoError(t, l.Run())
		require.True(t, called)
	})
	t.Run("a callback of a number that was closed and opened again is not silent", func(t *testing.T) {
		l := newLoop(t)
		a, b := socketpair(t)
		require.NoError(t, l.AddReader(a, func() { t.Error("called for the old file") }))
		syscall.Close(a)
		syscall.Close(b)
		c, d := watched(t)
		require.Contains(t, []int{c, d}, a)
		called := false
		require.NoError(t, l.AddReader(a, func() { called = true; l.RemoveReader(a) }))
		send(t, c+d-a, "x")
		require.NoError(t, l.Run())
		require.True(t, called)
	})
	t.Run("a callback that was not removed before the close can be removed after", func(t *testing.T) {
		l := newLoop(t)
		a, b := socketpair(t)
		require.NoError(t, l.AddReader(a, func() {}))
		require.NoError(t, l.AddWriter(a, func() {}))
		syscall.Close(a)
		syscall.Close(b)
		require.True(t, l.RemoveReader(a))
		require.True(t, l.RemoveWriter(a))
		require.False(t, l.Turn())
	})
	t.Run("nothing is called after Close", func(t *testing.T) {
		l := newLoop(t)
		a, b := watched(t)
		require.NoError(t, l.AddReader(a, func() { t.Error("called") }))
		send(t, b, "x")
		require.True(t, l.Turn())
		r := l.Next()
		require.NoError(t, l.Close())
		r.RunReady()
		require.False(t, l.RemoveReader(a))
	})
}
