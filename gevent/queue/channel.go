package queue

import (
	"fmt"
	"iter"
	"time"

	"github.com/baton-go/baton/gevent/internal/waitlist"
	"github.com/baton-go/baton/internal/hub"
)

// A Channel has no room: a put waits until somebody gets the item, and a get until
// somebody puts one. It is gevent's Channel, and what an unbuffered Go channel is
// to goroutines. The zero Channel is ready for use. It must not be copied.
//
// Its methods may be called by greenlets of any thread, and by goroutines that
// belong to none, at the same time; those that do not wait in callbacks, too. So it
// is the way between threads. A thread in which nothing is left that could wake
// anybody gives up with a gevent.LoopExit, unless others have used the Channel for
// which it waits, or Share has said that they will.
type Channel[T any] struct {
	guard   waitlist.Guard
	getters waitlist.List[T]
	putters waitlist.List[T]
	shut    bool
}

// NewChannel returns a Channel.
func NewChannel[T any]() *Channel[T] { return new(Channel[T]) }

// Share says that others than one thread will use the Channel, and returns it.
func (ch *Channel[T]) Share() *Channel[T] {
	ch.guard.Share()
	return ch
}

// Shared reports whether others than one thread have used the Channel, or Share has said
// that they will.
func (ch *Channel[T]) Shared() bool { return ch.guard.Shared() }

// Put waits until somebody takes the item. If that is a greenlet of the same
// thread it goes on first, and the caller behind it. The error is [ErrShutDown] or
// nil.
func (ch *Channel[T]) Put(item T) error { return ch.put("queue.Channel.Put", item, false, 0) }

// PutTimeout is [Channel.Put] that waits no longer than d; then the error is
// [ErrFull], and a time-out, and nobody gets the item. A d that is not positive
// lets everything run that is ready.
func (ch *Channel[T]) PutTimeout(item T, d time.Duration) error {
	return ch.put("queue.Channel.PutTimeout", item, true, d)
}

func (ch *Channel[T]) put(op string, item T, limited bool, d time.Duration) error {
	c := waitlist.Blocking(op)
	ch.guard.Lock(c.Hub)
	if ch.shut {
		ch.guard.Unlock()
		return ErrShutDown
	}
	if w := ch.getters.Claim(c.Hub, false); w != nil {
		w.Item = item
		behind := c.Proc != nil && w.Of(c.Hub)
		ch.guard.Unlock()
		if behind {
			if err := c.Proc.Yield(c.Fiber); err != nil {
				c.Proc.PutBack(err) // the item is gone: for the next call
			}
		}
		return nil
	}
	w := ch.putters.New(c, limited, d)
	w.Item = item
	cause, err := ch.putters.Park(w, c, hub.Wait{Op: op, On: ch}, &ch.guard)
	done := w.Done
	finish(&ch.putters, w, cause)
	ch.guard.Unlock()
	switch {
	case err != nil:
		hub.Unwind(err)
	case cause == hub.TimedOut:
		return errFullTimeout
	case !done:
		return ErrShutDown
	}
	return nil
}

// finish is the end of a Park for w.
func finish[T any](l *waitlist.List[T], w *waitlist.Waiter[T], cause hub.Cause) {
	if cause == hub.Woken {
		l.Leave(w)
	} else {
		l.Free(w)
	}
}

// Get waits until somebody puts an item and returns it. If that is a greenlet of
// the same thread it goes on behind the caller. The error is [ErrShutDown] or nil.
func (ch *Channel[T]) Get() (T, error) { return ch.get("queue.Channel.Get", false, 0) }

// GetTimeout is [Channel.Get] that waits no longer than d; then the error is
// [ErrEmpty], and a time-out. A d that is not positive lets everything run that is
// ready.
func (ch *Channel[T]) GetTimeout(d time.Duration) (T, error) {
	return ch.get("queue.Channel.GetTimeout", true, d)
}

func (ch *Channel[T]) get(op string, limited bool, d time.Duration) (none T, err error) {
	c := waitlist.Blocking(op)
	ch.guard.Lock(c.Hub)
	if ch.shut {
		ch.guard.Unlock()
		return none, ErrShutDown
	}
	if w := ch.putters.Claim(c.Hub, true); w != nil {
		item := w.Item
		before := w.Of(c.Hub)
		other := w.Proc()
		ch.guard.Unlock()
		if before {
			if err := c.Proc.YieldBefore(c.Fiber, other); err != nil {
				c.Proc.PutBack(err) // we have the item: for the next call
			}
		}
		return item, nil
	}
	w := ch.getters.New(c, limited, d)
	cause, err := ch.getters.Park(w, c, hub.Wait{Op: op, On: ch}, &ch.guard)
	item, done := w.Item, w.Done
	finish(&ch.getters, w, cause)
	ch.guard.Unlock()
	switch {
	case err != nil:
		hub.Unwind(err)
	case cause == hub.TimedOut:
		return none, errEmptyTimeout
	case !done:
		return none, ErrShutDown
	}
	return item, nil
}

// PutNowait hands the item to somebody who waits for one; if nobody does the error
// is [ErrFull]. It does not block.
func (ch *Channel[T]) PutNowait(item T) error {
	h := hub.Current()
	ch.guard.Lock(h)
	defer ch.guard.Unlock()
	if ch.shut {
		return ErrShutDown
	}
	w := ch.getters.Claim(h, false)
	if w == nil {
		return ErrFull
	}
	w.Item = item
	return nil
}

// GetNowait takes the item of somebody who waits to put one; if nobody does the
// error is [ErrEmpty]. It does not block.
func (ch *Channel[T]) GetNowait() (none T, err error) {
	h := hub.Current()
	ch.guard.Lock(h)
	defer ch.guard.Unlock()
	if ch.shut {
		return none, ErrShutDown
	}
	w := ch.putters.Claim(h, false)
	if w == nil {
		return none, ErrEmpty
	}
	return w.Item, nil
}

// Shutdown ends the Channel: every put and get, also those that wait, returns
// [ErrShutDown]. Gevent's Channel has no such method; there one puts StopIteration.
func (ch *Channel[T]) Shutdown() {
	h := hub.Current()
	ch.guard.Lock(h)
	defer ch.guard.Unlock()
	ch.shut = true
	ch.getters.NotifyAll(h)
	ch.putters.NotifyAll(h)
}

// All returns a sequence that gets items until the Channel is shut down. Under
// iter.Pull it waits on a goroutine that belongs to no thread, and so blocks the thread
// of who pulls.
func (ch *Channel[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			v, err := ch.get("queue.Channel.All", false, 0)
			if err != nil || !yield(v) {
				return
			}
		}
	}
}

// Len returns 0.
func (ch *Channel[T]) Len() int { return 0 }

// QSize returns 0.
func (ch *Channel[T]) QSize() int { return 0 }

// Empty returns true.
func (ch *Channel[T]) Empty() bool { return true }

// Full returns true.
func (ch *Channel[T]) Full() bool { return true }

// Getters returns how many wait for an item. It counts them one by one.
func (ch *Channel[T]) Getters() int {
	ch.guard.Peek()
	defer ch.guard.Unlock()
	return ch.getters.Len()
}

// Putters returns how many wait to put one. It counts them one by one.
func (ch *Channel[T]) Putters() int {
	ch.guard.Peek()
	defer ch.guard.Unlock()
	return ch.putters.Len()
}

// Balance returns how many more wait to put than to get.
func (ch *Channel[T]) Balance() int {
	ch.guard.Peek()
	defer ch.guard.Unlock()
	return ch.putters.Len() - ch.getters.Len()
}

// String says what the Channel is and who waits.
func (ch *Channel[T]) String() string {
	return fmt.Sprintf("Channel %p (%d getters, %d putters)", ch, ch.Getters(), ch.Putters())
}
