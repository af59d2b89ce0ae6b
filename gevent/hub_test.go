package gevent_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/greenlet"
)

func TestTheHubIsTheSameForAllOfAThread(t *testing.T) {
	require.Nil(t, gevent.CurrentHub())
	run(t, func() {
		h := gevent.CurrentHub()
		gevent.Spawn(func() { require.Same(t, h, gevent.CurrentHub()) }).Join()
		h.Loop().CallSoon(func() { require.Same(t, h, gevent.CurrentHub()) })
		gevent.Sleep(0)
		gevent.Offload(func() {
			require.Nil(t, gevent.CurrentHub())
			require.NoError(t, gevent.Run(func() { require.NotSame(t, h, gevent.CurrentHub()) }))
		})
	})
}

func TestThreadsHaveNames(t *testing.T) {
	run(t, func() {
		require.Regexp(t, `^thread \d+$`, gevent.CurrentHub().Name())
		gevent.CurrentHub().SetName("workers")
		require.Equal(t, "workers", fmt.Sprint(gevent.CurrentHub()))
	})
	require.NoError(t, gevent.Run(func() {
		require.Equal(t, "web", gevent.CurrentHub().Name())
	}, gevent.WithName("web")))
}

func TestTheErrorHookCanBeChanged(t *testing.T) {
	run(t, func() {
		var seen []string
		note := func(where string, err error) { seen = append(seen, where) }
		require.Nil(t, gevent.CurrentHub().SetErrorHook(note))
		gevent.Spawn(explode).Join()
		// T219: an error in a callback is reported with what it was in, and the loop
		// goes on.
		gevent.CurrentHub().Loop().CallSoon(explode)
		ran := false
		gevent.CurrentHub().Loop().CallSoon(func() { ran = true })
		gevent.Sleep(0)
		require.True(t, ran)
		require.Equal(t, []string{"greenlet Greenlet-1", "callback"}, seen)
		require.NotNil(t, gevent.CurrentHub().SetErrorHook(func(string, error) { seen = nil }))
		gevent.Spawn(explode).Join()
		require.Nil(t, seen)
	})
}

func TestT219WhatBlocksIsRefusedInACallbackAndSpawnIsNot(t *testing.T) {
	for name, block := range map[string]func(){
		"Sleep":       func() { gevent.Sleep(0) },
		"Join":        func() { gevent.NewGreenlet(func() {}).Join() },
		"Offload":     func() { gevent.Offload(func() {}) },
		"Recv":        func() { gevent.Recv(make(chan int)) },
		"RunParallel": func() { _ = gevent.RunParallel(1, func(int) error { return nil }) },
	} {
		t.Run(name, func(t *testing.T) {
			var failed error
			spawned := false
			require.NoError(t, gevent.Run(func() {
				gevent.CurrentHub().Loop().CallSoon(func() {
					gevent.Spawn(func() { spawned = true })
					block()
				})
				gevent.Sleep(0)
				gevent.Sleep(0)
			}, virtual(), gevent.WithErrorHook(func(_ string, err error) { failed = err })))
			require.ErrorContains(t, failed, "a callback of the loop must not block; spawn a greenlet in it")
			require.True(t, spawned)
		})
	}
}

func TestCallbacksOfTheLoop(t *testing.T) {
	test(t, "T119 a callback runs once", func(t *testing.T) {
		n := 0
		gevent.CurrentHub().Loop().CallSoon(func() { n++ })
		require.True(t, gevent.JoinHubTimeout(time.Second))
		gevent.Sleep(0)
		require.Equal(t, 1, n)
	})
	test(t, "T120 a callback that was stopped does not run", func(t *testing.T) {
		l := gevent.CurrentHub().Loop()
		h := l.CallSoon(func() { t.Error("it runs") })
		h.Cancel()
		require.True(t, h.Cancelled())
		gevent.Sleep(0)
	})
	test(t, "T208 what is queued runs before what it queues", func(t *testing.T) {
		var tr trace
		gevent.CurrentHub().Loop().CallSoon(func() { tr.add("callback"); gevent.Spawn(tr.adds("greenlet")) })
		gevent.Sleep(0)
		require.Equal(t, trace{"callback"}, tr)
		gevent.Sleep(0)
		require.Equal(t, trace{"callback", "greenlet"}, tr)
	})
	t.Run("T209 a callback that always schedules itself does not starve a timer", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() {
			l := gevent.CurrentHub().Loop()
			fired := false
			var again func()
			again = func() {
				if !fired {
					l.CallSoon(again)
				}
			}
			again()
			g := gevent.SpawnLater(time.Millisecond, func() { fired = true })
			g.Join()
		}))
	})
	test(t, "T133 Sleep, then Idle returns", func(*testing.T) {
		gevent.Sleep(0)
		gevent.Idle()
	})
	test(t, "T134 SpawnLater fires inside a greenlet's sleep", func(t *testing.T) {
		var tr trace
		g := gevent.Spawn(func() {
			gevent.SpawnLater(time.Millisecond, tr.adds("later"))
			gevent.Spawn(func() { gevent.Spawn(tr.adds("of one that has ended")) })
			gevent.Sleep(time.Second)
		})
		g.Join()
		require.Equal(t, trace{"of one that has ended", "later"}, tr)
	})
}

func TestT124APostFromAGoroutineWakesTheThread(t *testing.T) {
	require.NoError(t, gevent.Run(func() {
		h := gevent.CurrentHub()
		posted := make(chan error, 1)
		asleep := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
		go func() {
			time.Sleep(5 * time.Millisecond)
			posted <- h.Post(func() { asleep.KillAsync(nil) })
		}()
		asleep.Join()
		require.NoError(t, <-posted)
	}))
}

func TestT131ManyThreadsLeaveNothing(t *testing.T) {
	var hubs [10]*gevent.Hub
	require.NoError(t, gevent.RunParallel(10, func(i int) error {
		hubs[i] = gevent.CurrentHub()
		gevent.Spawn(func() {})
		gevent.JoinHub()
		return nil
	}))
	for _, h := range hubs {
		require.ErrorIs(t, h.Post(func() {}), gevent.ErrClosed)
		require.ErrorIs(t, h.Do(func() error { return nil }), gevent.ErrClosed)
	}
	require.Zero(t, greenlet.LiveCount())
}

func TestDoRunsInTheThread(t *testing.T) {
	no := errors.New("no")
	run(t, func() {
		h := gevent.CurrentHub()
		slept := false
		f := func() error { gevent.Sleep(0); slept = true; return no }
		gevent.Offload(func() { require.Equal(t, no, h.Do(f)) })
		require.True(t, slept)
		require.PanicsWithValue(t, "gevent.Hub.Do: the caller is in that thread; call the function, or Spawn it", func() { _ = h.Do(f) })
		gevent.Offload(func() {
			// A greenlet of another thread is parked alone.
			run(t, func() {
				others := 0
				g := gevent.Spawn(func() { others++ })
				require.Equal(t, no, h.Do(f))
				g.Join()
				require.Equal(t, 1, others)
				require.Panics(t, func() { _ = h.Do(func() error { panic("it goes on in the caller") }) })
			})
		})
	})
}

func TestAnObjectOfAnotherThreadIsRefusedWithBothNames(t *testing.T) {
	require.NoError(t, gevent.Run(func() {
		g := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
		g.SetName("his")
		h := gevent.CurrentHub()
		end := gevent.FromContext(t.Context())
		gevent.Offload(func() {
			for name, use := range map[string]func(){
				"Join":       func() { g.Join() },
				"Kill":       func() { g.Kill() },
				"Rawlink":    func() { g.Rawlink(func() {}) },
				"JoinAll":    func() { gevent.JoinAll(g) },
				"Stats":      func() { h.Stats() },
				"Greenlets":  func() { h.Greenlets() },
				"Context":    func() { _ = end.Wait() },
				"ContextEnd": func() { end.Rawlink(func() {}) },
			} {
				err := gevent.Run(func() {
					defer func() {
						err, _ := recover().(error)
						require.ErrorIs(t, err, gevent.ErrWrongThread, name)
						require.ErrorIs(t, err, greenlet.ErrWrongThread, name)
						require.ErrorContains(t, err, "belongs to another thread, his thread, and was used from mine; ")
					}()
					use()
				}, gevent.WithName("mine"))
				require.NoError(t, err)
			}
		})
	}, gevent.WithName("his thread")))
}

func TestStatsCount(t *testing.T) {
	run(t, func() {
		for range 3 {
			gevent.Spawn(func() { gevent.Sleep(time.Hour) })
		}
		gevent.Spawn(func() {})
		gevent.Sleep(0)
		s := gevent.Stats()
		require.Equal(t, 3, s.Greenlets)
		require.Equal(t, 4, s.Spawned)
		require.Equal(t, 3, s.Loop.Timers)
		require.GreaterOrEqual(t, s.Carriers, 4)
		require.Len(t, gevent.CurrentHub().Greenlets(), 3)
	})
}
