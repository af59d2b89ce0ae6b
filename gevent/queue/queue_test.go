package queue_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/queue"
	"github.com/baton-go/baton/internal/hub"
)

// all is what every queue of ints has.
type all interface {
	Put(int) error
	PutTimeout(int, time.Duration) error
	PutNowait(int) error
	Get() (int, error)
	GetTimeout(time.Duration) (int, error)
	GetNowait() (int, error)
	Empty() bool
	Full() bool
	Len() int
	Getters() int
	Putters() int
	String() string
}

// got requires that there is no error.
func got[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// later calls f in a callback and returns what it returned.
func later[T any](f func() T) (v T) {
	hub.Current().Loop.CallSoon(func() { v = f() })
	gevent.Sleep(0)
	return v
}

func TestQueue(t *testing.T) {
	test(t, "T084 what was put first, and what is waited for", func(t *testing.T) {
		q := queue.New[string](0)
		require.NoError(t, q.Put("hi"))
		require.Equal(t, "hi", got(q.Peek()))
		require.Equal(t, "hi", got(q.Get()))
		g := gevent.SpawnValue(q.Get)
		gevent.Sleep(0)
		require.Equal(t, 1, q.Getters())
		require.NoError(t, q.Put("hi2"))
		require.Equal(t, "hi2", got(g.Get()))
		require.True(t, q.Empty())
	})
	test(t, "T085 a putter waits for room", func(t *testing.T) {
		q := queue.New[string](2)
		var results trace
		putter := gevent.Spawn(func() error {
			for _, v := range []string{"a", "b", "c"} {
				if err := q.Put(v); err != nil {
					return err
				}
				results.add(v)
			}
			return nil
		})
		gevent.Sleep(0)
		require.Equal(t, trace{"a", "b"}, results)
		require.True(t, q.Full())
		require.Equal(t, 1, q.Putters())
		require.Equal(t, "a", got(q.Get()))
		gevent.Sleep(0)
		require.Equal(t, trace{"a", "b", "c"}, results)
		require.Equal(t, "b", got(q.Get()))
		require.Equal(t, "c", got(q.Get()))
		require.NoError(t, putter.Get())
	})
	test(t, "T086 several waiters get an item each, in their order", func(t *testing.T) {
		q := queue.New[string](0)
		var results trace
		for i := range 4 {
			gevent.Spawn(func() { results.add(fmt.Sprint(i, got(q.Get()))) })
		}
		gevent.Sleep(0)
		for i, v := range []string{"1", "2", "3", "4"} {
			require.NoError(t, q.Put(v))
			if i != 2 {
				gevent.Sleep(0)
				require.Len(t, results, i+1)
			}
		}
		require.Equal(t, trace{"01", "12", "23", "34"}, results)
	})
	test(t, "T087 waiters that give up take nothing along", func(t *testing.T) {
		q := queue.New[int](0)
		gave := func() error { _, err := q.GetTimeout(10 * time.Millisecond); return err }
		a, b := gevent.Spawn(gave), gevent.Spawn(gave)
		c := gevent.SpawnValue(q.Get)
		require.ErrorIs(t, a.Get(), queue.ErrEmpty)
		require.ErrorIs(t, b.Get(), queue.ErrEmpty)
		require.Equal(t, 1, q.Getters())
		require.NoError(t, q.Put(1))
		require.Equal(t, 1, got(c.Get()))
		d := gevent.Spawn(gave)
		gevent.Sleep(0)
		d.Kill()
		require.NoError(t, q.Put(2))
		gevent.Sleep(time.Second)
		require.Equal(t, 1, q.Len())
		require.Zero(t, q.Getters())
	})
	test(t, "T088 the item of a putter that has ended is there", func(t *testing.T) {
		q := queue.New[int](1)
		gevent.Spawn(func() error { return q.Put(7) }).Join()
		require.Equal(t, 7, got(q.Get()))
	})
	test(t, "T089 puts in callbacks", func(t *testing.T) {
		q := queue.New[int](1)
		require.NoError(t, later(func() error { return q.PutNowait(2) }))
		require.ErrorIs(t, later(func() error { return q.PutNowait(3) }), queue.ErrFull)
		ch := queue.NewChannel[int]()
		for range 2 {
			require.ErrorIs(t, later(func() error { return ch.PutNowait(2) }), queue.ErrFull)
		}
	})
	test(t, "T090 a put in a callback is for a getter that waits, and makes it take what is there", func(t *testing.T) {
		q := queue.New[int](1)
		a, b := gevent.SpawnValue(q.Get), gevent.SpawnValue(q.Get)
		peeker := gevent.SpawnValue(q.Peek)
		gevent.Sleep(0)
		errs := later(func() (errs []error) {
			for i := range 4 {
				errs = append(errs, q.PutNowait(i))
			}
			return errs
		})
		require.Equal(t, []error{nil, nil, nil, queue.ErrFull}, errs)
		require.Equal(t, 0, got(a.Get()))
		require.Equal(t, 1, got(b.Get()))
		require.Equal(t, 2, got(peeker.Get()))
		require.Equal(t, 2, got(q.Get()))
	})
	test(t, "T091 gets in callbacks", func(t *testing.T) {
		q := queue.New(0, 4)
		require.Equal(t, 4, later(func() int { return got(q.GetNowait()) }))
		require.ErrorIs(t, later(func() error { _, err := q.GetNowait(); return err }), queue.ErrEmpty)
		full := queue.New(1, 4)
		putters := []*gevent.Greenlet{
			gevent.Spawn(func() error { return full.Put(5) }),
			gevent.Spawn(func() error { return full.Put(6) }),
		}
		gevent.Sleep(0)
		require.Equal(t, []int{4, 5, 6}, later(func() []int {
			return []int{got(full.GetNowait()), got(full.GetNowait()), got(full.GetNowait())}
		}))
		gevent.JoinAll(putters...)
		require.NoError(t, errors.Join(putters[0].Err(), putters[1].Err()))
		require.True(t, full.Empty())
		require.Equal(t, 3, full.UnfinishedTasks())
	})
	test(t, "T219 in a callback, a call that would wait panics", func(t *testing.T) {
		q := queue.New[int](1)
		message := func(f func()) any {
			return later(func() (v any) {
				defer func() { v = recover() }()
				f()
				return nil
			})
		}
		require.Contains(t, message(func() { _, _ = q.Get() }), "queue.Get: a callback of the loop must not block")
		require.Nil(t, message(func() { _ = q.Put(1) }))
		require.Contains(t, message(func() { _ = q.Put(1) }), "queue.Put: a callback of the loop must not block")
		require.Contains(t, message(q.Join), "queue.Join: a callback of the loop must not block")
	})
	test(t, "T092 peeking leaves the item", func(t *testing.T) {
		q := queue.New[int](0)
		_, err := q.PeekTimeout(time.Millisecond)
		require.ErrorIs(t, err, queue.ErrEmpty)
		_, err = q.PeekNowait()
		require.Equal(t, queue.ErrEmpty, err)
		a, b := gevent.SpawnValue(q.Peek), gevent.SpawnValue(q.Peek)
		gevent.Sleep(0)
		require.NoError(t, q.Put(3))
		require.Equal(t, 3, got(a.Get()))
		require.Equal(t, 3, got(b.Get()))
		require.Equal(t, 3, got(q.PeekNowait()))
		require.Equal(t, 1, q.Len())
	})
	t.Run("T092 peeking into nothing is a LoopExit", func(t *testing.T) {
		err := gevent.Run(func() { _, _ = queue.New[int](3).Peek() }, virtual())
		require.ErrorIs(t, err, gevent.ErrLoopExit)
		require.ErrorContains(t, err, "(0 items, maxsize 3, 1 getters)")
		require.NotContains(t, err.Error(), "waitlist")
	})
	test(t, "T096 a loop over it ends with the Shutdown", func(t *testing.T) {
		q := queue.New[int](0)
		gevent.Spawn(func() {
			for i := range 3 {
				got(0, q.Put(i))
				gevent.Sleep(0)
			}
			q.Shutdown(false)
		})
		require.Equal(t, []int{0, 1, 2}, slices.Collect(q.All()))
		for range queue.New(0, 1, 2).All() {
			break
		}
	})
	test(t, "T211 a get that does not wait may be quicker than who was told", func(t *testing.T) {
		q := queue.New[string](0)
		g := gevent.SpawnValue(q.Get)
		gevent.Sleep(0)
		require.NoError(t, q.Put("a"))
		require.Equal(t, "a", got(q.GetNowait()))
		gevent.Sleep(0)
		require.False(t, g.Ready())
		require.Equal(t, 1, q.Getters())
		require.NoError(t, q.Put("b"))
		require.Equal(t, "b", got(g.Get()))
	})
	test(t, "T211 a killed getter leaves the item, a killed putter takes its own", func(t *testing.T) {
		q := queue.New[int](1)
		getter := gevent.Spawn(func() { _, _ = q.Get() })
		gevent.Sleep(0)
		getter.Kill()
		require.NoError(t, q.Put(0))
		require.Equal(t, 1, q.QSize())
		putter := gevent.Spawn(func() { _ = q.Put(1) })
		gevent.Sleep(0)
		putter.Kill()
		require.Equal(t, 0, got(q.Get()))
		require.Equal(t, 0, q.QSize())
	})
	test(t, "more room lets putters go on", func(t *testing.T) {
		q := queue.New[int](1)
		for i := range 5 {
			gevent.Spawn(func() { _ = q.Put(i) })
		}
		gevent.Sleep(0)
		require.Equal(t, 1, q.Len())
		q.SetMaxSize(3)
		gevent.Sleep(0)
		require.Equal(t, 3, q.Len())
		require.Equal(t, 3, q.MaxSize())
		require.Equal(t, 2, q.Putters())
		q.SetMaxSize(-1)
		gevent.Sleep(0)
		require.Equal(t, 5, q.Len())
		require.Zero(t, q.MaxSize())
		require.False(t, q.Full())
	})
	test(t, "items at the beginning may be more than there is room for, and a copy has the same", func(t *testing.T) {
		q := queue.New(1, 1, 2, 3)
		require.True(t, q.Full())
		c := q.Copy()
		require.Equal(t, 1, got(q.Get()))
		require.ErrorIs(t, q.PutNowait(4), queue.ErrFull)
		require.Equal(t, 3, c.Len())
		require.Equal(t, 3, c.UnfinishedTasks())
		require.Equal(t, 1, c.MaxSize())
		require.Equal(t, 1, got(c.Get()))
		s := queue.NewSimple(2, 1, 2).Copy()
		require.Equal(t, 1, got(s.Get()))
		p := queue.NewPriority(0, 3, 1, 2).Copy()
		require.Equal(t, 1, got(p.Get()))
		l := queue.NewLifo(0, 3, 1, 2).Copy()
		require.Equal(t, 2, got(l.Get()))
	})
	test(t, "a long queue keeps its order", func(t *testing.T) {
		q := queue.New[int](0)
		next := 0
		for i := range 10_000 {
			require.NoError(t, q.Put(i))
			if i%3 == 0 {
				require.Equal(t, next, got(q.Get()))
				next++
			}
		}
		for ; !q.Empty(); next++ {
			require.Equal(t, next, got(q.Get()))
		}
		require.Equal(t, 10_000, next)
	})
	test(t, "a hand-over allocates nothing", func(t *testing.T) {
		if testing.AllocsPerRun(10, func() { gevent.Current() }) > 0 {
			t.Skip("here it costs allocations to find out which goroutine calls")
		}
		there, back := queue.New[int](0), queue.New[int](1)
		ch, hc := queue.NewChannel[int](), queue.NewChannel[int]()
		g := gevent.Spawn(func() {
			for {
				got(0, back.Put(got(there.Get())))
				got(0, hc.Put(got(ch.Get())))
			}
		})
		step := func() {
			got(0, there.Put(1))
			got(back.Get())
			got(0, ch.Put(1))
			got(hc.Get())
		}
		step()
		require.Zero(t, testing.AllocsPerRun(100, step))
		g.Kill()
	})
}

func TestTasks(t *testing.T) {
	test(t, "T097 tasks are counted", func(t *testing.T) {
		q := queue.New[int](0)
		require.Equal(t, 0, q.UnfinishedTasks())
		q.Join()
		require.True(t, q.JoinTimeout(0))
		require.NoError(t, q.Put(1))
		require.Equal(t, 1, q.UnfinishedTasks())
		got(q.Get())
		require.Equal(t, 1, q.UnfinishedTasks())
		q.TaskDone()
		require.Equal(t, 0, q.UnfinishedTasks())
		require.PanicsWithValue(t, "queue.TaskDone: it was called too many times; call it once for each item that was got", q.TaskDone)
	})
	test(t, "T098 after a Shutdown what is there still comes", func(t *testing.T) {
		q := queue.New[int](0)
		got(0, q.Put(1))
		got(0, q.Put(2))
		q.Shutdown(false)
		q.Shutdown(false)
		require.True(t, q.IsShutDown())
		require.ErrorIs(t, q.Put(3), queue.ErrShutDown)
		require.ErrorIs(t, q.PutNowait(3), queue.ErrShutDown)
		got(q.Get())
		got(q.Peek())
		got(q.Get())
		q.TaskDone()
		q.TaskDone()
		q.Join()
		_, err := q.Get()
		require.ErrorIs(t, err, queue.ErrShutDown)
		_, err = q.GetNowait()
		require.ErrorIs(t, err, queue.ErrShutDown)
		_, err = q.GetTimeout(time.Second)
		require.ErrorIs(t, err, queue.ErrShutDown)
		_, err = q.PeekNowait()
		require.ErrorIs(t, err, queue.ErrShutDown)
	})
	test(t, "T099 tasks that were done before they were got are not dropped again", func(t *testing.T) {
		q := queue.New(0, 1, 2, 3)
		q.TaskDone()
		q.TaskDone()
		q.Shutdown(true)
		require.Zero(t, q.UnfinishedTasks())
		q.Join()
	})
	test(t, "T099 an immediate Shutdown drops all", func(t *testing.T) {
		q := queue.New[int](0, 1, 2)
		joined := gevent.Spawn(q.Join)
		gevent.Sleep(0)
		require.Equal(t, 1, q.Joiners())
		q.Shutdown(true)
		_, err := q.Get()
		require.ErrorIs(t, err, queue.ErrShutDown)
		_, err = q.GetNowait()
		require.ErrorIs(t, err, queue.ErrShutDown)
		require.Panics(t, q.TaskDone)
		joined.Join()
		q.Join()
	})
	test(t, "a Shutdown wakes getters and putters, whose items are not in the queue", func(t *testing.T) {
		full, empty := queue.New(1, 0), queue.New[int](0)
		putter := gevent.Spawn(func() error { return full.Put(1) })
		getter := gevent.SpawnValue(empty.Get)
		gevent.Sleep(0)
		full.Shutdown(false)
		empty.Shutdown(false)
		require.ErrorIs(t, putter.Get(), queue.ErrShutDown)
		_, err := getter.Get()
		require.ErrorIs(t, err, queue.ErrShutDown)
		require.Equal(t, 1, full.Len())
	})
	test(t, "T100 Join waits for all tasks", func(t *testing.T) {
		q := queue.New[int](5)
		sum := 0
		for range 2 {
			gevent.Spawn(func() {
				for v := range q.All() {
					sum += v
					gevent.Sleep(0)
					q.TaskDone()
				}
			})
		}
		for round := range 2 {
			for i := range 100 {
				got(0, q.Put(i))
			}
			q.Join()
			require.Equal(t, 4950*(round+1), sum)
		}
		q.Shutdown(false)
		initial := queue.New(0, 1, 2, 3)
		require.Equal(t, 3, initial.UnfinishedTasks())
		for range 3 {
			require.False(t, initial.JoinTimeout(time.Millisecond))
			got(initial.Get())
			initial.TaskDone()
		}
		require.True(t, initial.JoinTimeout(time.Millisecond))
	})
}

func TestT100EveryKindOfQueue(t *testing.T) {
	type peeker interface {
		all
		Peek() (int, error)
	}
	for _, c := range []struct {
		name string
		q    peeker
		want []int
	}{
		{"Queue", queue.New[int](5), []int{111, 333, 222, 444}},
		{"SimpleQueue", queue.NewSimple[int](5), []int{111, 333, 222, 444}},
		{"LifoQueue", queue.NewLifo[int](5), []int{444, 222, 333, 111}},
		{"PriorityQueue", queue.NewPriority[int](5), []int{111, 222, 333, 444}},
	} {
		test(t, c.name, func(t *testing.T) {
			q := c.q
			for range 2 {
				for _, v := range []int{111, 333, 222, 444} {
					require.NoError(t, q.Put(v))
				}
				for _, v := range c.want {
					require.Equal(t, v, got(q.Peek()))
					require.Equal(t, v, got(q.Get()))
				}
				for i := range 5 {
					require.False(t, q.Full())
					require.NoError(t, q.PutNowait(i))
				}
				require.True(t, q.Full())
				require.Equal(t, queue.ErrFull, q.PutNowait(9))
				err := q.PutTimeout(9, 10*time.Millisecond)
				require.ErrorIs(t, err, queue.ErrFull)
				require.ErrorIs(t, err, gevent.ErrTimeout)
				var timeout interface{ Timeout() bool }
				require.True(t, errors.As(err, &timeout) && timeout.Timeout())
				require.EqualError(t, err, "queue: full until the time was up")
				for _, put := range []func() error{func() error { return q.Put(9) }, func() error { return q.PutTimeout(9, 10*time.Second) }} {
					gevent.Spawn(func() { got(q.Get()) })
					require.NoError(t, put())
				}
				for range 5 {
					got(q.Get())
				}
				require.True(t, q.Empty())
				_, err = q.GetNowait()
				require.Equal(t, queue.ErrEmpty, err)
				_, err = q.GetTimeout(10 * time.Millisecond)
				require.ErrorIs(t, err, queue.ErrEmpty)
				require.ErrorIs(t, err, gevent.ErrTimeout)
				for _, get := range []func() (int, error){q.Get, func() (int, error) { return q.GetTimeout(10 * time.Second) }} {
					gevent.Spawn(func() { got(0, q.Put(1)) })
					require.Equal(t, 1, got(get()))
				}
				require.Zero(t, q.Getters()+q.Putters())
				require.Contains(t, q.String(), c.name+" 0x")
			}
		})
	}
}

func TestPriority(t *testing.T) {
	type pair struct {
		n    int
		name string
	}
	less := func(a, b pair) bool { return a.n < b.n }
	test(t, "T100 items at the beginning are put in order", func(t *testing.T) {
		q := queue.NewPriorityFunc(0, less, pair{2, "b"}, pair{1, "a"})
		require.Equal(t, pair{1, "a"}, got(q.Get()))
	})
	test(t, "equal ones come as from Python's heap", func(t *testing.T) {
		// heapq.heapify and heappop of these pairs, compared by their first halves.
		q := queue.NewPriorityFunc(0, less, pair{1, "a"}, pair{0, "b"}, pair{1, "c"}, pair{0, "d"}, pair{1, "e"}, pair{0, "f"})
		var order trace
		for !q.Empty() {
			order.add(got(q.Get()).name)
		}
		require.Equal(t, trace{"f", "d", "b", "c", "a", "e"}, order)
	})
	test(t, "many come in order", func(t *testing.T) {
		q := queue.NewPriority[int](0)
		var want []int
		for i := range 1000 {
			v := i * 7919 % 1009
			want = append(want, v)
			got(0, q.Put(v))
		}
		slices.Sort(want)
		for _, v := range want {
			require.Equal(t, v, got(q.Get()))
		}
	})
	test(t, "T101 a getter whose comparison panics leaves the item to the next one", func(t *testing.T) {
		odd := false
		q := queue.NewPriorityFunc(0, func(a, b int) bool {
			if odd {
				odd = false
				panic("odd")
			}
			return a < b
		})
		var items []int
		var gs []*gevent.Greenlet
		for range 4 {
			gs = append(gs, gevent.Spawn(func() error {
				defer func() {
					if v := recover(); v != nil {
						items = append(items, -1)
					}
				}()
				items = append(items, got(q.Get()))
				return nil
			}))
		}
		gevent.Sleep(0)
		for _, item := range []int{3, 1, 2} {
			require.NoError(t, q.Put(item))
		}
		odd = true
		gevent.JoinAll(gs...)
		require.Equal(t, []int{-1, 1, 2, 3}, items)
	})
	test(t, "T101 a comparison that panics puts nothing, loses nothing, and is the caller's", func(t *testing.T) {
		fails := false
		q := queue.NewPriorityFunc(2, func(a, b int) bool {
			if fails {
				panic("odd")
			}
			return a < b
		}, 1, 2)
		require.PanicsWithValue(t, "queue.NewPriorityFunc: the function is nil; pass the function that compares", func() { queue.NewPriorityFunc[int](0, nil) })
		got(q.Get())
		fails = true
		require.PanicsWithValue(t, "odd", func() { _ = q.Put(0) })
		require.PanicsWithValue(t, "odd", func() { _ = q.PutTimeout(0, time.Second) })
		require.Equal(t, 1, q.Len())
		fails = false
		got(0, q.Put(0))
		// For a putter that waits: the failure is its own, and the next one goes on.
		caught := 0
		put := func(v int) func() {
			return func() {
				defer func() {
					if recover() != nil {
						caught++
						fails = false
					}
				}()
				got(0, q.Put(v))
			}
		}
		a, b := gevent.Spawn(put(5)), gevent.Spawn(put(6))
		gevent.Sleep(0)
		require.Equal(t, 0, got(q.Get()))
		fails = true
		gevent.JoinAll(a, b)
		require.Equal(t, 1, caught)
		require.Equal(t, 2, got(q.Get()))
		require.Equal(t, 6, got(q.Get()))
		require.True(t, q.Empty())
		// For getters that wait.
		q.SetMaxSize(0)
		var items []int
		for range 2 {
			gevent.Spawn(func() {
				defer func() {
					if recover() != nil {
						caught++
						fails = false
					}
				}()
				items = append(items, got(q.Get()))
			})
		}
		gevent.Sleep(0)
		for _, v := range []int{3, 4, 5} {
			got(0, q.Put(v))
		}
		fails = true
		gevent.Sleep(time.Millisecond)
		require.Equal(t, 2, caught)
		require.Equal(t, []int{3}, items)
		require.Equal(t, 4, got(q.Get()))
		require.Equal(t, 5, got(q.Get()))
	})
}

func TestChannel(t *testing.T) {
	test(t, "T093 a sender waits for a receiver", func(t *testing.T) {
		ch := queue.NewChannel[int]()
		sender := gevent.Spawn(func() error { return ch.Put(1) })
		gevent.Sleep(0)
		require.False(t, sender.Ready())
		require.Equal(t, 1, ch.Balance())
		require.True(t, ch.Empty() && ch.Full())
		require.Zero(t, ch.Len()+ch.QSize())
		receiver := gevent.SpawnValue(ch.Get)
		require.NoError(t, sender.Get())
		require.Equal(t, 1, got(receiver.Get()))
		require.Zero(t, ch.Balance())
	})
	test(t, "T094 sending", func(t *testing.T) {
		ch := queue.NewChannel[string]()
		var events trace
		another := gevent.Spawn(func() {
			events.add(got(ch.Get()))
			events.add(got(ch.Get()))
		})
		events.add("sending")
		got(0, ch.Put("hello"))
		events.add("sent hello")
		got(0, ch.Put("world"))
		events.add("sent world")
		require.Equal(t, trace{"sending", "hello", "sent hello", "world", "sent world"}, events)
		another.Join()
	})
	test(t, "T095 waiting", func(t *testing.T) {
		ch := queue.NewChannel[string]()
		var events trace
		gevent.Spawn(func() {
			events.add("sending hello")
			got(0, ch.Put("hello"))
			events.add("sending world")
			got(0, ch.Put("world"))
			events.add("sent world")
		})
		events.add("waiting")
		events.add(got(ch.Get()))
		events.add(got(ch.Get()))
		require.Equal(t, trace{"waiting", "sending hello", "hello", "sending world", "world"}, events)
		gevent.Sleep(0)
		require.Equal(t, "sent world", events[5])
	})
	test(t, "without waiting it needs somebody who does", func(t *testing.T) {
		ch := queue.NewChannel[int]()
		require.Equal(t, queue.ErrFull, ch.PutNowait(1))
		_, err := ch.GetNowait()
		require.Equal(t, queue.ErrEmpty, err)
		g := gevent.SpawnValue(ch.Get)
		gevent.Sleep(0)
		require.NoError(t, ch.PutNowait(2))
		require.Equal(t, queue.ErrFull, ch.PutNowait(3), "it has an item already")
		require.Equal(t, 2, got(g.Get()))
		p := gevent.Spawn(func() error { return ch.Put(4) })
		gevent.Sleep(0)
		require.Equal(t, 4, later(func() int { return got(ch.GetNowait()) }))
		require.NoError(t, p.Get())
		require.Regexp(t, `^Channel 0x\w+ \(0 getters, 0 putters\)$`, ch.String())
	})
	test(t, "who is killed hands nothing over, but what is handed over stays so", func(t *testing.T) {
		ch := queue.NewChannel[int]()
		p := gevent.Spawn(func() { _ = ch.Put(1) })
		gevent.Sleep(0)
		p.Kill()
		_, err := ch.GetNowait()
		require.Equal(t, queue.ErrEmpty, err)
		item := 0
		g := gevent.Spawn(func() { item = got(ch.Get()); gevent.Sleep(time.Hour) })
		gevent.Sleep(0)
		require.NoError(t, ch.Put(2))
		g.Kill()
		require.Equal(t, 2, item)
		// A putter that is killed while it lets the getter go first has put.
		put := false
		gevent.SpawnValue(ch.Get)
		q := gevent.Spawn(func() { put = ch.Put(3) == nil; gevent.Sleep(time.Hour) })
		gevent.SpawnLater(-1, func() {})
		gevent.Spawn(func() { q.KillAsync(nil) })
		q.Join()
		require.True(t, put)
		require.Zero(t, ch.Getters()+ch.Putters())
	})
	test(t, "a Shutdown ends it", func(t *testing.T) {
		ch := queue.NewChannel[int]()
		g, p := gevent.SpawnValue(func() ([]int, error) { return slices.Collect(ch.All()), nil }), gevent.Spawn(func() error { return ch.Put(1) })
		gevent.Sleep(0)
		q := queue.NewChannel[int]()
		w := gevent.Spawn(func() error { return q.Put(1) })
		gevent.Sleep(0)
		ch.Shutdown()
		q.Shutdown()
		require.Equal(t, []int{1}, got(g.Get()))
		require.NoError(t, p.Get())
		require.ErrorIs(t, w.Get(), queue.ErrShutDown)
		require.ErrorIs(t, ch.Put(1), queue.ErrShutDown)
		require.ErrorIs(t, ch.PutNowait(1), queue.ErrShutDown)
		_, err := ch.Get()
		require.ErrorIs(t, err, queue.ErrShutDown)
		_, err = ch.GetNowait()
		require.ErrorIs(t, err, queue.ErrShutDown)
	})
}

func TestNoTimeIsEnoughForWhatThoseDoWhoAreReady(t *testing.T) {
	for name, make := range map[string]func() all{
		"Queue":         func() all { return queue.New[int](1) },
		"LifoQueue":     func() all { return queue.NewLifo[int](1) },
		"PriorityQueue": func() all { return queue.NewPriority[int](1) },
		"SimpleQueue":   func() all { return queue.NewSimple[int](1) },
		"Channel":       func() all { return queue.NewChannel[int]() },
	} {
		test(t, name, func(t *testing.T) {
			for _, ready := range []int{1, 2, 10, 100, 1000} {
				for _, limit := range []time.Duration{0, -1} {
					last := func(f func()) {
						for i := range ready {
							gevent.Spawn(func() {
								if i == ready-1 {
									f()
								}
							})
						}
					}
					q := make()
					last(func() { require.NoError(t, q.Put(7)) })
					item, err := q.GetTimeout(limit)
					require.NoError(t, err, ready)
					require.Equal(t, 7, item)
					if name != "Channel" {
						require.NoError(t, q.Put(8))
					}
					var items []int
					last(func() { items = append(items, got(q.Get())) })
					require.NoError(t, q.PutTimeout(9, limit), ready)
					for q.Len() > 0 {
						items = append(items, got(q.Get()))
					}
					gevent.Sleep(0)
					require.Equal(t, 9, items[len(items)-1])
					require.Zero(t, q.Getters()+q.Putters())
				}
			}
		})
	}
}

func TestInterruptsKeepTheirOrder(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	for name, other := range map[string]func(ch *queue.Channel[int]){
		"Put": func(ch *queue.Channel[int]) { require.Equal(t, 1, got(ch.Get())) },
		"Get": func(ch *queue.Channel[int]) { require.NoError(t, ch.Put(1)) },
	} {
		test(t, name, func(t *testing.T) {
			ch := queue.NewChannel[int]()
			waits := gevent.Spawn(func() { other(ch) })
			gevent.Sleep(0)
			var came []error
			gevent.Spawn(func() {
				gevent.Current().KillAsync(first)
				gevent.Current().KillAsync(second)
				if name == "Put" {
					require.NoError(t, ch.Put(1))
				} else {
					require.Equal(t, 1, got(ch.Get()))
				}
				for range 2 {
					came = append(came, gevent.Try(func() error { gevent.Sleep(0); return nil }))
				}
			}).Join()
			require.Equal(t, []error{first, second}, came)
			require.NoError(t, waits.Get())
		})
	}
}

func TestT102LimitsThatRunOutLeaveNothing(t *testing.T) {
	run(t, func() {
		q, ch := queue.New[int](1), queue.NewChannel[int]()
		for range 15 {
			_, err := q.GetTimeout(time.Millisecond)
			require.ErrorIs(t, err, queue.ErrEmpty)
			require.ErrorIs(t, ch.PutTimeout(1, time.Millisecond), queue.ErrFull)
		}
		require.Zero(t, q.Getters()+ch.Putters())
		require.Zero(t, hub.Current().Loop.Stats().Timers)
	})
}

// panicOf calls f and returns the error with which it panics.
func panicOf(f func()) (err error) {
	defer func() { err, _ = recover().(error) }()
	f()
	return nil
}

func TestThreads(t *testing.T) {
	t.Run("a queue belongs to one thread at a time", func(t *testing.T) {
		q := queue.New[int](0)
		require.NoError(t, q.Put(1)) // before any thread
		require.NoError(t, gevent.Run(func() {
			require.Equal(t, 1, got(q.Get()))
			gevent.Offload(func() {
				refused := func() {
					for op, call := range map[string]func(){
						"Put":     func() { _ = q.Put(2) },
						"Get":     func() { _, _ = q.Get() },
						"Len":     func() { q.Empty() },
						"Full":    func() { q.Full() },
						"Copy":    func() { q.Copy() },
						"Getters": func() { q.Getters() },
						"Putters": func() { q.Putters() },
						"Joiners": func() { q.Joiners() },
					} {
						require.ErrorIs(t, panicOf(call), gevent.ErrWrongThread)
						require.Regexp(t, "^queue."+op+": the queue belongs to another thread, the first, and was used from .*; hand the item over by a Channel, or do it there by Hub.Post$",
							panicOf(call).Error())
					}
					require.Equal(t, fmt.Sprintf("Queue %p", q), q.String())
				}
				refused()
				require.NoError(t, gevent.Run(refused))
			})
			require.Equal(t, fmt.Sprintf("Queue %p (0 items, 1 unfinished tasks)", q), q.String())
		}, gevent.WithName("the first")))
		require.Equal(t, fmt.Sprint(0, 0, 0), fmt.Sprint(q.Len(), q.Getters(), q.Copy().Len()), "the first has ended")
		require.NoError(t, gevent.Run(func() { require.NoError(t, q.Put(3)) }), "the first has ended")
		require.Equal(t, 3, got(q.Get()))
		require.PanicsWithValue(t, hub.NoThread("queue.Get"), func() { _, _ = q.Get() })
	})
	t.Run("a Channel is for several, and loses and doubles nothing", func(t *testing.T) {
		const each = 500
		ch := queue.NewChannel[int]().Share()
		counts := make(chan map[int]int, 4)
		errs := make(chan error, 4)
		for k := range 4 {
			go func() {
				errs <- gevent.Run(func() {
					seen := map[int]int{}
					getter := gevent.Spawn(func() {
						for {
							v, err := ch.GetTimeout(time.Duration(len(seen)%5) * 100 * time.Microsecond)
							if errors.Is(err, queue.ErrShutDown) {
								return
							} else if err == nil {
								seen[v]++
							}
						}
					})
					for i := range each {
						v := k*each + i
						for ch.PutTimeout(v, time.Duration(i%7)*50*time.Microsecond) != nil {
						}
					}
					counts <- seen
					getter.Join()
				})
			}()
		}
		var maps []map[int]int
		for range 4 {
			maps = append(maps, <-counts)
		}
		// A goroutine of no thread takes part.
		errPut := make(chan error)
		go func() { errPut <- ch.Put(4 * each) }()
		require.NoError(t, <-errPut)
		ch.Shutdown()
		for range 4 {
			require.NoError(t, <-errs)
		}
		total := map[int]int{}
		for _, m := range maps {
			for v, n := range m {
				total[v] += n
			}
		}
		require.Len(t, total, 4*each+1)
		for v, n := range total {
			require.Equal(t, 1, n, "%d", v)
		}
		require.Zero(t, ch.Getters()+ch.Putters())
	})
}
