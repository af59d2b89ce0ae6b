package pool_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/event"
	"github.com/baton-go/baton/gevent/pool"
	"github.com/baton-go/baton/greenlet"
	"github.com/baton-go/baton/internal/hub"
)

// sleeper returns a function that sleeps and then returns err.
func sleeper(d time.Duration, err error) func() error {
	return func() error {
		gevent.Sleep(d)
		return err
	}
}

func TestGroup(t *testing.T) {
	test(t, "T115 members leave as they end, and Join lasts as long as the longest", func(t *testing.T) {
		g := new(pool.Group)
		ms := elapsed()
		short, long := g.Spawn(sleeper(50*time.Millisecond, nil)), g.Spawn(sleeper(100*time.Millisecond, nil))
		require.Equal(t, 2, g.Len())
		require.Equal(t, []*gevent.Greenlet{short, long}, slices.Collect(g.All()))
		short.Join()
		gevent.Sleep(0)
		require.Equal(t, 1, g.Len())
		require.False(t, g.Contains(short))
		require.True(t, g.Contains(long))
		g.Join()
		require.Zero(t, g.Len())
		require.EqualValues(t, 100, ms())
		require.True(t, g.Ready())
	})
	test(t, "T115 Kill ends all at once, KillAsync in the next iteration", func(t *testing.T) {
		ms := elapsed()
		g := pool.NewGroup(gevent.Spawn(func() { gevent.Sleep(time.Hour) }), gevent.Spawn(func() { gevent.Sleep(time.Minute) }))
		gevent.Sleep(0)
		g.Kill()
		require.Zero(t, g.Len())

		a, b := g.Spawn(sleeper(time.Hour, nil)), g.Spawn(sleeper(time.Hour, nil))
		gevent.Sleep(0)
		g.KillAsync(nil)
		require.Equal(t, 2, g.Len())
		gevent.Sleep(0)
		gevent.Sleep(0)
		require.Zero(t, g.Len())
		require.True(t, a.Killed() && b.Killed())
		require.Zero(t, ms())
	})
	test(t, "members that have not begun never do when they are killed", func(t *testing.T) {
		g := new(pool.Group)
		m := g.Spawn(func() error { t.Error("it has run"); return nil })
		g.Kill()
		require.True(t, m.Killed())
		require.Zero(t, g.Len())
	})
	test(t, "T117 Kill returns when one of the members fails", func(t *testing.T) {
		g := pool.NewGroup(
			gevent.Spawn(func() { gevent.Sleep(time.Hour) }),
			gevent.Spawn(func() error {
				if gevent.Try(func() error { gevent.Sleep(time.Hour); return nil }) != nil {
					return errBoom
				}
				return nil
			}))
		all := slices.Collect(g.All())
		gevent.Sleep(0)
		g.Kill()
		require.True(t, all[0].Killed())
		require.Same(t, errBoom, all[1].Err())
	})
	test(t, "Kill also kills what comes while it waits, and with the error", func(t *testing.T) {
		g := new(pool.Group)
		var late *gevent.Greenlet
		g.Spawn(func() error {
			defer func() { late = g.Spawn(sleeper(time.Hour, nil)) }()
			gevent.Sleep(time.Hour)
			return nil
		})
		gevent.Sleep(0)
		g.KillWith(errBoom)
		require.Same(t, errBoom, late.Err())
		require.Zero(t, g.Len())
	})
	test(t, "KillTimeout gives up, and an outer time-out is not lost in it", func(t *testing.T) {
		g := new(pool.Group)
		done := false
		g.Spawn(func() error {
			_ = gevent.Try(sleeper(time.Hour, nil))
			gevent.Sleep(time.Second)
			done = true
			return nil
		})
		gevent.Sleep(0)
		ms := elapsed()
		require.False(t, g.KillTimeout(10*time.Millisecond, nil))
		require.EqualValues(t, 10, ms())
		outer := gevent.NewTimeout(10 * time.Millisecond)
		require.Same(t, outer, outer.Do(func() error { g.KillTimeout(time.Minute, nil); return nil }))
		require.True(t, g.KillTimeout(time.Minute, nil))
		require.True(t, done)
	})
	test(t, "T116 each member is killed once by its group, whatever it does", func(t *testing.T) {
		g := new(pool.Group)
		over := false
		var got [2]int
		undead := func(i int) func() error {
			return func() error {
				for !over {
					if gevent.Try(sleeper(time.Second, nil)) != nil {
						got[i]++
					}
				}
				return nil
			}
		}
		a, b := g.Spawn(undead(0)), g.Spawn(undead(1))
		gevent.Sleep(0)
		for range 3 {
			require.False(t, g.KillOneTimeout(a, 10*time.Millisecond, nil))
		}
		require.Equal(t, [2]int{1, 0}, got)
		for range 3 {
			require.False(t, g.KillTimeout(10*time.Millisecond, nil))
			g.KillAsync(nil)
			gevent.Sleep(0)
		}
		require.Equal(t, [2]int{1, 1}, got)
		v, err := gevent.WithTimeoutValue(10*time.Millisecond, "X", func() (string, error) { g.Kill(); return "", nil })
		require.NoError(t, err)
		require.Equal(t, "X", v)
		require.Equal(t, 2, g.Len())
		over = true
		g.Join()
		require.True(t, a.Successful() && b.Successful())
	})
	test(t, "KillOne kills a member and nobody else", func(t *testing.T) {
		g := new(pool.Group)
		a, b := g.Spawn(sleeper(time.Hour, nil)), g.Spawn(sleeper(time.Hour, nil))
		stranger := gevent.Spawn(func() { gevent.Sleep(time.Second) })
		gevent.Sleep(0)
		g.KillOne(a)
		require.True(t, a.Killed())
		g.KillOneWith(b, errBoom)
		require.Same(t, errBoom, b.Err())
		g.KillOne(stranger)
		require.True(t, g.KillOneTimeout(stranger, time.Hour, nil))
		g.KillOneAsync(stranger, nil)
		require.NoError(t, stranger.Get())
	})
	test(t, "T112 Join of an empty group returns without a switch", func(t *testing.T) {
		g := new(pool.Group)
		gevent.Spawn(func() { t.Error("somebody else has run before the test's end") }).KillAsync(nil)
		other := false
		gevent.Spawn(func() { other = true })
		g.Join()
		require.True(t, g.JoinTimeout(time.Hour))
		require.NoError(t, g.JoinError())
		require.False(t, other)
	})
	test(t, "all who join are told", func(t *testing.T) {
		g := new(pool.Group)
		g.Spawn(sleeper(time.Second, nil))
		var all []*gevent.Greenlet
		for range 3 {
			all = append(all, gevent.Spawn(func() { g.Join() }))
		}
		require.Len(t, gevent.JoinAllTimeout(time.Minute, all...), 3)
	})
	test(t, "a kill waits for members that have ended and were not noticed", func(t *testing.T) {
		dead := gevent.Spawn(func() {})
		dead.Join()
		g := pool.NewGroup(dead)
		require.Equal(t, 1, g.Len())
		require.True(t, g.KillTimeout(time.Minute, nil))
		require.Zero(t, g.Len())
	})
	test(t, "who joins a group that has just become empty goes on behind those who waited", func(t *testing.T) {
		g := new(pool.Group)
		var order []string
		var ending event.Event
		g.Spawn(sleeper(time.Millisecond, nil))
		gevent.Spawn(func() { g.Join(); order = append(order, "first") })
		gevent.Spawn(func() { gevent.Sleep(time.Millisecond); ending.Set() })
		gevent.Spawn(func() { // its turn is after the end was noticed, and before the first's
			ending.Wait()
			require.Zero(t, g.Len())
			require.Empty(t, order)
			g.Join()
			order = append(order, "late")
		})
		gevent.Sleep(time.Second)
		require.Equal(t, []string{"first", "late"}, order)
	})
	test(t, "T001 T002 Join ends when its time is up, and an outer time-out is not lost", func(t *testing.T) {
		g := new(pool.Group)
		g.Spawn(sleeper(time.Hour, nil))
		ms := elapsed()
		require.False(t, g.JoinTimeout(10*time.Millisecond))
		ok, err := g.JoinErrorTimeout(10 * time.Millisecond)
		require.False(t, ok)
		require.NoError(t, err)
		require.EqualValues(t, 20, ms())
		require.False(t, g.JoinTimeout(-1))
		for _, join := range []func(){g.Join, func() { g.JoinTimeout(time.Second) }, func() { _ = g.JoinError() }} {
			outer := gevent.NewTimeout(time.Millisecond)
			require.Same(t, outer, outer.Do(func() error { join(); return nil }))
		}
	})
	test(t, "JoinError returns what members failed with, also those that came later", func(t *testing.T) {
		g := new(pool.Group)
		errLate := errors.New("late")
		g.Spawn(func() error { g.Spawn(sleeper(time.Second, errLate)); return nil })
		g.Spawn(sleeper(10*time.Millisecond, errBoom))
		g.Spawn(sleeper(time.Hour, nil)).KillAsync(nil)
		ok, err := g.JoinErrorTimeout(100 * time.Millisecond)
		require.False(t, ok)
		require.Same(t, errBoom, err)
		require.Same(t, errLate, g.JoinError())
		require.NoError(t, g.JoinError())

		g.Spawn(sleeper(2, errLate))
		g.Spawn(sleeper(1, errBoom))
		err = g.JoinError()
		require.ErrorIs(t, err, errBoom)
		require.ErrorIs(t, err, errLate)
		require.EqualError(t, err, "boom\nlate")
	})
	test(t, "a group can be waited for like everything else", func(t *testing.T) {
		g := new(pool.Group)
		g.Spawn(sleeper(time.Second, nil))
		calls := 0
		g.Rawlink(func() { calls++ })
		g.Rawlink(func() { t.Error("it was taken back") }).Unlink()
		require.Empty(t, gevent.WaitWith([]*pool.Group{g}, gevent.Within(time.Millisecond)))
		require.Len(t, gevent.Wait(g), 1)
		require.Equal(t, 1, calls)
		g.Rawlink(func() { calls++ })
		gevent.Sleep(0)
		require.Equal(t, 2, calls)
	})
	test(t, "a greenlet that has ended is a member until the next iteration", func(t *testing.T) {
		m := gevent.Spawn(func() {})
		m.Join()
		g := pool.NewGroup(m)
		require.Equal(t, 1, g.Len())
		g.Join()
		require.Zero(t, g.Len())
	})
	test(t, "a member that is added twice is one", func(t *testing.T) {
		m := gevent.Spawn(func() {})
		g := pool.NewGroup(m, m)
		require.Equal(t, 1, g.Len())
		g.Join()
		require.Zero(t, m.LinkCount())
	})
	test(t, "T104 a greenlet that was discarded is no member and leaves no link", func(t *testing.T) {
		g := new(pool.Group)
		m := gevent.NewGreenlet(func() {})
		g.Add(m)
		require.Equal(t, 1, m.LinkCount())
		g.Discard(m)
		g.Discard(m)
		require.Zero(t, m.LinkCount())
		require.Zero(t, g.Len())
	})
	test(t, "the loop over the members may block and change them", func(t *testing.T) {
		g := new(pool.Group)
		for range 3 {
			g.Spawn(sleeper(time.Second, nil))
		}
		n := 0
		for m := range g.All() {
			m.Join()
			g.Spawn(sleeper(time.Minute, nil))
			n++
		}
		require.Equal(t, 3, n)
		for range g.All() {
			break
		}
		g.Kill()
	})
	test(t, "it says what it is", func(t *testing.T) {
		g := new(pool.Group)
		require.Regexp(t, `^Group 0x[0-9a-f]+ with 0$`, g.String())
		for range 6 {
			g.Spawn(sleeper(time.Hour, nil)).SetName("bob")
		}
		require.Regexp(t, `with 6 bob bob bob bob bob \.\.\.$`, g.String())
		p := pool.New(3)
		p.Spawn(func() error { return nil }).SetName("alice")
		require.Regexp(t, `^Pool 0x[0-9a-f]+ of 3 with 1 alice$`, p.String())
	})
}

func TestGroupsOfAnotherThread(t *testing.T) {
	g := new(pool.Group)
	require.PanicsWithValue(t, hub.NoThread("pool.Spawn"),
		func() { g.Spawn(func() error { return nil }) })
	run(t, func() { // the group becomes this thread's
		g.Spawn(sleeper(time.Second, nil))
		done := make(chan error)
		go func() {
			done <- gevent.Run(func() {
				defer func() { require.ErrorIs(t, recover().(error), greenlet.ErrWrongThread) }()
				g.Join()
			})
		}()
		gevent.Offload(func() {
			for _, call := range []func(){
				g.Join, func() { g.KillAsync(nil) }, func() { g.Contains(nil) }, func() { g.Discard(nil) },
				func() { g.All()(func(*gevent.Greenlet) bool { return true }) },
			} {
				func() {
					defer func() { require.ErrorIs(t, recover().(error), greenlet.ErrWrongThread) }()
					call()
				}()
			}
			require.NotContains(t, g.String(), "with")
		})
		gevent.Offload(func() { require.NoError(t, <-done) })
		require.Equal(t, 1, g.Len())
		g.Join()
	})
	run(t, func() { g.Spawn(func() error { return nil }); g.Join() }) // and now this one's
}

func TestWhoseMembersEndedWithTheirThreadIsEmptyInTheNext(t *testing.T) {
	p := pool.New(2)
	run(t, func() {
		p.Spawn(sleeper(time.Hour, nil))
		p.Spawn(sleeper(time.Hour, nil))
		gevent.Spawn(func() { p.Spawn(sleeper(0, nil)) }) // it waits for a place
		gevent.Spawn(func() { _ = p.JoinError() })
		gevent.Sleep(time.Second)
	})
	run(t, func() {
		require.True(t, p.JoinTimeout(time.Minute))
		require.False(t, p.Waits())
		for range 2 {
			_, err := p.SpawnNowait(sleeper(time.Second, nil))
			require.NoError(t, err)
		}
		require.True(t, p.Full())
		p.Join()
		require.Equal(t, 2, p.FreeCount())
	})
}

func TestJoinErrorOfTheWrongThreadTouchesNothing(t *testing.T) {
	g := new(pool.Group)
	run(t, func() {
		g.Spawn(sleeper(time.Second, nil))
		joiner := gevent.Spawn(func() { _ = g.JoinError() })
		gevent.Sleep(0)
		done := make(chan bool)
		go func() { // at the same time, for the race detector
			defer close(done)
			require.Panics(t, func() { _ = g.JoinError() })
		}()
		joiner.Join()
		gevent.Offload(func() { <-done })
	})
}

func TestMisuseSaysWhatToDo(t *testing.T) {
	run(t, func() {
		p := pool.New(1)
		for _, c := range []struct {
			want string
			do   func()
		}{
			{"pool.New: a negative size; pass pool.Unlimited for no limit", func() { pool.New(-1) }},
			{"pool.Add: the greenlet is nil; pass the greenlet that is to be a member", func() { p.Add(nil) }},
			{"pool.StartNowait: the greenlet is nil; pass the greenlet that is to be a member", func() { _ = p.StartNowait(nil) }},
			{"pool.Spawn: the function is nil; pass the function that the greenlet is to run", func() { p.Spawn(nil) }},
			{"pool.Apply: the function is nil; pass the function that the greenlet is to run", func() { _, _ = pool.Apply[int](p, nil) }},
			{"pool.Map: the function is nil; pass the function that the greenlet is to run", func() { _, _ = pool.Map[int, int](p, nil, []int{1}) }},
			{"pool.IMap: the function is nil; pass the function that the greenlet is to run", func() { pool.IMap[int, int](p, nil, []int{1}) }},
			{"pool.MaxSize: a number that is not positive; leave the option out for no limit", func() { pool.MaxSize(0) }},
			{"pool.Rawlink: the function is nil; pass the function that is to be called", func() { p.Rawlink(nil) }},
		} {
			require.PanicsWithValue(t, c.want, c.do)
		}
		require.Equal(t, 1, p.FreeCount())
		require.Zero(t, p.Len())
	})
}
