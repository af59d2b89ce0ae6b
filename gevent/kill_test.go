package gevent_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/internal/hub"
)

func TestKillOfARunningGreenlet(t *testing.T) {
	test(t, "T014 two that have not run: joinall returns, the bodies never ran", func(t *testing.T) {
		a := gevent.Spawn(func() { t.Error("it has run") })
		b := gevent.Spawn(func() { t.Error("it has run") })
		a.Kill()
		gevent.Kill(b, nil)
		require.Len(t, gevent.JoinAll(a, b), 2)
		require.Equal(t, []state{killed, killed}, []state{stateOf(a), stateOf(b)})
	})
	test(t, "T015 the victim can catch what it is killed with, and then has not failed", func(t *testing.T) {
		var caught error
		g := gevent.Spawn(func() { caught = gevent.Try(func() error { gevent.Sleep(time.Hour); return nil }) })
		gevent.Sleep(0)
		gevent.Kill(g, errBoom)
		require.NoError(t, g.Get())
		require.Same(t, errBoom, caught)
		require.Equal(t, successful, stateOf(g))
	})
	test(t, "T016 T201 killed is successful, killed with an error is not", func(t *testing.T) {
		for _, before := range []bool{true, false} {
			for _, why := range []error{nil, errBoom} {
				g := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
				if !before {
					gevent.Sleep(0)
				}
				g.KillWith(why)
				if why == nil {
					require.ErrorIs(t, g.Get(), gevent.ErrGreenletExit)
					require.Equal(t, killed, stateOf(g))
				} else {
					require.Same(t, errBoom, g.Get())
					require.Equal(t, failedWith(errBoom), stateOf(g))
				}
			}
		}
	})
	test(t, "who kills goes on right behind the victim, before what that has made ready", func(t *testing.T) {
		for _, kill := range []func(g *gevent.Greenlet){
			func(g *gevent.Greenlet) { g.Kill() },
			func(g *gevent.Greenlet) { g.KillTimeout(time.Hour, errBoom) },
			func(g *gevent.Greenlet) { gevent.KillAll(g) },
			func(g *gevent.Greenlet) { _ = gevent.KillAllTimeout(time.Hour, nil, g) },
		} {
			var tr trace
			g := gevent.Spawn(func() {
				defer gevent.Spawn(tr.adds("spawned by the victim"))
				defer tr.add("victim")
				gevent.Sleep(time.Hour)
			})
			g.Link(func(*gevent.Greenlet) { tr.add("link") })
			gevent.Sleep(0)
			kill(g)
			tr.add("killer")
			gevent.Sleep(0)
			require.Equal(t, trace{"victim", "killer", "spawned by the victim", "link"}, tr)
		}
	})
	test(t, "a kill of who kills is not lost when its victim has ended", func(t *testing.T) {
		victim := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
		returned := false
		killer := gevent.Spawn(func() {
			victim.Kill()
			returned = true
			gevent.Sleep(time.Hour)
		})
		gevent.Spawn(func() { killer.KillAsync(nil) })
		gevent.Sleep(0)
		killer.Join()
		require.True(t, victim.Killed())
		require.True(t, killer.Killed())
		require.True(t, returned)
	})
	test(t, "T017 the handler of the victim runs to its end before kill returns", func(t *testing.T) {
		var tr trace
		g := gevent.Spawn(func() {
			tr.add("start")
			if gevent.Try(func() error { gevent.Sleep(time.Hour); return nil }) != nil {
				tr.add("except")
			}
			tr.add("finished")
		})
		gevent.Sleep(0)
		require.Equal(t, trace{"start"}, tr)
		g.Kill()
		require.Equal(t, trace{"start", "except", "finished"}, tr)
	})
	test(t, "T202 two kills at once: one is received, by a victim that goes on being killed", func(t *testing.T) {
		received := 0
		g := gevent.Spawn(func() {
			err := gevent.Try(func() error { gevent.Sleep(time.Hour); return nil })
			received++
			gevent.Raise(err)
		})
		gevent.Sleep(0)
		g.KillAsync(nil)
		g.KillAsync(nil)
		g.Join()
		require.Equal(t, 1, received)
		require.Equal(t, killed, stateOf(g))
	})
	test(t, "T203 kill returns after a clean-up that sleeps", func(t *testing.T) {
		var tr trace
		loop := hub.Current().Loop
		g := gevent.Spawn(func() {
			defer func() { tr.add("f1"); gevent.Sleep(10 * time.Millisecond); tr.add("f2") }()
			gevent.Sleep(10 * time.Second)
		})
		gevent.Sleep(0)
		start := loop.UpdateTime()
		g.Kill()
		require.Equal(t, trace{"f1", "f2"}, tr)
		require.Equal(t, 10*time.Millisecond, loop.UpdateTime()-start)
	})
	test(t, "T204 kill waits for a victim that goes on, whose value is kept", func(t *testing.T) {
		g := gevent.SpawnValue(func() (string, error) {
			_ = gevent.Try(func() error { gevent.Sleep(10 * time.Second); return nil })
			gevent.Sleep(20 * time.Millisecond)
			return "v", nil
		})
		gevent.Sleep(0)
		g.Kill()
		require.Equal(t, "v", g.Value())
		require.Equal(t, successful, stateOf(&g.Greenlet))
	})
	test(t, "T205 T052 a time limit on one returns, on many it is an error", func(t *testing.T) {
		undead := func() {
			_ = gevent.Try(func() error { gevent.Sleep(time.Hour); return nil })
			gevent.Sleep(time.Second)
		}
		g := gevent.Spawn(undead)
		gevent.Sleep(0)
		require.False(t, g.KillTimeout(10*time.Millisecond, nil))
		require.True(t, g.Started())
		g.Join()
		all := []*gevent.Greenlet{gevent.Spawn(undead), gevent.Spawn(undead)}
		gevent.Sleep(0)
		unborn := gevent.Spawn(undead)
		err := gevent.KillAllTimeout(500*time.Millisecond, nil, append(all, unborn)...)
		require.ErrorIs(t, err, gevent.ErrTimeout)
		require.ErrorContains(t, err, "not ended, 2")
		require.True(t, unborn.Dead())
		require.False(t, all[0].Dead() || all[1].Dead())
		gevent.JoinAll(all...)
	})
	test(t, "T206 killing oneself unwinds at once, or in the next blocking call", func(t *testing.T) {
		var tr trace
		g := gevent.Spawn(func() { gevent.Current().Kill(); tr.add("not reached") })
		require.ErrorIs(t, g.Get(), gevent.ErrGreenletExit)
		g = gevent.Spawn(func() {
			gevent.Current().KillAsync(nil)
			tr.add("still")
			gevent.Sleep(0)
			tr.add("no")
		})
		require.ErrorIs(t, g.Get(), gevent.ErrGreenletExit)
		require.Equal(t, trace{"still"}, tr)
	})
	test(t, "T053 killall of nobody returns", func(*testing.T) {
		gevent.KillAll[*gevent.Greenlet]()
		gevent.KillAllAsync[gevent.Killable](nil)
	})
	test(t, "killall of a list in which the caller is unwinds it", func(t *testing.T) {
		var all []*gevent.Greenlet
		for range 3 {
			all = append(all, gevent.Spawn(func() { gevent.Sleep(time.Hour) }))
		}
		all = append(all, gevent.Spawn(func() { gevent.KillAll(all...); t.Error("not reached") }))
		for _, g := range gevent.JoinAll(all...) {
			require.Equal(t, killed, stateOf(g))
		}
	})
	test(t, "throw runs the victim there and then", func(t *testing.T) {
		var tr trace
		victim := gevent.Spawn(func() {
			defer tr.add("victim")
			gevent.Sleep(time.Hour)
		})
		gevent.Sleep(0)
		gevent.Spawn(tr.adds("ready before"))
		victim.Throw(errBoom)
		require.Equal(t, trace{"victim", "ready before"}, tr)
		require.Equal(t, failedWith(errBoom), stateOf(victim))
		victim.Throw(nil)
		self := gevent.Spawn(func() { gevent.Current().Throw(nil); t.Error("not reached") })
		require.ErrorIs(t, self.Get(), gevent.ErrGreenletExit)

		tr = nil
		victim = gevent.Spawn(func() { defer tr.add("victim"); gevent.Sleep(time.Hour) })
		gevent.Sleep(0)
		hub.Current().Loop.CallSoon(func() { victim.Throw(nil); tr.add("callback") })
		gevent.Spawn(tr.adds("ready before"))
		gevent.Sleep(0)
		require.Equal(t, trace{"callback", "victim", "ready before"}, tr)

		tr = nil
		woken := gevent.Spawn(func() { gevent.Sleep(0); tr.add("woken"); gevent.Sleep(0); tr.add("not reached") })
		gevent.Sleep(0)
		woken.Throw(nil)
		require.Empty(t, tr, "it has been woken already, and is not hurried")
		woken.Join()
		require.Equal(t, trace{"woken"}, tr)
	})
}

func TestUnwindingIsCaughtAsAnErrorByTry(t *testing.T) {
	test(t, "errors, kills and time-outs, and nothing else", func(t *testing.T) {
		require.NoError(t, gevent.Try(func() error { return nil }))
		require.Same(t, errBoom, gevent.Try(func() error { return errBoom }))
		require.Same(t, errBoom, gevent.Try(func() error { gevent.Raise(errBoom); return nil }))
		require.PanicsWithValue(t, "kaboom", func() { _ = gevent.Try(func() error { explode(); return nil }) })
		require.PanicsWithValue(t, "kaboom", func() {
			_ = gevent.Try(func() error {
				_ = gevent.Try(func() error { gevent.Raise(errBoom); return nil })
				explode()
				return nil
			})
		}, "although there was an unwinding in it")
		require.Panics(t, func() { gevent.Raise(nil) })
	})
	test(t, "a panic keeps the stack on which it happened", func(t *testing.T) {
		h := hub.Current()
		h.OnError = func(string, error) {}
		g := gevent.Spawn(func() error { return gevent.Try(func() error { explode(); return nil }) })
		require.EqualError(t, g.Get(), "panic: kaboom")
		require.Contains(t, fmt.Sprintf("%+v", g.Get()), "gevent_test.explode")
	})
	test(t, "in the clean-up of an unwinding it does not hide that from others", func(t *testing.T) {
		var inner error
		outer := gevent.Try(func() error {
			defer func() { inner = gevent.Try(func() error { gevent.Raise(errOdd); return nil }) }()
			defer func() { _ = gevent.Try(func() error { return nil }) }()
			gevent.Raise(errBoom)
			return nil
		})
		require.Same(t, errOdd, inner)
		require.Same(t, errBoom, outer)
	})
	test(t, "also when it has been used very often", func(t *testing.T) {
		err := gevent.Try(func() error {
			for range 70_000 {
				_ = gevent.Try(func() error { gevent.Raise(errOdd); return nil })
			}
			gevent.Raise(errBoom)
			return nil
		})
		require.Same(t, errBoom, err)
		require.PanicsWithValue(t, "kaboom", func() { _ = gevent.Try(func() error { explode(); return nil }) })
	})
	test(t, "who raises what it caught is unwound further, as far as whom it belongs to", func(t *testing.T) {
		timeout := gevent.NewTimeout(time.Second)
		err := timeout.Do(func() error {
			err := gevent.Try(func() error { gevent.Sleep(time.Hour); return nil })
			gevent.Raise(err)
			return nil
		})
		require.Same(t, timeout, err)
		custom := gevent.NewTimeout(time.Second, gevent.Raising(errOdd))
		err = custom.Do(func() error {
			gevent.Raise(gevent.Try(func() error { gevent.Sleep(time.Hour); return nil }))
			return nil
		})
		require.Same(t, errOdd, err)
	})
	test(t, "recover without panicking again swallows a kill", func(t *testing.T) {
		g := gevent.Spawn(func() {
			func() {
				defer func() { _ = recover() }()
				gevent.Sleep(time.Hour)
			}()
			gevent.Sleep(time.Second)
		})
		gevent.Sleep(0)
		g.Kill()
		require.Equal(t, successful, stateOf(g))
	})
	t.Run("the main greenlet that raises ends Run with it", func(t *testing.T) {
		require.Same(t, errBoom, gevent.Run(func() { gevent.Raise(errBoom) }))
		var e *gevent.Timeout
		require.True(t, errors.As(gevent.Run(func() {
			gevent.StartNewTimeout(time.Second)
			gevent.Sleep(time.Hour)
		}, virtual()), &e))
	})
}
