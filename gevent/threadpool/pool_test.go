package threadpool_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/threadpool"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

var errBoom = errors.New("boom")

func value[T any](v T) func() (T, error) { return func() (T, error) { return v, nil } }

func square(n int) (int, error) { return n * n, nil }

func numbers(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

func squares(n int) (all []int) {
	for i := range n {
		all = append(all, i*i)
	}
	return all
}

func TestAPool(t *testing.T) {
	test(t, "T135 spawns, and its results come when others had their turn", func(t *testing.T) {
		p := threadpool.New(2)
		var mu sync.Mutex
		var got []int
		var all []gevent.Linkable
		for i := range 4 {
			all = append(all, threadpool.ApplyAsync(p, value(i), func(n int) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, n)
			}))
		}
		require.Empty(t, got)
		gevent.Wait(all...)
		until(t, func() bool { return len(got) == 4 })
		slices.Sort(got)
		require.Equal(t, numbers(4), got)
		n, err := threadpool.Spawn(p, value(5)).Get()
		require.NoError(t, err)
		require.Equal(t, 5, n)
	})
	test(t, "T136 applies, and returns the error", func(t *testing.T) {
		p := threadpool.New(1)
		n, err := threadpool.Apply(p, value(7))
		require.NoError(t, err)
		require.Equal(t, 7, n)
		_, err = threadpool.Apply(p, func() (int, error) { return 0, errBoom })
		require.Equal(t, errBoom, err)
		failed := threadpool.ApplyAsync(p, func() (int, error) { return 1, errBoom }, func(int) { t.Error("called") })
		_, err = failed.Get()
		require.Equal(t, errBoom, err)
		gevent.Sleep(0)
	})
	test(t, "T136 cannot be of a negative size", func(t *testing.T) {
		require.PanicsWithValue(t, "threadpool.New: maxSize must not be negative: -1; pass the number of goroutines", func() { threadpool.New(-1) })
		require.PanicsWithValue(t, "threadpool.SetMaxSize: maxSize must not be negative: -2; pass the number of goroutines",
			func() { threadpool.New(1).SetMaxSize(-2) })
		require.Panics(t, func() { threadpool.Spawn[int](threadpool.New(1), nil) })
	})
	for _, size := range []int{1, 2, 3, 10} {
		test(t, fmt.Sprintf("T137 of %d maps", size), func(t *testing.T) {
			p := threadpool.New(size)
			got, err := threadpool.Map(p, square, numbers(30))
			require.NoError(t, err)
			require.Equal(t, squares(30), got)
			async := threadpool.MapAsync(p, square, numbers(10), nil)
			got, err = async.Get()
			require.NoError(t, err)
			require.Equal(t, squares(10), got)
			called := false
			threadpool.MapAsync(p, square, numbers(3), func(all []int) { called = slices.Equal(all, squares(3)) })
			until(t, func() bool { return called })
			got = nil
			for n, err := range threadpool.IMap(p, square, slices.Values(numbers(30))) {
				require.NoError(t, err)
				got = append(got, n)
			}
			require.Equal(t, squares(30), got)
			got = nil
			for n, err := range threadpool.IMapUnordered(p, square, slices.Values(numbers(30))) {
				require.NoError(t, err)
				got = append(got, n)
			}
			slices.Sort(got)
			require.Equal(t, squares(30), got)
			p.Kill()
			require.Zero(t, p.Len())
			p.Join()
		})
	}
	test(t, "T137 of two returns what is first first, if the order does not matter", func(t *testing.T) {
		p, open := threadpool.New(2), make(gate)
		var got []int
		for n := range threadpool.IMapUnordered(p, func(n int) (int, error) {
			if n == 0 {
				<-open
			}
			return n, nil
		}, slices.Values(numbers(5))) {
			if got = append(got, n); len(got) == 4 {
				close(open)
			}
		}
		require.Equal(t, []int{1, 2, 3, 4, 0}, got)
	})
	test(t, "T137 returns the first error in the order of the items, and gives up the rest", func(t *testing.T) {
		p, open := threadpool.New(1), make(gate)
		var ran atomic.Int32
		g := gevent.Spawn(func() error {
			_, err := threadpool.Map(p, func(n int) (int, error) {
				ran.Add(1)
				if n == 0 {
					<-open
					return 0, errBoom
				}
				return n, nil
			}, numbers(2))
			return err
		})
		gevent.Sleep(0)
		close(open)
		require.Equal(t, errBoom, g.Get())
		got, errs := 0, 0
		for _, err := range threadpool.IMap(p, func(n int) (int, error) {
			if n == 1 {
				return 0, errBoom
			}
			return n, nil
		}, slices.Values(numbers(3))) {
			if err != nil {
				errs++
			}
			got++
		}
		require.Equal(t, 3, got)
		require.Equal(t, 1, errs)
	})
	test(t, "T137 whose map is killed does not begin the rest", func(t *testing.T) {
		p, open := threadpool.New(1), make(gate)
		var ran atomic.Int32
		g := gevent.Spawn(func() {
			threadpool.Map(p, func(int) (int, error) { ran.Add(1); <-open; return 0, nil }, numbers(10))
		})
		until(t, func() bool { return ran.Load() == 1 })
		g.Kill()
		require.Equal(t, 1, p.Len())
		close(open)
		p.Join()
		require.EqualValues(t, 1, ran.Load())
	})
	test(t, "T137 takes items from a loop that waits", func(t *testing.T) {
		p := threadpool.New(2)
		items := func(yield func(int) bool) {
			for i := range 6 {
				gevent.Sleep(time.Microsecond)
				if !yield(i) {
					return
				}
			}
		}
		var got []int
		for n, err := range threadpool.IMap(p, square, items) {
			require.NoError(t, err)
			got = append(got, n)
		}
		require.Equal(t, squares(6), got)
		for n := range threadpool.IMapUnordered(p, square, items) {
			got = append(got, n)
		}
		slices.Sort(got[6:])
		require.Equal(t, squares(6), got[6:])
	})
	test(t, "T137 is left in the middle of a loop", func(t *testing.T) {
		p := threadpool.New(3)
		taken := 0
		items := func(yield func(int) bool) {
			for i := 0; yield(i); i++ {
				taken++
			}
		}
		for range threadpool.IMap(p, square, items) {
			break
		}
		for range threadpool.IMapUnordered(p, square, items) {
			break
		}
		require.LessOrEqual(t, taken, 8)
		p.Join()
	})
	test(t, "T138 has apply run inline where a function of the pool calls it, which may sleep", func(t *testing.T) {
		p := threadpool.New(1)
		n, err := threadpool.Apply(p, func() (int, error) {
			return threadpool.Apply(p, func() (n int, err error) {
				err = gevent.Run(func() { gevent.Sleep(time.Millisecond); n = 3 })
				return n, err
			})
		})
		require.NoError(t, err)
		require.Equal(t, 3, n)
	})
	test(t, "T139 of one has a second function wait for the first", func(t *testing.T) {
		p := threadpool.New(1)
		var mu sync.Mutex
		var log []string
		a, b := make(gate), make(gate)
		job := func(g gate, name string) func() (int, error) {
			return func() (int, error) { <-g; mu.Lock(); defer mu.Unlock(); log = append(log, name); return 0, nil }
		}
		require.False(t, p.Full())
		first := threadpool.Spawn(p, job(a, "a"))
		require.Equal(t, 1, p.Len())
		second := threadpool.Spawn(p, job(b, "b"))
		require.Equal(t, 2, p.Len())
		require.True(t, p.Full())
		require.Zero(t, p.FreeCount())
		require.Equal(t, threadpool.Stats{MaxSize: 1, Running: 1, Queued: 1}, p.Stats())
		close(a)
		first.Wait()
		gevent.Sleep(0)
		require.Equal(t, 1, p.Len())
		close(b)
		second.Wait()
		gevent.Sleep(0)
		require.Equal(t, 0, p.Len())
		require.Equal(t, []string{"a", "b"}, log)
		until(t, func() bool { return p.Size() == 0 })
		require.Equal(t, threadpool.Stats{MaxSize: 1, Done: 2}, p.Stats())
	})
	test(t, "T139 that is full makes spawners wait, in the order in which they came", func(t *testing.T) {
		p, open := full(2)
		threadpool.Spawn(p, value(0)) // one more is ready
		var order []int
		var all []*gevent.Greenlet
		for i := range 4 {
			all = append(all, gevent.Spawn(func() {
				f := threadpool.Spawn(p, value(i))
				order = append(order, i)
				f.Wait()
			}))
		}
		gevent.Sleep(0)
		require.Empty(t, order)
		require.Equal(t, 4, p.Stats().Waiting)
		all[1].Kill()
		close(open)
		gevent.JoinAll(all...)
		require.Equal(t, []int{0, 2, 3}, order)
		p.Join()
		require.Equal(t, 3, p.FreeCount())
	})
	test(t, "T140 belongs to its thread", func(t *testing.T) {
		p := threadpool.New(1)
		var message any
		try := func() {
			defer func() { message = recover() }()
			threadpool.Spawn(p, value(1))
		}
		gevent.Offload(func() { _ = gevent.Run(try) })
		require.ErrorIs(t, message.(error), gevent.ErrWrongThread)
		require.ErrorContains(t, message.(error), "threadpool.Spawn: pool of 1 belongs to another thread")
		gevent.Offload(try)
		require.ErrorIs(t, message.(error), gevent.ErrWrongThread)
		gevent.Offload(func() {
			defer func() { message = recover() }()
			threadpool.New(1)
		})
		require.Contains(t, message, "threadpool.New: the calling goroutine belongs to no thread")
	})
	test(t, "refuses a function that is nil", func(t *testing.T) {
		p := threadpool.New(1)
		for op, call := range map[string]func(){
			"Spawn":         func() { threadpool.Spawn[int](p, nil) },
			"Apply":         func() { _, _ = threadpool.Apply[int](p, nil) },
			"ApplyAsync":    func() { threadpool.ApplyAsync[int](p, nil, nil) },
			"Map":           func() { _, _ = threadpool.Map[int, int](p, nil, numbers(1)) },
			"MapAsync":      func() { threadpool.MapAsync[int, int](p, nil, numbers(1), nil) },
			"IMap":          func() { threadpool.IMap[int, int](p, nil, nil) },
			"IMapUnordered": func() { threadpool.IMapUnordered[int, int](p, nil, nil) },
			"Submit":        func() { _, _ = threadpool.Submit[int](threadpool.NewExecutor(1), nil) },
		} {
			require.PanicsWithValue(t, "threadpool."+op+": the function is nil; pass the function that is to be run", call)
		}
		require.Zero(t, p.Len())
	})
	test(t, "may be as large as can be", func(t *testing.T) {
		p := threadpool.New(math.MaxInt)
		require.Equal(t, math.MaxInt, p.FreeCount())
		n, err := threadpool.Apply(p, value(1))
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.False(t, p.Full())
		require.Equal(t, math.MaxInt, p.FreeCount())
	})
	test(t, "T141 of none keeps functions until it is larger", func(t *testing.T) {
		p := threadpool.New(0)
		var mu sync.Mutex
		var done []int
		var all []*gevent.Greenlet
		for i := 1; i <= 2; i++ {
			all = append(all, gevent.Spawn(func() {
				threadpool.Spawn(p, func() (int, error) { mu.Lock(); defer mu.Unlock(); done = append(done, i); return 0, nil })
			}))
		}
		gevent.Sleep(time.Millisecond)
		require.Zero(t, p.Size())
		require.Equal(t, 1, p.Len())
		p.SetMaxSize(1)
		require.Equal(t, 1, p.MaxSize())
		gevent.JoinAll(all...)
		p.Join()
		require.Equal(t, []int{1, 2}, done)
		p.SetMaxSize(0)
		until(t, func() bool { return p.Size() == 0 })
	})
	t.Run("T141 of none does not keep its thread", func(t *testing.T) {
		err := gevent.Run(func() {
			p := threadpool.New(1)
			p.SetMaxSize(0)
			threadpool.Spawn(p, value(1)).Wait()
		})
		require.ErrorIs(t, err, gevent.ErrLoopExit)
	})
	test(t, "T141 that is made smaller lets what runs end", func(t *testing.T) {
		p, open := full(3)
		until(t, func() bool { return p.Size() == 3 })
		p.SetMaxSize(1)
		require.Equal(t, 3, p.Size())
		var running, most atomic.Int32
		var all []*gevent.Of[int]
		for range 10 {
			all = append(all, threadpool.ApplyAsync(p, func() (int, error) {
				if n := running.Add(1); n > most.Load() {
					most.Store(n)
				}
				defer running.Add(-1)
				runtime.Gosched()
				return 0, nil
			}, nil))
		}
		close(open)
		gevent.JoinAll(all...)
		require.EqualValues(t, 1, most.Load())
	})
	test(t, "T141 that is made smaller lets nobody in until there is room", func(t *testing.T) {
		p, open := full(4)
		until(t, func() bool { return p.Size() == 4 })
		for range 4 { // of which one is queued, and three wait
			gevent.Spawn(func() { threadpool.Spawn(p, open.wait) })
		}
		gevent.Sleep(0)
		p.SetMaxSize(1)
		for i, want := range []threadpool.Stats{
			{MaxSize: 1, Running: 3, Queued: 1, Waiting: 3, Done: 1},
			{MaxSize: 1, Running: 2, Queued: 1, Waiting: 3, Done: 2},
			{MaxSize: 1, Running: 1, Queued: 1, Waiting: 3, Done: 3},
			{MaxSize: 1, Running: 1, Queued: 1, Waiting: 2, Done: 4},
		} {
			open <- struct{}{}
			until(t, func() bool { return p.Stats() == want })
			require.Equal(t, max(4-i, 2), p.Len())
		}
		close(open)
		p.Join()
	})
	test(t, "T141 that is made larger lets in as many as there is room for", func(t *testing.T) {
		p, open := full(1)
		for range 4 { // of which one is queued, and three wait
			gevent.Spawn(func() { threadpool.Spawn(p, open.wait) })
		}
		gevent.Sleep(0)
		p.SetMaxSize(2)
		gevent.Sleep(0)
		require.Equal(t, threadpool.Stats{MaxSize: 2, Running: 2, Queued: 1, Waiting: 2}, p.Stats())
		require.Equal(t, 3, p.Len())
		close(open)
		p.Join()
	})
	test(t, "is joined, and joined for a time", func(t *testing.T) {
		p, open := full(2)
		require.False(t, p.JoinTimeout(time.Millisecond))
		close(open)
		require.True(t, p.JoinTimeout(time.Minute))
		require.True(t, p.JoinTimeout(0))
	})
	test(t, "that is killed cancels what has not begun, and waits for what has", func(t *testing.T) {
		p, open := full(1)
		waits := threadpool.Spawn(p, value(1))
		g := gevent.Spawn(func() { p.Kill() })
		gevent.Sleep(0)
		_, err := waits.Get()
		require.ErrorIs(t, err, threadpool.ErrCancelled)
		require.False(t, g.Ready())
		close(open)
		g.Join()
		require.Zero(t, p.Len())
		n, err := threadpool.Apply(p, value(2))
		require.NoError(t, err, "it can be used again")
		require.Equal(t, 2, n)
	})
	test(t, "really runs in parallel with its thread", func(t *testing.T) {
		p := threadpool.New(2)
		a, b := make(chan int), make(chan int)
		f := threadpool.Spawn(p, func() (int, error) { a <- 1; return <-b, nil })
		g := threadpool.Spawn(p, func() (int, error) { n := <-a; b <- n + 1; return n, nil })
		n, _ := f.Get()
		m, _ := g.Get()
		require.Equal(t, 3, n+m)
	})
	t.Run("lets no time pass on a virtual clock while a function runs", func(t *testing.T) {
		clock := netpoll.NewVirtualClock()
		require.NoError(t, gevent.Run(func() {
			gevent.Spawn(func() { gevent.Sleep(time.Hour) })
			before := clock.Now()
			_, err := threadpool.Apply(threadpool.New(1), func() (int, error) { time.Sleep(time.Millisecond); return 0, nil })
			require.NoError(t, err)
			require.Equal(t, before, clock.Now())
		}, gevent.WithClock(clock)))
	})
	t.Run("gives up what has not begun when its thread ends", func(t *testing.T) {
		open := make(gate)
		var ran atomic.Int32
		ended := make(chan struct{})
		require.NoError(t, gevent.Run(func() {
			p := threadpool.New(1)
			threadpool.Spawn(p, func() (int, error) { defer close(ended); <-open; return 0, nil })
			threadpool.Spawn(p, func() (int, error) { ran.Add(1); return 0, nil })
			gevent.Sleep(0)
		}))
		close(open)
		<-ended
		require.Zero(t, ran.Load())
	})
}

// Greenlets that are killed, or whose time is up, wherever they wait for a pool.
func TestStress(t *testing.T) {
	for seed := range uint64(10) {
		test(t, fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			p := threadpool.New(1 + rng.IntN(4))
			sizes := p.MaxSize()
			var ran atomic.Int32
			work := func() (int, error) { ran.Add(1); runtime.Gosched(); return 1, nil }
			calls := []func(){
				func() { threadpool.Apply(p, work) },
				func() { threadpool.Spawn(p, work).Cancel() },
				func() {
					threadpool.Map(p, func(int) (int, error) { return work() }, numbers(5))
				},
				func() {
					for range threadpool.IMapUnordered(p, func(int) (int, error) { return work() }, slices.Values(numbers(5))) {
						gevent.Sleep(0)
					}
				},
				func() { p.Join() },
				func() {
					n := rng.IntN(5)
					for range threadpool.IMap(p, func(int) (int, error) { return work() }, slices.Values(numbers(5))) {
						if n--; n < 0 {
							return
						}
					}
				},
				func() { threadpool.ApplyAsync(p, work, func(int) { gevent.Sleep(0) }).Get() },
				func() { threadpool.Spawn(p, func() (int, error) { runtime.Goexit(); return 0, nil }).Wait() },
				func() {
					if rng.IntN(10) == 0 {
						p.Kill()
					}
				},
				func() { threadpool.Spawn(p, work).GetTimeout(time.Duration(rng.IntN(50)) * time.Microsecond) },
			}
			var all []*gevent.Greenlet
			for range 300 {
				f := calls[rng.IntN(len(calls))]
				g := gevent.Spawn(func() {
					if rng.IntN(3) == 0 {
						_ = gevent.WithTimeout(time.Duration(rng.IntN(100))*time.Microsecond, func() error { f(); return nil })
						return
					}
					f()
				})
				all = append(all, g)
				if rng.IntN(3) == 0 {
					all[rng.IntN(len(all))].KillAsync(nil)
				}
				if rng.IntN(4) == 0 {
					gevent.Sleep(0)
				}
				if rng.IntN(20) == 0 {
					p.SetMaxSize(rng.IntN(5))
				}
			}
			p.SetMaxSize(sizes)
			gevent.JoinAll(all...)
			p.Join()
			s := p.Stats()
			require.Zero(t, s.Queued)
			require.Zero(t, s.Waiting)
			require.Zero(t, p.Len())
			require.Equal(t, sizes+1, p.FreeCount())
			until(t, func() bool { return p.Size() == 0 })
			n, err := threadpool.Apply(p, value(9))
			require.NoError(t, err)
			require.Equal(t, 9, n)
			loop := hub.Current().Loop.Stats()
			require.Zero(t, loop.Refs)
			require.Zero(t, loop.Timers)
		})
	}
}
