package gevent_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/internal/hub"
)

// event is the smallest thing that can be waited for: an event.
type event struct {
	set   bool
	links hub.Links
}

func (f *event) Ready() bool { return f.set }

func (f *event) Rawlink(call func()) *gevent.Link {
	return f.links.Rawlink(hub.Current(), f.set, call)
}

func (f *event) String() string { return "event" }

func (f *event) Set() {
	f.set = true
	f.links.NotifyAll()
}

// wavering is an event whose first answers are made up.
type wavering struct {
	answers []bool
	ready   bool
	event
}

func (w *wavering) Ready() (is bool) {
	if len(w.answers) == 0 {
		return w.ready
	}
	is, w.answers = w.answers[0], w.answers[1:]
	return is
}

func (w *wavering) Rawlink(call func()) *gevent.Link {
	return w.links.Rawlink(hub.Current(), w.ready, call)
}

func sleeper(d time.Duration) *gevent.Greenlet { return gevent.Spawn(func() { gevent.Sleep(d) }) }

func TestJoinAll(t *testing.T) {
	test(t, "who waits for what is ready already goes on behind everything that is ready", func(t *testing.T) {
		ended := gevent.Spawn(func() error { return errBoom })
		ended.Join()
		for _, wait := range []func(){
			func() { gevent.JoinAll(ended, ended) },
			func() { gevent.JoinAllTimeout(0, ended) },
			func() { _, _ = gevent.JoinAllWith([]*gevent.Greenlet{ended, sleeper(time.Hour)}, gevent.RaiseError()) },
			func() { gevent.Wait[gevent.Linkable](ended, &event{set: true}) },
			func() { gevent.WaitWith([]*event{{set: true}, {}}, gevent.Count(1)) },
			func() {
				for range gevent.IWait(&event{set: true}) {
				}
			},
		} {
			var tr trace
			gevent.Spawn(tr.adds("ready before"))
			wait()
			tr.add("waited")
			gevent.Sleep(0)
			require.Equal(t, trace{"ready before", "waited"}, tr)
		}
		var tr trace
		gevent.Spawn(tr.adds("ready before"))
		require.Empty(t, gevent.JoinAll[*gevent.Greenlet]())
		require.Empty(t, gevent.WaitWith([]*gevent.Greenlet{ended}, gevent.Count(0)))
		gevent.KillAll(ended)
		require.Empty(t, tr, "there is nothing to wait for")
		gevent.Sleep(0)
	})
	test(t, "T041 without errors, and links work afterwards", func(t *testing.T) {
		var gs []*gevent.Of[int]
		for i := range 3 {
			gs = append(gs, gevent.SpawnValue(func() (int, error) { return i + 1, nil }))
		}
		ended, err := gevent.JoinAllWith(gs, gevent.RaiseError())
		require.NoError(t, err)
		require.Equal(t, gs, ended)
		linked := 0
		for i, g := range gs {
			require.Equal(t, i+1, g.Value())
			g.Rawlink(func() { linked++ })
		}
		gevent.Sleep(0)
		require.Equal(t, 3, linked)
	})
	test(t, "T042 T218 raises the error of the first that fails, while others still sleep", func(t *testing.T) {
		first := gevent.Spawn(func() error { gevent.Sleep(2 * time.Second); return errBoom })
		second := gevent.Spawn(func() error { gevent.Sleep(time.Second); return errOdd })
		ended, err := gevent.JoinAllWith([]*gevent.Greenlet{first, second}, gevent.RaiseError())
		require.Same(t, errOdd, err)
		require.Equal(t, []*gevent.Greenlet{second}, ended)
		require.False(t, first.Ready())
		require.Zero(t, first.LinkCount())
	})
	test(t, "T043 count=1 returns as soon as one has ended, failed or not", func(t *testing.T) {
		failing := gevent.Spawn(func() error { gevent.Sleep(1); return errBoom })
		slow := sleeper(time.Hour)
		ended, err := gevent.JoinAllWith([]*gevent.Greenlet{slow, failing}, gevent.Count(1))
		require.NoError(t, err)
		require.Equal(t, []*gevent.Greenlet{failing}, ended)
		require.False(t, slow.Ready())
		_, err = gevent.JoinAllWith([]*gevent.Greenlet{slow, failing}, gevent.Count(1), gevent.RaiseError())
		require.Same(t, errBoom, err)
		require.Zero(t, slow.LinkCount())
	})
	test(t, "T044 duplicates are counted twice", func(t *testing.T) {
		a, b := sleeper(2), sleeper(1)
		require.Equal(t, []*gevent.Greenlet{b, a, a}, gevent.JoinAll(a, b, a))
		require.Equal(t, []*gevent.Greenlet{a, b, a}, gevent.JoinAll(a, b, a))
	})
	test(t, "T053 a time limit returns what has ended, in the order of the ends", func(t *testing.T) {
		slow, quick, soon := sleeper(50*time.Millisecond), gevent.Spawn(func() {}), sleeper(time.Millisecond)
		require.Equal(t, []*gevent.Greenlet{quick, soon}, gevent.JoinAllTimeout(10*time.Millisecond, slow, soon, quick))
		require.Zero(t, slow.LinkCount())
		var got []*gevent.Greenlet
		for g := range gevent.IWaitWith([]*gevent.Greenlet{slow, quick}, gevent.Within(20*time.Millisecond)) {
			got = append(got, g)
		}
		require.Equal(t, []*gevent.Greenlet{quick}, got)
		require.Zero(t, slow.LinkCount())
	})
}

func TestWaitAndIWait(t *testing.T) {
	for _, c := range []struct {
		name  string
		opts  []gevent.WaitOption
		n     int
		after time.Duration
	}{
		{"all", nil, 10, 50 * time.Millisecond},
		{"all within a second", []gevent.WaitOption{gevent.Within(time.Second)}, 10, 50 * time.Millisecond},
		{"one", []gevent.WaitOption{gevent.Count(1)}, 1, 10 * time.Millisecond},
		{"two within a second", []gevent.WaitOption{gevent.Count(2), gevent.Within(time.Second)}, 2, 10 * time.Millisecond},
		{"no more than there are", []gevent.WaitOption{gevent.Count(99)}, 10, 50 * time.Millisecond},
		{"none", []gevent.WaitOption{gevent.Count(0)}, 0, 0},
		{"what comes in time", []gevent.WaitOption{gevent.Within(25 * time.Millisecond)}, 4, 25 * time.Millisecond},
	} {
		test(t, "T045 ten objects, two set every 10 ms: "+c.name, func(t *testing.T) {
			loop := hub.Current().Loop
			start := loop.UpdateTime()
			var objs []gevent.Linkable
			sender := gevent.NewGreenlet(func() {
				for i := range 5 {
					gevent.Sleep(10 * time.Millisecond)
					objs[i].(*event).Set()
				}
			})
			for range 5 {
				objs = append(objs, &event{})
			}
			for i := range 5 {
				objs = append(objs, gevent.Spawn(func() { gevent.Sleep(time.Duration(10*(i+1)) * time.Millisecond) }))
			}
			sender.Start()
			gevent.Sleep(0)
			got := gevent.WaitWith(objs, c.opts...)
			require.Len(t, got, c.n)
			for i, o := range got {
				when := slices.Index(objs, o) % 5
				require.Equal(t, i/2, when, "they come in the order in which they are set")
			}
			require.Equal(t, c.after, loop.UpdateTime()-start)
			gevent.Sleep(0)
			require.Equal(t, c.n == 10, sender.Ready())
			for _, o := range objs {
				if f, ok := o.(*event); ok {
					require.Zero(t, f.links.Len())
				} else {
					require.Zero(t, o.(*gevent.Greenlet).LinkCount())
				}
			}
		})
	}
	test(t, "T046 what is ready already counts, again and again", func(t *testing.T) {
		f := &event{set: true}
		for range 2 {
			require.Equal(t, []*event{f}, gevent.Wait(f))
			require.Equal(t, []*event{f}, gevent.WaitWith([]*event{f}, gevent.Within(0)))
			require.Equal(t, []*event{f}, gevent.WaitWith([]*event{f}, gevent.Within(-1)))
		}
		require.Empty(t, gevent.Wait[gevent.Linkable]())
	})
	test(t, "T047 what was cleared after the wake-up is not in the next wait", func(t *testing.T) {
		f := &event{}
		waiter := gevent.Spawn(func() {
			require.Len(t, gevent.Wait(f), 1)
			f.set = false
			require.Empty(t, gevent.WaitWith([]*event{f}, gevent.Within(10*time.Millisecond)))
		})
		gevent.Sleep(0)
		f.Set()
		require.NoError(t, waiter.Get())
	})
	test(t, "T048 a loop over iwait that breaks leaves no links", func(t *testing.T) {
		a, b := &event{}, &event{}
		a.Set()
		seq := gevent.IWait(a, b)
		require.Zero(t, b.links.Len(), "nothing is linked before the loop")
		for f := range seq {
			require.Same(t, a, f)
			require.Equal(t, 1, b.links.Len())
			break
		}
		require.Zero(t, b.links.Len())
		require.PanicsWithValue(t, "kaboom", func() {
			for range seq {
				explode()
			}
		})
		require.Zero(t, b.links.Len())
		require.ErrorIs(t, gevent.WithTimeout(1, func() error { gevent.Wait(a, b); return nil }), gevent.ErrTimeout)
		require.Zero(t, b.links.Len())
	})
	test(t, "T049 the body of a loop over iwait may sleep", func(t *testing.T) {
		done := gevent.Spawn(func() {})
		done.Join()
		gs := []*gevent.Greenlet{sleeper(1), gevent.Spawn(func() error { return errBoom }), sleeper(2), done}
		var got []*gevent.Greenlet
		for g := range gevent.IWait(gs...) {
			got = append(got, g)
			gevent.Sleep(time.Second)
		}
		require.Equal(t, []*gevent.Greenlet{done, gs[1], gs[0], gs[2]}, got)
	})
	test(t, "who waits goes on where gevent's callback would have switched to it", func(t *testing.T) {
		var tr trace
		f := &event{}
		for _, name := range []string{"wait 1", "wait 2"} {
			gevent.Spawn(func() { gevent.Wait(f); tr.add(name); gevent.Spawn(tr.adds("child of " + name)) })
		}
		gevent.Sleep(0)
		gevent.Spawn(tr.adds("ready before"))
		f.Set()
		gevent.Spawn(tr.adds("ready after"))
		gevent.Sleep(1)
		require.Equal(t, trace{"ready before", "wait 1", "wait 2", "ready after", "child of wait 1", "child of wait 2"}, tr)
	})
	test(t, "nothing can ever happen: a LoopExit that says what is waited for", func(t *testing.T) {
		g := gevent.NewGreenlet(func() {})
		g.SetName("alice")
		err := gevent.Try(func() error { gevent.Wait[gevent.Linkable](&event{}, g); return nil })
		require.ErrorIs(t, err, gevent.ErrLoopExit)
		require.ErrorContains(t, err, "main: parked in gevent.Wait event alice")
		require.Zero(t, g.LinkCount())
	})
	test(t, "what becomes ready wakes the loop over it, not what its body waits for", func(t *testing.T) {
		loop := hub.Current().Loop
		first, second := &event{}, &event{}
		first.Set()
		gevent.SpawnLater(time.Second, second.Set)
		var tr trace
		for e := range gevent.IWait(first, second) {
			if e == second {
				tr.add("second")
				continue
			}
			start := loop.UpdateTime()
			gevent.Sleep(10 * time.Second)
			require.Equal(t, 10*time.Second, loop.UpdateTime()-start)
			tr.add("slept")
		}
		require.Equal(t, trace{"slept", "second"}, tr)
	})
	test(t, "no more are returned than were to be counted", func(t *testing.T) {
		a, b := &event{set: true}, &event{set: true}
		require.Equal(t, []*event{a}, gevent.WaitWith([]*event{a, b}, gevent.Count(1)))
		require.Equal(t, []*event{a, b}, gevent.WaitWith([]*event{a, b, {}}, gevent.Count(2)))
	})
	test(t, "an object is asked once whether it is ready, since another thread may change the answer", func(t *testing.T) {
		for _, answers := range [][]bool{{false, true}, {true, false}} {
			e := &wavering{answers: answers}
			e.ready = true // for whoever links
			g := gevent.NewGreenlet(func() {})
			got := gevent.WaitWith([]gevent.Linkable{e, g}, gevent.Within(time.Second))
			require.Equal(t, []gevent.Linkable{e}, got, answers)
		}
	})
	test(t, "misuse says what to do", func(t *testing.T) {
		g := gevent.Spawn(func() {})
		require.PanicsWithValue(t, "gevent.WaitWith: RaiseError is for JoinAllWith; ask the objects for their errors", func() {
			gevent.WaitWith([]*gevent.Greenlet{g}, gevent.RaiseError())
		})
	})
}

func TestTheWholeLoopCanBeJoined(t *testing.T) {
	test(t, "T050 many times", func(t *testing.T) {
		for range 3 {
			gevent.JoinHub()
			require.True(t, gevent.JoinHubTimeout(time.Hour))
		}
		gevent.Sleep(1)
	})
	test(t, "T051 until everything is done, or the time is up", func(t *testing.T) {
		loop := hub.Current().Loop
		took := func(f func()) time.Duration {
			start := loop.UpdateTime()
			f()
			return loop.UpdateTime() - start
		}
		quick := gevent.Spawn(func() {})
		require.Zero(t, took(func() { require.True(t, gevent.JoinHubTimeout(10*time.Second)) }))
		require.True(t, quick.Ready())
		gevent.SpawnLater(50*time.Millisecond, func() {})
		require.Equal(t, 50*time.Millisecond, took(func() { require.True(t, gevent.JoinHubTimeout(10*time.Second)) }))
		late := gevent.SpawnLater(10*time.Second, func() {})
		require.Equal(t, 50*time.Millisecond, took(func() { require.False(t, gevent.JoinHubTimeout(50*time.Millisecond)) }))
		require.False(t, late.Ready())
		late.Kill()
		require.Zero(t, took(func() { require.True(t, gevent.JoinHubTimeout(10*time.Second)) }))
		stuck := gevent.NewGreenlet(func() {})
		joins := gevent.Spawn(func() { stuck.Join() })
		require.Zero(t, took(gevent.JoinHub))
		require.False(t, joins.Ready())
		stuck.Start()
		gevent.JoinHub()
		require.True(t, joins.Ready())
		n := 0
		gevent.Spawn(func() { gevent.Offload(func() { time.Sleep(time.Millisecond) }); n++ })
		require.True(t, gevent.JoinHubTimeout(time.Hour))
		require.Equal(t, 1, n)
	})
	test(t, "T051 only by the main greenlet", func(t *testing.T) {
		g := gevent.Spawn(func() {
			defer func() { require.Contains(t, recover(), "it is only possible from the main greenlet") }()
			gevent.JoinHub()
		})
		require.NoError(t, g.Get())
	})
	test(t, "it can be interrupted, and used again", func(t *testing.T) {
		sleeper(time.Hour)
		require.ErrorIs(t, gevent.WithTimeout(time.Second, func() error { gevent.JoinHub(); return nil }), gevent.ErrTimeout)
		gevent.JoinHub()
		var ever *gevent.Greenlet
		ever = gevent.Spawn(func() { ever.Join() })
		require.ErrorIs(t, gevent.Try(func() error { return ever.Get() }), gevent.ErrLoopExit, "which is not confused with a join")
	})
}

func TestIdleWaitsUntilThereIsNothingElseToDo(t *testing.T) {
	run(t, func() {
		var tr trace
		for range 3 {
			gevent.Spawn(func() {
				for range 3 {
					gevent.Sleep(0)
					tr.add("busy")
				}
			})
		}
		gevent.SpawnLater(time.Second, tr.adds("later"))
		gevent.Idle()
		require.Equal(t, slices.Repeat(trace{"busy"}, 9), tr)
		victim := gevent.Spawn(gevent.Idle)
		hub.Current().Loop.CallSoon(func() { victim.KillAsync(nil) })
		require.True(t, errors.Is(victim.Get(), gevent.ErrGreenletExit))
		gevent.Sleep(1)
		require.Zero(t, hub.Current().Loop.Stats().Blocked)
	})
}
