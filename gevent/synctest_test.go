package gevent_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
)

// A thread that waits for times, for posts and for offloaded functions is
// durably blocked, so the bubble's clock goes on.
func TestAThreadLivesOnTheClockOfASynctestBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		require.NoError(t, gevent.Run(func() {
			note := func() { at = append(at, time.Since(start)) }
			gevent.JoinAll(
				gevent.Spawn(func() { gevent.Sleep(time.Hour); note() }),
				gevent.Spawn(func() { gevent.Sleep(time.Microsecond); note() }),
				gevent.Spawn(func() { gevent.Offload(func() { time.Sleep(time.Minute) }); note() }),
			)
		}))
		require.Equal(t, []time.Duration{time.Microsecond, time.Minute, time.Hour}, at)
	})
}
