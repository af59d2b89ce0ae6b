package queue_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/queue"
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
	type getter interface {
		Get() (int, error)
		GetTimeout(time.Duration) (int, error)
		Getters() int
	}
	type putter interface {
		Put(int) error
		PutTimeout(int, time.Duration) error
		Putters() int
	}
	gets := func(name string, g getter) blockingCall {
		return blockingCall{name: name + ".Get", nothing: 0, err: queue.ErrEmpty,
			forever: func() { _, _ = g.Get() },
			within:  func(d time.Duration) (any, error) { return g.GetTimeout(d) },
			left:    func() int { return g.Getters() }}
	}
	puts := func(name string, p putter) blockingCall {
		return blockingCall{name: name + ".Put", err: queue.ErrFull,
			forever: func() { _ = p.Put(1) },
			within:  func(d time.Duration) (any, error) { return nil, p.PutTimeout(1, d) },
			left:    func() int { return p.Putters() }}
	}
	peeked, tasks, ch := queue.New[int](0), queue.New(0, 1), queue.NewChannel[int]()
	for _, c := range []blockingCall{
		gets("Queue", queue.New[int](0)), puts("Queue", queue.New(1, 1)),
		gets("SimpleQueue", queue.NewSimple[int](0)), puts("SimpleQueue", queue.NewSimple(1, 1)),
		gets("LifoQueue", queue.NewLifo[int](0)), puts("LifoQueue", queue.NewLifo(1, 1)),
		gets("PriorityQueue", queue.NewPriority[int](0)), puts("PriorityQueue", queue.NewPriority(1, 1)),
		gets("Channel", ch), puts("Channel", ch),
		{name: "Queue.Peek", nothing: 0, err: queue.ErrEmpty, forever: func() { _, _ = peeked.Peek() },
			within: func(d time.Duration) (any, error) { return peeked.PeekTimeout(d) }, left: peeked.Getters},
		{name: "Queue.Join", nothing: false, forever: tasks.Join,
			within: func(d time.Duration) (any, error) { return tasks.JoinTimeout(d), nil }, left: tasks.Joiners},
	} {
		test(t, "T001 T002 T003 "+c.name, c.check)
	}
}
