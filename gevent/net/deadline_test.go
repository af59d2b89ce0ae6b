package net_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/net"
	"github.com/baton-go/baton/netpoll"
)

// waiting runs call in a greenlet, lets it get to where it waits, and returns a
// function that gives its error.
func waiting(call func() error) func() error {
	g := gevent.Spawn(call)
	settle()
	return g.Get
}

func readOne(c net.Conn) func() error {
	return func() error { _, err := c.Read(make([]byte, 1)); return err }
}

func TestAPastDeadlineFailsEvenWhatNeedNotWait(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		_, err := s.Write([]byte("x"))
		require.NoError(t, err)
		settle()
		require.NoError(t, c.SetDeadline(time.Unix(1, 0)))
		isTimeout(t, readOne(c)())
		_, err = c.Write([]byte("y"))
		isTimeout(t, err)
		require.NoError(t, c.SetDeadline(time.Time{}))
		require.NoError(t, readOne(c)())
	})
}

func TestAFutureDeadlineFailsWhatWaitsWhenItComes(t *testing.T) {
	run(t, func() {
		c, _ := pair(t)
		begin := time.Now()
		require.NoError(t, c.SetReadDeadline(begin.Add(30*time.Millisecond)))
		isTimeout(t, readOne(c)())
		require.GreaterOrEqual(t, time.Since(begin), 30*time.Millisecond)
		isTimeout(t, readOne(c)())
	})
}

// A deadline that passes while nobody looks fails the next call, though there
// would be something to read.
func TestADeadlineThatPassedMeanwhileFailsTheNextCall(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(2*time.Millisecond)))
		_, err := s.Write([]byte("x"))
		require.NoError(t, err)
		for begin := time.Now(); time.Since(begin) < 5*time.Millisecond; {
		}
		isTimeout(t, readOne(c)())
	})
}

func TestADeadlineMayBeMovedWhileSomebodyWaits(t *testing.T) {
	const ms = time.Millisecond
	for _, m := range []struct {
		name     string
		from, to time.Duration // from the begin; 0 for none
		after    time.Duration
	}{
		{"to the past", time.Hour, -time.Hour, 0},
		{"from none to the past", 0, -time.Hour, 0},
		{"nearer", time.Hour, 5 * ms, 5 * ms},
		{"farther", 10 * ms, 40 * ms, 40 * ms},
	} {
		t.Run(m.name, func(t *testing.T) {
			run(t, func() {
				c, _ := pair(t)
				begin := time.Now()
				if m.from != 0 {
					require.NoError(t, c.SetReadDeadline(begin.Add(m.from)))
				}
				result := waiting(readOne(c))
				require.NoError(t, c.SetReadDeadline(begin.Add(m.to)))
				isTimeout(t, result())
				require.GreaterOrEqual(t, time.Since(begin), m.after)
			})
		})
	}
	t.Run("away", func(t *testing.T) {
		run(t, func() {
			c, s := pair(t)
			require.NoError(t, c.SetReadDeadline(time.Now().Add(10*ms)))
			result := waiting(readOne(c))
			require.NoError(t, c.SetReadDeadline(time.Time{}))
			gevent.Sleep(20 * ms)
			_, err := s.Write([]byte("x"))
			require.NoError(t, err)
			require.NoError(t, result())
		})
	})
}

func TestTheSidesHaveDeadlinesOfTheirOwn(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		require.NoError(t, c.SetReadDeadline(time.Unix(1, 0)))
		_, err := c.Write([]byte("x"))
		require.NoError(t, err)
		isTimeout(t, readOne(c)())
		require.NoError(t, s.SetWriteDeadline(time.Unix(1, 0)))
		require.NoError(t, readOne(s)())
		_, err = s.Write([]byte("x"))
		isTimeout(t, err)
	})
}

func TestAWriteDeadlineEndsAWriteInTheMiddle(t *testing.T) {
	run(t, func() {
		c, _ := pair(t)
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
		n, err := c.Write(make([]byte, 64<<20))
		isTimeout(t, err)
		require.Positive(t, n)
		require.Less(t, n, 64<<20)
	})
}

func TestNothingIsWrittenAtOnceToAConnThatIsFull(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		defer c.Close()
		defer s.Close()
		fill(t, c)
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Minute)))
		n, err := c.Write(nil)
		require.NoError(t, err)
		require.Zero(t, n)
		require.NoError(t, c.Close())
		_, err = c.Write(nil)
		require.ErrorIs(t, err, net.ErrClosed)
	})
}

func TestEverybodyInLineFailsAtTheDeadline(t *testing.T) {
	run(t, func() {
		c, _ := pair(t)
		var gs []gevent.Joinable
		for range 5 {
			gs = append(gs, gevent.Spawn(readOne(c)))
		}
		settle()
		require.NoError(t, c.SetReadDeadline(time.Now().Add(5*time.Millisecond)))
		for _, g := range gevent.JoinAll(gs...) {
			isTimeout(t, g.(*gevent.Greenlet).Err())
		}
	})
}

func TestAcceptHasADeadline(t *testing.T) {
	run(t, func() {
		l := listen(t)
		result := waiting(func() error { _, err := l.Accept(); return err })
		require.NoError(t, l.SetDeadline(time.Now().Add(5*time.Millisecond)))
		isTimeout(t, result())
		require.NoError(t, l.SetDeadline(time.Time{}))
		connect(t, l)
	})
}

func TestAFarAwayDeadlineIsNone(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		require.NoError(t, c.SetDeadline(time.Now().AddDate(1000, 0, 0)))
		result := waiting(readOne(c))
		_, err := s.Write([]byte("x"))
		require.NoError(t, err)
		require.NoError(t, result())
	})
}

// On a virtual clock a deadline of an hour takes no time.
func TestADeadlineIsOneOfTheLoopsClock(t *testing.T) {
	begin := time.Now()
	err := gevent.Run(func() {
		c, _ := pair(t)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Hour)))
		isTimeout(t, readOne(c)())
		require.NoError(t, c.SetReadDeadline(time.Now()))
		isTimeout(t, readOne(c)())
	}, gevent.WithClock(netpoll.NewVirtualClock()))
	require.NoError(t, err)
	require.Less(t, time.Since(begin), time.Minute)
}
