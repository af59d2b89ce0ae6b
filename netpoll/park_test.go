package netpoll_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

func TestALoopWithoutDescriptorsSleepsParked(t *testing.T) {
	t.Run("until its timers are due, and not before", func(t *testing.T) {
		l := newLoop(t)
		best := time.Hour
		for range 10 {
			const d = 5 * time.Millisecond
			due := l.Deadline(d)
			l.CallAt(due, func() {})
			require.NoError(t, l.Run())
			require.GreaterOrEqual(t, l.Time(), due)
			best = min(best, l.Time()-due)
		}
		require.Less(t, best, 900*time.Microsecond, "the alarm alone would be later")
		require.Positive(t, l.Stats().Parks)
	})
	t.Run("until somebody posts", func(t *testing.T) {
		l := newLoop(t)
		l.Ref()
		time.AfterFunc(5*time.Millisecond, func() { l.Post(l.Unref) })
		within(t, time.Minute, func() { l.Run() })
		s := l.Stats()
		require.EqualValues(t, 1, s.Posted)
		require.Positive(t, s.Parks)
		require.Equal(t, s.Parks, s.Waits)
	})
	t.Run("and is not kept awake by a timer that was cancelled", func(t *testing.T) {
		l := newLoop(t)
		l.CallLater(6*time.Millisecond, func() {}).Cancel()
		h := l.CallLater(3*time.Millisecond, func() { t.Error("it was cancelled") })
		l.CallLater(time.Millisecond/2, h.Cancel)
		l.CallLater(20*time.Millisecond, func() {})
		require.NoError(t, l.Run())
		require.LessOrEqual(t, l.Stats().Waits, uint64(5))
	})
}

// In a bubble time goes on when every goroutine in it waits for something in the
// bubble, which a system call is not.
func TestALoopWithoutDescriptorsWorksInASynctestBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := netpoll.NewLoop()
		require.NoError(t, err)
		start := time.Now()
		var at []time.Duration
		note := func() { at = append(at, time.Since(start)) }
		for _, d := range []time.Duration{time.Hour, time.Microsecond, time.Minute, 1500 * time.Microsecond} {
			l.CallLater(d, note)
		}
		l.Ref()
		go func() {
			time.Sleep(30 * time.Minute)
			l.Post(func() { note(); l.Unref() })
		}()
		require.NoError(t, l.Run())
		require.Equal(t, []time.Duration{time.Microsecond, 1500 * time.Microsecond, time.Minute, 30 * time.Minute, time.Hour}, at)
		require.NoError(t, l.Close())
	})
}
