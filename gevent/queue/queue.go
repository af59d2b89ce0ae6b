package queue

import (
	"cmp"

	"github.com/baton-go/baton/internal/store"
)

// A Queue hands items from greenlets to greenlets of one thread, first in, first
// out: gevent's Queue, which is its JoinableQueue too. It is made by [New].
//
// Methods that do not wait may be called in callbacks of the thread's loop. In
// another thread than the one that used it first they panic, until that has ended: see
// [Channel]. Only MaxSize, UnfinishedTasks and IsShutDown, which read a word, do not
// check.
type Queue[T any] struct{ base[T] }

// New returns a Queue with room for maxsize items and with the items given, which
// may be more and count as unfinished tasks. A maxsize that is not positive means
// no limit: that is gevent's UnboundQueue, whose Put never waits.
func New[T any](maxsize int, items ...T) *Queue[T] {
	q := new(Queue[T])
	q.begin("Queue", maxsize, nil, items)
	return q
}

// begin is init and the count of tasks.
func (q *Queue[T]) begin(kind string, maxsize int, other store.Store[T], items []T) {
	q.init(kind, maxsize, other, items)
	q.work = &work{unfinished: q.len()}
}

// Copy returns a new Queue with the same items and the same room; they count as
// unfinished tasks there.
func (q *Queue[T]) Copy() *Queue[T] {
	q.look("queue.Copy")
	c := new(Queue[T])
	q.copyTo(&c.base)
	c.work = &work{unfinished: c.len()}
	return c
}

// A LifoQueue is a [Queue] that gives the newest item first. It is made by
// [NewLifo].
type LifoQueue[T any] struct{ Queue[T] }

// NewLifo returns a LifoQueue; for the arguments see [New].
func NewLifo[T any](maxsize int, items ...T) *LifoQueue[T] {
	q := new(LifoQueue[T])
	q.begin("LifoQueue", maxsize, new(store.Lifo[T]), items)
	return q
}

// A PriorityQueue is a [Queue] that gives the smallest item first. It is made by
// [NewPriority] or [NewPriorityFunc]. Of items of which none is smaller, any may
// be the first; it is the one that Python's would give.
type PriorityQueue[T any] struct{ Queue[T] }

// NewPriority returns a PriorityQueue of things that have an order; for the
// arguments see [New].
func NewPriority[T cmp.Ordered](maxsize int, items ...T) *PriorityQueue[T] {
	return NewPriorityFunc(maxsize, cmp.Less[T], items...)
}

// NewPriorityFunc returns a PriorityQueue in the order of less, which reports
// whether a comes before b. Less must not block. A panic of less goes on in the
// call that put or got; the item is not put, or not got, and the queue is as it
// was.
func NewPriorityFunc[T any](maxsize int, less func(a, b T) bool, items ...T) *PriorityQueue[T] {
	if less == nil {
		panic("queue.NewPriorityFunc: the function is nil; pass the function that compares")
	}
	q := new(PriorityQueue[T])
	q.begin("PriorityQueue", maxsize, store.NewPriority(less, items), nil)
	return q
}

// A SimpleQueue is a [Queue] without tasks to count and without Shutdown: gevent's
// SimpleQueue. It is made by [NewSimple]. Its errors are [ErrFull] and [ErrEmpty]
// only, and the sequence of All has no end.
type SimpleQueue[T any] struct{ base[T] }

// NewSimple returns a SimpleQueue; for the arguments see [New].
func NewSimple[T any](maxsize int, items ...T) *SimpleQueue[T] {
	q := new(SimpleQueue[T])
	q.init("SimpleQueue", maxsize, nil, items)
	return q
}

// Copy returns a new SimpleQueue with the same items and the same room.
func (q *SimpleQueue[T]) Copy() *SimpleQueue[T] {
	q.look("queue.Copy")
	c := new(SimpleQueue[T])
	q.copyTo(&c.base)
	return c
}
