package gevent_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/internal/hub"
)

// elsewhere calls check on a goroutine of no thread, and in another thread, while the
// calling one waits.
func elsewhere(check func()) {
	gevent.Offload(func() {
		check()
		if err := gevent.Run(check); err != nil {
			panic(err)
		}
	})
}

// panicOf calls f and returns the error with which it panics.
func panicOf(f func()) (err error) {
	defer func() { err, _ = recover().(error) }()
	f()
	return nil
}

func TestWhatChangesOrWalksThroughAnObjectOfAnotherThreadPanics(t *testing.T) {
	var after []func()
	require.NoError(t, gevent.Run(func() {
		g := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
		unborn := gevent.NewGreenlet(func() {})
		link := g.Rawlink(func() {})
		timeout := gevent.StartNewTimeout(time.Hour)
		closed := gevent.StartNewTimeout(time.Hour)
		closed.Close()
		end := gevent.FromContext(t.Context())
		remove := gevent.AddSpawnCallback(func(*gevent.Greenlet) {})
		child := gevent.Spawn(func() { gevent.Spawn(func() { gevent.Sleep(time.Hour) }); gevent.Sleep(time.Hour) })
		gevent.Sleep(time.Millisecond)
		grandchild := gevent.CurrentHub().Greenlets()[3]
		require.NoError(t, gevent.WithScope(func(s *gevent.Scope) error {
			calls := map[string]func(){
				"Join":                   g.Join,
				"Get":                    func() { _ = g.Get() },
				"Kill":                   g.Kill,
				"KillAsync":              func() { g.KillAsync(nil) },
				"Throw":                  func() { g.Throw(nil) },
				"gevent.Kill":            func() { gevent.Kill(g, nil) },
				"Rawlink":                func() { g.Rawlink(func() {}) },
				"Link":                   func() { g.Link(func(*gevent.Greenlet) {}) },
				"Unlink":                 func() { link.Unlink() },
				"UnlinkAll":              g.UnlinkAll,
				"LinkCount":              func() { g.LinkCount() },
				"SetName":                func() { g.SetName("x") },
				"Start":                  unborn.Start,
				"Start of a started one": g.Start,
				"StartLater":             func() { unborn.StartLater(0) },
				"MinimalIdent":           func() { g.MinimalIdent() },
				"SpawningGreenlet":       func() { grandchild.SpawningGreenlet() },
				"remove":                 remove,
				"Timeout.Cancel":         timeout.Cancel,
				"Timeout.Close":          timeout.Close,
				"Timeout.Start":          timeout.Start,
				"Timeout.StartNew":       func() { timeout.StartNew() },
				"Timeout.Pending":        func() { timeout.Pending() },
				"Timeout.Do":             func() { _ = timeout.Do(func() error { return nil }) },
				"closed Timeout.Start":   closed.Start,
				"ContextEnd.Rawlink":     func() { end.Rawlink(func() {}) },
				"Scope.Spawn":            func() { s.Spawn(sleep(0)) },
			}
			elsewhere(func() {
				for name, call := range calls {
					err := panicOf(call)
					require.ErrorIs(t, err, gevent.ErrWrongThread, name)
					require.ErrorContains(t, err, "belongs to another thread, his thread, and was used from ", name)
					require.ErrorContains(t, err, "; use it there, by Hub.Post or Hub.Do of the hub that gevent.CurrentHub returns there", name)
				}
				require.Equal(t, "a scope", s.String())
			})
			require.True(t, timeout.Pending())
			require.Equal(t, 1, g.LinkCount())
			require.Equal(t, 0, s.Len())
			return nil
		}))
		require.Same(t, child, grandchild.SpawningGreenlet())
		gevent.KillAll(g, child)
		elsewhere(func() { // it has ended: these only look, or have nothing to do
			require.NoError(t, g.Err())
			require.ErrorIs(t, g.Get(), gevent.ErrGreenletExit)
			require.True(t, g.Ready() && g.Killed() && !g.Started())
			g.Join()
			g.Kill()
			g.Start()
			require.Equal(t, -1, g.MinimalIdent())
		})
		after = append(after, func() { link.Unlink() }, g.UnlinkAll, func() { g.LinkCount() }, remove, timeout.Cancel, timeout.Close)
	}, gevent.WithName("his thread")))
	for _, call := range after {
		call() // the thread has ended
	}
}

func TestATimeoutOfAThreadThatHasEndedMayBeStartedInAnother(t *testing.T) {
	timeout := gevent.NewTimeout(time.Second)
	for range 2 {
		run(t, func() {
			timeout.Start()
			require.Same(t, timeout, gevent.Try(func() error { gevent.Sleep(time.Hour); return nil }))
			timeout.Start() // and not cancelled
		})
		timeout.Cancel()
	}
}

func TestTheNameOfAGreenletMayBeAskedForByAnyGoroutine(t *testing.T) {
	run(t, func() {
		g := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
		begun, stop := make(chan struct{}), make(chan struct{})
		var others sync.WaitGroup
		others.Go(func() {
			close(begun)
			for {
				select {
				case <-stop:
					return
				default:
					require.Contains(t, []string{"Greenlet-1", "a longer name", "x"}, g.Name())
				}
			}
		})
		gevent.Offload(func() { <-begun })
		for range 1000 {
			g.SetName("a longer name")
			g.SetName("x")
		}
		close(stop)
		gevent.Offload(others.Wait)
	})
}

func TestCallsOfAGoroutineThatBelongsToNoThreadSayWhatToDo(t *testing.T) {
	require.PanicsWithValue(t, "gevent.Sleep: the calling goroutine belongs to no thread "+
		"(it was started by go, time.AfterFunc, net/http, iter.Pull, t.Run ...); call it inside gevent.Run or asyncio.Run, "+
		"in the function itself or in a greenlet spawned there; from elsewhere use Hub.Do or Hub.Post of the hub that gevent.CurrentHub returns there",
		func() { gevent.Sleep(0) })
	require.Equal(t, hub.NoThread("gevent.Spawn"), func() (v any) {
		defer func() { v = recover() }()
		gevent.Spawn(func() {})
		return nil
	}())
}
