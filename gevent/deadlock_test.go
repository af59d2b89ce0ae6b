package gevent_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
)

// joinEachOther spawns greenlets of which each joins the next, and the last the
// first.
func joinEachOther(names ...string) []*gevent.Greenlet {
	gs := make([]*gevent.Greenlet, len(names))
	for i, name := range names {
		gs[i] = gevent.Spawn(func() { gs[(i+1)%len(gs)].Join() })
		gs[i].SetName(name)
	}
	gevent.Sleep(0)
	return gs
}

func TestGreenletsThatJoinEachOtherAreFoundWhileOthersGoOn(t *testing.T) {
	run(t, func() {
		require.Empty(t, gevent.FindDeadlocks())
		busy := gevent.Spawn(func() {
			for {
				gevent.Sleep(time.Second)
			}
		})
		gs := joinEachOther("A", "B", "C")
		behind := gevent.Spawn(func() { gevent.JoinAll(busy, gs[1]) })
		behind.SetName("D")
		either := gevent.Spawn(func() { gevent.WaitWith([]*gevent.Greenlet{busy, gs[1]}, gevent.Count(1)) })
		patient := gevent.Spawn(func() { gs[0].JoinTimeout(time.Hour) })
		gevent.Sleep(time.Second)

		found := gevent.FindDeadlocks()
		require.Len(t, found, 1)
		require.Equal(t, `deadlock of 3:
  A waits in gevent.Join B
  B waits in gevent.Join C
  C waits in gevent.Join A
  and these wait for them: D`, found[0].String())
		require.Contains(t, found[0].Waits[0].Stack, "gevent_test.joinEachOther.func1")

		gs[1].Kill()
		require.Empty(t, gevent.FindDeadlocks())
		gevent.JoinAll(append(gs, either, patient)...)
	})
}

func TestMainMayBeInADeadlock(t *testing.T) {
	err := gevent.Run(func() {
		var g, h *gevent.Greenlet
		g = gevent.Spawn(func() { gevent.JoinAll(h) })
		h = gevent.Spawn(func() { g.Join() })
		g.Join()
	}, virtual())
	var exit *gevent.LoopExit
	require.ErrorAs(t, err, &exit)
	require.Len(t, exit.Deadlocks, 1)
	require.Equal(t, []string{"main"}, exit.Deadlocks[0].Behind)
	require.ErrorContains(t, err, `deadlock of 2:
  Greenlet-1 waits in gevent.JoinAll Greenlet-2
  Greenlet-2 waits in gevent.Join Greenlet-1
  and these wait for them: main
main: parked in gevent.Join Greenlet-1 for 0s
`)
}

func TestOneThatJoinsItselfIsFound(t *testing.T) {
	run(t, func() {
		var g *gevent.Greenlet
		g = gevent.Spawn(func() { g.Join() })
		gevent.Sleep(0)
		require.Equal(t, "deadlock of 1:\n  Greenlet-1 waits in gevent.Join Greenlet-1", fmt.Sprint(gevent.FindDeadlocks()[0]))
	})
}

func TestAScopeWhoseChildWaitsForItsOwnerIsFound(t *testing.T) {
	run(t, func() {
		var owner *gevent.Greenlet
		owner = gevent.Spawn(func() {
			_ = gevent.WithScope(func(s *gevent.Scope) error {
				s.Spawn(func() error { gevent.Sleep(time.Hour); return nil }).SetName("sleeper")
				s.Spawn(func() error { owner.Join(); return nil }).SetName("child")
				return nil
			})
		})
		owner.SetName("owner")
		gevent.Sleep(time.Second)
		require.Equal(t, `deadlock of 2:
  owner waits in gevent.WithScope for 2: sleeper child
  child waits in gevent.Join owner`, fmt.Sprint(gevent.FindDeadlocks()[0]))
	})
}
