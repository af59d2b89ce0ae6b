package queue

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/baton-go/baton/gevent/internal/waitlist"
	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/internal/store"
)

// base is what all queues but Channel have.
//
// Items and those who wait meet as in gevent: a put only tells the first getter
// that there is an item, and that one takes it when it runs, if nobody was quicker.
// A get tells the first putter that there is room, and that one puts its item when
// it runs. So a greenlet that does not block in between goes first, and whoever was
// told in vain stays where it stood. Only on the hub, where nobody may wait, an
// item is handed over at once.
type base[T any] struct {
	kind    string
	ring    store.Fifo[T]  // the items, if other is nil: a Queue's calls are not dynamic
	other   store.Store[T] // the items of a queue in another order
	maxsize int            // 0 if there is no limit
	hub     *hub.Hub       // of the thread that uses the queue; nil before it is used in one
	getters waitlist.List[T]
	putters waitlist.List[T]
	shut    bool
	work    *work // nil in a SimpleQueue
}

// init makes q one with the other store, or with a ring of the items.
func (q *base[T]) init(kind string, maxsize int, other store.Store[T], items []T) {
	q.kind, q.other, q.maxsize = kind, other, max(maxsize, 0)
	for _, v := range items {
		q.push(v)
	}
}

func (q *base[T]) push(v T) {
	if q.other == nil {
		q.ring.Push(v)
	} else {
		q.other.Push(v)
	}
}

func (q *base[T]) pop() T {
	if q.other == nil {
		return q.ring.Pop()
	}
	return q.other.Pop()
}

func (q *base[T]) first() T {
	if q.other == nil {
		return q.ring.Peek()
	}
	return q.other.Peek()
}

// copyTo makes to, a new one, have the same items and the same room.
func (q *base[T]) copyTo(to *base[T]) {
	to.kind, to.maxsize = q.kind, q.maxsize
	if q.other != nil {
		to.other = q.other.Clone()
	}
	to.init(q.kind, q.maxsize, to.other, q.ring.Items())
}

// enter makes sure that the caller is of the queue's thread.
//
// Budget: 3 ns.
func (q *base[T]) enter(op string) {
	if f := baton.Self(); f == nil || q.hub == nil || f.Thread() != q.hub.Thread {
		q.adopt(op)
	}
}

// adopt makes the caller's thread that of the queue, if it has none, or one that
// has ended.
func (q *base[T]) adopt(op string) {
	h := hub.Current()
	if q.hub == h {
		return
	}
	if q.hub != nil {
		select {
		case <-q.hub.Closed():
		default:
			panic(q.wrongThread(op, h))
		}
	}
	q.hub = h
}

// look checks that the caller is of the queue's thread, if it has one that has not
// ended.
//
// Budget: 3 ns.
func (q *base[T]) look(op string) {
	if q.hub == nil {
		return
	}
	if f := baton.Self(); f == nil || f.Thread() != q.hub.Thread {
		select {
		case <-q.hub.Closed():
		default:
			panic(q.wrongThread(op, hub.Current()))
		}
	}
}

// wrongThread returns the error of a use in the thread of h, which may be nil.
func (q *base[T]) wrongThread(op string, h *hub.Hub) error {
	e := q.hub.WrongThread(op, "the queue", h)
	e.Advice = "hand the item over by a Channel, or do it there by Hub.Post"
	return e
}

// caller returns the calling greenlet, which is about to wait.
func caller(op string) waitlist.Caller {
	f, p := hub.Here()
	if p == nil {
		hub.Require(op) // which panics
	}
	return waitlist.Caller{Fiber: f, Proc: p, Hub: p.Hub()}
}

// callback reports whether the caller is a callback of the thread's loop.
func (q *base[T]) callback() bool {
	_, p := hub.Here()
	return p == nil && q.hub != nil
}

// Put puts an item into the queue, and waits while that is full. The error is
// [ErrShutDown] or nil. It mirrors put.
//
// Put may be called in a callback if there is room. Budget: a few ns, or the switch
// to somebody else; no allocation but the queue's own growth.
func (q *base[T]) Put(item T) error { return q.put("queue.Put", item, false, 0) }

// PutTimeout is [Queue.Put] that waits no longer than d; then the error is
// [ErrFull], and a time-out. A d that is not positive lets everything run that is
// ready. (In gevent a negative one is an error.)
func (q *base[T]) PutTimeout(item T, d time.Duration) error {
	return q.put("queue.PutTimeout", item, true, d)
}

// PutNowait puts an item into the queue if there is room; if not the error is
// [ErrFull]. It does not block, and may be called in a callback; there it makes a
// getter that waits take its item first, if that makes room. It mirrors put_nowait.
func (q *base[T]) PutNowait(item T) error {
	q.enter("queue.PutNowait")
	switch {
	case q.shut:
		return ErrShutDown
	case q.room() || q.callback() && q.makeRoom():
		q.add(item)
		return nil
	}
	return ErrFull
}

func (q *base[T]) put(op string, item T, limited bool, d time.Duration) error {
	q.enter(op)
	if q.shut {
		return ErrShutDown
	}
	if q.room() {
		q.add(item)
		return nil
	}
	c := caller(op)
	w := q.putters.New(c, limited, d)
	w.Item = item
	for {
		cause, err := q.putters.Park(w, c, hub.Wait{Op: op, On: q}, nil)
		switch {
		case cause == hub.TimedOut:
			q.putters.Free(w)
			return errFullTimeout
		case cause == hub.Interrupted:
			q.putters.Free(w)
			hub.Unwind(err)
		case w.Done:
			q.putters.Leave(w)
			return nil
		case q.shut:
			q.putters.Leave(w)
			return ErrShutDown
		case q.room():
			q.putters.Leave(w)
			q.addTold(item)
			return nil
		}
	}
}

// room reports whether there is room for an item.
func (q *base[T]) room() bool { return q.maxsize == 0 || q.len() < q.maxsize }

// add puts an item into the store and tells the first getter.
func (q *base[T]) add(item T) {
	q.push(item)
	if q.work != nil {
		q.work.add(1)
	}
	q.getters.NotifyOne(q.hub)
}

// addTold is add for a putter that was told that there is room. If the store
// panics there still is, for the next one.
func (q *base[T]) addTold(item T) {
	done := false
	if q.other != nil {
		defer func() {
			if !done {
				q.putters.NotifyOne(q.hub)
			}
		}()
	}
	q.add(item)
	done = true
}

// makeRoom hands items to getters that wait until there is room, and reports
// whether there is: for a callback.
func (q *base[T]) makeRoom() bool {
	for !q.room() && q.len() > 0 {
		w := q.getters.Claim(q.hub, false)
		if w == nil {
			return false
		}
		w.Done = false // as long as the store may panic
		w.Item = q.pop()
		w.Done = true
	}
	return q.room()
}

// Get takes an item out of the queue, and waits while that is empty. The error is
// [ErrShutDown] or nil: items that were there when the queue was shut down still
// come. It mirrors get. It may be called in a callback if there is an item; for the
// budget see [Queue.Put].
func (q *base[T]) Get() (T, error) { return q.get("queue.Get", false, 0, true) }

// GetTimeout is [Queue.Get] that waits no longer than d; then the error is
// [ErrEmpty], and a time-out. A d that is not positive lets everything run that is
// ready. (In gevent a negative one is an error.)
func (q *base[T]) GetTimeout(d time.Duration) (T, error) {
	return q.get("queue.GetTimeout", true, d, true)
}

// GetNowait takes an item if there is one; if not the error is [ErrEmpty]. It does
// not block, and may be called in a callback; there it takes the item of a putter
// that waits, too. It mirrors get_nowait.
func (q *base[T]) GetNowait() (T, error) { return q.nowait("queue.GetNowait", true) }

// Peek is [Queue.Get] that leaves the item where it is. It mirrors peek.
func (q *base[T]) Peek() (T, error) { return q.get("queue.Peek", false, 0, false) }

// PeekTimeout is [Queue.GetTimeout] that leaves the item where it is.
func (q *base[T]) PeekTimeout(d time.Duration) (T, error) {
	return q.get("queue.PeekTimeout", true, d, false)
}

// PeekNowait is [Queue.GetNowait] that leaves the item where it is.
func (q *base[T]) PeekNowait() (T, error) { return q.nowait("queue.PeekNowait", false) }

func (q *base[T]) nowait(op string, take bool) (item T, err error) {
	q.enter(op)
	if q.len() == 0 && q.callback() {
		q.fetch()
	}
	switch {
	case q.len() > 0:
		return q.take(take), nil
	case q.shut:
		return item, ErrShutDown
	}
	return item, ErrEmpty
}

func (q *base[T]) get(op string, limited bool, d time.Duration, take bool) (none T, err error) {
	q.enter(op)
	if q.len() > 0 {
		return q.take(take), nil
	}
	if q.shut {
		return none, ErrShutDown
	}
	c := caller(op)
	w := q.getters.New(c, limited, d)
	w.Looks = !take
	for {
		q.getters.Begin(w, c, nil)
		var cause hub.Cause
		if w.Plain() {
			if to := c.Proc.Leave(c.Fiber, hub.Wait{Op: op, On: q}); to != c.Fiber {
				if s := c.Fiber.Take(to); s.Pulling {
					s.Next()
				} else {
					s.Yield(struct{}{})
				}
				if c.Fiber.Signalled() {
					c.Fiber.Obey()
				}
			}
			cause, err = c.Proc.Back()
		} else {
			cause, err = w.Park(c, hub.Wait{Op: op, On: q})
		}
		cause, err = q.getters.End(w, c, hub.Wait{Op: op, On: q}, nil, cause, err)
		switch {
		case cause == hub.TimedOut:
			q.getters.Free(w)
			return none, errEmptyTimeout
		case cause == hub.Interrupted:
			q.getters.Free(w)
			hub.Unwind(err)
		case w.Done: // a callback took the item out of the store
			item := w.Item
			q.getters.Leave(w)
			return item, nil
		case q.len() > 0:
			q.getters.Leave(w)
			return q.takeTold(take), nil
		case q.shut:
			q.getters.Leave(w)
			return none, ErrShutDown
		}
	}
}

// take takes or looks at an item, and tells who can go on then.
func (q *base[T]) take(take bool) T {
	if !take {
		v := q.first()
		q.getters.NotifyOne(q.hub) // the item is still there for the next one
		return v
	}
	v := q.pop()
	if q.room() {
		q.putters.NotifyOne(q.hub)
	}
	return v
}

// takeTold is take for a getter that was told that there is an item. If the store
// panics the item is still there, for the next one.
func (q *base[T]) takeTold(take bool) T {
	done := false
	if q.other != nil {
		defer func() {
			if !done {
				q.getters.NotifyOne(q.hub)
			}
		}()
	}
	v := q.take(take)
	done = true
	return v
}

// fetch puts the item of the first putter that waits into the store: for a
// callback.
func (q *base[T]) fetch() {
	w := q.putters.Claim(q.hub, false)
	if w == nil {
		return
	}
	w.Done = false // as long as the store may panic
	q.push(w.Item)
	w.Done = true
	if q.work != nil {
		q.work.add(1)
	}
}

// Len returns how many items are in the queue.
func (q *base[T]) Len() int {
	q.look("queue.Len")
	return q.len()
}

func (q *base[T]) len() int {
	if q.other == nil {
		return q.ring.Len()
	}
	return q.other.Len()
}

// QSize is [Queue.Len], under Python's name.
func (q *base[T]) QSize() int { return q.Len() }

// Empty reports whether no items are in the queue.
func (q *base[T]) Empty() bool { return q.Len() == 0 }

// Full reports whether there is no room for an item.
func (q *base[T]) Full() bool {
	q.look("queue.Full")
	return !q.room()
}

// MaxSize returns how many items there is room for; 0 means that there is no limit.
func (q *base[T]) MaxSize() int { return q.maxsize }

// SetMaxSize changes how many items there is room for; a number that is not
// positive means no limit. If that is more, putters that wait go on. (In gevent
// they do so with the next put or get.)
func (q *base[T]) SetMaxSize(n int) {
	q.enter("queue.SetMaxSize")
	q.maxsize = max(n, 0)
	for room := q.maxsize - q.len(); q.maxsize == 0 || room > 0; room-- {
		if !q.putters.NotifyOne(q.hub) {
			return
		}
	}
}

// Getters returns how many greenlets wait for an item. It counts them one by one.
func (q *base[T]) Getters() int {
	q.look("queue.Getters")
	return q.getters.Len()
}

// Putters returns how many greenlets wait for room. It counts them one by one.
func (q *base[T]) Putters() int {
	q.look("queue.Putters")
	return q.putters.Len()
}

// All returns a sequence that gets items, and waits for them, until the queue is
// shut down and empty. It mirrors iteration over a queue, which StopIteration
// ends. Under iter.Pull it panics, since that runs it on a goroutine that belongs to no
// thread; package coro has generators that may wait.
func (q *base[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			v, err := q.get("queue.All", false, 0, true)
			if err != nil || !yield(v) {
				return
			}
		}
	}
}

// String says what the queue is, how full it is, who waits, and how many tasks are not
// done. In another thread than the queue's it says only what it is.
func (q *base[T]) String() string {
	if h := q.hub; h != nil && h != hub.Current() {
		return fmt.Sprintf("%s %p", q.kind, q)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %p (%d items", q.kind, q, q.len())
	if q.maxsize > 0 {
		fmt.Fprintf(&b, ", maxsize %d", q.maxsize)
	}
	if q.work != nil && q.work.unfinished > 0 {
		fmt.Fprintf(&b, ", %d unfinished tasks", q.work.unfinished)
	}
	if n := q.getters.Len(); n > 0 {
		fmt.Fprintf(&b, ", %d getters", n)
	}
	if n := q.putters.Len(); n > 0 {
		fmt.Fprintf(&b, ", %d putters", n)
	}
	b.WriteString(")")
	return b.String()
}
