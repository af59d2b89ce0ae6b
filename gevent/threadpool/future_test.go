package threadpool_test

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/threadpool"
)

func TestAFuture(t *testing.T) {
	test(t, "T143 can be waited for for a time, while other greenlets run", func(t *testing.T) {
		p, open := full(1)
		f := threadpool.Spawn(p, value(4))
		ran := 0
		g := gevent.Spawn(func() {
			for {
				ran++
				gevent.Sleep(0)
			}
		})
		_, err := f.GetTimeout(time.Millisecond)
		require.ErrorIs(t, err, gevent.ErrTimeout)
		require.False(t, f.WaitTimeout(0))
		require.False(t, f.Ready())
		require.False(t, f.Successful())
		require.NoError(t, f.Err())
		require.Positive(t, ran)
		g.Kill()
		close(open)
		n, err := f.GetTimeout(time.Minute)
		require.NoError(t, err)
		require.Equal(t, 4, n)
		require.True(t, f.Successful())
		require.False(t, f.Cancel())
	})
	test(t, "T143 calls back once, and at once when it is done", func(t *testing.T) {
		p, open := full(1)
		f := threadpool.Spawn(p, value(4))
		var called []int
		for i := range 2 {
			f.AddDoneCallback(func(f *threadpool.Future[int]) {
				n, err := f.Get()
				require.NoError(t, err)
				called = append(called, i+n)
			})
		}
		require.Empty(t, called)
		close(open)
		f.Wait()
		gevent.Sleep(0)
		require.Equal(t, []int{4, 5}, called)
		f.AddDoneCallback(func(*threadpool.Future[int]) { called = append(called, 0) })
		require.Equal(t, []int{4, 5, 0}, called)
		require.Panics(t, func() { f.AddDoneCallback(nil) })
	})
	t.Run("T143 T144 has a panic of its callback reported, once", func(t *testing.T) {
		var reports []string
		var called []int
		require.NoError(t, gevent.Run(func() {
			f := threadpool.Spawn(threadpool.New(1), value(4))
			for range 2 {
				f.AddDoneCallback(func(*threadpool.Future[int]) { called = append(called, 1); panic("boom") })
			}
			f.Wait()
			gevent.Sleep(0)
			f.AddDoneCallback(func(*threadpool.Future[int]) { panic("late") })
		}, gevent.WithErrorHook(func(where string, err error) { reports = append(reports, where) })))
		require.Equal(t, []int{1, 1}, called)
		require.Equal(t, []string{"callback", "callback", "callback"}, reports)
	})
	test(t, "T143 can be waited for with other things", func(t *testing.T) {
		p, open := full(1)
		f := threadpool.Spawn(p, value(4))
		require.Empty(t, gevent.WaitWith([]*threadpool.Future[int]{f}, gevent.Within(time.Millisecond)))
		gevent.Spawn(func() { close(open) })
		require.Equal(t, []*threadpool.Future[int]{f}, gevent.Wait(f))
		require.Equal(t, []*threadpool.Future[int]{f}, gevent.Wait(f), "again")
	})
	test(t, "is cancelled if its function has not begun, and not otherwise", func(t *testing.T) {
		p := threadpool.New(1)
		begun, open := make(chan bool), make(gate)
		running := threadpool.Spawn(p, func() (int, error) { begun <- true; <-open; return 1, nil })
		<-begun
		queued := threadpool.Spawn(p, func() (int, error) { t.Error("run"); return 0, nil })
		require.False(t, running.Cancel())
		waiter := gevent.Spawn(func() error { _, err := queued.Get(); return err })
		gevent.Sleep(0)
		require.True(t, queued.Cancel())
		require.False(t, queued.Cancel())
		require.True(t, queued.Cancelled())
		require.False(t, running.Cancelled())
		require.ErrorIs(t, waiter.Get(), threadpool.ErrCancelled)
		require.ErrorIs(t, queued.Err(), context.Canceled)
		require.Equal(t, 1, p.Len())
		claims := gevent.Spawn(func() { // to be cancelled, and was not
			f := threadpool.Spawn(p, func() (int, error) { return 0, threadpool.ErrCancelled })
			f.Wait()
			require.False(t, f.Cancelled())
		})
		defer claims.Join()
		close(open)
		p.Join()
	})
	t.Run("has a panic for an error, which is reported, with the goroutine's stack", func(t *testing.T) {
		var reports []error
		require.NoError(t, gevent.Run(func() {
			f := threadpool.Spawn(threadpool.New(1), culprit)
			_, err := f.Get()
			var pe *gevent.PanicError
			require.ErrorAs(t, err, &pe)
			require.Equal(t, "boom", pe.Value)
			require.Contains(t, string(pe.Stack), "threadpool_test.culprit")
			require.False(t, f.Successful())
		}, gevent.WithErrorHook(func(where string, err error) {
			require.Equal(t, "function of a thread pool", where)
			reports = append(reports, err)
		})))
		require.Len(t, reports, 1)
	})
	test(t, "has an error when its function calls runtime.Goexit, and the pool goes on", func(t *testing.T) {
		p := threadpool.New(1)
		f := threadpool.Spawn(p, func() (int, error) { runtime.Goexit(); return 0, nil })
		next := threadpool.Spawn(p, value(3))
		_, err := f.Get()
		require.EqualError(t, err, "threadpool: the function called runtime.Goexit")
		n, err := next.Get()
		require.NoError(t, err)
		require.Equal(t, 3, n)
	})
	test(t, "T142 keeps neither its function nor what that used", func(t *testing.T) {
		var gone atomic.Int64
		p := threadpool.New(1)
		f := spawnBig(p, &gone)
		f.Wait()
		collected(t, &gone, 1)
		r, _ := f.Get()
		require.NotNil(t, r)
		r = nil
		f = nil
		collected(t, &gone, 2)
		require.Zero(t, p.Len())
	})
	test(t, "of a function that is still at work is left alone by who is killed", func(t *testing.T) {
		p, open := full(1)
		f := threadpool.Spawn(p, value(3))
		g := gevent.Spawn(func() { f.Get() })
		gevent.Sleep(0)
		g.Kill()
		close(open)
		n, err := f.Get()
		require.NoError(t, err)
		require.Equal(t, 3, n)
	})
}

func culprit() (int, error) { panic("boom") }

type big struct{ room [64]byte }

//go:noinline
func newBig(gone *atomic.Int64) *big {
	b := &big{}
	runtime.AddCleanup(b, func(gone *atomic.Int64) { gone.Add(1) }, gone)
	return b
}

//go:noinline
func spawnBig(p *threadpool.ThreadPool, gone *atomic.Int64) *threadpool.Future[*big] {
	arg, result := newBig(gone), newBig(gone)
	return threadpool.Spawn(p, func() (*big, error) { arg.room[0]++; return result, nil })
}

func collected(t *testing.T, count *atomic.Int64, n int64) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); count.Load() < n; {
		require.True(t, time.Now().Before(end), "collected: %d of %d", count.Load(), n)
		runtime.GC()
		gevent.Sleep(0)
	}
}

func TestAnExecutor(t *testing.T) {
	test(t, "T143 runs until it is shut down", func(t *testing.T) {
		e := threadpool.NewExecutor(1)
		f, err := threadpool.Submit(e, value(1))
		require.NoError(t, err)
		e.Shutdown(true, false)
		require.True(t, f.Ready())
		_, err = threadpool.Submit(e, value(1))
		require.ErrorIs(t, err, threadpool.ErrShutdown)
		e.Shutdown(true, true)
	})
	test(t, "T143 cancels what has not begun, if it is told to", func(t *testing.T) {
		e, open := threadpool.NewExecutor(1), make(gate)
		_, err := threadpool.Submit(e, open.wait)
		require.NoError(t, err)
		f, err := threadpool.Submit(e, value(1))
		require.NoError(t, err)
		e.Shutdown(false, true)
		require.True(t, f.Cancelled())
		close(open)
		e.Shutdown(true, false)
	})
	test(t, "refuses who waits for a place when it is shut down", func(t *testing.T) {
		e, open := threadpool.NewExecutor(1), make(gate)
		for range 2 {
			_, err := threadpool.Submit(e, open.wait)
			require.NoError(t, err)
		}
		var all []*gevent.Greenlet
		for range 3 {
			all = append(all, gevent.Spawn(func() error {
				_, err := threadpool.Submit(e, func() (int, error) { t.Error("run"); return 0, nil })
				return err
			}))
		}
		gevent.Sleep(0)
		e.Shutdown(false, true)
		close(open)
		e.Shutdown(true, false)
		gevent.JoinAll(all...)
		for _, g := range all {
			require.ErrorIs(t, g.Err(), threadpool.ErrShutdown)
		}
		require.Zero(t, e.Pool().Len())
		require.Equal(t, 2, e.Pool().FreeCount())
	})
	test(t, "takes any number of functions without waiting, and says which it drops", func(t *testing.T) {
		e := threadpool.NewExecutor(1)
		open := make(chan struct{})
		var ran atomic.Int32
		dropped := 0
		execute := func() func() bool {
			take, err := e.Execute(func() { <-open; ran.Add(1) }, func() { dropped++ })
			require.NoError(t, err)
			return take
		}
		first := execute()
		until(t, func() bool { return e.Pool().Stats().Queued == 0 })
		require.False(t, first(), "it has begun")
		second := execute()
		for range 3 {
			execute()
		}
		require.True(t, second())
		require.False(t, second())
		e.Shutdown(false, true)
		close(open)
		e.Pool().Join()
		until(t, func() bool { return dropped == 3 })
		require.EqualValues(t, 1, ran.Load())
		_, err := e.Execute(func() {}, func() {})
		require.ErrorIs(t, err, threadpool.ErrShutdown)
	})
	test(t, "maps by its pool", func(t *testing.T) {
		e := threadpool.NewExecutor(2)
		defer e.Shutdown(true, false)
		got, err := threadpool.Map(e.Pool(), square, numbers(4))
		require.NoError(t, err)
		require.Equal(t, squares(4), got)
	})
	test(t, "needs a worker", func(t *testing.T) {
		require.PanicsWithValue(t, "threadpool.NewExecutor: maxWorkers must be greater than 0: 0; pass the number of goroutines",
			func() { threadpool.NewExecutor(0) })
	})
}

func TestT145WorkersAreSeenInAStackDump(t *testing.T) {
	test(t, "by the name of their function", func(t *testing.T) {
		_, open := full(2)
		var buf []byte
		until(t, func() bool {
			buf = make([]byte, 1<<20)
			buf = buf[:runtime.Stack(buf, true)]
			return strings.Count(string(buf), "threadpool.(*ThreadPool).work(") == 2
		})
		close(open)
	})
}
