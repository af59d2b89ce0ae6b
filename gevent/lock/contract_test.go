package lock_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/lock"
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
		s    *lock.Semaphore
		l    *lock.RLock
		cond *lock.Condition
		b    *lock.Barrier
	)
	locked := func(f func() bool) (any, error) {
		cond.Lock()
		defer cond.Unlock()
		return f(), nil
	}
	for _, c := range []blockingCall{
		{name: "Semaphore.Acquire", nothing: false, forever: func() { s.Acquire() },
			within: func(d time.Duration) (any, error) { return s.AcquireTimeout(d), nil }},
		{name: "Semaphore.With", forever: func() { s.With(func() {}) }},
		{name: "Semaphore.Wait", nothing: 0, forever: func() { s.Wait() },
			within: func(d time.Duration) (any, error) { return s.WaitTimeout(d), nil }},
		{name: "RLock.Acquire", nothing: false, forever: func() { l.Acquire() },
			within: func(d time.Duration) (any, error) { return l.AcquireTimeout(d), nil }},
		{name: "Wait for a Semaphore", nothing: 0, forever: func() { gevent.Wait(s) },
			within: func(d time.Duration) (any, error) {
				return len(gevent.WaitWith([]gevent.Linkable{s, l}, gevent.Within(d))), nil
			}},
		{name: "Condition.Wait", nothing: false,
			forever: func() { _, _ = locked(func() bool { cond.Wait(); return true }) },
			within: func(d time.Duration) (any, error) {
				return locked(func() bool { return cond.WaitTimeout(d) })
			}},
		{name: "Condition.WaitFor", nothing: false,
			forever: func() {
				_, _ = locked(func() bool { cond.WaitFor(func() bool { return false }); return true })
			},
			within: func(d time.Duration) (any, error) {
				return locked(func() bool { return cond.WaitForTimeout(d, func() bool { return false }) })
			}},
		{name: "Barrier.Wait", nothing: 0, err: lock.ErrBrokenBarrier, forever: func() { _, _ = b.Wait() },
			within: func(d time.Duration) (any, error) {
				n, err := b.WaitTimeout(d)
				require.ErrorIs(t, err, gevent.ErrTimeout)
				b.Reset()
				return n, err
			}},
	} {
		test(t, "T001 T002 T003 "+c.name, func(t *testing.T) {
			s, l, cond, b = lock.NewSemaphore(0), lock.NewRLock(), lock.NewCondition(nil), lock.NewBarrier(2)
			gevent.Spawn(l.Acquire)
			gevent.Sleep(0)
			c.left = func() int { return s.LinkCount() + l.LinkCount() + cond.Waiting() + b.Waiting() }
			c.check(t)
		})
	}
}
