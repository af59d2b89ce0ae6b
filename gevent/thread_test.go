package gevent_test

import (
	"math"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/coro"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/greenlet"
	"github.com/baton-go/baton/internal/hub"
)

func TestEntriesRunInTheOrderInWhichTheyBecameReady(t *testing.T) {
	var tr trace
	run(t, func() {
		l := hub.Current().Loop
		l.CallSoon(tr.adds("callback 1"))
		gevent.Spawn(tr.adds("greenlet 1"))
		require.NoError(t, hub.Current().Post(tr.adds("posted")))
		gevent.SpawnLater(0, tr.adds("later greenlet"))
		l.CallLater(0, tr.adds("later callback"))
		l.CallSoon(tr.adds("callback 2"))
		gevent.Spawn(tr.adds("greenlet 2"))
		gevent.Sleep(1)
	})
	require.Equal(t, trace{"callback 1", "greenlet 1", "callback 2", "greenlet 2",
		"posted", "later greenlet", "later callback"}, tr)
}

func TestABusyGreenletStarvesNeitherTimersNorOtherGoroutines(t *testing.T) {
	require.NoError(t, gevent.Run(func() {
		stop := false
		spin := gevent.Spawn(func() {
			for !stop {
				gevent.Sleep(0)
			}
		})
		gevent.Sleep(5 * time.Millisecond)
		gevent.Offload(func() {})
		stop = true
		spin.Join()
	}))
}

func TestTheLongestTimesDoNotEndAtOnce(t *testing.T) {
	run(t, func() {
		g := gevent.Spawn(func() { gevent.Sleep(math.MaxInt64) })
		never := gevent.SpawnLater(math.MaxInt64, func() {})
		gevent.Sleep(time.Hour)
		require.False(t, g.Ready())
		require.False(t, never.Ready())
		gevent.SpawnLater(time.Hour, func() { g.KillAsync(nil) })
		require.True(t, g.JoinTimeout(math.MaxInt64))
		never.Kill()
	})
}

func TestAKillInTheTurnOfATimerTakesEffectInTheNextBlockingCall(t *testing.T) {
	run(t, func() {
		var tr trace
		victim := gevent.Spawn(func() { gevent.Sleep(time.Second); tr.add("woken"); gevent.Sleep(1); tr.add("not reached") })
		killer := gevent.Spawn(func() { gevent.Sleep(time.Second); victim.KillAsync(nil) })
		gevent.JoinAll(victim, killer, victim)
		require.Equal(t, trace{"woken"}, tr)

		var unborn *gevent.Greenlet
		killer = gevent.SpawnLater(time.Second, func() { unborn.Kill() })
		unborn = gevent.SpawnLater(time.Second, tr.adds("not reached"))
		gevent.JoinAll(killer, unborn)
		require.Equal(t, trace{"woken"}, tr)
	})
}

func TestWhoJoinsAGreenletThatKillsItselfLearnsOfIt(t *testing.T) {
	run(t, func() {
		var g *gevent.Greenlet
		g = gevent.Spawn(func() { gevent.Sleep(1); g.KillWith(nil); t.Error("not reached") })
		joiners := make([]gevent.Joinable, 3)
		for i := range joiners {
			joiners[i] = gevent.Spawn(func() error { return g.Get() })
		}
		for _, j := range gevent.JoinAll(joiners...) {
			require.ErrorIs(t, j.(*gevent.Greenlet).Get(), gevent.ErrGreenletExit)
		}
		g.Kill()
		require.True(t, g.Successful())
	})
}

func TestGreenletsThatTheEndOfRunKeptFromStartingHaveEnded(t *testing.T) {
	var g *gevent.Greenlet
	var v *gevent.Of[int]
	run(t, func() {
		g = gevent.Spawn(func() { t.Error("not reached") })
		v = gevent.SpawnValue(func() (int, error) { t.Error("not reached"); return 1, nil })
	})
	require.True(t, g.Ready() && g.Successful() && !g.Started())
	require.ErrorIs(t, g.Get(), gevent.ErrGreenletExit)
	_, err := v.Get()
	require.ErrorIs(t, err, gevent.ErrGreenletExit)
}

func TestAnAbandonedOffloadHoldsUpNeitherTheClockNorTheEnd(t *testing.T) {
	end := make(chan struct{})
	defer close(end)
	onGoroutine(t, func() {
		run(t, func() {
			g := gevent.Spawn(func() { gevent.Offload(func() { <-end }) })
			gevent.Sleep(0)
			g.Kill()
			gevent.Sleep(time.Hour)
		})
	})
	onGoroutine(t, func() {
		err := gevent.Run(func() {
			g := gevent.Spawn(func() { gevent.Offload(func() { <-end }) })
			gevent.Sleep(0)
			g.Kill()
			var ever *gevent.Greenlet
			ever = gevent.Spawn(func() { ever.Join() })
			ever.Join()
		})
		require.ErrorIs(t, err, gevent.ErrLoopExit)
	})
}

func TestAnErrorHookThatFailsHarmsNobody(t *testing.T) {
	failures := 0
	err := gevent.Run(func() {
		g := gevent.Spawn(explode)
		h := gevent.Spawn(func() { g.Join() })
		h.Join()
		require.ErrorContains(t, g.Get(), "kaboom")
		ran := false
		hub.Current().Loop.CallSoon(explode)
		hub.Current().Loop.CallSoon(func() { ran = true })
		gevent.Sleep(0)
		require.True(t, ran)
	}, virtual(), gevent.WithErrorHook(func(string, error) { failures++; panic("the hook fails, as it is meant to") }))
	require.NoError(t, err)
	require.Equal(t, 2, failures)
}

func TestAGreenletThatEndedKeepsNothingAlive(t *testing.T) {
	run(t, func() {
		var first weak.Pointer[[1000]byte]
		last := gevent.SpawnValue(func() (*[1000]byte, error) {
			p := new([1000]byte)
			first = weak.Make(p)
			return p, nil
		})
		for range 10 {
			before := last
			last = gevent.SpawnValue(func() (*[1000]byte, error) { before.Join(); return nil, nil })
		}
		last.Join()
		gevent.Spawn(func() {}).Join() // main refers to what it joined last
		for range 3 {
			runtime.GC()
		}
		require.Nil(t, first.Value())
		runtime.KeepAlive(last)
	})
}

func TestCarriersOfASurgeAreGivenBackAlthoughNothingHappensAnyMore(t *testing.T) {
	before := runtime.NumGoroutine()
	require.NoError(t, gevent.Run(func() {
		parked := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
		surge := make([]*gevent.Greenlet, 5000)
		for i := range surge {
			surge[i] = gevent.Spawn(func() { gevent.Sleep(0) })
		}
		gevent.JoinAll(surge...)
		left := 0
		gevent.Offload(func() {
			for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
				if left = runtime.NumGoroutine() - before; left < 1100 {
					break
				}
			}
		})
		require.Less(t, left, 1100)
		parked.Kill()
	}))
	requireGoroutines(t, before)
}

func TestTenThousandGreenletsDriveGenerators(t *testing.T) {
	const n = 10_000
	before := runtime.NumGoroutine()
	run(t, func() {
		sum := 0
		gs := make([]*gevent.Greenlet, n)
		for i := range gs {
			gs[i] = gevent.Spawn(func() {
				c := coro.Generate(func(yield func(int) error) error {
					for k := range 3 {
						gevent.Sleep(time.Duration(i%7) * time.Millisecond)
						if err := yield(k); err != nil {
							return err
						}
					}
					return nil
				})
				for v, err := c.Next(); err == nil; v, err = c.Next() {
					sum += v
				}
			})
		}
		gevent.JoinAll(gs...)
		require.Equal(t, 3*n, sum)
	})
	requireGoroutines(t, before)
}

func TestAThousandRunsLeaveNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 1000 {
		run(t, func() {
			gevent.Spawn(func() { gevent.Sleep(time.Hour) })
			_, _ = coro.Generate(func(yield func(int) error) error { return yield(1) }).Next()
			_, _ = greenlet.New(func() { _, _ = greenlet.Main().Switch() }).Switch()
			gevent.Sleep(0)
		})
	}
	requireGoroutines(t, before)
	require.Zero(t, greenlet.LiveCount())
	require.Zero(t, coro.Live())
}

func TestCallsFromOutsideEndWithTheThread(t *testing.T) {
	before := runtime.NumGoroutine()
	var threads sync.WaitGroup
	for range 8 {
		threads.Go(func() {
			for range 10 {
				var callers sync.WaitGroup
				_ = gevent.Run(func() {
					h := hub.Current()
					for range 4 {
						callers.Go(func() {
							for h.Do("call", func() { gevent.Sleep(0) }) == nil {
							}
						})
						callers.Go(func() {
							for h.Post(func() {}) == nil {
								runtime.Gosched()
							}
						})
					}
					for range 10 {
						gevent.Spawn(func() {
							for range 5 {
								gevent.Offload(func() {})
							}
						})
					}
					gevent.Sleep(time.Millisecond)
				})
				callers.Wait()
			}
		})
	}
	threads.Wait()
	requireGoroutines(t, before)
}

func TestAThreadOnAVirtualClockLivesInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run(t, func() {
			n := 0
			g := gevent.Spawn(func() { gevent.Sleep(time.Hour); gevent.Offload(func() { n++ }) })
			g.Join()
			require.Equal(t, 1, n)
		})
	})
}
