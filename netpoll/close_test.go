package netpoll_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// A dropped wants to know that it will not run.
type dropped struct {
	t    testing.TB
	tell func()
}

func (d *dropped) RunReady() { d.t.Error("ran after Close") }
func (d *dropped) Dropped()  { d.tell() }

func TestCloseTellsWhoWaits(t *testing.T) {
	l := newLoop(t)
	var got recorder
	entry := func(name string) *dropped {
		return &dropped{t, func() {
			got.add(name)()
			require.ErrorIs(t, l.Post(func() {}), netpoll.ErrClosed)
			require.ErrorIs(t, l.Close(), netpoll.ErrClosed)
			require.Panics(t, func() { l.CallSoon(func() {}) })
		}}
	}
	var timers [4]netpoll.Timer
	l.Arm(&timers[0], time.Hour, entry("timer after an hour"))
	l.Arm(&timers[1], time.Minute, entry("timer after a minute"))
	l.Arm(&timers[2], time.Hour, entry("another after an hour"))
	l.Arm(&timers[3], time.Second, entry("disarmed"))
	require.True(t, l.Disarm(&timers[3]))
	l.CallLater(time.Second, func() { t.Error("ran after Close") })
	l.Enqueue(entry("ready"))
	l.CallSoon(func() { t.Error("ran after Close") })
	l.Enqueue(entry("ready too"))
	select {
	case <-l.Done():
		t.Error("done before Close")
	default:
	}
	require.NoError(t, l.Close())
	require.Equal(t, recorder{"ready", "ready too", "timer after a minute", "timer after an hour", "another after an hour"}, got)
	for i := range timers {
		require.False(t, timers[i].Armed())
	}
	<-l.Done()
}

// A goroutine whose function is dropped is not left waiting.
func TestDoneTellsThoseWhoPosted(t *testing.T) {
	l := newLoop(t)
	answer := make(chan int)
	got := make(chan string)
	require.NoError(t, l.Post(func() { answer <- 1 }))
	go func() {
		select {
		case <-answer:
			got <- "an answer"
		case <-l.Done():
			got <- "the end"
		}
	}()
	require.NoError(t, l.Close())
	require.Equal(t, "the end", <-got)
}
