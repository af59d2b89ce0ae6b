package asyncio_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// syncJoin awaits tasks whose errors do not matter.
func syncJoin(c ctx, ts ...*task) error {
	for _, t := range ts {
		if _, err := t.Await(c); err != nil && !errors.Is(err, asyncio.ErrCancelled) {
			return err
		}
	}
	return nil
}

// syncSpawn makes n tasks.
func syncSpawn(c ctx, n int, f func(c ctx, i int) error) (ts []*task) {
	for i := range n {
		ts = append(ts, spawn(c, func(c ctx) error { return f(c, i) }))
	}
	return ts
}

// As goldens, for locks and queues.
var syncGoldens = []struct {
	name, want string
	main       func(ctx, *trace) error
}{
	{"G53 a lock is passed on in order, and a newcomer is the last", "false | 0 | 1 | 2 | T", func(c ctx, o *trace) error {
		var l asyncio.Lock
		_ = l.Acquire(c)
		ts := syncSpawn(c, 3, func(c ctx, i int) error {
			return l.With(c, func() error { o.add(i); return nil })
		})
		_ = asyncio.Sleep(c, 0)
		_ = l.Release()
		o.add(l.Locked())
		ts = append(ts, spawn(c, func(c ctx) error {
			return l.With(c, func() error { o.add("T"); return nil })
		}))
		return syncJoin(c, ts...)
	}},
	{"G54 who releases a lock and acquires it again comes after the waiter", "w | main", func(c ctx, o *trace) error {
		var l asyncio.Lock
		_ = l.Acquire(c)
		w := spawn(c, func(c ctx) error { return l.With(c, func() error { o.add("w"); return nil }) })
		_ = asyncio.Sleep(c, 0)
		_ = l.Release()
		err := l.Acquire(c)
		o.add("main")
		return errors.Join(err, syncJoin(c, w))
	}},
	{"G55 a task that was made before an event is set comes before its waiters", "3 | 1 | 2", func(c ctx, o *trace) error {
		var e asyncio.Event
		wait := func(i int) *task {
			return spawn(c, func(c ctx) error { err := e.Wait(c); o.add(i); return err })
		}
		ts := []*task{wait(1), wait(2)}
		_ = asyncio.Sleep(c, 0)
		ts = append(ts, wait(3))
		e.Set()
		return syncJoin(c, ts...)
	}},
	{"G56 waiters of an event go on though it is cleared", "0 false | 1 false", func(c ctx, o *trace) error {
		var e asyncio.Event
		ts := syncSpawn(c, 2, func(c ctx, i int) error { err := e.Wait(c); o.add(i, " ", e.IsSet()); return err })
		_ = asyncio.Sleep(c, 0)
		e.Set()
		e.Clear()
		return syncJoin(c, ts...)
	}},
	{"G57 a condition notifies in order", "0 | 1 | -- | 2 | 3", func(c ctx, o *trace) error {
		cond := asyncio.NewCondition(nil)
		ts := syncSpawn(c, 4, func(c ctx, i int) error {
			return cond.With(c, func() error { err := cond.Wait(c); o.add(i); return err })
		})
		_ = yield(c, 2)
		err := cond.With(c, func() error { cond.Notify(2); return nil })
		_ = yield(c, 5)
		o.add("--")
		err = errors.Join(err, cond.With(c, func() error { cond.NotifyAll(); return nil }))
		return errors.Join(err, syncJoin(c, ts...))
	}},
	{"G58 SE-03 nobody waits for a semaphore that is released in the same step", "0_1 | 0_2 | 1_1 | 1_2 | 2_1 | 2_2", func(c ctx, o *trace) error {
		return syncSemaphoreTurns(c, o, 0)
	}},
	{"G59 SE-03 a semaphore is first come, first served", "0_1 | 1_1 | 2_1 | 0_2 | 1_2 | 2_2", func(c ctx, o *trace) error {
		return syncSemaphoreTurns(c, o, 1)
	}},
	{"G60 the last one at a barrier goes first", "2 2 | 0 0 | 1 1", func(c ctx, o *trace) error {
		b := asyncio.NewBarrier(3)
		return syncJoin(c, syncSpawn(c, 3, func(c ctx, i int) error {
			index, err := b.Wait(c)
			o.add(i, " ", index)
			return err
		})...)
	}},
	{"G61 getters are served in order", "0 x | 1 y | 2 z", func(c ctx, o *trace) error {
		q := asyncio.NewQueue[string](0)
		ts := syncSpawn(c, 3, func(c ctx, i int) error { v, err := q.Get(c); o.add(i, " ", v); return err })
		_ = asyncio.Sleep(c, 0)
		for _, v := range []string{"x", "y", "z"} {
			_ = q.PutNowait(v)
		}
		return syncJoin(c, ts...)
	}},
	{"G62 who does not wait may be quicker than a getter that was told", "main 1 <nil> | false | getter 2", func(c ctx, o *trace) error {
		q := asyncio.NewQueue[int](0)
		g := spawn(c, func(c ctx) error { v, err := q.Get(c); o.add("getter ", v); return err })
		_ = asyncio.Sleep(c, 0)
		_ = q.PutNowait(1)
		v, err := q.GetNowait()
		o.add("main ", v, err)
		_ = yield(c, 3)
		o.add(g.Done())
		_ = q.PutNowait(2)
		return syncJoin(c, g)
	}},
	{"G63 an item that a cancelled getter was told of goes to the next", "0 cancelled | 1 1", func(c ctx, o *trace) error {
		q := asyncio.NewQueue[int](0)
		ts := syncSpawn(c, 2, func(c ctx, i int) error { o.add(i, " ", outcome(q.Get(c))); return nil })
		_ = asyncio.Sleep(c, 0)
		_ = q.PutNowait(1)
		ts[0].Cancel()
		return syncJoin(c, ts...)
	}},
	{"G64 producer and consumer take turns", "put0 | get0 | put1 | get1 | put2 | get2", func(c ctx, o *trace) error {
		q := asyncio.NewQueue[int](1)
		p := spawn(c, func(c ctx) error {
			for i := range 3 {
				if err := q.Put(c, i); err != nil {
					return err
				}
				o.add("put", i)
				_ = asyncio.Sleep(c, 0)
			}
			return nil
		})
		g := spawn(c, func(c ctx) error {
			for range 3 {
				v, err := q.Get(c)
				if err != nil {
					return err
				}
				o.add("get", v)
				_ = asyncio.Sleep(c, 0)
			}
			return nil
		})
		return syncJoin(c, p, g)
	}},
	{"G65 Join waits for the last TaskDone", "0 | 1 | 2 | joined", func(c ctx, o *trace) error {
		q := asyncio.NewQueue[int](0)
		for i := range 3 {
			_ = q.PutNowait(i)
		}
		w := spawn(c, func(c ctx) error {
			for {
				v, err := q.Get(c)
				if err != nil {
					return err
				}
				o.add(v)
				_ = asyncio.Sleep(c, 0)
				_ = q.TaskDone()
			}
		})
		err := q.Join(c)
		o.add("joined")
		w.Cancel()
		return errors.Join(err, syncJoin(c, w))
	}},
	{"N26 a shutdown lets the items out that are in", "put: shut down | 1 | 2 | get: shut down | put: shut down | <nil> <nil> too many | joined <nil>", func(c ctx, o *trace) error {
		q := asyncio.NewQueue[int](2)
		_, _ = q.PutNowait(1), q.PutNowait(2)
		p := spawn(c, func(c ctx) error { o.add("put: ", syncWord(q.Put(c, 3))); return nil })
		_ = asyncio.Sleep(c, 0)
		q.Shutdown(false)
		_ = yield(c, 2)
		for range 2 {
			o.add(outcome(q.Get(c)))
		}
		_, err := q.Get(c)
		o.add("get: ", syncWord(err))
		o.add("put: ", syncWord(q.PutNowait(4)))
		o.add(syncWord(q.TaskDone()), " ", syncWord(q.TaskDone()), " ", syncWord(q.TaskDone()))
		o.add("joined ", syncWord(q.Join(c)))
		return syncJoin(c, p)
	}},
	{"N27 an immediate shutdown drops the items", "joined | 0 | get: shut down | too many", func(c ctx, o *trace) error {
		q := asyncio.NewQueue[int](0)
		_, _ = q.PutNowait(1), q.PutNowait(2)
		j := spawn(c, func(c ctx) error { err := q.Join(c); o.add("joined"); return err })
		_ = asyncio.Sleep(c, 0)
		q.Shutdown(true)
		_ = yield(c, 2)
		o.add(q.QSize())
		_, err := q.Get(c)
		o.add("get: ", syncWord(err))
		o.add(syncWord(q.TaskDone()))
		return syncJoin(c, j)
	}},
	{"N29 a permit that a cancelled waiter was given goes to the next", "0 cancelled | 1 acquired", func(c ctx, o *trace) error {
		s := asyncio.NewSemaphore(0)
		ts := syncSpawn(c, 2, func(c ctx, i int) error { o.add(i, " ", outcome("acquired", s.Acquire(c))); return nil })
		_ = asyncio.Sleep(c, 0)
		s.Release()
		ts[0].Cancel()
		return syncJoin(c, ts...)
	}},
	{"N30 a barrier is reset and aborted", "2 | broken | broken | false | broken | broken | true | broken | false", func(c ctx, o *trace) error {
		b := asyncio.NewBarrier(3)
		two := func() []*task {
			ts := syncSpawn(c, 2, func(c ctx, i int) error {
				_, err := b.Wait(c)
				o.add(syncWord(err))
				return nil
			})
			_ = yield(c, 2)
			return ts
		}
		ts := two()
		o.add(b.NWaiting())
		b.Reset()
		err := syncJoin(c, ts...)
		o.add(b.Broken())
		ts = two()
		b.Abort()
		err = errors.Join(err, syncJoin(c, ts...))
		o.add(b.Broken())
		_, e := b.Wait(c)
		o.add(syncWord(e))
		b.Reset()
		o.add(b.Broken())
		return err
	}},
}

// syncSemaphoreTurns has three tasks acquire a semaphore twice, and yield n times
// while they have it.
func syncSemaphoreTurns(c ctx, o *trace, n int) error {
	s := asyncio.NewSemaphore(1)
	return syncJoin(c, syncSpawn(c, 3, func(c ctx, i int) error {
		for k := 1; k <= 2; k++ {
			if err := s.Acquire(c); err != nil {
				return err
			}
			o.add(i, "_", k)
			_ = yield(c, n)
			s.Release()
		}
		return nil
	})...)
}

// syncWord puts an error into a word.
func syncWord(err error) string {
	for _, e := range []struct {
		err  error
		word string
	}{
		{asyncio.ErrQueueShutDown, "shut down"},
		{asyncio.ErrQueueEmpty, "empty"},
		{asyncio.ErrQueueFull, "full"},
		{asyncio.ErrTaskDone, "too many"},
		{asyncio.ErrBrokenBarrier, "broken"},
	} {
		if errors.Is(err, e.err) {
			return e.word
		}
	}
	return outcome(nil, err)
}

func TestLocksAndQueuesGoOnInTheOrderOfCPython(t *testing.T) {
	for _, g := range syncGoldens {
		t.Run(g.name, func(t *testing.T) {
			var o trace
			require.NoError(t, run(t, func(c ctx) error { return g.main(c, &o) }))
			require.Equal(t, g.want, strings.Join(o, " | "))
		})
	}
}
