package gevent_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/greenlet"
	"github.com/baton-go/baton/internal/hub"
)

// state is what the methods of a greenlet say, as the table in the comment of
// Greenlet has it.
type state struct {
	started, ready, dead, successful, killed bool
	err                                      error
}

func stateOf(g *gevent.Greenlet) state {
	return state{g.Started(), g.Ready(), g.Dead(), g.Successful(), g.Killed(), g.Err()}
}

// The states of greenlets.
var (
	created    = state{}
	started    = state{started: true}
	successful = state{ready: true, dead: true, successful: true}
	killed     = state{ready: true, dead: true, successful: true, killed: true}
)

func failedWith(err error) state { return state{ready: true, dead: true, err: err} }

var errBoom = errors.New("boom")

func TestStatesFollowTheTableOfGevent(t *testing.T) {
	test(t, "T006 simple exit: created, started, suspended, returned; a link from before the start is called once", func(t *testing.T) {
		var tr trace
		g := gevent.NewValue(func() (int, error) { gevent.Sleep(10 * time.Millisecond); return 5, nil })
		g.Rawlink(tr.adds("linked"))
		require.Equal(t, created, stateOf(&g.Greenlet))
		g.Start()
		require.Equal(t, started, stateOf(&g.Greenlet), "pending")
		gevent.Sleep(0)
		require.Equal(t, started, stateOf(&g.Greenlet), "suspended")
		require.Zero(t, g.Value())
		v, err := g.Get()
		require.NoError(t, err)
		require.Equal(t, 5, v)
		require.Equal(t, successful, stateOf(&g.Greenlet))
		gevent.Sleep(time.Second)
		require.Equal(t, trace{"linked"}, tr)
	})
	test(t, "T007 error exit: the error is the same object", func(t *testing.T) {
		var tr trace
		g := gevent.NewValue(func() (int, error) { gevent.Sleep(time.Millisecond); return 0, errBoom })
		g.Rawlink(tr.adds("linked"))
		g.Start()
		_, err := g.Get()
		require.Same(t, errBoom, err)
		require.Equal(t, failedWith(errBoom), stateOf(&g.Greenlet))
		require.Zero(t, g.Value())
		gevent.Sleep(0)
		require.Equal(t, trace{"linked"}, tr)
	})
	test(t, "killed, and killed before the start", func(t *testing.T) {
		g := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
		gevent.Sleep(0)
		g.Kill()
		require.Equal(t, killed, stateOf(g))
		g = gevent.Spawn(func() { t.Error("it was killed before its start") })
		g.Kill()
		require.Equal(t, killed, stateOf(g))
		g = gevent.Spawn(func() error { return fmt.Errorf("my own end: %w", gevent.ErrGreenletExit) })
		g.Join()
		require.Equal(t, killed, stateOf(g), "to return it is the same")
	})
	test(t, "T018 Start does nothing to a greenlet that is started, scheduled for later, killed or finished", func(t *testing.T) {
		n := 0
		g := gevent.NewGreenlet(func() { n++ })
		g.Start()
		g.Start()
		g.StartLater(0)
		g.Join()
		g.Start()
		later := gevent.NewGreenlet(func() { n++ })
		later.StartLater(time.Second)
		later.Start()
		gevent.Sleep(0)
		require.Equal(t, 1, n)
		dead := gevent.NewGreenlet(func() { n = 100 })
		dead.Kill()
		dead.Start()
		dead.StartLater(1)
		gevent.Sleep(time.Minute)
		require.Equal(t, 2, n)
	})
	test(t, "join of a greenlet that was never started blocks", func(t *testing.T) {
		g := gevent.NewGreenlet(func() {})
		require.False(t, g.JoinTimeout(time.Second))
		require.ErrorIs(t, gevent.Try(func() error { return g.Get() }), gevent.ErrLoopExit)
		g.Kill()
		require.ErrorIs(t, g.Get(), gevent.ErrGreenletExit)
	})
}

// TestKillBeforeTheStart is T012: {created, started, start later} x {block,
// asynchronous, time limit, throw} x {kill, killall} x {default, an error}.
func TestKillBeforeTheStart(t *testing.T) {
	starts := map[string]func(*gevent.Greenlet){
		"created": func(*gevent.Greenlet) {},
		"started": (*gevent.Greenlet).Start,
		"later":   func(g *gevent.Greenlet) { g.StartLater(200 * time.Millisecond) },
	}
	kills := map[string]func(g *gevent.Greenlet, err error){
		"kill":               func(g *gevent.Greenlet, err error) { g.KillWith(err) },
		"kill async":         func(g *gevent.Greenlet, err error) { g.KillAsync(err) },
		"kill with a limit":  func(g *gevent.Greenlet, err error) { require.True(t, g.KillTimeout(1, err)) },
		"gevent.Kill":        func(g *gevent.Greenlet, err error) { gevent.Kill(g, err) },
		"killall":            func(g *gevent.Greenlet, err error) { gevent.KillAllWith(err, g) },
		"killall async":      func(g *gevent.Greenlet, err error) { gevent.KillAllAsync(err, g) },
		"killall with limit": func(g *gevent.Greenlet, err error) { require.NoError(t, gevent.KillAllTimeout(1, err, g)) },
		"throw":              func(g *gevent.Greenlet, err error) { g.Throw(err) },
	}
	for startName, start := range starts {
		for killName, kill := range kills {
			for _, why := range []error{nil, errBoom} {
				t.Run(fmt.Sprintf("T012 %s, %s, %v", startName, killName, why), func(t *testing.T) {
					run(t, func() {
						linked := 0
						g := gevent.NewGreenlet(func() { t.Error("it has run") })
						g.Link(func(ended *gevent.Greenlet) {
							require.Same(t, g, ended)
							linked++
						})
						start(g)
						kill(g, why)
						want := killed
						if why != nil {
							want = failedWith(why)
						}
						require.Equal(t, want, stateOf(g))
						require.Zero(t, linked, "T207 links are told in the next iteration")
						gevent.Sleep(0)
						require.Equal(t, 1, linked)
						kill(g, errors.New("another one"))
						g.Start()
						gevent.Sleep(time.Second)
						require.Equal(t, want, stateOf(g), "a second kill changes nothing")
						require.Equal(t, 1, linked)
						require.Zero(t, g.LinkCount())
						require.Zero(t, hub.Current().Live())
					})
				})
			}
		}
	}
}

func TestGreenletsLastNoLongerThanTheirDo(t *testing.T) {
	test(t, "T019 finished when Do returns; its error is not that of Do", func(t *testing.T) {
		g := gevent.Spawn(func() error { gevent.Sleep(time.Second); return errBoom })
		require.NoError(t, g.Do(func() error { require.False(t, g.Ready()); return nil }))
		require.Equal(t, failedWith(errBoom), stateOf(g))
		g = gevent.Spawn(func() {})
		require.NoError(t, g.Do(func() error { g.Join(); return nil }))
		require.Equal(t, successful, stateOf(g))
	})
	test(t, "T020 an interrupted wait kills", func(t *testing.T) {
		g := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
		err := gevent.WithTimeout(time.Second, func() error { return g.Do(func() error { return nil }) })
		require.ErrorIs(t, err, gevent.ErrTimeout)
		require.Equal(t, killed, stateOf(g))
	})
	test(t, "T021 an error of the body kills with that error", func(t *testing.T) {
		for _, d := range []time.Duration{-1, 0, time.Second} {
			g := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
			require.Same(t, errBoom, g.Do(func() error {
				if d >= 0 {
					gevent.Sleep(d)
				}
				return errBoom
			}))
			require.Equal(t, failedWith(errBoom), stateOf(g))
			require.Same(t, errBoom, g.Get())
		}
		g := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
		require.PanicsWithValue(t, "kaboom", func() { _ = g.Do(func() error { explode(); return nil }) })
		require.Equal(t, killed, stateOf(g))
	})
}

func TestWhatIsKeptOfTheSpawn(t *testing.T) {
	type key struct{}
	tree := func(t *testing.T, f func()) {
		t.Helper()
		require.NoError(t, gevent.Run(f, virtual(), gevent.WithSpawnTree(10)))
	}
	t.Run("T010 tree locals are shared with the spawner, and new below main", func(t *testing.T) {
		tree(t, func() {
			var child, grandchild *gevent.Greenlet
			var childsSpawner *gevent.Greenlet
			a := gevent.Spawn(func() {
				gevent.Current().SpawnTreeLocals()[key{}] = "a's"
				child = gevent.Spawn(func() {
					grandchild = gevent.Spawn(func() { gevent.Sleep(time.Second) })
					gevent.Sleep(time.Second)
				})
				childsSpawner = child.SpawningGreenlet()
				gevent.Sleep(time.Second)
			})
			b := gevent.Spawn(func() { gevent.Sleep(time.Second) })
			gevent.Sleep(0)
			gevent.Sleep(0)
			require.Nil(t, a.SpawningGreenlet(), "main is none of gevent's")
			require.Same(t, a, childsSpawner)
			require.Same(t, child, grandchild.SpawningGreenlet())
			require.Equal(t, "a's", grandchild.SpawnTreeLocals()[key{}])
			require.Empty(t, b.SpawnTreeLocals())
			require.NotNil(t, b.SpawnTreeLocals())
			gevent.JoinAll(a, child, grandchild)
			require.Nil(t, child.SpawningGreenlet(), "who has ended is not kept")
		})
	})
	t.Run("the stack of the spawn", func(t *testing.T) {
		tree(t, func() {
			for _, g := range []*gevent.Greenlet{
				gevent.Spawn(func() {}), gevent.SpawnLater(1, func() {}), gevent.NewGreenlet(func() {}),
				&gevent.SpawnValue(func() (int, error) { return 0, nil }).Greenlet,
				&gevent.NewValue(func() (int, error) { return 0, nil }).Greenlet,
			} {
				require.Contains(t, g.SpawningStack(), "TestWhatIsKeptOfTheSpawn")
				require.NotContains(t, g.SpawningStack(), "gevent.Spawn")
				require.NotContains(t, g.SpawningStack(), "gevent.New")
			}
		})
		run(t, func() {
			g := gevent.Spawn(func() {})
			require.Empty(t, g.SpawningStack())
			require.Nil(t, g.SpawnTreeLocals())
		})
	})
	t.Run("T011 spawn callbacks see each start once", func(t *testing.T) {
		run(t, func() {
			var seen []*gevent.Greenlet
			remove := gevent.AddSpawnCallback(func(g *gevent.Greenlet) {
				require.Equal(t, created, stateOf(g))
				seen = append(seen, g)
			})
			a := gevent.Spawn(func() {})
			b := gevent.SpawnLater(1, func() {})
			c := gevent.NewGreenlet(func() {})
			require.Len(t, seen, 2)
			c.Start()
			c.Start()
			gevent.NewGreenlet(func() {}).Kill()
			require.Equal(t, []*gevent.Greenlet{a, b, c}, seen)
			remove()
			remove()
			gevent.Spawn(func() {})
			require.Len(t, seen, 3)
		})
	})
	t.Run("a spawn callback may kill, start and fail", func(t *testing.T) {
		run(t, func() {
			ran := 0
			body := func() { ran++ }
			gs := func(f func(*gevent.Greenlet)) []*gevent.Greenlet {
				defer gevent.AddSpawnCallback(f)()
				later := gevent.NewGreenlet(body)
				later.Start()
				return []*gevent.Greenlet{gevent.Spawn(body), gevent.SpawnLater(1, body), later,
					&gevent.SpawnValue(func() (int, error) { ran++; return 1, nil }).Greenlet}
			}
			for _, g := range gs(func(g *gevent.Greenlet) { g.Kill() }) {
				require.True(t, g.Killed())
				require.False(t, g.Started())
			}
			gevent.Sleep(1)
			require.Zero(t, ran)
			require.Zero(t, gevent.Stats().Greenlets)
			gevent.JoinAll(gs((*gevent.Greenlet).Start)...)
			require.Equal(t, 4, ran, "each once")
			var failed *gevent.Greenlet
			require.PanicsWithValue(t, "kaboom", func() { gs(func(g *gevent.Greenlet) { failed = g; panic("kaboom") }) })
			require.False(t, failed.Started())
			failed.Start()
			failed.Join()
			require.Equal(t, 5, ran)
		})
	})
	t.Run("T029 idents are the smallest that are free", func(t *testing.T) {
		run(t, func() {
			sleeper := func() { gevent.Sleep(time.Hour) }
			a, b := gevent.Spawn(sleeper), gevent.Spawn(sleeper)
			require.Equal(t, []int{0, 1, 0}, []int{a.MinimalIdent(), b.MinimalIdent(), a.MinimalIdent()})
			a.Kill()
			require.Equal(t, -1, a.MinimalIdent())
			c := gevent.Spawn(sleeper)
			require.Equal(t, 0, c.MinimalIdent())
			for range 1000 {
				g := gevent.Spawn(sleeper)
				require.LessOrEqual(t, g.MinimalIdent(), 3)
				g.Kill()
			}
		})
	})
}

func TestRawGreenletsOfTheHub(t *testing.T) {
	test(t, "T005 run in order, give way, and end", func(t *testing.T) {
		var tr trace
		gevent.Spawn(tr.adds("before"))
		raw := gevent.SpawnRaw(func() {
			tr.add("raw")
			gevent.Sleep(time.Second)
			tr.add("raw slept")
		})
		gevent.Spawn(tr.adds("after"))
		gevent.Sleep(time.Minute)
		require.Equal(t, trace{"before", "raw", "after", "raw slept"}, tr)
		require.True(t, raw.Dead())
	})
	test(t, "T013 T053 can be killed before they begin, also by killall among others", func(t *testing.T) {
		raw := gevent.SpawnRaw(func() { t.Error("it has run") })
		gevent.Kill(raw, nil)
		require.True(t, raw.Dead())
		var g *gevent.Greenlet
		killer := gevent.Spawn(func() { gevent.KillAll[gevent.Killable](raw, g) })
		raw = gevent.SpawnRaw(func() { t.Error("it has run") })
		g = gevent.Spawn(func() { t.Error("it has run") })
		killer.Join()
		require.True(t, raw.Dead())
		require.Equal(t, killed, stateOf(g))
		gevent.Sleep(time.Second)
	})
	test(t, "can be killed where they wait", func(t *testing.T) {
		var tr trace
		asleep := gevent.SpawnRaw(func() { defer tr.add("asleep"); gevent.Sleep(time.Hour) })
		hand := gevent.SpawnRaw(func() {
			_, err := greenlet.Current().Parent().Switch()
			tr.add(fmt.Sprint("by hand: ", err))
		})
		gevent.Sleep(0)
		gevent.KillAll(asleep, hand)
		gevent.Kill(asleep, nil)
		gevent.Sleep(1)
		require.True(t, asleep.Dead())
		require.True(t, hand.Dead())
		require.ElementsMatch(t, trace{"asleep", "by hand: greenlet: exit"}, tr)
		self := gevent.SpawnRaw(func() {
			gevent.Kill(greenlet.Current(), nil)
			tr.add("self")
			gevent.Sleep(0)
			t.Error("not reached")
		})
		gevent.Sleep(1)
		require.True(t, self.Dead())
	})
	t.Run("a panic is reported", func(t *testing.T) {
		var reports []string
		require.NoError(t, gevent.Run(func() {
			gevent.SpawnRaw(explode)
			gevent.SpawnRaw(func() { gevent.Sleep(1); explode() })
			gevent.Sleep(time.Second)
		}, virtual(), gevent.WithErrorHook(func(where string, err error) {
			require.Contains(t, fmt.Sprintf("%+v", err), "explode")
			reports = append(reports, where)
		})))
		require.Equal(t, []string{"raw greenlet", "raw greenlet"}, reports)
	})
}
