package event_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/event"
	"github.com/baton-go/baton/internal/hub"
)

// A blockingCall is a call that waits for something that does not happen. All of
// them hold to the contracts T001 to T003, which gevent's tests apply to every
// blocking call.
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
	var (
		e *event.Event
		r *event.AsyncResult[int]
	)
	for _, c := range []blockingCall{
		{name: "Event.Wait", nothing: false, forever: func() { e.Wait() },
			within: func(d time.Duration) (any, error) { return e.WaitTimeout(d), nil }},
		{name: "AsyncResult.Wait", nothing: false, forever: func() { r.Wait() },
			within: func(d time.Duration) (any, error) { return r.WaitTimeout(d), nil }},
		{name: "AsyncResult.Get", nothing: 0, err: gevent.ErrTimeout, forever: func() { _, _ = r.Get() },
			within: func(d time.Duration) (any, error) { return r.GetTimeout(d) }},
		{name: "Wait for an Event", nothing: 0, forever: func() { gevent.Wait(e) },
			within: func(d time.Duration) (any, error) {
				return len(gevent.WaitWith([]*event.Event{e}, gevent.Within(d))), nil
			}},
		{name: "Wait for an AsyncResult", nothing: 0, forever: func() { gevent.Wait(r) },
			within: func(d time.Duration) (any, error) {
				return len(gevent.WaitWith([]gevent.Linkable{r, e}, gevent.Within(d))), nil
			}},
	} {
		for _, shared := range []bool{false, true} {
			test(t, "T001 T002 T003 "+c.name, func(t *testing.T) {
				e, r = event.New(), event.NewAsyncResult[int]()
				if shared {
					e.Share()
					r.Share()
				}
				c.left = func() int { return e.LinkCount() + r.LinkCount() }
				c.check(t)
			})
		}
	}
}
