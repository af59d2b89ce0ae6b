package gevent

import (
	"fmt"
	"iter"

	"github.com/baton-go/baton/internal/hub"
)

// Recv receives from a Go channel while only the calling greenlet is parked, where a
// plain receive would block the whole thread. Ok is false if the channel is closed.
// If the greenlet is killed, or its time is up, nothing is taken out of the channel;
// a value that was taken at the same moment is returned, and the kill comes with the
// next call that blocks.
//
// What is in the channel already is returned at once, and others do not get to run.
// On a virtual clock no time passes while a greenlet waits.
//
// Budget: 15 ns and no allocation if there is a value; else what [Offload] costs, and
// some allocations.
func Recv[T any](c <-chan T) (v T, ok bool) {
	const op = "gevent.Recv"
	self, p := hub.Require(op)
	select {
	case v, ok = <-c:
		return v, ok
	default:
	}
	stop := make(chan struct{})
	received := false
	err := p.OffloadUntil(self, hub.Wait{Op: op, On: channel[T]{}}, func() {
		select {
		case v, ok = <-c:
			received = true
		case <-stop:
		}
	}, func() { close(stop) })
	settle(p, err, received)
	return v, ok
}

// Send sends to a Go channel while only the calling greenlet is parked. If the
// greenlet is killed, or its time is up, nothing is sent; or, if it just was, the
// kill comes with the next call that blocks. A channel that is closed makes it
// panic. For the rest see [Recv].
func Send[T any](c chan<- T, v T) {
	const op = "gevent.Send"
	self, p := hub.Require(op)
	select {
	case c <- v:
		return
	default:
	}
	stop := make(chan struct{})
	sent := false
	err := p.OffloadUntil(self, hub.Wait{Op: op, On: channel[T]{}}, func() {
		select {
		case c <- v:
			sent = true
		case <-stop:
		}
	}, func() { close(stop) })
	settle(p, err, sent)
}

// settle unwinds p with the interrupt, unless what it did is done: then the
// interrupt is for the next call.
func settle(p *hub.Proc, interrupt error, done bool) {
	switch {
	case interrupt == nil:
	case done:
		p.PutBack(interrupt)
	default:
		hub.Unwind(interrupt)
	}
}

// FromChan returns the values that come out of a Go channel, until it is closed, for
// a loop in a greenlet: see [Recv]. When the loop is left nothing has been taken out
// of the channel that the loop has not got, and no goroutine is left.
//
//	for line := range gevent.FromChan(lines) {
//		...
//	}
func FromChan[T any](c <-chan T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			if v, ok := Recv(c); !ok || !yield(v) {
				return
			}
		}
	}
}

// A channel is what is waited for, in a dump.
type channel[T any] struct{}

// String returns the type.
func (channel[T]) String() string { return fmt.Sprintf("%T", (chan T)(nil)) }
