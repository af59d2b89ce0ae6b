package pool_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/event"
	"github.com/baton-go/baton/gevent/pool"
	"github.com/baton-go/baton/gevent/queue"
)

func square(n int) (int, error) {
	gevent.Sleep(time.Duration(n%7) * time.Millisecond)
	return n * n, nil
}

// numbers returns the numbers from 0 to n-1.
func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func squares(n int) []int {
	all := numbers(n)
	for i := range all {
		all[i] *= i
	}
	return all
}

// collect returns the values of the sequence, and the errors.
func collect[R any](seq iter.Seq2[R, error]) (values []R, errs []error) {
	for v, err := range seq {
		if err != nil {
			errs = append(errs, err)
		} else {
			values = append(values, v)
		}
	}
	return values, errs
}

// inverse divides 1 by n.
func inverse(n int) (float64, error) {
	if n == 0 {
		return 0, errBoom
	}
	return 1 / float64(n), nil
}

// badItems is a sequence that fails after two items.
func badItems(yield func(int, error) bool) {
	_ = yield(1, nil) && yield(2, nil) && yield(0, errBoom) && yield(3, nil)
}

// spawners calls f with pools of different sizes, and a group.
func spawners(t *testing.T, f func(t *testing.T, p pool.Spawner, size int)) {
	for _, size := range []int{1, 2, 3, 10, pool.Unlimited, -1} {
		test(t, fmt.Sprint(size), func(t *testing.T) {
			if size < 0 {
				g := new(pool.Group)
				f(t, g, size)
				g.Join()
				return
			}
			p := pool.New(size)
			f(t, p, size)
			p.Join()
			require.Equal(t, pool.New(size).FreeCount(), p.FreeCount())
		})
	}
}

func TestApply(t *testing.T) {
	spawners(t, func(t *testing.T, p pool.Spawner, size int) {
		n, err := pool.Apply(p, func() (int, error) { return square(5) })
		require.NoError(t, err)
		require.Equal(t, 25, n)
		_, err = pool.Apply(p, func() (int, error) { return 0, errBoom })
		require.Same(t, errBoom, err)
	})
	test(t, "T106 a member may apply: its pool has no place for another one", func(t *testing.T) {
		p := pool.New(1)
		n, err := pool.Apply(p, func() (int, error) {
			return pool.Apply(p, func() (int, error) { return 6, nil })
		})
		require.NoError(t, err)
		require.Equal(t, 6, n)
	})
	test(t, "a member that spawns into its full pool and waits has a LoopExit that says so", func(t *testing.T) {
		p := pool.New(1)
		err := gevent.Try(func() error {
			_, err := pool.Apply(p, func() (int, error) { return pool.SpawnValue(p, func() (int, error) { return 0, nil }).Get() })
			return err
		})
		require.ErrorIs(t, err, gevent.ErrLoopExit)
		require.ErrorContains(t, err, "parked in pool.SpawnValue Pool")
		require.ErrorContains(t, err, "of 1 with 1 Greenlet-1")
		p.Kill()
	})
	test(t, "T108 ApplyAsync: the value in time, its limit, and the callback", func(t *testing.T) {
		for _, size := range []int{0, 1} { // of two places, taken
			p := pool.New(2)
			for range size + 1 {
				p.Spawn(sleeper(time.Millisecond, nil))
			}
			ms := elapsed()
			var got []int
			g := pool.ApplyAsync(p, func() (int, error) { gevent.Sleep(50 * time.Millisecond); return 49, nil },
				func(n int) { gevent.Sleep(0); got = append(got, n) })
			require.Zero(t, ms())
			_, err := g.GetTimeout(10 * time.Millisecond)
			require.ErrorIs(t, err, gevent.ErrTimeout)
			n, err := g.Get()
			require.NoError(t, err)
			require.Equal(t, 49, n)
			require.EqualValues(t, 50+size, ms())
			gevent.Sleep(time.Millisecond)
			require.Equal(t, []int{49}, got)
		}
	})
	test(t, "ApplyAsync calls nobody back for what failed or was killed", func(t *testing.T) {
		for _, size := range []int{1, 2} {
			p := pool.New(size)
			p.Spawn(sleeper(time.Millisecond, nil))
			back := func(int) { t.Error("it was called back") }
			failed := pool.ApplyAsync(p, func() (int, error) { return 0, errBoom }, back)
			_, err := failed.Get()
			require.Same(t, errBoom, err)
			killed := pool.ApplyAsync(p, func() (int, error) { gevent.Sleep(time.Hour); return 0, nil }, back)
			gevent.Sleep(time.Second)
			killed.Kill()
			gevent.Sleep(time.Second)
			p.Kill()
		}
	})
}

func TestMap(t *testing.T) {
	spawners(t, func(t *testing.T, p pool.Spawner, size int) {
		for _, n := range []int{0, 1, 10, 100} { // T108
			got, err := pool.Map(p, square, numbers(n))
			require.NoError(t, err)
			require.Equal(t, squares(n), got)
		}
		got, err := pool.Map(p, square, slices.Values(numbers(10)))
		require.NoError(t, err)
		require.Equal(t, squares(10), got)
		type list []int
		got, err = pool.Map(p, square, list(numbers(10)))
		require.NoError(t, err)
		require.Equal(t, squares(10), got)
		got, err = pool.Map(p, square, func(yield func(int) bool) { _ = yield(2) && yield(3) })
		require.NoError(t, err)
		require.Equal(t, []int{4, 9}, got)

		_, err = pool.Map(p, square, badItems) // T113
		require.Same(t, errBoom, err)
		_, err = pool.Map(p, inverse, []int{1, 0, 2}) // T114
		require.Same(t, errBoom, err)
	})
	test(t, "the first error by item counts, and the others go on", func(t *testing.T) {
		p := pool.New(10)
		errFirst, errSecond := errors.New("first"), errors.New("second")
		done := 0
		_, err := pool.Map(p, func(n int) (int, error) {
			gevent.Sleep(time.Duration(n) * time.Second)
			switch n {
			case 3:
				return 0, errFirst
			case 1:
				return 0, errSecond
			}
			done++
			return n, nil
		}, []int{2, 3, 1, 4})
		require.Same(t, errFirst, err)
		require.Equal(t, 1, done)
		p.Join()
		require.Equal(t, 2, done)
	})
	test(t, "no more run at the same time than the pool has places", func(t *testing.T) {
		p := pool.New(3)
		running, most := 0, 0
		_, err := pool.Map(p, func(n int) (int, error) {
			running++
			most = max(most, running)
			gevent.Sleep(time.Millisecond)
			running--
			return 0, nil
		}, numbers(20))
		require.NoError(t, err)
		require.Equal(t, 3, most)
	})
	test(t, "who is killed in a Map takes its members along, and makes no more", func(t *testing.T) {
		p := pool.New(2)
		begun, ended := 0, 0
		caller := gevent.Spawn(func() {
			_, _ = pool.Map(p, func(int) (int, error) {
				begun++
				defer func() { ended++ }()
				gevent.Sleep(time.Hour)
				return 0, nil
			}, numbers(10))
		})
		gevent.Sleep(time.Second)
		other := gevent.Spawn(func() { p.Spawn(sleeper(time.Second, nil)) })
		gevent.Sleep(0)
		caller.Kill()
		require.NoError(t, other.Get())
		require.Equal(t, []int{2, 2}, []int{begun, ended})
		require.Equal(t, 1, p.Len())
		p.Join()
		require.Equal(t, 2, p.FreeCount())
	})
	t.Run("a panic of the items goes on in the caller, and ends what was begun", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() {
			p := pool.New(2)
			require.PanicsWithValue(t, "items", func() {
				_, _ = pool.Map(p, func(int) (int, error) { gevent.Sleep(time.Hour); return 0, nil },
					func(yield func(int) bool) { yield(1); panic("items") })
			})
			p.Join()
			require.Equal(t, 2, p.FreeCount())
			_, err := pool.Map(p, func(int) (int, error) { panic(errBoom) }, []int{1})
			require.ErrorIs(t, err, errBoom)
		}, virtual(), silent()))
	})
	test(t, "T110 a pool is killed and so a MapAsync ends", func(t *testing.T) {
		for _, size := range []int{1, 2, 3, 10} {
			p := pool.New(size)
			g := pool.MapAsync(p, func(int) (int, error) { gevent.Sleep(time.Hour); return 0, nil }, numbers(2*size), func([]int) { t.Error("it was called back") })
			gevent.Sleep(0)
			ms := elapsed()
			p.Kill()
			for p.Kill(); !g.Ready(); p.Kill() {
				gevent.Sleep(0)
			}
			require.Zero(t, ms())
			_, err := g.Get()
			require.ErrorIs(t, err, gevent.ErrGreenletExit)
		}
	})
	test(t, "MapAsync does not wait, and calls back with all values", func(t *testing.T) {
		p := pool.New(1)
		var got []int
		g := pool.MapAsync(p, square, numbers(10), func(all []int) { got = all })
		require.Zero(t, p.Len())
		all, err := g.Get()
		require.NoError(t, err)
		require.Equal(t, squares(10), all)
		require.Equal(t, all, got)
	})
}

func TestIMap(t *testing.T) {
	spawners(t, func(t *testing.T, p pool.Spawner, size int) {
		for _, n := range []int{0, 1, 10, 1000} { // T108
			got, errs := collect(pool.IMap(p, square, numbers(n)))
			require.Empty(t, errs)
			require.True(t, slices.Equal(squares(n), got))
			got, errs = collect(pool.IMapUnordered(p, square, slices.Values(numbers(n)), pool.MaxSize(3)))
			require.Empty(t, errs)
			slices.Sort(got)
			require.True(t, slices.Equal(squares(n), got))
		}

		// T108: the order is that of the items, or of the ends.
		sleep := func(n int) (int, error) { gevent.Sleep(time.Duration(n) * time.Second); return n, nil }
		items := []int{10, 1, 2}
		ends := []int{1, 2, 10}
		switch size {
		case 1:
			ends = items
		case 2:
			ends = []int{1, 2, 10}
		}
		got, _ := collect(pool.IMapUnordered(p, sleep, items))
		require.Equal(t, ends, got)
		got, _ = collect(pool.IMap(p, sleep, items))
		require.Equal(t, items, got)

		// T114: an item that fails is one of the results.
		floats, errs := collect(pool.IMap(p, inverse, []int{1, 0, 2}))
		require.Equal(t, []float64{1, 0.5}, floats)
		require.Equal(t, []error{errBoom}, errs)
		floats, errs = collect(pool.IMapUnordered(p, inverse, []int{1, 0, 2}))
		require.Equal(t, []float64{1, 0.5}, floats)
		require.Equal(t, []error{errBoom}, errs)

		// T113: the items end with an error.
		for _, imap := range []func() iter.Seq2[int, error]{
			func() iter.Seq2[int, error] { return pool.IMap(p, square, badItems) },
			func() iter.Seq2[int, error] { return pool.IMapUnordered(p, square, badItems) },
			func() iter.Seq2[int, error] { return pool.IMapUnordered(p, square, badItems, pool.MaxSize(1)) },
		} {
			got, errs := collect(imap())
			require.Equal(t, []int{1, 4}, got)
			require.Equal(t, []error{errBoom}, errs)
		}
	})
	test(t, "T114 on a pool of one: a value, an error, a value, in this order", func(t *testing.T) {
		var got []any
		for v, err := range pool.IMap(pool.New(1), inverse, []int{1, 0, 2}) {
			if err != nil {
				got = append(got, err)
			} else {
				got = append(got, v)
			}
		}
		require.Equal(t, []any{1.0, errBoom, 0.5}, got)
	})
	test(t, "T108 items that come late, and a sequence that ends late", func(t *testing.T) {
		for _, imap := range []func(pool.Spawner, iter.Seq[int]) iter.Seq2[int, error]{
			func(p pool.Spawner, items iter.Seq[int]) iter.Seq2[int, error] { return pool.IMap(p, square, items) },
			func(p pool.Spawner, items iter.Seq[int]) iter.Seq2[int, error] {
				return pool.IMapUnordered(p, square, items, pool.MaxSize(1))
			},
		} {
			p := pool.New(2)
			q := queue.New[int](0)
			gevent.Spawn(func() {
				for i := range 3 {
					gevent.Sleep(100 * time.Millisecond)
					_ = q.Put(i)
				}
				gevent.Sleep(100 * time.Millisecond)
				q.Shutdown(false)
			})
			ms := elapsed()
			got, errs := collect(imap(p, q.All()))
			require.Empty(t, errs)
			require.Equal(t, []int{0, 1, 4}, got)
			require.EqualValues(t, 400, ms())
		}
	})
	test(t, "T109 a slow reader holds the work back", func(t *testing.T) {
		for i := range 8 {
			ordered, size := i%2 == 0, 1+i/2
			p := pool.New(10)
			begun := 0
			f := func(n int) (int, error) { begun++; return n, nil }
			imap := pool.IMapUnordered(p, f, numbers(100), pool.MaxSize(size))
			if ordered {
				imap = pool.IMap(p, f, numbers(100), pool.MaxSize(size))
			}
			i := 0
			for n, err := range imap {
				require.NoError(t, err)
				require.Equal(t, i, n)
				gevent.Sleep(time.Millisecond)
				require.Equal(t, min(i+1+size, 100), begun)
				i++
			}
			require.Equal(t, 100, i)
		}
	})
	test(t, "without a limit the work runs ahead of the reader", func(t *testing.T) {
		begun := 0
		for range pool.IMap(new(pool.Group), func(n int) (int, error) { begun++; return n, nil }, numbers(100)) {
			gevent.Sleep(0)
			gevent.Sleep(0)
			require.Equal(t, 100, begun)
		}
	})
	test(t, "who leaves the loop just when there is a place begins nothing", func(t *testing.T) {
		for _, imap := range []func(pool.Spawner, func(int) (int, error), []int, ...pool.IMapOption) iter.Seq2[int, error]{
			pool.IMap[int, int, []int], pool.IMapUnordered[int, int, []int],
		} {
			p := pool.New(1)
			var leave event.Event
			var begun []int
			work := func(i int) (int, error) {
				if begun = append(begun, i); i > 0 {
					gevent.Sleep(time.Second)
				}
				return i, nil
			}
			for range imap(p, work, []int{0, 1, 2, 3}) {
				gevent.Sleep(time.Millisecond) // 1 is at work, and the feeder waits for its place
				gevent.Spawn(func() { gevent.Sleep(999 * time.Millisecond); leave.Set() })
				leave.Wait() // told after the end of 1, and before that is noticed
				break
			}
			gevent.Sleep(time.Minute)
			require.Equal(t, []int{0, 1}, begun)
		}
	})
	test(t, "who leaves the loop ends the work, and may begin anew", func(t *testing.T) {
		p := pool.New(3)
		begun, ended := 0, 0
		imap := pool.IMapUnordered(p, func(n int) (int, error) {
			begun++
			defer func() { ended++ }()
			gevent.Sleep(time.Duration(n+1) * time.Second)
			return n, nil
		}, numbers(10))
		for range 2 {
			begun, ended = 0, 0
			for n := range imap {
				require.Zero(t, n)
				break
			}
			p.Join()
			require.Equal(t, begun, ended)
			require.LessOrEqual(t, begun, 4)
			require.Equal(t, 3, p.FreeCount())
		}
		begun, ended = 0, 0
		g := gevent.Spawn(func() {
			for range imap {
				t.Error("it was killed before")
			}
		})
		gevent.Sleep(time.Millisecond)
		g.Kill()
		p.Join()
		require.Equal(t, []int{3, 3}, []int{begun, ended})
	})
	t.Run("a panic of the items is the last error", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() {
			got, errs := collect(pool.IMap(pool.New(1), square, func(yield func(int) bool) { yield(3); panic(errBoom) }))
			require.Equal(t, []int{9}, got)
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[0], errBoom)
			var p *gevent.PanicError
			require.ErrorAs(t, errs[0], &p)
		}, virtual(), silent()))
	})
}
