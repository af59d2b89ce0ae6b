package asyncio_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// anyQueue is what all queues have.
type anyQueue interface {
	Put(ctx, int) error
	Get(ctx) (int, error)
	PutNowait(int) error
	GetNowait() (int, error)
	QSize() int
	Len() int
	Empty() bool
	Full() bool
	MaxSize() int
	Getters() int
	Putters() int
	UnfinishedTasks() int
	TaskDone() error
	Join(ctx) error
	Shutdown(bool)
	IsShutDown() bool
	String() string
}

func got[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		require.NoError(t, err)
		return v
	}
}

func TestQueue(t *testing.T) {
	for name, way := range map[string]struct {
		q    anyQueue
		want []int
	}{
		"Queue":         {asyncio.NewQueue[int](0), []int{1, 3, 2}},
		"LifoQueue":     {asyncio.NewLifoQueue[int](0), []int{2, 3, 1}},
		"PriorityQueue": {asyncio.NewPriorityQueue[int](0), []int{1, 2, 3}},
	} {
		syncTest(t, "QU-01 the order of a "+name, func(t *testing.T, c ctx) {
			for _, v := range []int{1, 3, 2} {
				require.NoError(t, way.q.PutNowait(v))
			}
			require.Contains(t, way.q.String(), "<asyncio."+name+" 0x")
			require.Contains(t, way.q.String(), " maxsize=0 items=3 tasks=3>")
			for _, want := range way.want {
				v, err := way.q.Get(c)
				require.NoError(t, err)
				require.Equal(t, want, v)
			}
			require.True(t, way.q.Empty())
			way.q.Shutdown(true)
			require.Contains(t, way.q.String(), " tasks=3 shutdown>")
		})
		syncTest(t, "QU-06 an immediate Shutdown of a "+name+" drops the items", func(t *testing.T, c ctx) {
			q := map[string]func() anyQueue{
				"Queue":         func() anyQueue { return asyncio.NewQueue[int](5) },
				"LifoQueue":     func() anyQueue { return asyncio.NewLifoQueue[int](5) },
				"PriorityQueue": func() anyQueue { return asyncio.NewPriorityQueue[int](5) },
			}[name]()
			for i := range 5 {
				require.NoError(t, q.PutNowait(i))
			}
			require.True(t, q.Full())
			q.Shutdown(true)
			require.True(t, q.IsShutDown())
			require.Zero(t, q.Len())
			require.Zero(t, q.UnfinishedTasks())
		})
	}
	syncTest(t, "QU-01 a put waits for room", func(t *testing.T, c ctx) {
		q := asyncio.NewQueue[int](2)
		require.Equal(t, 2, q.MaxSize())
		var put []int
		w := spawn(c, func(c ctx) error {
			for i := range 3 {
				if err := q.Put(c, i); err != nil {
					return err
				}
				put = append(put, i)
			}
			return nil
		})
		tick(t, c)
		require.Equal(t, []int{0, 1}, put)
		require.True(t, q.Full())
		require.Contains(t, q.String(), " maxsize=2 items=2 putters=1 tasks=2>")
		require.Zero(t, got[int](t)(q.Get(c)))
		require.NoError(t, syncJoin(c, w))
		require.Equal(t, []int{0, 1, 2}, put)
	})
	syncTest(t, "QU-01 a size that is not positive is no limit", func(t *testing.T, c ctx) {
		q := asyncio.NewQueue[int](-1)
		require.Zero(t, q.MaxSize())
		for i := range 10_000 {
			require.NoError(t, q.Put(c, i))
		}
		require.False(t, q.Full())
		require.Equal(t, 10_000, q.QSize())
	})
	syncTest(t, "QU-02 a getter behind one that is cancelled gets the item", func(t *testing.T, c ctx) {
		q := asyncio.NewQueue[string](0)
		one, two := asyncio.CreateTask(c, q.Get), asyncio.CreateTask(c, q.Get)
		tick(t, c)
		one.Cancel()
		tick(t, c)
		require.True(t, one.Done())
		require.NoError(t, q.PutNowait("a"))
		require.Equal(t, "a", got[string](t)(two.Await(c)))
	})
	syncTest(t, "QU-02 the item of a getter that is cancelled is there for its next try", func(t *testing.T, c ctx) {
		q := asyncio.NewQueue[int](0)
		g := asyncio.CreateTask(c, q.Get)
		tick(t, c)
		_, _ = q.PutNowait(1), q.PutNowait(2)
		g.Cancel()
		_, err := g.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.Equal(t, 1, got[int](t)(q.Get(c)))
	})
	syncTest(t, "QU-02 of three getters of two items one is cancelled", func(t *testing.T, c ctx) {
		q := asyncio.NewQueue[int](0)
		var all []int
		ts := syncSpawn(c, 3, func(c ctx, _ int) error {
			v, err := q.Get(c)
			if err == nil {
				all = append(all, v)
			}
			return err
		})
		tick(t, c)
		_, _ = q.PutNowait(1), q.PutNowait(2)
		ts[0].Cancel()
		require.NoError(t, syncJoin(c, ts...))
		require.Equal(t, []int{1, 2}, all)
	})
	syncTest(t, "QU-03 a put that is cancelled on its way can be tried again", func(t *testing.T, c ctx) {
		q := asyncio.NewQueue[int](1)
		require.NoError(t, q.PutNowait(1))
		w := spawn(c, func(c ctx) error { return q.Put(c, 2) })
		tick(t, c)
		require.Equal(t, 1, got[int](t)(q.GetNowait()))
		w.Cancel()
		require.NoError(t, syncJoin(c, w))
		require.True(t, w.Cancelled())
		require.NoError(t, q.Put(c, 2))
		require.Equal(t, 2, got[int](t)(q.GetNowait()))
		require.True(t, q.Empty())
	})
	syncTest(t, "QU-03 a put that is cancelled is not in the way of others", func(t *testing.T, c ctx) {
		q := asyncio.NewQueue[string](1)
		ts := syncSpawn(c, 3, func(c ctx, i int) error { return q.Put(c, []string{"a", "b", "X"}[i]) })
		tick(t, c)
		require.True(t, ts[0].Done())
		require.False(t, ts[1].Done())
		ts[2].Cancel()
		tick(t, c)
		require.True(t, ts[2].Done())
		require.Equal(t, "a", got[string](t)(q.GetNowait()))
		tick(t, c)
		require.Equal(t, "b", got[string](t)(q.GetNowait()))
		require.NoError(t, syncJoin(c, ts...))
	})
	for name, end := range map[string]func(ctx, *task){
		"is cancelled":     func(_ ctx, w *task) { w.Cancel() },
		"runs out of time": func(c ctx, _ *task) { _ = asyncio.Sleep(c, time.Hour) },
	} {
		syncTest(t, "QU-04 a wait that "+name+" leaves nobody in line", func(t *testing.T, c ctx) {
			q := asyncio.NewQueue[int](1)
			limited := func(f func(ctx) error) *task {
				return spawn(c, func(c ctx) error { return asyncio.WithTimeout(c, time.Second, f) })
			}
			g := limited(func(c ctx) error { _, err := q.Get(c); return err })
			tick(t, c)
			require.Equal(t, 1, q.Getters())
			end(c, g)
			_, err := g.Await(c)
			require.Error(t, err)
			require.Zero(t, q.Getters())
			require.NoError(t, q.PutNowait(1))
			p := limited(func(c ctx) error { return q.Put(c, 2) })
			tick(t, c)
			require.Equal(t, 1, q.Putters())
			end(c, p)
			_, err = p.Await(c)
			require.Error(t, err)
			require.Zero(t, q.Putters())
			require.Equal(t, 1, q.Len())
		})
	}
	syncTest(t, "QU-05 what does not wait says why it cannot", func(t *testing.T, c ctx) {
		q := asyncio.NewQueue[int](1)
		_, err := q.GetNowait()
		require.Equal(t, asyncio.ErrQueueEmpty, err)
		require.NoError(t, q.PutNowait(1))
		require.Equal(t, asyncio.ErrQueueFull, q.PutNowait(2))
		require.NoError(t, q.TaskDone())
		require.Equal(t, asyncio.ErrTaskDone, q.TaskDone())
		require.NoError(t, q.Join(c))
		require.NoError(t, q.Join(c))
	})
	syncTest(t, "QU-05 a hundred items are drained by two", func(t *testing.T, c ctx) {
		q := asyncio.NewQueue[int](0)
		for i := range 100 {
			require.NoError(t, q.PutNowait(i))
		}
		sum := 0
		ts := syncSpawn(c, 2, func(c ctx, _ int) error {
			for {
				v, err := q.Get(c)
				if err != nil {
					return err
				}
				sum += v
				_ = asyncio.Sleep(c, ms)
				if err := q.TaskDone(); err != nil {
					return err
				}
			}
		})
		require.NoError(t, q.Join(c))
		require.Equal(t, 4950, sum)
		require.Zero(t, q.UnfinishedTasks())
		require.Equal(t, 2, q.Getters())
		for _, w := range ts {
			w.Cancel()
		}
		require.NoError(t, syncJoin(c, ts...))
	})
	syncTest(t, "QU-06 Shutdown of an empty queue ends who waits for an item", func(t *testing.T, c ctx) {
		q := asyncio.NewQueue[int](0)
		g := asyncio.CreateTask(c, q.Get)
		tick(t, c)
		q.Shutdown(false)
		_, err := g.Await(c)
		require.Equal(t, asyncio.ErrQueueShutDown, err)
		_, err = q.Get(c)
		require.Equal(t, asyncio.ErrQueueShutDown, err)
		_, err = q.GetNowait()
		require.Equal(t, asyncio.ErrQueueShutDown, err)
		require.Equal(t, asyncio.ErrQueueShutDown, q.Put(c, 1))
		require.Equal(t, asyncio.ErrQueueShutDown, q.PutNowait(1))
		require.NoError(t, q.Join(c))
	})
	for _, immediate := range []bool{false, true} {
		name := map[bool]string{false: "Shutdown", true: "an immediate Shutdown"}[immediate]
		syncTest(t, "QU-06 "+name+" of a full queue", func(t *testing.T, c ctx) {
			q := asyncio.NewQueue[int](2)
			_, _ = q.PutNowait(0), q.PutNowait(1)
			require.Zero(t, got[int](t)(q.GetNowait()))
			require.NoError(t, q.PutNowait(2))
			p := spawn(c, func(c ctx) error { return q.Put(c, 3) })
			j := spawn(c, q.Join)
			tick(t, c)
			q.Shutdown(immediate)
			_, err := p.Await(c)
			require.Equal(t, asyncio.ErrQueueShutDown, err)
			if immediate {
				require.Zero(t, q.Len())
				require.Equal(t, 1, q.UnfinishedTasks(), "the one that was taken")
			} else {
				require.Equal(t, 1, got[int](t)(q.Get(c)))
				require.Equal(t, 2, got[int](t)(q.GetNowait()))
				_, _ = q.TaskDone(), q.TaskDone()
			}
			_, err = q.Get(c)
			require.Equal(t, asyncio.ErrQueueShutDown, err)
			require.NoError(t, yield(c, 3))
			require.False(t, j.Done())
			require.NoError(t, q.TaskDone())
			require.NoError(t, syncJoin(c, j))
			require.Equal(t, asyncio.ErrTaskDone, q.TaskDone())
			q.Shutdown(true)
		})
	}
	syncTest(t, "All gets items until the queue is shut down, or the task cancelled", func(t *testing.T, c ctx) {
		q := asyncio.NewQueue[int](0)
		var all []int
		reader := func(c ctx) error {
			for v, err := range q.All(c) {
				if err != nil {
					return err
				}
				if all = append(all, v); v == 2 {
					break
				}
			}
			return nil
		}
		w := spawn(c, reader)
		for i := range 4 {
			require.NoError(t, q.Put(c, i))
			tick(t, c)
		}
		require.NoError(t, syncJoin(c, w))
		require.Equal(t, []int{0, 1, 2}, all)
		w = spawn(c, reader)
		tick(t, c)
		w.Cancel()
		require.NoError(t, syncJoin(c, w))
		require.True(t, w.Cancelled())
		w = spawn(c, reader)
		tick(t, c)
		require.NoError(t, q.PutNowait(5))
		q.Shutdown(false)
		require.NoError(t, syncJoin(c, w))
		require.False(t, w.Cancelled())
		require.Equal(t, []int{0, 1, 2, 3, 5}, all)
	})
	syncTest(t, "a panic of less loses neither an item nor a wake-up", func(t *testing.T, c ctx) {
		bad := func(v int) bool { return v < 0 }
		armed := false
		less := func(a, b int) bool {
			if armed && (bad(a) || bad(b)) {
				panic("oops")
			}
			return a < b
		}
		q := asyncio.NewPriorityQueueFunc(3, less)
		for _, v := range []int{1, 2, 3} {
			require.NoError(t, q.PutNowait(v))
		}
		armed = true
		ts := []*task{
			spawn(c, func(c ctx) error { return q.Put(c, -1) }),
			spawn(c, func(c ctx) error { return q.Put(c, 4) }),
		}
		tick(t, c)
		require.Equal(t, 1, got[int](t)(q.GetNowait()))
		_, err := ts[0].Await(c)
		require.ErrorContains(t, err, "oops")
		require.NoError(t, syncJoin(c, ts[1]))
		require.Equal(t, []int{2, 3, 4}, []int{got[int](t)(q.GetNowait()), got[int](t)(q.GetNowait()), got[int](t)(q.GetNowait())})
		require.Equal(t, 4, q.UnfinishedTasks())

		armed = false
		ts = syncSpawn(c, 2, func(c ctx, _ int) error { _, err := q.Get(c); return err })
		tick(t, c)
		for _, v := range []int{-3, -2, -1} {
			require.NoError(t, q.PutNowait(v))
		}
		armed = true
		_, err = ts[0].Await(c)
		require.ErrorContains(t, err, "oops")
		_, err = ts[1].Await(c)
		require.ErrorContains(t, err, "oops")
		require.Equal(t, 3, q.Len())
		require.PanicsWithValue(t, "asyncio.NewPriorityQueueFunc: the function is nil; pass the function that compares", func() { asyncio.NewPriorityQueueFunc[int](0, nil) })
	})
	t.Run("callbacks may put and get what needs no wait", func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error {
			q := asyncio.NewQueue[int](1)
			asyncio.RunningLoop(c).CallSoon(func() {
				require.NoError(t, q.Put(c, 7))
				require.Equal(t, asyncio.ErrQueueFull, q.PutNowait(8))
			})
			v, err := q.Get(c)
			require.Equal(t, 7, v)
			return errors.Join(err, q.TaskDone())
		}))
	})
}
