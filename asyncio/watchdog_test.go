package asyncio_test

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/netpoll"
)

// A watch collects what a watchdog reports.
type watch struct {
	mu  sync.Mutex
	all []asyncio.Blocking
	n   atomic.Int32
}

func (w *watch) report(b asyncio.Blocking) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, b)
	w.n.Add(1)
}

// keepTheLoop keeps the loop until so many reports have come, without giving way.
func (w *watch) keepTheLoop(n int32) {
	for end := time.Now().Add(30 * time.Second); w.n.Load() < n && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// await lets others run until so many have come.
func (w *watch) await(c ctx, n int32) {
	for w.n.Load() < n {
		_ = asyncio.Sleep(c, time.Millisecond)
	}
}

// who returns the names and whether each has given way.
func (w *watch) who() (names []string) {
	for _, b := range w.all {
		name := b.Task
		if b.Over {
			name += " over"
		}
		names = append(names, name)
	}
	return names
}

// keptLimit is long enough that a loop which nobody keeps is not late.
const keptLimit = 100 * time.Millisecond

func TestAWatchdog(t *testing.T) {
	t.Run("names who keeps the loop, and says when that is over", func(t *testing.T) {
		w := new(watch)
		runLoop(t, func(c ctx) error {
			culprit := spawn(c, func(ctx) error { w.keepTheLoop(1); return nil }, asyncio.WithName("culprit"))
			_, err := culprit.Await(c)
			w.await(c, 2)
			again := spawn(c, func(c ctx) error {
				asyncio.CurrentTask(c).SetName("renamed")
				_ = asyncio.Sleep(c, 0)
				w.keepTheLoop(3)
				return nil
			})
			_, _ = again.Await(c)
			w.await(c, 4)
			return err
		}, asyncio.WithWatchdog(keptLimit, w.report))
		require.Equal(t, []string{"culprit", "culprit over", "renamed", "renamed over"}, w.who())
		kept, over := w.all[0], w.all[1]
		require.Contains(t, kept.Stack, "(*watch).keepTheLoop")
		require.NotContains(t, kept.Stack, "baton.(*Fiber)")
		require.GreaterOrEqual(t, kept.For, keptLimit)
		require.GreaterOrEqual(t, over.For, kept.For)
		require.Regexp(t, `^asyncio: culprit keeps the loop, for [0-9.]+m?s by now \((sleep\); use the calls of this package in place of those that block, or asyncio.ToThread|runnable\); compute in asyncio.ToThread, or call asyncio.Sleep\(ctx, 0\) now and then):\ntime.Sleep`, kept.String())
		require.Regexp(t, `^asyncio: culprit has given way after [0-9.]+m?s$`, over.String())
		require.False(t, strings.HasSuffix(kept.String(), "\n"))
	})
	t.Run("says what to do", func(t *testing.T) {
		c := make(chan none)
		var mu sync.Mutex
		var on atomic.Bool
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		for name, way := range map[string]struct {
			block, release func()
			advice         string
		}{
			"in place of a channel": {func() { <-c }, func() { c <- none{} }, " (chan receive); use asyncio.WrapChannel or an asyncio.Queue:\n"},
			"in place of a mutex":   {func() { mu.Lock(); mu.Lock() }, mu.Unlock, " (sync.Mutex.Lock); use an asyncio.Lock or the like in place of package sync, or asyncio.ToThread:\n"},
			"in place of net/http": {func() {
				_, err := http.Get("http://" + silent.Addr().String())
				require.Error(t, err)
			}, func() {
				_ = silent.Close()
			}, "; use the calls of this package in place of those that block, or asyncio.ToThread:\n"},
			"to compute": {func() {
				for !on.Load() {
				}
			}, func() { on.Store(true) }, "; compute in asyncio.ToThread, or call asyncio.Sleep(ctx, 0) now and then:\n"},
		} {
			t.Run(name, func(t *testing.T) {
				found := make(chan asyncio.Blocking, 1)
				runLoop(t, func(ctx) error { way.block(); return nil }, asyncio.WithWatchdog(keptLimit, func(b asyncio.Blocking) {
					if !b.Over {
						found <- b
						way.release()
					}
				}))
				b := <-found
				require.Contains(t, b.String(), " by now ("+b.State+")")
				require.Contains(t, b.String(), way.advice)
			})
		}
	})
	t.Run("names callbacks and the main task", func(t *testing.T) {
		w := new(watch)
		runLoop(t, func(c ctx) error {
			w.keepTheLoop(1)
			w.await(c, 2)
			asyncio.RunningLoop(c).CallSoon(func() { w.keepTheLoop(3) })
			w.await(c, 4)
			return nil
		}, asyncio.WithWatchdog(keptLimit, w.report))
		require.Equal(t, []string{"Task-1", "Task-1 over", "a callback of the loop", "a callback of the loop over"}, w.who())
	})
	t.Run("lets many run that give way", func(t *testing.T) {
		w := new(watch)
		runLoop(t, func(c ctx) error {
			var tasks []asyncio.AwaitableOf[none]
			for range 400 {
				tasks = append(tasks, spawn(c, func(c ctx) error {
					time.Sleep(time.Millisecond)
					return asyncio.Sleep(c, 0)
				}))
			}
			_, err := asyncio.Gather(c, tasks...)
			_ = asyncio.Sleep(c, 10*time.Millisecond) // it is no fault to have nothing to do
			return err
		}, asyncio.WithWatchdog(2*keptLimit, w.report))
		require.Empty(t, w.who())
	})
	t.Run("watches each run of a loop, and nothing between", func(t *testing.T) {
		w := new(watch)
		l, err := asyncio.NewLoop(asyncio.WithWatchdog(keptLimit, w.report))
		require.NoError(t, err)
		for i := range int32(3) {
			_, err := asyncio.RunUntilComplete(l, proc(func(c ctx) error {
				w.keepTheLoop(2*i + 1)
				w.await(c, 2*i+2)
				return nil
			}))
			require.NoError(t, err)
			time.Sleep(2 * keptLimit) // nobody keeps a loop that nobody runs
		}
		require.NoError(t, l.Close())
		require.Equal(t, []string{"Task-1", "Task-1 over", "Task-2", "Task-2 over", "Task-3", "Task-3 over"}, w.who())
	})
	t.Run("leaves a virtual clock alone, and a loop that is at its end", func(t *testing.T) {
		begin := time.Now()
		require.NoError(t, run(t, func(c ctx) error { return asyncio.Sleep(c, 24*time.Hour) },
			asyncio.WithWatchdog(time.Millisecond, func(asyncio.Blocking) {})))
		require.Less(t, time.Since(begin), time.Minute)
		_, err := asyncio.Run(func(c ctx) (int, error) {
			return asyncio.NewFuture[int](asyncio.RunningLoop(c)).Await(c)
		}, asyncio.WithWatchdog(time.Millisecond, func(asyncio.Blocking) {}))
		require.ErrorIs(t, err, asyncio.ErrLoopExit)
	})
	t.Run("ends with the run, also while somebody is late", func(t *testing.T) {
		for i := range 20 {
			runLoop(t, func(c ctx) error {
				time.Sleep(time.Duration(i) * time.Millisecond / 4)
				return nil
			}, asyncio.WithWatchdog(time.Millisecond, func(asyncio.Blocking) {}))
		}
	})
	t.Run("a report that panics is told, and ends it", func(t *testing.T) {
		told := make(chan asyncio.ExceptionContext, 1)
		_, err := asyncio.Run(proc(func(c ctx) error {
			// It keeps the loop until it has been reported, and the report has failed.
			reported := time.Now().Add(30 * time.Second)
			for len(told) == 0 && time.Now().Before(reported) {
				time.Sleep(20 * time.Millisecond)
				if err := asyncio.Sleep(c, 0); err != nil {
					return err
				}
			}
			return nil
		}), asyncio.WithWatchdog(time.Millisecond, func(asyncio.Blocking) { panic("no report") }),
			asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) { told <- e }))
		require.NoError(t, err)
		e := <-told
		require.Equal(t, "watchdog failed", e.Message)
		require.ErrorContains(t, e.Err, "no report")
	})
	t.Run("is not for a loop that shares a thread", func(t *testing.T) {
		require.NoError(t, green(t, func() error {
			panicSays(t, "WithWatchdog in a thread that has a loop", func() {
				_, _ = asyncio.NewLoop(asyncio.WithWatchdog(0, nil))
			})
			return nil
		}))
	})
}

// runLoop is asyncio.Run on the real clock.
func runLoop(t *testing.T, main func(ctx) error, opts ...asyncio.Option) {
	t.Helper()
	_, err := asyncio.Run(proc(main), opts...)
	require.NoError(t, err)
}

func TestAWatchdogHasALimitByDefault(t *testing.T) {
	w := new(watch)
	begin := time.Now()
	runLoop(t, func(c ctx) error {
		w.keepTheLoop(1)
		return nil
	}, asyncio.WithWatchdog(-1, w.report), asyncio.WithClock(netpoll.NewVirtualClock()))
	require.GreaterOrEqual(t, time.Since(begin), keptLimit)
	require.GreaterOrEqual(t, w.all[0].For, keptLimit)
}
