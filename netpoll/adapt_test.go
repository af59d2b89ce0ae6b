//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package netpoll_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// A loop that is kept busy by long entries looks at the time and the descriptors
// after each.
func TestLongEntriesMakeNobodyLate(t *testing.T) {
	test := func(t *testing.T, l *netpoll.Loop) {
		d, peer := drainedPair(t, l)
		entries, atTimer, atRead := 0, 0, 0
		var again func()
		again = func() {
			for begin := time.Now(); time.Since(begin) < time.Millisecond; {
			}
			if entries++; entries < 200 {
				l.CallSoon(again)
			}
		}
		l.CallSoon(again)
		l.CallLater(3*time.Millisecond, func() { atTimer = entries; send(t, peer, "x") })
		require.True(t, d.Wait(read, runner(func() { atRead = entries })))
		require.NoError(t, l.Run())
		require.Equal(t, 200, entries)
		require.Less(t, atTimer, 20)
		require.Less(t, atRead, 30)
	}
	t.Run("usually", func(t *testing.T) { test(t, newLoop(t)) })
	t.Run("in debug mode", func(t *testing.T) { test(t, newLoop(t, netpoll.WithDebug(netpoll.Debug{}))) })
}

// Entries that are short do not pay for a poll each, however long the loop has
// worked on long ones.
func TestShortEntriesShareAPoll(t *testing.T) {
	l := newLoop(t)
	openPair(t, l)
	entries := 0
	var again func()
	again = func() {
		if entries < 20 {
			for begin := time.Now(); time.Since(begin) < time.Millisecond; {
			}
		}
		if entries++; entries < 20_000 {
			l.CallSoon(again)
		}
	}
	l.CallSoon(again)
	require.NoError(t, l.Run())
	require.Less(t, l.Stats().Polls, uint64(20+20_000/8))
}
