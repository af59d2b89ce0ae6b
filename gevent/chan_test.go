package gevent_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
)

func TestRecvParksOnlyTheGreenlet(t *testing.T) {
	c := make(chan int)
	require.NoError(t, gevent.Run(func() {
		others := 0
		gevent.Spawn(func() {
			others++
			go func() {
				c <- 42
				close(c)
			}()
		})
		v, ok := gevent.Recv(c)
		require.True(t, ok)
		require.Equal(t, 42, v)
		require.Equal(t, 1, others)
		v, ok = gevent.Recv(c)
		require.False(t, ok)
		require.Zero(t, v)
	}))
}

func TestSendParksOnlyTheGreenlet(t *testing.T) {
	c := make(chan int)
	require.NoError(t, gevent.Run(func() {
		got := gevent.SpawnValue(func() (int, error) { v, _ := gevent.Recv(c); return v, nil })
		gevent.Send(c, 42)
		v, err := got.Get()
		require.NoError(t, err)
		require.Equal(t, 42, v)
		buffered := make(chan int, 1)
		gevent.Send(buffered, 1)
		require.Equal(t, 1, <-buffered)
		close(c)
		require.Panics(t, func() { gevent.Send(c, 1) })
	}))
}

func TestAKilledRecvTakesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	c := make(chan int)
	require.NoError(t, gevent.Run(func() {
		g := gevent.Spawn(func() { gevent.Recv(c); t.Error("not reached") })
		s := gevent.Spawn(func() { gevent.Send(make(chan int), 1); t.Error("not reached") })
		gevent.Sleep(0)
		s.Kill()
		g.Kill()
	}))
	requireGoroutines(t, before)
	require.NoError(t, gevent.Run(func() {
		err := gevent.WithTimeout(time.Millisecond, func() error { gevent.Recv(c); return nil })
		require.ErrorIs(t, err, gevent.ErrTimeout)
	}))
	requireGoroutines(t, before)
}

// Values are passed on while receivers are killed at every moment: none is lost.
func TestNoValueIsLostWhenReceiversAreKilled(t *testing.T) {
	const n = 2000
	c := make(chan int)
	before := runtime.NumGoroutine()
	seen := make([]bool, n)
	require.NoError(t, gevent.Run(func() {
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for i := range n {
				c <- i
			}
		}()
		got := 0
		for round := 0; got < n; round++ {
			g := gevent.Spawn(func() {
				for got < n {
					v, _ := gevent.Recv(c)
					require.False(t, seen[v])
					seen[v] = true
					got++
				}
			})
			for range 1 + round%7 {
				gevent.Offload(func() {})
			}
			g.Kill()
		}
		<-sent
	}))
	require.NotContains(t, seen, false)
	requireGoroutines(t, before)
}

func TestALoopOverAChannelLeavesTheRestInIt(t *testing.T) {
	before := runtime.NumGoroutine()
	c := make(chan int, 10)
	for i := range 10 {
		c <- i
	}
	close(c)
	require.NoError(t, gevent.Run(func() {
		var got []int
		for v := range gevent.FromChan(c) {
			if got = append(got, v); v == 3 {
				break
			}
		}
		require.Len(t, c, 6)
		for v := range gevent.FromChan(c) {
			got = append(got, v)
		}
		require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, got)
		unbuffered := make(chan int)
		go func() { unbuffered <- 1 }()
		for range gevent.FromChan(unbuffered) {
			break
		}
	}))
	requireGoroutines(t, before)
}

func TestADumpNamesTheChannel(t *testing.T) {
	require.NoError(t, gevent.Run(func() {
		g := gevent.Spawn(func() { gevent.Recv(make(chan []string)) })
		gevent.Sleep(0)
		require.Contains(t, gevent.CurrentHub().Snapshot(gevent.DumpOptions{}).String(), "parked in gevent.Recv chan []string for")
		g.Kill()
	}))
}
