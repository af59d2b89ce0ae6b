package event_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/event"
	"github.com/baton-go/baton/internal/hub"
)

// manyWaiters is how many greenlets wait for one Event.
func manyWaiters() int {
	if testing.Short() || raceEnabled {
		return 10_000
	}
	return 100_000
}

func TestEvent(t *testing.T) {
	test(t, "T072 the zero Event is not set, and five waiters see each Set", func(t *testing.T) {
		var e event.Event
		require.False(t, e.IsSet())
		var seen []bool
		for range 5 {
			gevent.Spawn(func() {
				seen = append(seen, e.WaitTimeout(time.Second))
				seen = append(seen, e.WaitTimeout(time.Second))
			})
		}
		gevent.Sleep(0)
		require.Empty(t, seen)
		require.Equal(t, 5, e.LinkCount())
		e.Set()
		require.True(t, e.Ready())
		gevent.Sleep(time.Millisecond)
		require.Len(t, seen, 10)
		require.NotContains(t, seen, false)
		require.Zero(t, e.LinkCount())
		e.Set()
		e.Clear()
		require.False(t, e.IsSet())
		require.False(t, e.WaitTimeout(0))
		require.False(t, e.WaitTimeout(200*time.Millisecond))
		e.Set()
		require.True(t, e.WaitTimeout(0))
		require.True(t, e.WaitTimeout(-1))
		e.Wait()
	})
	for _, n := range []int{1, 100, 1000} {
		test(t, fmt.Sprintf("T077 T215 Set and Clear wake all %d waiters", n), func(t *testing.T) {
			e := event.New()
			woken := 0
			var gs []*gevent.Greenlet
			for range n {
				gs = append(gs, gevent.Spawn(func() {
					if e.WaitTimeout(time.Hour) && !e.IsSet() {
						woken++
					}
				}))
			}
			gevent.Sleep(0)
			e.Set()
			e.Clear()
			gevent.JoinAll(gs...)
			require.Equal(t, n, woken)
		})
	}
	test(t, "T078 who waits while others are being woken goes behind them", func(t *testing.T) {
		e := event.New()
		var order []int
		trips := 0
		waits := func(i int) func() {
			return func() { e.Wait(); order = append(order, i) }
		}
		gevent.Spawn(waits(1))
		gevent.Spawn(waits(2))
		gevent.Sleep(0)
		e.Set()
		hub.Current().Loop.CallLater(0, func() { trips++ })
		waits(3)()
		require.Equal(t, []int{1, 2, 3}, order)
		require.Zero(t, trips)
	})
	test(t, "waiters and linked functions are told in one order", func(t *testing.T) {
		e := event.New()
		var tr trace
		gevent.Spawn(func() { e.Wait(); tr.add("a") })
		gevent.Sleep(0)
		e.Rawlink(func() { tr.add("b") })
		gevent.Spawn(func() { e.Wait(); tr.add("c") })
		gevent.Sleep(0)
		require.Equal(t, 3, e.LinkCount())
		e.Set()
		require.Empty(t, tr)
		gevent.Sleep(0)
		require.Equal(t, trace{"a", "b", "c"}, tr)
	})
	test(t, "T216 a function that is linked twice is called twice, once each", func(t *testing.T) {
		e := event.New()
		n := 0
		f := func() { n++ }
		e.Rawlink(f)
		e.Rawlink(f)
		e.Set()
		gevent.Sleep(0)
		require.Equal(t, 2, n)
		require.Zero(t, e.LinkCount())
		e.Set()
		gevent.Sleep(0)
		require.Equal(t, 2, n)
		e.Rawlink(f) // it is set already
		require.Equal(t, 2, n)
		gevent.Sleep(0)
		require.Equal(t, 3, n)
	})
	test(t, "T082 a link is taken back once, before the call", func(t *testing.T) {
		e := event.New()
		n := 0
		l := e.Rawlink(func() { n++ })
		require.True(t, l.Unlink())
		require.False(t, l.Unlink())
		told := e.Rawlink(func() { n++ })
		e.Set()
		require.True(t, told.Unlink())
		require.False(t, told.Unlink())
		gevent.Sleep(0)
		require.Zero(t, n)
		called := e.Rawlink(func() { n++ })
		gevent.Sleep(0)
		require.False(t, called.Unlink())
		require.Equal(t, 1, n)
		require.PanicsWithValue(t, "event.Rawlink: the function is nil; pass the function that is to be called",
			func() { e.Rawlink(nil) })
	})
	test(t, "100,000 greenlets are woken in one pass", func(t *testing.T) {
		n := manyWaiters()
		e := event.New()
		woken, trips := 0, 0
		for range n {
			gevent.Spawn(func() {
				e.Wait()
				woken++
			})
		}
		gevent.Sleep(0)
		require.Equal(t, n, e.LinkCount())
		e.Set()
		hub.Current().Loop.CallLater(0, func() { trips++ })
		e.Clear()
		require.Zero(t, e.LinkCount())
		gevent.Sleep(0)
		require.Equal(t, n, woken)
		require.Zero(t, trips, "the loop has not gone round")
	})
	test(t, "T219 a callback may set, and must not wait", func(t *testing.T) {
		e := event.New()
		l := hub.Current().Loop
		l.CallSoon(e.Set)
		e.Wait()
		e.Clear()
		var message any
		l.CallSoon(func() {
			defer func() { message = recover() }()
			e.Wait()
		})
		gevent.Sleep(0)
		require.Equal(t, "event.Wait: a callback of the loop must not block; spawn a greenlet in it, and block there", message)
	})
	test(t, "a killed waiter leaves nothing behind, and one that was woken before has been", func(t *testing.T) {
		e := event.New()
		late := false
		a := gevent.Spawn(func() { e.Wait() })
		b := gevent.Spawn(func() { late = e.WaitTimeout(time.Hour); gevent.Sleep(time.Hour) })
		gevent.Sleep(0)
		a.Kill()
		require.Equal(t, 1, e.LinkCount())
		e.Set()
		b.Kill()
		require.True(t, late)
		require.True(t, b.Killed())
	})
	test(t, "no time is enough for what those do who are ready", func(t *testing.T) {
		for _, ready := range []int{1, 2, 10, 100, 1000} {
			for _, limit := range []time.Duration{0, -1} {
				e := event.New()
				for i := range ready {
					gevent.Spawn(func() {
						if i == ready-1 {
							e.Set()
							e.Clear()
						}
					})
				}
				require.True(t, e.WaitTimeout(limit), ready)
				require.False(t, e.WaitTimeout(limit), ready)
			}
		}
	})
	test(t, "who is woken by something else waits on, in its place", func(t *testing.T) {
		e := event.New()
		var order []string
		var p *hub.Proc
		gevent.Spawn(func() { _, p = hub.Here(); e.Wait(); order = append(order, "first") })
		gevent.Spawn(func() { e.Wait(); order = append(order, "second") })
		gevent.Sleep(0)
		require.True(t, p.Wake())
		gevent.Sleep(0)
		require.Empty(t, order)
		require.Equal(t, 2, e.LinkCount())
		require.True(t, p.Wake())
		e.Set() // before it runs
		gevent.Sleep(0)
		require.Equal(t, []string{"first", "second"}, order)
		require.Zero(t, e.LinkCount())
	})
	t.Run("nothing that could set it is a LoopExit that names it", func(t *testing.T) {
		e := event.New()
		err := gevent.Run(func() { e.Wait() }, virtual())
		require.ErrorIs(t, err, gevent.ErrLoopExit)
		require.ErrorContains(t, err, "event.Wait Event 0x")
		require.Zero(t, e.LinkCount())
		// The next thread starts afresh.
		require.ErrorIs(t, gevent.Run(func() { e.Wait() }, virtual()), gevent.ErrLoopExit)
	})
}

func TestAHandOverAllocatesNothing(t *testing.T) {
	if testing.AllocsPerRun(10, func() { gevent.Current() }) > 0 {
		t.Skip("here it costs allocations to find out which goroutine calls")
	}
	test(t, "Event", func(t *testing.T) {
		var there, back event.Event
		g := gevent.Spawn(func() {
			for {
				there.Wait()
				there.Clear()
				back.Set()
			}
		})
		require.Zero(t, testing.AllocsPerRun(100, func() {
			there.Set()
			back.Wait()
			back.Clear()
		}))
		g.Kill()
	})
}

func TestAsyncResult(t *testing.T) {
	odd := errors.New("odd")
	test(t, "T079 waiters get the value, or the very error", func(t *testing.T) {
		r, failed := event.NewAsyncResult[int](), event.NewAsyncResult[int]()
		a := gevent.SpawnValue(r.Get)
		b := gevent.SpawnValue(failed.Get)
		gevent.Sleep(0)
		require.Equal(t, 1, r.LinkCount())
		r.Set(7)
		failed.SetError(odd)
		v, err := a.Get()
		require.NoError(t, err)
		require.Equal(t, 7, v)
		_, err = b.Get()
		require.Same(t, odd, err)
		require.True(t, r.Successful())
		require.False(t, failed.Successful())
		require.Same(t, odd, failed.Err())
		require.NoError(t, r.Err())
	})
	test(t, "T080 a Timeout with an error of its own interrupts Get before the value comes", func(t *testing.T) {
		var r event.AsyncResult[string]
		gevent.Spawn(func() { r.Set("hello") })
		require.Same(t, odd, gevent.WithTimeout(0, func() error { gevent.Sleep(time.Second); return nil }, gevent.Raising(odd)))
		v, err := r.Get()
		require.NoError(t, err)
		require.Equal(t, "hello", v)
		var s event.AsyncResult[string]
		gevent.SpawnLater(time.Millisecond, func() { s.Set("late") })
		require.Same(t, odd, gevent.WithTimeout(0, func() error { _, err := s.Get(); return err }, gevent.Raising(odd)))
		require.Zero(t, s.LinkCount())
	})
	test(t, "T081 without a value, GetNowait is a time-out", func(t *testing.T) {
		var r event.AsyncResult[int]
		_, err := r.GetNowait()
		require.ErrorIs(t, err, gevent.ErrTimeout)
		require.False(t, r.Ready())
		require.Zero(t, r.Value())
		r.Set(3)
		v, err := r.GetNowait()
		require.NoError(t, err)
		require.Equal(t, 3, v)
	})
	test(t, "T215 the last value wins, also over an error, which stays", func(t *testing.T) {
		var r event.AsyncResult[int]
		r.Set(1)
		r.Set(2)
		v, _ := r.Get()
		require.Equal(t, 2, v)
		var s event.AsyncResult[int]
		s.SetError(odd)
		s.Wait()
		require.True(t, s.WaitTimeout(0))
		require.False(t, s.Successful())
		s.Set(5)
		v, err := s.Get()
		require.NoError(t, err)
		require.Equal(t, 5, v)
		require.Same(t, odd, s.Err())
		require.True(t, s.Successful())
		r.SetError(odd)
		v, err = r.Get()
		require.NoError(t, err)
		require.Equal(t, 2, v)
	})
	test(t, "T215 links make a chain of results", func(t *testing.T) {
		var a, b event.AsyncResult[int]
		a.Rawlink(func() { b.SetFrom(&a) })
		gevent.Spawn(func() { a.Set(7) })
		v, err := b.Get()
		require.NoError(t, err)
		require.Equal(t, 7, v)
	})
	test(t, "a greenlet can be linked to it, however it ends", func(t *testing.T) {
		outcome := func(g gevent.Joinable) (int, error) {
			var r event.AsyncResult[int]
			g.Rawlink(func() { r.SetFrom(g) })
			return r.Get()
		}
		v, err := outcome(gevent.SpawnValue(func() (int, error) { return 4, nil }))
		require.NoError(t, err)
		require.Equal(t, 4, v)
		_, err = outcome(gevent.SpawnValue(func() (int, error) { return 4, odd }))
		require.Same(t, odd, err)
		v, err = outcome(gevent.Spawn(func() {}))
		require.NoError(t, err)
		require.Zero(t, v)
		sleeper := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
		gevent.Spawn(func() { sleeper.Kill() })
		_, err = outcome(sleeper)
		require.ErrorIs(t, err, gevent.ErrGreenletExit)
	})
	test(t, "T082 misuse panics", func(t *testing.T) {
		var r, unset event.AsyncResult[int]
		require.PanicsWithValue(t, "event.SetError: the error is nil; set a value instead", func() { r.SetError(nil) })
		require.PanicsWithValue(t, "event.SetFrom: the source is not ready; call it when it is, in a function that is linked to it",
			func() { r.SetFrom(&unset) })
		require.PanicsWithValue(t, "event.Rawlink: the function is nil; pass the function that is to be called",
			func() { r.Rawlink(nil) })
		require.False(t, r.Ready())
	})
	test(t, "it says what it has", func(t *testing.T) {
		var none, set, failed event.AsyncResult[int]
		set.Set(1)
		failed.SetError(gevent.ErrTimeout)
		require.Regexp(t, `^AsyncResult 0x\w+ \(not set\)$`, none.String())
		require.Regexp(t, `^AsyncResult 0x\w+ \(set\)$`, set.String())
		require.Regexp(t, `^AsyncResult 0x\w+ \(error\)$`, failed.String())
		var e event.Event
		require.Regexp(t, `^Event 0x\w+ \(not set\)$`, e.String())
		e.Set()
		require.Regexp(t, `^Event 0x\w+ \(set\)$`, e.String())
	})
	t.Run("T082 nothing that could set it is a LoopExit", func(t *testing.T) {
		var r event.AsyncResult[int]
		err := gevent.Run(func() { _, _ = r.Get() }, virtual())
		require.ErrorIs(t, err, gevent.ErrLoopExit)
		require.ErrorContains(t, err, "event.Get AsyncResult 0x")
	})
}
