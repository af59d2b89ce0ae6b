package gevent_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/internal/hub"
)

// A blockingCall is a call that waits for something that does not happen. All of
// them hold to the contracts T001 to T003, which gevent's tests apply to every
// blocking call. Packages with calls of their own copy this type with its method,
// and make a list of their own.
type blockingCall struct {
	name string
	// within waits for no longer than limit, and returns what the call returns
	// when its time is up; nil if the call has no limit.
	within func(limit time.Duration) (any, error)
	// nothing and err are what within returns; err is matched by errors.Is.
	nothing any
	err     error
	// forever waits without a limit; nil if the call always has one.
	forever func()
	// left returns how many stand in the list of what is waited for.
	left func() int
}

// check applies the contracts. It is called in the main greenlet of a thread on a
// virtual clock.
func (c *blockingCall) check(t *testing.T) {
	loop := hub.Current().Loop
	took := func(want time.Duration, f func()) {
		t.Helper()
		start := loop.UpdateTime()
		f()
		require.Equal(t, want, loop.UpdateTime()-start, "the time that it took")
		require.Zero(t, loop.Stats().Timers, "it leaves a timer behind")
		require.Zero(t, c.left(), "it leaves somebody waiting")
	}
	wait := func() {
		if c.within != nil {
			_, _ = c.within(time.Second)
		} else {
			c.forever()
		}
		t.Error("it returned")
	}
	// T001: the error is that very outer time-out, and comes when it is due. T003:
	// or the error that it was given.
	expected := errors.New("expected error")
	outer := gevent.NewTimeout(time.Millisecond)
	took(time.Millisecond, func() { require.Same(t, outer, outer.Do(func() error { wait(); return nil })) })
	took(time.Millisecond, func() {
		require.Same(t, expected, gevent.WithTimeout(time.Millisecond, func() error { wait(); return nil }, gevent.Raising(expected)))
	})
	// T002, T003: it keeps its own limit, and says so.
	for _, limit := range []time.Duration{10 * time.Millisecond, time.Microsecond, 0, -1} {
		if c.within == nil {
			break
		}
		took(max(limit, 0), func() {
			v, err := c.within(limit)
			require.Equal(t, c.nothing, v)
			require.ErrorIs(t, err, c.err)
		})
	}
	// A kill arrives, also one that came before the call.
	for _, early := range []bool{false, true} {
		victim := gevent.Spawn(func() {
			if early {
				gevent.Current().KillAsync(expected)
			}
			if c.forever != nil {
				c.forever()
			}
			wait()
		})
		gevent.Sleep(0)
		victim.KillWith(expected)
		require.Same(t, expected, victim.Get())
		require.Zero(t, c.left())
	}
}

func TestContractsOfBlockingCalls(t *testing.T) {
	g := func() *gevent.Greenlet { return nil } // set anew in each thread
	e := func() *event { return nil }
	list := func() []*gevent.Greenlet { return []*gevent.Greenlet{g()} }
	of := func() *gevent.Of[int] { return nil }
	for _, c := range []blockingCall{
		{name: "Sleep", forever: func() { gevent.Sleep(time.Second); gevent.Sleep(time.Hour) }},
		{name: "Join", nothing: false, forever: func() { g().Join() },
			within: func(d time.Duration) (any, error) { return g().JoinTimeout(d), nil }},
		{name: "Get", err: gevent.ErrTimeout, forever: func() { _ = g().Get() },
			within: func(d time.Duration) (any, error) { return nil, g().GetTimeout(d) }},
		{name: "Of.Get", nothing: 0, err: gevent.ErrTimeout, forever: func() { _, _ = of().Get() },
			within: func(d time.Duration) (any, error) { return of().GetTimeout(d) }},
		{name: "JoinAll", nothing: 0, forever: func() { gevent.JoinAll(g()) },
			within: func(d time.Duration) (any, error) { return len(gevent.JoinAllTimeout(d, g())), nil }},
		{name: "JoinAllWith", nothing: 0, forever: func() { _, _ = gevent.JoinAllWith(list(), gevent.RaiseError()) },
			within: func(d time.Duration) (any, error) {
				ended, err := gevent.JoinAllWith(list(), gevent.RaiseError(), gevent.Within(d))
				return len(ended), err
			}},
		{name: "Wait for a greenlet", nothing: 0, forever: func() { gevent.Wait(g()) },
			within: func(d time.Duration) (any, error) { return len(gevent.WaitWith(list(), gevent.Within(d))), nil }},
		{name: "Wait for an event", nothing: 0, forever: func() { gevent.Wait(e()) },
			within: func(d time.Duration) (any, error) {
				return len(gevent.WaitWith([]*event{e()}, gevent.Within(d))), nil
			}},
		{name: "IWait", nothing: 0,
			forever: func() {
				for range gevent.IWait[gevent.Linkable](g(), e()) {
				}
			},
			within: func(d time.Duration) (any, error) {
				n := 0
				for range gevent.IWaitWith([]gevent.Linkable{g(), e()}, gevent.Within(d)) {
					n++
				}
				return n, nil
			}},
		{name: "WithScope", forever: func() {
			_ = gevent.WithScope(func(s *gevent.Scope) error {
				s.Spawn(func() error { g().Join(); return nil })
				return nil
			})
		}},
		{name: "in a WithScope", forever: func() { _ = gevent.WithScope(func(*gevent.Scope) error { g().Join(); return nil }) }},
		{name: "Do", forever: func() { _ = gevent.NewGreenlet(func() {}).Do(func() error { g().Join(); return nil }) }},
	} {
		t.Run("T001 T002 T003 "+c.name, func(t *testing.T) {
			run(t, func() {
				never, unset := gevent.NewGreenlet(func() {}), &event{}
				value := gevent.NewValue(func() (int, error) { return 1, nil })
				g = func() *gevent.Greenlet { return never }
				of = func() *gevent.Of[int] { return value }
				e = func() *event { return unset }
				c.left = func() int { return never.LinkCount() + value.LinkCount() + unset.links.Len() }
				c.check(t)
			})
		})
	}
	t.Run("T001 Offload, for which a virtual clock stands still", func(t *testing.T) {
		end := make(chan struct{})
		defer close(end)
		require.NoError(t, gevent.Run(func() {
			outer := gevent.NewTimeout(time.Millisecond)
			require.Same(t, outer, outer.Do(func() error { gevent.Offload(func() { <-end }); return nil }))
		}))
	})
}
