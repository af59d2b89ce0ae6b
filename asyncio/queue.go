package asyncio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/baton-go/baton/internal/store"
)

var (
	// ErrQueueEmpty is returned by a get that finds nothing and does not wait. It
	// mirrors QueueEmpty.
	ErrQueueEmpty = errors.New("asyncio: the queue is empty")

	// ErrQueueFull is returned by a put that finds no room and does not wait. It
	// mirrors QueueFull.
	ErrQueueFull = errors.New("asyncio: the queue is full")

	// ErrQueueShutDown is returned when the queue was shut down. It mirrors
	// QueueShutDown.
	ErrQueueShutDown = errors.New("asyncio: the queue was shut down")

	// ErrTaskDone is returned when TaskDone is called more often than items were
	// put. It stands for asyncio's ValueError "task_done() called too many times".
	ErrTaskDone = errors.New("asyncio: TaskDone was called too many times")
)

// A Queue hands items from task to task, first in, first out: asyncio's Queue. It
// is made by [NewQueue]. It is for one thread, and bound to a loop, as a [Lock] is. It
// must not be copied.
//
// Who waits for an item or for room is told in the order in which they came, and
// goes on one hop of the loop later. What it is told is a hint: a task that runs
// before and does not wait may be quicker, and then the other one waits again,
// behind those who have come meanwhile. Who was told and is cancelled tells the
// next one, and no item is lost.
type Queue[T any] struct {
	binding
	kind       string
	ring       store.Fifo[T]  // the items, if other is nil: a Queue's calls are not dynamic
	other      store.Store[T] // the items of a queue in another order
	maxsize    int            // 0 if there is no limit
	getters    line
	putters    line
	unfinished int
	joiners    line
	shut       bool
}

// NewQueue returns a Queue with room for maxsize items. A maxsize that is not
// positive means no limit; then [Queue.Put] never waits.
func NewQueue[T any](maxsize int) *Queue[T] {
	q := new(Queue[T])
	q.init("Queue", maxsize, nil)
	return q
}

func (q *Queue[T]) init(kind string, maxsize int, other store.Store[T]) {
	q.kind, q.maxsize, q.other = kind, max(maxsize, 0), other
}

// A LifoQueue is a [Queue] that gives the newest item first: asyncio's LifoQueue. It
// is made by [NewLifoQueue].
type LifoQueue[T any] struct{ Queue[T] }

// NewLifoQueue returns a LifoQueue; for maxsize see [NewQueue].
func NewLifoQueue[T any](maxsize int) *LifoQueue[T] {
	q := new(LifoQueue[T])
	q.init("LifoQueue", maxsize, new(store.Lifo[T]))
	return q
}

// A PriorityQueue is a [Queue] that gives the smallest item first: asyncio's
// PriorityQueue. It is made by [NewPriorityQueue] or [NewPriorityQueueFunc]. Of
// items of which none is smaller, any may be the first; it is the one that Python's
// would give.
type PriorityQueue[T any] struct{ Queue[T] }

// NewPriorityQueue returns a PriorityQueue of things that have an order; for
// maxsize see [NewQueue].
func NewPriorityQueue[T cmp.Ordered](maxsize int) *PriorityQueue[T] {
	return NewPriorityQueueFunc(maxsize, cmp.Less[T])
}

// NewPriorityQueueFunc returns a PriorityQueue in the order of less, which reports
// whether a comes before b. Less must not wait. A panic of less goes on in the call
// that put or got; the item is not put, or not got, and the queue is as it was.
func NewPriorityQueueFunc[T any](maxsize int, less func(a, b T) bool) *PriorityQueue[T] {
	if less == nil {
		misuse("asyncio.NewPriorityQueueFunc", "the function is nil", "pass the function that compares")
	}
	q := new(PriorityQueue[T])
	q.init("PriorityQueue", maxsize, store.NewPriority(less, nil))
	return q
}

// Put puts an item into the queue, and waits while that is full. If it has not to
// wait it does not yield either, and does not look at ctx. It mirrors put.
//
// The error is [ErrQueueShutDown], or one of those of [Lock.Acquire]; then the item
// is not in the queue. When it waits Put parks the calling task or greenlet.
//
// Budget: a few ns, or one switch to somebody else; no allocation but the queue's
// own growth.
func (q *Queue[T]) Put(ctx context.Context, item T) error {
	const op = "asyncio.Queue.Put"
	q.enter(op)
	told := false
	for q.Full() {
		if q.shut {
			return ErrQueueShutDown
		}
		var err error
		if told, err = q.putters.wait(ctx, op, q, &q.binding); err != nil {
			if told && !q.Full() {
				q.putters.call()
			}
			return unwound(err)
		}
	}
	if q.shut {
		return ErrQueueShutDown
	}
	if told && q.other != nil {
		defer q.passOn(&q.putters, q.Len()) // less may panic
	}
	q.put(op, item)
	return nil
}

// passOn is deferred by a call that was told of room or of an item, when there were
// n. If it has come to nothing, the next one is told.
func (q *Queue[T]) passOn(l *line, n int) {
	if q.Len() == n {
		l.call()
	}
}

// PutNowait puts an item into the queue if there is room. The error is
// [ErrQueueFull], or [ErrQueueShutDown]. It does not park. It mirrors put_nowait.
func (q *Queue[T]) PutNowait(item T) error {
	const op = "asyncio.Queue.PutNowait"
	q.enter(op)
	switch {
	case q.shut:
		return ErrQueueShutDown
	case q.Full():
		return ErrQueueFull
	}
	q.put(op, item)
	return nil
}

// mustBeMade panics if the queue was not made: nobody knows then in what order it is to
// give its items.
func (q *Queue[T]) mustBeMade(op string) {
	if q.kind == "" {
		misuse(op, "the queue has no order", "make it with NewQueue, NewLifoQueue or NewPriorityQueue")
	}
}

// put puts an item into the store and tells the first getter.
func (q *Queue[T]) put(op string, item T) {
	if q.other == nil {
		q.mustBeMade(op)
		q.ring.Push(item)
	} else {
		q.other.Push(item)
	}
	q.unfinished++
	q.getters.call()
}

// Get takes an item out of the queue, and waits while that is empty. If it has not
// to wait it does not yield either, and does not look at ctx. It mirrors get.
//
// The error is [ErrQueueShutDown], when no items are left, or one of those of
// [Lock.Acquire]. When it waits Get parks the calling task or greenlet. For the
// budget see [Queue.Put].
func (q *Queue[T]) Get(ctx context.Context) (none T, err error) {
	const op = "asyncio.Queue.Get"
	q.enter(op)
	told := false
	for q.Len() == 0 {
		if q.shut {
			return none, ErrQueueShutDown
		}
		q.mustBeMade(op)
		if told, err = q.getters.wait(ctx, op, q, &q.binding); err != nil {
			if told && q.Len() > 0 {
				q.getters.call()
			}
			return none, unwound(err)
		}
	}
	if told && q.other != nil {
		defer q.passOn(&q.getters, q.Len()) // less may panic
	}
	return q.take(), nil
}

// GetNowait takes an item out of the queue if there is one. The error is
// [ErrQueueEmpty], or [ErrQueueShutDown]. It does not park. It mirrors get_nowait.
func (q *Queue[T]) GetNowait() (none T, err error) {
	const op = "asyncio.Queue.GetNowait"
	q.enter(op)
	switch {
	case q.Len() > 0:
		return q.take(), nil
	case q.shut:
		return none, ErrQueueShutDown
	}
	q.mustBeMade(op)
	return none, ErrQueueEmpty
}

// take takes an item and tells the first putter.
func (q *Queue[T]) take() T {
	var v T
	if q.other == nil {
		v = q.ring.Pop()
	} else {
		v = q.other.Pop()
	}
	q.putters.call()
	return v
}

// All returns a sequence that gets items, and waits for them, until the queue is
// shut down and empty. If [Queue.Get] fails otherwise, with a cancellation say, the
// error is the last element:
//
//	for item, err := range q.All(ctx) {
//		if err != nil {
//			return err
//		}
//		...
//	}
func (q *Queue[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			v, err := q.Get(ctx)
			if err == ErrQueueShutDown || !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// Len returns how many items are in the queue.
func (q *Queue[T]) Len() int {
	if q.other == nil {
		return q.ring.Len()
	}
	return q.other.Len()
}

// QSize is [Queue.Len], under Python's name.
func (q *Queue[T]) QSize() int { return q.Len() }

// Empty reports whether no items are in the queue.
func (q *Queue[T]) Empty() bool { return q.Len() == 0 }

// Full reports whether there is no room for an item.
func (q *Queue[T]) Full() bool { return q.maxsize > 0 && q.Len() >= q.maxsize }

// MaxSize returns how many items there is room for; 0 means that there is no limit.
func (q *Queue[T]) MaxSize() int { return q.maxsize }

// Getters returns how many wait for an item and were not told of one.
func (q *Queue[T]) Getters() int { return q.getters.n }

// Putters returns how many wait for room and were not told of any.
func (q *Queue[T]) Putters() int { return q.putters.n }

// UnfinishedTasks returns how many items were put for which [Queue.TaskDone] was
// not called.
func (q *Queue[T]) UnfinishedTasks() int { return q.unfinished }

// TaskDone says that one item that was got has been dealt with. If there were not
// so many the error is [ErrTaskDone], and nothing happens. It does not park. It
// mirrors task_done.
func (q *Queue[T]) TaskDone() error {
	q.enter("asyncio.Queue.TaskDone")
	if q.unfinished == 0 {
		return ErrTaskDone
	}
	q.done(1)
	return nil
}

// done counts n items off, and tells who waits for the last.
func (q *Queue[T]) done(n int) {
	q.unfinished -= min(n, q.unfinished)
	if q.unfinished == 0 {
		q.joiners.tellAll()
	}
}

// Join waits until [Queue.TaskDone] was called for every item. If it was, Join
// neither waits nor yields. Otherwise it parks the calling task or greenlet; the
// errors are those of [Lock.Acquire]. It mirrors join.
func (q *Queue[T]) Join(ctx context.Context) error {
	const op = "asyncio.Queue.Join"
	q.enter(op)
	if q.unfinished == 0 {
		return nil
	}
	_, err := q.joiners.wait(ctx, op, q, &q.binding)
	return unwound(err)
}

// Shutdown ends the queue. From now on every put, also one that waits, returns
// [ErrQueueShutDown], and its item is not in the queue; so does every get when no
// items are left. If immediate, the items are dropped and count as done, so that
// [Queue.Join] may return. A second Shutdown does no harm, and may be immediate when
// the first was not. It does not park. It mirrors shutdown.
func (q *Queue[T]) Shutdown(immediate bool) {
	q.enter("asyncio.Queue.Shutdown")
	q.shut = true
	if immediate {
		n := q.Len()
		q.ring = store.Fifo[T]{}
		if q.other != nil {
			q.other.Clear()
		}
		q.done(n)
	}
	q.getters.callAll()
	q.putters.callAll()
}

// IsShutDown reports whether the queue was shut down.
func (q *Queue[T]) IsShutDown() bool { return q.shut }

// String says what the queue is, how full it is, and who waits.
func (q *Queue[T]) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "<asyncio.%s %p maxsize=%d items=%d", q.kind, q, q.maxsize, q.Len())
	for _, part := range []struct {
		name string
		n    int
	}{{"getters", q.getters.n}, {"putters", q.putters.n}, {"tasks", q.unfinished}, {"joiners", q.joiners.n}} {
		if part.n > 0 {
			fmt.Fprintf(&b, " %s=%d", part.name, part.n)
		}
	}
	if q.shut {
		b.WriteString(" shutdown")
	}
	b.WriteString(">")
	return b.String()
}
