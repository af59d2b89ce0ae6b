package asyncio_test

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/event"
	"github.com/baton-go/baton/gevent/lock"
	"github.com/baton-go/baton/gevent/net"
	"github.com/baton-go/baton/gevent/pool"
	"github.com/baton-go/baton/gevent/queue"
	"github.com/baton-go/baton/gevent/subprocess"
	"github.com/baton-go/baton/gevent/threadpool"
	"github.com/baton-go/baton/netpoll"
)

// A greenCall is a call of gevent that waits until something happens, which does not.
type greenCall struct {
	name string
	real bool // it needs the real clock
	// prepare returns the call, and what checks afterwards that nothing of it is left
	// and nothing was lost. It is called anew for each call, in the thread.
	prepare func(t *testing.T) (call func(), left func())
}

// sleepy spawns a greenlet that does nothing for a long time.
func sleepy() *gevent.Greenlet { return gevent.Spawn(func() { gevent.Sleep(time.Hour) }) }

var greenCalls = []greenCall{
	{"Sleep", false, func(*testing.T) (func(), func()) {
		return func() { gevent.Sleep(time.Hour) }, func() {}
	}},
	{"Greenlet.Join", false, func(t *testing.T) (func(), func()) {
		g := sleepy()
		return g.Join, func() {
			require.Zero(t, g.LinkCount())
			require.False(t, g.Dead())
			g.Kill()
		}
	}},
	{"Of.Get", false, func(t *testing.T) (func(), func()) {
		g := gevent.SpawnValue(func() (int, error) { gevent.Sleep(time.Hour); return 1, nil })
		return func() { _, _ = g.Get() }, func() {
			require.Zero(t, g.LinkCount())
			g.Kill()
		}
	}},
	{"JoinAll", false, func(t *testing.T) (func(), func()) {
		a, b := sleepy(), sleepy()
		return func() { gevent.JoinAll(a, b) }, func() {
			require.Zero(t, a.LinkCount()+b.LinkCount())
			gevent.KillAll(a, b)
		}
	}},
	{"Wait", false, func(t *testing.T) (func(), func()) {
		e := event.New()
		return func() { gevent.Wait(e) }, func() { require.Zero(t, e.LinkCount()) }
	}},
	{"event.Wait", false, func(t *testing.T) (func(), func()) {
		e := event.New()
		return e.Wait, func() {
			require.Zero(t, e.LinkCount())
			e.Set()
			e.Wait()
		}
	}},
	{"event.AsyncResult.Get", false, func(t *testing.T) (func(), func()) {
		r := event.NewAsyncResult[int]()
		return func() { _, _ = r.Get() }, func() {
			require.Zero(t, r.LinkCount())
			r.Set(3)
			v, err := r.Get()
			require.Equal(t, 3, v)
			require.NoError(t, err)
		}
	}},
	{"queue.Get", false, func(t *testing.T) (func(), func()) {
		q := queue.New[int](0)
		return func() { _, _ = q.Get() }, func() {
			require.Zero(t, q.Getters())
			require.NoError(t, q.Put(1))
			v, err := q.GetNowait()
			require.Equal(t, 1, v)
			require.NoError(t, err)
		}
	}},
	{"queue.Put", false, func(t *testing.T) (func(), func()) {
		q := queue.New(1, 1)
		return func() { _ = q.Put(2) }, func() {
			require.Zero(t, q.Putters())
			require.Equal(t, 1, q.QSize())
		}
	}},
	{"queue.Channel.Put", false, func(t *testing.T) (func(), func()) {
		ch := queue.NewChannel[int]()
		return func() { _ = ch.Put(2) }, func() {
			require.Zero(t, ch.Putters())
			_, err := ch.GetNowait()
			require.ErrorIs(t, err, queue.ErrEmpty)
		}
	}},
	{"lock.Semaphore.Acquire", false, func(t *testing.T) (func(), func()) {
		s := lock.NewSemaphore(0)
		return s.Acquire, func() {
			require.Zero(t, s.LinkCount())
			s.Release()
			require.True(t, s.TryAcquire(), "the permit was lost")
		}
	}},
	{"lock.RLock.Acquire", false, func(t *testing.T) (func(), func()) {
		l := lock.NewRLock()
		holder := gevent.Spawn(func() { l.With(func() { gevent.Sleep(time.Hour) }) })
		gevent.Sleep(0)
		return l.Acquire, func() {
			require.Zero(t, l.LinkCount())
			holder.Kill()
			require.True(t, l.TryAcquire())
			l.Release()
		}
	}},
	{"lock.Condition.Wait", false, func(t *testing.T) (func(), func()) {
		l := lock.NewRLock()
		c := lock.NewCondition(l)
		return func() { c.With(c.Wait) }, func() {
			require.Zero(t, c.Waiting())
			require.False(t, l.Locked())
		}
	}},
	{"lock.Barrier.Wait", false, func(t *testing.T) (func(), func()) {
		b := lock.NewBarrier(2)
		return func() { _, _ = b.Wait() }, func() {
			require.Zero(t, b.Waiting())
			other := gevent.SpawnValue(b.Wait)
			_, err := b.Wait()
			require.NoError(t, err)
			other.Join()
		}
	}},
	{"pool.Spawn", false, func(t *testing.T) (func(), func()) {
		p := pool.New(1)
		p.Spawn(func() error { gevent.Sleep(time.Hour); return nil })
		return func() { p.Spawn(func() error { t.Error("ran"); return nil }) }, func() {
			require.Equal(t, 1, p.Len())
			p.Kill()
			require.Equal(t, 1, p.FreeCount())
		}
	}},
	{"pool.Map", false, func(t *testing.T) (func(), func()) {
		p := pool.New(2)
		return func() {
				_, _ = pool.Map(p, func(int) (int, error) { gevent.Sleep(time.Hour); return 0, nil }, []int{1, 2, 3})
			}, func() {
				p.Join() // its items were killed with it
				require.Equal(t, 2, p.FreeCount())
			}
	}},
	{"Offload", true, func(*testing.T) (func(), func()) {
		stop := make(chan struct{})
		return func() { gevent.Offload(func() { <-stop }) }, func() { close(stop) }
	}},
	{"threadpool.Apply", true, func(*testing.T) (func(), func()) {
		p := threadpool.New(1)
		stop := make(chan struct{})
		return func() { _, _ = threadpool.Apply(p, func() (int, error) { <-stop; return 0, nil }) }, func() {
			close(stop)
			p.Kill()
		}
	}},
	{"Recv", true, func(t *testing.T) (func(), func()) {
		ch := make(chan int, 1)
		return func() { _, _ = gevent.Recv(ch) }, func() {
			ch <- 1
			v, _ := gevent.Recv(ch)
			require.Equal(t, 1, v)
		}
	}},
	{"WaitContext", true, func(*testing.T) (func(), func()) {
		ctx, cancel := context.WithCancel(context.Background())
		return func() { _ = gevent.WaitContext(ctx) }, cancel
	}},
	{"net.Conn.Read", true, func(t *testing.T) (func(), func()) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		ours, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		theirs, err := l.Accept()
		require.NoError(t, err)
		b := make([]byte, 10)
		return func() { _, _ = ours.Read(b) }, func() {
			_, err := theirs.Write([]byte("still here"))
			require.NoError(t, err)
			n, err := ours.Read(b)
			require.Equal(t, "still here", string(b[:n]))
			require.NoError(t, err)
			require.NoError(t, errors.Join(ours.Close(), theirs.Close(), l.Close()))
		}
	}},
	{"net.Listener.Accept", true, func(t *testing.T) (func(), func()) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		return func() { _, _ = l.Accept() }, func() {
			c, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			a, err := l.Accept()
			require.NoError(t, err)
			require.NoError(t, errors.Join(c.Close(), a.Close(), l.Close()))
		}
	}},
	{"subprocess.Run", true, func(t *testing.T) (func(), func()) {
		if _, err := exec.LookPath("sleep"); err != nil || runtime.GOOS == "windows" {
			t.Skip("there is no program that sleeps")
		}
		c := subprocess.Command("sleep", "3600")
		return func() { _, _ = subprocess.Run(c) }, func() {
			_, ended := c.ReturnCode()
			require.True(t, ended || c.Process == nil, "the process was left behind")
		}
	}},
}

// soon is when something is done to a call that waits.
func (g greenCall) soon() time.Duration {
	if g.real {
		return 5 * time.Millisecond
	}
	return time.Second
}

// The ways in which a call that waits in a task is ended.
var greenEnds = map[string]func(t *testing.T, c ctx, g greenCall, call func()){
	"cancelled": func(t *testing.T, c ctx, g greenCall, call func()) {
		var o trace
		task := spawn(c, func(ctx) error {
			defer o.add("unwound")
			call()
			o.add("never")
			return nil
		})
		require.NoError(t, asyncio.Sleep(c, g.soon()))
		require.True(t, task.Cancel("reason"))
		_, err := task.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.ErrorContains(t, err, "reason")
		require.True(t, task.Cancelled())
		require.Equal(t, trace{"unwound"}, o)
	},
	"under a Timeout": func(t *testing.T, c ctx, g greenCall, call func()) {
		task := spawn(c, func(c ctx) error {
			err := asyncio.WithTimeout(c, g.soon(), func(ctx) error { call(); return nil })
			require.ErrorIs(t, err, asyncio.ErrTimeout)
			require.Zero(t, asyncio.CurrentTask(c).Cancelling())
			gevent.Sleep(0) // the task goes on as if nothing had been
			return asyncio.Sleep(c, 1)
		})
		_, err := task.Await(c)
		require.NoError(t, err)
	},
	"in a TaskGroup of which another fails": func(t *testing.T, c ctx, g greenCall, call func()) {
		err := asyncio.WithTaskGroup(c, func(c ctx, group *asyncio.TaskGroup) error {
			require.NoError(t, group.Go(func(ctx) error { call(); return nil }))
			require.NoError(t, asyncio.Sleep(c, g.soon()))
			return errBad
		})
		require.ErrorIs(t, err, errBad)
		require.NotErrorIs(t, err, asyncio.ErrCancelled)
	},
	"as the body of a TaskGroup": func(t *testing.T, c ctx, g greenCall, call func()) {
		task := spawn(c, func(c ctx) error {
			return asyncio.WithTaskGroup(c, func(c ctx, group *asyncio.TaskGroup) error {
				err := group.Go(func(c ctx) error {
					if err := asyncio.Sleep(c, g.soon()); err != nil {
						return err
					}
					return errBad
				})
				call()
				return err
			})
		})
		_, err := task.Await(c)
		require.ErrorIs(t, err, errBad)
	},
	"under a Timeout of gevent": func(t *testing.T, c ctx, g greenCall, call func()) {
		task := spawn(c, func(c ctx) error {
			err := gevent.WithTimeout(g.soon(), func() error { call(); return nil })
			require.ErrorIs(t, err, gevent.ErrTimeout)
			return asyncio.Sleep(c, 1)
		})
		_, err := task.Await(c)
		require.NoError(t, err)
	},
	"caught, and not told again": func(t *testing.T, c ctx, g greenCall, call func()) {
		task := spawn(c, func(c ctx) error {
			err := gevent.Try(func() error { call(); return nil })
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			gevent.Sleep(1)
			return asyncio.Sleep(c, 1)
		})
		require.NoError(t, asyncio.Sleep(c, g.soon()))
		task.Cancel()
		_, err := task.Await(c)
		require.NoError(t, err)
		require.False(t, task.Cancelled())
	},
	"before its turn": func(t *testing.T, c ctx, g greenCall, call func()) {
		task := spawn(c, func(c ctx) error {
			asyncio.CurrentTask(c).Cancel() // so that the call does not even begin to wait
			call()
			t.Error("the call has waited for something")
			return nil
		})
		_, err := task.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
	},
}

func TestATaskIsCancelledInGreenCalls(t *testing.T) {
	for _, g := range greenCalls {
		t.Run(g.name, func(t *testing.T) {
			for how, end := range greenEnds {
				t.Run(how, func(t *testing.T) {
					main := func(c ctx) error {
						call, left := g.prepare(t)
						end(t, c, g, call)
						left()
						require.Len(t, asyncio.RunningLoop(c).AllTasks(), 1)
						return nil
					}
					told := asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) { t.Errorf("unexpected: %v", e) })
					opts, green := []asyncio.Option{told}, []gevent.Option(nil)
					if !g.real {
						opts = append(opts, asyncio.WithClock(netpoll.NewVirtualClock()))
						green = append(green, gevent.WithClock(netpoll.NewVirtualClock()))
					}
					// On a loop of its own, and in a thread of gevent.
					_, err := asyncio.Run(proc(main), opts...)
					require.NoError(t, err)
					require.NoError(t, gevent.Run(func() error {
						_, err := asyncio.Run(proc(main), told)
						return err
					}, green...))
				})
			}
		})
	}
}
