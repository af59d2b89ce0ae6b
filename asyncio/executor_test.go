package asyncio_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/threadpool"
	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/netpoll"
)

// loopGate is a job that runs until it is let go.
type loopGate struct {
	begun, release chan struct{}
}

func newLoopGate() *loopGate {
	return &loopGate{make(chan struct{}), make(chan struct{})}
}

func (g *loopGate) job() (int, error) {
	close(g.begun)
	<-g.release
	return 42, nil
}

func TestToThreadRunsOnAnotherGoroutine(t *testing.T) {
	t.Run("EV-04 and the loop goes on meanwhile", func(t *testing.T) {
		var o trace
		require.NoError(t, run(t, func(c ctx) error {
			here, there := baton.ID(), uint64(0)
			g := newLoopGate()
			job := asyncio.CreateTask(c, func(c ctx) (int, error) {
				return asyncio.ToThread(c, func() (int, error) {
					there = baton.ID()
					return g.job()
				})
			})
			o.add("made")
			_ = asyncio.Sleep(c, 0)
			<-g.begun
			o.add("begun ", job.Done())
			close(g.release)
			o.add(outcome(job.Await(c)))
			require.NotEqual(t, here, there)
			return nil
		}))
		require.Equal(t, trace{"made", "begun false", "42"}, o)
	})
	t.Run("and a virtual clock stands still", func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error {
			l := asyncio.RunningLoop(c)
			l.CallLater(time.Hour, func() {})
			_, err := asyncio.ToThread(c, func() (int, error) { time.Sleep(5 * time.Millisecond); return 0, nil })
			require.Zero(t, l.Time())
			return err
		}))
	})
	t.Run("and errors, panics and exits come back", func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error {
			_, err := asyncio.ToThread(c, func() (int, error) { return 0, errBad })
			require.ErrorIs(t, err, errBad)
			_, err = asyncio.ToThread(c, func() (int, error) { panic("oops") })
			var p *asyncio.PanicError
			require.ErrorAs(t, err, &p)
			require.Equal(t, "oops", p.Value)
			require.Contains(t, string(p.Stack), "executor_test.go")
			_, err = asyncio.ToThread(c, func() (int, error) { runtime.Goexit(); return 0, nil })
			require.ErrorContains(t, err, "the job called runtime.Goexit")
			v, err := asyncio.ToThread(c, func() (int, error) { return 1, nil })
			require.Equal(t, 1, v)
			return err
		}))
	})
	t.Run("in parallel, up to the limit", func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error {
			asyncio.RunningLoop(c).SetDefaultExecutor(asyncio.NewThreadPoolExecutor(2))
			var now, most atomic.Int32
			var both sync.WaitGroup
			both.Add(2)
			var jobs []asyncio.AwaitableOf[int]
			for i := range 6 {
				jobs = append(jobs, asyncio.RunInExecutor(c, nil, func() (int, error) {
					n := now.Add(1)
					for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
					}
					if i < 2 { // the first two can end only together
						both.Done()
						both.Wait()
					}
					now.Add(-1)
					return i, nil
				}))
			}
			vs, err := asyncio.Gather(c, jobs...)
			require.Equal(t, []int{0, 1, 2, 3, 4, 5}, vs)
			require.EqualValues(t, 2, most.Load())
			return err
		}))
	})
	t.Run("from a greenlet that is no task", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() error {
			v, err := asyncio.ToThread(context.Background(), func() (int, error) { return 7, nil })
			require.Equal(t, 7, v)
			return err
		}))
	})
}

func TestCancellingAJob(t *testing.T) {
	t.Run("that has begun leaves it to itself", func(t *testing.T) {
		ended := make(chan struct{})
		g := newLoopGate()
		require.NoError(t, run(t, func(c ctx) error {
			job := asyncio.CreateTask(c, func(c ctx) (int, error) {
				return asyncio.ToThread(c, func() (int, error) { defer close(ended); return g.job() })
			})
			_ = asyncio.Sleep(c, 0)
			<-g.begun
			job.Cancel()
			require.Equal(t, "cancelled", outcome(job.Await(c)))
			time.AfterFunc(5*ms, func() { close(g.release) })
			return nil
		}))
		select {
		case <-ended:
		default:
			t.Error("Run did not wait for it")
		}
	})
	t.Run("that has not begun takes it back", func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error {
			e := asyncio.NewThreadPoolExecutor(1)
			g := newLoopGate()
			first := asyncio.RunInExecutor(c, e, g.job)
			second := asyncio.RunInExecutor(c, e, func() (int, error) { t.Error("it was taken back"); return 0, nil })
			third := asyncio.RunInExecutor(c, e, func() (int, error) { return 3, nil })
			<-g.begun
			require.True(t, second.Cancel())
			require.False(t, second.Cancel())
			require.True(t, second.Cancelled())
			close(g.release)
			require.Equal(t, "42", outcome(first.Await(c)))
			require.Equal(t, "3", outcome(third.Await(c)))
			return nil
		}))
	})
	t.Run("does not keep the loop waiting", func(t *testing.T) {
		g := newLoopGate()
		defer close(g.release)
		require.ErrorIs(t, run(t, func(c ctx) error {
			job := asyncio.RunInExecutor(c, asyncio.NewThreadPoolExecutor(1), g.job)
			<-g.begun
			job.Cancel()
			_, err := asyncio.NewFuture[int](asyncio.RunningLoop(c)).Await(c)
			return err
		}), asyncio.ErrLoopExit)
	})
}

func TestEV04AJobMayOutliveItsLoop(t *testing.T) {
	g := newLoopGate()
	l, err := asyncio.NewLoop()
	require.NoError(t, err)
	e := asyncio.NewThreadPoolExecutor(1)
	var job *asyncio.Future[int]
	_, err = asyncio.RunUntilComplete(l, proc(func(c ctx) error {
		job = asyncio.RunInExecutor(c, e, g.job)
		<-g.begun
		return nil
	}))
	require.NoError(t, err)
	require.NoError(t, l.Close())
	close(g.release)
	e.Shutdown(true, false)
	require.False(t, job.Done(), "nobody is left to be told")
}

func TestTheDefaultExecutor(t *testing.T) {
	t.Run("H19 refuses jobs after its shutdown", func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error {
			l := asyncio.RunningLoop(c)
			job := asyncio.RunInExecutor(c, nil, func() (int, error) { time.Sleep(ms); return 1, nil })
			require.NoError(t, l.ShutdownDefaultExecutor(c))
			_ = asyncio.Sleep(c, 0)
			require.Equal(t, "1", outcome(job.Result()))
			_, err := asyncio.ToThread(c, func() (int, error) { t.Error("never"); return 0, nil })
			require.ErrorIs(t, err, asyncio.ErrExecutorShutdown)
			require.NoError(t, l.ShutdownDefaultExecutor(c), "a second time")
			return nil
		}))
	})
	t.Run("LP-18 is waited for no longer than one likes, and says what is left", func(t *testing.T) {
		g := newLoopGate()
		require.NoError(t, run(t, func(c ctx) error {
			l := asyncio.RunningLoop(c)
			job := asyncio.RunInExecutor(c, nil, g.job)
			<-g.begun
			limited, cancel := context.WithTimeout(c, 10*ms)
			defer cancel()
			err := l.ShutdownDefaultExecutor(limited)
			require.ErrorIs(t, err, asyncio.ErrJobsRunning)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Regexp(t, `loopGate.*job.* of Task-1, running for `, err.Error())
			close(g.release)
			require.Equal(t, "42", outcome(job.Await(c)))
			return nil
		}))
	})
	t.Run("is waited for by who may be cancelled", func(t *testing.T) {
		g := newLoopGate()
		require.NoError(t, run(t, func(c ctx) error {
			l := asyncio.RunningLoop(c)
			job := asyncio.RunInExecutor(c, nil, g.job)
			w := spawn(c, l.ShutdownDefaultExecutor)
			require.NoError(t, asyncio.Sleep(c, 0))
			w.Cancel()
			require.Equal(t, "cancelled", outcome(w.Await(c)))
			close(g.release)
			require.Equal(t, "42", outcome(job.Await(c)))
			return nil
		}))
	})
	t.Run("is waited for at the end of Run", func(t *testing.T) {
		ended := false
		require.NoError(t, run(t, func(c ctx) error {
			asyncio.RunInExecutor(c, nil, func() (int, error) {
				time.Sleep(5 * ms)
				ended = true
				return 0, nil
			})
			return nil
		}))
		require.True(t, ended)
	})
	t.Run("LP-18 is waited for at the end of Run within its limit", func(t *testing.T) {
		g := newLoopGate()
		err := run(t, func(c ctx) error {
			asyncio.RunInExecutor(c, nil, g.job)
			<-g.begun
			return nil
		}, asyncio.WithShutdownTimeout(5*ms))
		require.ErrorIs(t, err, asyncio.ErrJobsRunning)
		require.ErrorContains(t, err, "asyncio.Run: jobs of the executor have not ended: ")
		close(g.release)
	})
	t.Run("may be set", func(t *testing.T) {
		e := new(countingExecutor)
		require.NoError(t, run(t, func(c ctx) error {
			asyncio.RunningLoop(c).SetDefaultExecutor(e)
			_, err := asyncio.ToThread(c, func() (int, error) { return 0, nil })
			return err
		}))
		require.Equal(t, countingExecutor{1, 1}, *e)
		panicSays(t, "asyncio.Loop.SetDefaultExecutor: the executor is nil", func() {
			newLoop(t).SetDefaultExecutor(nil)
		})
	})
	t.Run("may be the pool of gevent/threadpool", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() error {
			_, err := asyncio.Run(func(c ctx) (int, error) {
				e := threadpool.NewExecutor(1)
				asyncio.RunningLoop(c).SetDefaultExecutor(e)
				g := newLoopGate()
				first := asyncio.RunInExecutor(c, nil, g.job)
				second := asyncio.RunInExecutor(c, nil, func() (int, error) { return 2, nil })
				third := asyncio.RunInExecutor(c, nil, func() (int, error) { return 3, nil })
				fourth := asyncio.RunInExecutor(c, nil, func() (int, error) { return 4, nil })
				<-g.begun
				require.True(t, second.Cancel())
				close(g.release)
				require.Equal(t, "42", outcome(first.Await(c)))
				require.Equal(t, "3", outcome(third.Await(c)))
				require.Equal(t, "4", outcome(fourth.Await(c)))
				e.Shutdown(true, true)
				_, err := asyncio.ToThread(c, func() (int, error) { return 0, nil })
				require.ErrorIs(t, err, threadpool.ErrShutdown)
				return 0, nil
			})
			return err
		}))
	})
}

// countingExecutor runs everything at once.
type countingExecutor struct{ runs, downs int }

func (e *countingExecutor) Execute(run, _ func()) (func() bool, error) {
	e.runs++
	go run()
	return func() bool { return false }, nil
}

func (e *countingExecutor) Shutdown(wait, cancelFutures bool) { e.downs++ }

func TestAThreadPoolExecutor(t *testing.T) {
	t.Run("that is shut down refuses functions", func(t *testing.T) {
		e := asyncio.NewThreadPoolExecutor(0)
		e.Shutdown(true, true)
		_, err := e.Execute(func() {}, func() {})
		require.ErrorIs(t, err, asyncio.ErrExecutorShutdown)
		require.NoError(t, run(t, func(c ctx) error {
			f := asyncio.RunInExecutor(c, e, func() (int, error) { return 0, nil })
			require.ErrorIs(t, f.Err(), asyncio.ErrExecutorShutdown)
			return nil
		}))
	})
	t.Run("cancels what has not begun", func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error {
			e := asyncio.NewThreadPoolExecutor(1)
			g := newLoopGate()
			first := asyncio.RunInExecutor(c, e, g.job)
			second := asyncio.RunInExecutor(c, e, g.job)
			<-g.begun
			e.Shutdown(false, true)
			_, err := second.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			require.ErrorIs(t, err, asyncio.ErrExecutorShutdown)
			close(g.release)
			require.Equal(t, "42", outcome(first.Await(c)))
			return nil
		}))
	})
	t.Run("waits for what has", func(t *testing.T) {
		e := asyncio.NewThreadPoolExecutor(3)
		var n atomic.Int32
		for range 20 {
			_, err := e.Execute(func() { n.Add(1); runtime.Goexit() }, func() {})
			require.NoError(t, err)
		}
		e.Shutdown(true, false)
		require.EqualValues(t, 20, n.Load())
	})
	t.Run("takes a positive number", func(t *testing.T) {
		panicSays(t, "maxWorkers is negative", func() { asyncio.NewThreadPoolExecutor(-1) })
		panicSays(t, "a function is nil", func() { _, _ = asyncio.NewThreadPoolExecutor(1).Execute(nil, nil) })
	})
}

func TestAJobThatFailsAndNobodyAsksIsReported(t *testing.T) {
	var o trace
	_, err := asyncio.Run(proc(func(c ctx) error {
		asyncio.RunInExecutor(c, nil, func() (int, error) { return 0, errBad })
		return nil
	}), asyncio.WithClock(netpoll.NewVirtualClock()), asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
		o.add(e.Message, ": ", e.Err)
	}))
	require.NoError(t, err)
	require.Equal(t, trace{"Future exception was never retrieved: bad"}, o)
	require.False(t, errors.Is(err, errBad))
	panicSays(t, "asyncio.ToThread: the function is nil", func() { _, _ = asyncio.ToThread[int](context.Background(), nil) })
}
