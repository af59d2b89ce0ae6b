package queue

import (
	"time"

	"github.com/baton-go/baton/gevent/internal/waitlist"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/internal/store"
)

// work counts the items that were put and for which TaskDone was not called.
type work struct {
	unfinished int
	joiners    waitlist.List[struct{}]
}

func (w *work) add(n int) { w.unfinished += n }

// done counts n of them off, or all if there are fewer, and wakes who waits for
// the last.
func (w *work) done(h *hub.Hub, n int) {
	w.unfinished -= min(n, w.unfinished)
	if w.unfinished == 0 {
		w.joiners.NotifyAll(h)
	}
}

// TaskDone says that one item that was got has been dealt with. It panics if there
// were not so many. It does not block. It mirrors task_done.
func (q *Queue[T]) TaskDone() {
	const op = "queue.TaskDone"
	q.enter(op)
	if q.work.unfinished == 0 {
		panic(op + ": it was called too many times; call it once for each item that was got")
	}
	q.work.done(q.hub, 1)
}

// UnfinishedTasks returns how many items were put, or were there at the beginning,
// for which [Queue.TaskDone] was not called.
func (q *Queue[T]) UnfinishedTasks() int { return q.work.unfinished }

// Join waits until [Queue.TaskDone] was called for every item. If it was, Join
// returns at once.
func (q *Queue[T]) Join() { q.join("queue.Join", false, 0) }

// JoinTimeout is [Queue.Join] for no longer than d, and reports whether that was
// so. A d that is not positive lets everything run that is ready.
func (q *Queue[T]) JoinTimeout(d time.Duration) bool { return q.join("queue.JoinTimeout", true, d) }

func (q *Queue[T]) join(op string, limited bool, d time.Duration) bool {
	q.enter(op)
	if q.work.unfinished == 0 {
		return true
	}
	c := caller(op)
	l := &q.work.joiners
	w := l.New(c, limited, d)
	cause, err := l.Park(w, c, hub.Wait{Op: op, On: &q.base}, nil)
	if cause == hub.Woken {
		l.Leave(w)
		return true
	}
	l.Free(w)
	if err != nil {
		hub.Unwind(err)
	}
	return false
}

// Joiners returns how many greenlets wait in [Queue.Join]. It counts them one by
// one.
func (q *Queue[T]) Joiners() int {
	q.look("queue.Joiners")
	return q.work.joiners.Len()
}

// Shutdown ends the queue. From now on every put, also one that waits, returns
// [ErrShutDown], and its item is not in the queue; so does every get when no items
// are left. If immediate, the items are dropped and count as done, so that
// [Queue.Join] may return. A second Shutdown does no harm, and may be immediate
// when the first was not. It does not block.
func (q *Queue[T]) Shutdown(immediate bool) {
	q.enter("queue.Shutdown")
	q.shut = true
	if immediate {
		n := q.len()
		q.ring = store.Fifo[T]{}
		if q.other != nil {
			q.other.Clear()
		}
		q.work.done(q.hub, n)
	}
	q.getters.NotifyAll(q.hub)
	q.putters.NotifyAll(q.hub)
}

// IsShutDown reports whether the queue was shut down.
func (q *Queue[T]) IsShutDown() bool { return q.shut }
