package asyncio_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/asyncio/asynciotest"
	"github.com/baton-go/baton/gevent"
)

// An awaitCall is a call of asyncio that waits until something happens, which does
// not.
type awaitCall struct {
	name string
	// single says that of several such calls one ends another, and real that it needs
	// the real clock.
	single, real bool
	prepare      func(t *testing.T, bg ctx) (call func(c ctx) error, left func())
}

// hour is a coroutine that does nothing for a long time.
func hour(c ctx) (int, error) { return 1, asyncio.Sleep(c, time.Hour) }

// stillRun cancels tasks that must not have ended, and waits for them.
func stillRun(t *testing.T, bg ctx, tasks ...*asyncio.Task[int]) {
	t.Helper()
	for _, w := range tasks {
		require.False(t, w.Done(), "what was awaited has ended too")
		w.Cancel()
		_, err := w.Await(bg)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
	}
}

var awaitCalls = []awaitCall{
	{"Sleep", false, false, func(*testing.T, ctx) (func(ctx) error, func()) {
		return func(c ctx) error { return asyncio.Sleep(c, time.Hour) }, func() {}
	}},
	{"Future.Await", false, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		f := asyncio.NewFuture[int](asyncio.RunningLoop(bg))
		return func(c ctx) error { _, err := f.Await(c); return err }, func() {
			require.NoError(t, f.SetResult(7))
			v, err := f.Await(bg)
			require.Equal(t, 7, v)
			require.NoError(t, err)
		}
	}},
	{"Task.Await", false, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		w := asyncio.CreateTask(bg, hour)
		return func(c ctx) error { _, err := w.Await(c); return err }, func() { stillRun(t, bg, w) }
	}},
	{"Gather", false, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		a, b := asyncio.CreateTask(bg, hour), asyncio.CreateTask(bg, hour)
		return func(c ctx) error { _, err := asyncio.Gather[asyncio.AwaitableOf[int]](c, a, b); return err }, func() { stillRun(t, bg, a, b) }
	}},
	{"Wait", false, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		a, b := asyncio.CreateTask(bg, hour), asyncio.CreateTask(bg, hour)
		return func(c ctx) error {
			_, _, err := asyncio.Wait(c, []*asyncio.Task[int]{a, b}, asyncio.FirstCompleted)
			return err
		}, func() { stillRun(t, bg, a, b) }
	}},
	{"AsCompleted", false, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		a := asyncio.CreateTask(bg, hour)
		return func(c ctx) error {
			for _, err := range asyncio.AsCompleted(c, []*asyncio.Task[int]{a}) {
				return err
			}
			return nil
		}, func() { stillRun(t, bg, a) }
	}},
	{"Shield", false, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		a := asyncio.CreateTask(bg, hour)
		return func(c ctx) error { _, err := asyncio.Shield(c, a); return err }, func() { stillRun(t, bg, a) }
	}},
	{"WaitFor", false, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		a := asyncio.CreateTask(bg, hour)
		return func(c ctx) error { _, err := asyncio.WaitFor(c, a, time.Minute); return err }, func() {
			a.Cancel() // it has been, if the wait was one that may end by a time-out
			_, err := a.Await(bg)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
		}
	}},
	{"Lock.Acquire", false, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		l := new(asyncio.Lock)
		require.NoError(t, l.Acquire(bg))
		return l.Acquire, func() {
			require.NoError(t, l.Release())
			require.False(t, l.Locked())
			require.NoError(t, l.Acquire(bg))
		}
	}},
	{"Lock.With", true, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		l := new(asyncio.Lock)
		return func(c ctx) error {
				return l.With(c, func() error { return asyncio.Sleep(c, time.Hour) })
			}, func() {
				require.False(t, l.Locked(), "it was not released")
			}
	}},
	{"Semaphore.Acquire", false, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		s := asyncio.NewSemaphore(0)
		return s.Acquire, func() {
			s.Release()
			require.Equal(t, 1, s.Value(), "the permit was lost")
			require.NoError(t, s.Acquire(bg))
		}
	}},
	{"Event.Wait", false, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		var e asyncio.Event
		return e.Wait, func() {
			e.Set()
			require.NoError(t, e.Wait(bg))
		}
	}},
	{"Condition.Wait", true, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		cond := asyncio.NewCondition(nil)
		return func(c ctx) error { return cond.With(c, func() error { return cond.Wait(c) }) }, func() {
			require.False(t, cond.Locked(), "it was not released")
			require.NoError(t, cond.With(bg, func() error { cond.NotifyAll(); return nil }))
		}
	}},
	{"Barrier.Wait", true, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		b := asyncio.NewBarrier(2)
		return func(c ctx) error { _, err := b.Wait(c); return err }, func() {
			require.Zero(t, b.NWaiting())
			other := asyncio.CreateTask(bg, b.Wait)
			_, err := b.Wait(bg)
			require.NoError(t, err)
			_, err = other.Await(bg)
			require.NoError(t, err)
		}
	}},
	{"Queue.Get", false, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		q := asyncio.NewQueue[int](0)
		return func(c ctx) error { _, err := q.Get(c); return err }, func() {
			require.Zero(t, q.Getters())
			require.NoError(t, q.Put(bg, 1))
			v, err := q.Get(bg)
			require.Equal(t, 1, v)
			require.NoError(t, err)
		}
	}},
	{"Queue.Put", false, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		q := asyncio.NewQueue[int](1)
		require.NoError(t, q.Put(bg, 1))
		return func(c ctx) error { return q.Put(c, 2) }, func() {
			require.Zero(t, q.Putters())
			require.Equal(t, 1, q.Len())
		}
	}},
	{"Queue.Join", false, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		q := asyncio.NewQueue[int](1)
		require.NoError(t, q.Put(bg, 1))
		return q.Join, func() {
			require.NoError(t, q.TaskDone())
			require.NoError(t, q.Join(bg))
		}
	}},
	{"StreamReader.Read", true, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		a, b := asynciotest.Streams(bg, 0, asynciotest.Pipe{})
		return func(c ctx) error { _, err := a.Reader.ReadExactly(c, 5); return err }, func() {
			_, err := b.Writer.Write([]byte("there"))
			require.NoError(t, err)
			p, err := a.Reader.ReadExactly(bg, 5)
			require.Equal(t, "there", string(p))
			require.NoError(t, err)
			require.NoError(t, a.Close(bg))
			require.NoError(t, b.Close(bg))
		}
	}},
	{"StreamWriter.Drain", false, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		a, b := asynciotest.Streams(bg, 0, asynciotest.Pipe{Lockstep: true})
		_, err := a.Writer.Write([]byte("there"))
		require.NoError(t, err)
		return a.Writer.Drain, func() {
			p, err := b.Reader.ReadExactly(bg, 5)
			require.Equal(t, "there", string(p))
			require.NoError(t, err)
			require.NoError(t, a.Close(bg))
			require.NoError(t, b.Close(bg))
		}
	}},
	{"StreamWriter.WaitClosed", false, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		a, b := asynciotest.Streams(bg, 0, asynciotest.Pipe{})
		return a.Writer.WaitClosed, func() {
			require.NoError(t, a.Close(bg))
			require.NoError(t, b.Close(bg))
		}
	}},
	{"ToThread", false, true, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		stop := make(chan struct{})
		return func(c ctx) error {
			_, err := asyncio.ToThread(c, func() (int, error) { <-stop; return 0, nil })
			return err
		}, func() { close(stop) }
	}},
	{"Run", false, false, func(t *testing.T, bg ctx) (func(ctx) error, func()) {
		begun, ended := 0, 0
		return func(c ctx) error {
				_, err := asyncio.Run(func(c ctx) (int, error) {
					begun++
					defer func() { ended++ }()
					return hour(c)
				}, asyncio.WithContext(c))
				return err
			}, func() {
				require.Equal(t, begun, ended)
			}
	}},
}

// The ways in which a call that waits in a greenlet is ended.
var awaitEnds = map[string]func(t *testing.T, bg ctx, soon time.Duration, call func(ctx) error){
	"killed": func(t *testing.T, bg ctx, soon time.Duration, call func(ctx) error) {
		var o trace
		g := gevent.Spawn(func() {
			defer o.add("unwound")
			_ = call(bg)
			o.add("never")
		})
		gevent.Sleep(soon)
		g.Kill()
		require.Equal(t, trace{"unwound"}, o)
		require.True(t, g.Killed())
	},
	"timed out": func(t *testing.T, bg ctx, soon time.Duration, call func(ctx) error) {
		err := gevent.WithTimeout(soon, func() error { return call(bg) })
		require.ErrorIs(t, err, gevent.ErrTimeout)
		gevent.Sleep(1)
	},
	"killed in a scope": func(t *testing.T, bg ctx, soon time.Duration, call func(ctx) error) {
		err := gevent.WithScope(func(s *gevent.Scope) error {
			s.Spawn(func() error { return call(bg) })
			gevent.Sleep(soon)
			return errBad
		})
		require.ErrorIs(t, err, errBad)
	},
	"its context ends": func(t *testing.T, bg ctx, soon time.Duration, call func(ctx) error) {
		c, cancel := context.WithCancel(bg)
		gevent.Spawn(func() { gevent.Sleep(soon); cancel() })
		require.ErrorIs(t, call(c), context.Canceled)
		require.ErrorIs(t, call(c), context.Canceled, "a context stays ended")
	},
	"killed before its turn": func(t *testing.T, bg ctx, soon time.Duration, call func(ctx) error) {
		g := gevent.Spawn(func() {
			gevent.Current().KillAsync(nil)
			_ = call(bg)
			t.Error("the call has waited for something")
		})
		g.Join()
	},
	"killed when another is there": func(t *testing.T, bg ctx, soon time.Duration, call func(ctx) error) {
		var o trace
		stays := gevent.Spawn(func() {
			defer o.add("later")
			_ = call(bg)
		})
		gevent.Sleep(0)
		g := gevent.Spawn(func() {
			defer o.add("first")
			_ = call(bg)
		})
		gevent.Sleep(soon)
		g.Kill()
		gevent.Sleep(soon)
		require.Equal(t, trace{"first"}, o)
		stays.Kill()
		require.Equal(t, trace{"first", "later"}, o)
	},
}

func TestAGreenletIsKilledInAwaits(t *testing.T) {
	for _, a := range awaitCalls {
		t.Run(a.name, func(t *testing.T) {
			for how, end := range awaitEnds {
				t.Run(how, func(t *testing.T) {
					if how == "killed when another is there" && a.single {
						return
					}
					main := func() error {
						bg := context.Background()
						call, left := a.prepare(t, bg)
						soon := time.Second
						if a.real {
							soon = 5 * time.Millisecond
						}
						end(t, bg, soon, call)
						left()
						gevent.Sleep(0)
						require.Empty(t, asyncio.RunningLoop(bg).AllTasks())
						return nil
					}
					unexpected := gevent.WithErrorHook(func(where string, err error) { t.Errorf("unexpected: %s: %v", where, err) })
					if a.real {
						require.NoError(t, gevent.Run(main, unexpected))
					} else {
						require.NoError(t, green(t, main, unexpected))
					}
				})
			}
		})
	}
}
