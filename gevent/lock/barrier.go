package lock

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/baton-go/baton/gevent"
)

// ErrBrokenBarrier is the error of a [Barrier.Wait] when the Barrier is broken, or
// was reset meanwhile. That of the one whose time was up is [gevent.ErrTimeout]
// too.
var ErrBrokenBarrier = errors.New("lock: the barrier is broken")

// errBarrierTimeout is the error of the one whose time was up.
var errBarrierTimeout = fmt.Errorf("%w: %w", ErrBrokenBarrier, gevent.ErrTimeout)

// A Barrier lets a fixed number of greenlets wait for each other, again and again:
// threading's Barrier. It is made by [NewBarrier]. Greenlets of several threads may
// meet at it, goroutines that belong to none may not.
type Barrier struct {
	cond    *Condition
	lock    *RLock
	parties int
	action  func()
	limited bool
	limit   time.Duration
	state   barrierState
	count   int    // who is inside
	numbers []*int // while it fills: theirs, in the order of coming
}

// A barrierState is what the Barrier does.
//
//	state      meaning                          left by                   for
//	filling    who comes waits for the others   the last one; Reset       draining; resetting
//	draining   all have come, and leave         the last one              filling
//	resetting  who is inside leaves, with an    the last one              filling
//	           error
//	broken     nobody waits any more            Reset                     resetting, filling
type barrierState uint8

const (
	filling barrierState = iota
	draining
	resetting
	broken
)

// A BarrierOption changes a [Barrier] that is being made.
type BarrierOption func(*Barrier)

// Action has f called each time when all have come, by the last of them, before
// any goes on. If f panics, or is unwound, the Barrier is broken.
func Action(f func()) BarrierOption { return func(b *Barrier) { b.action = f } }

// Limit is how long [Barrier.Wait] waits at most.
func Limit(d time.Duration) BarrierOption {
	return func(b *Barrier) { b.limited, b.limit = true, d }
}

// NewBarrier returns a Barrier for so many parties. It panics if there is not at
// least one.
func NewBarrier(parties int, opts ...BarrierOption) *Barrier {
	if parties < 1 {
		panic("lock.NewBarrier: there are no parties; pass a positive number")
	}
	b := &Barrier{lock: NewRLock(), parties: parties}
	b.cond = NewCondition(b.lock)
	for _, o := range opts {
		o(b)
	}
	return b
}

// Share says that several threads will use the Barrier: see the package comment.
func (b *Barrier) Share() { b.cond.Share() }

// Wait waits until all parties have come. It returns a number from 0 up to one less
// than their number, a different one to each, in the order of coming; or
// [ErrBrokenBarrier]. Who is killed while it waits, or unwound by a Timeout, counts
// as not having come.
func (b *Barrier) Wait() (int, error) { return b.wait(b.limited, b.limit) }

// WaitTimeout is [Barrier.Wait] for no longer than d; then the Barrier breaks, for
// everybody.
func (b *Barrier) WaitTimeout(d time.Duration) (int, error) { return b.wait(true, d) }

func (b *Barrier) wait(limited bool, d time.Duration) (int, error) {
	b.lock.Lock()
	defer b.unlock()
	b.cond.WaitFor(func() bool { return b.state != draining && b.state != resetting })
	if b.state == broken {
		return 0, ErrBrokenBarrier
	}
	number := new(int)
	*number = b.count
	b.numbers = append(b.numbers, number)
	b.count++
	defer b.leave(number)
	if b.count == b.parties {
		b.trip()
		return *number, nil
	}
	tripped := func() bool { return b.state != filling }
	if !limited {
		b.cond.WaitFor(tripped)
	} else if !b.cond.WaitForTimeout(d, tripped) {
		b.become(broken)
		return 0, errBarrierTimeout
	}
	if b.state != draining {
		return 0, ErrBrokenBarrier
	}
	return *number, nil
}

// unlock releases the lock, which the caller has not if a LoopExit came while it
// waited for it.
func (b *Barrier) unlock() {
	if b.lock.IsOwned() {
		b.lock.Unlock()
	}
}

// trip lets everybody go.
func (b *Barrier) trip() {
	done := false
	defer func() {
		if !done {
			b.become(broken)
		}
	}()
	if b.action != nil {
		b.action()
	}
	done = true
	b.become(draining)
}

// become changes the state and tells those who wait.
func (b *Barrier) become(s barrierState) {
	b.state = s
	b.numbers = nil // they are settled
	b.cond.NotifyAll()
}

// leave is the end of a wait. Who is unwound while the Barrier fills has not come:
// those who came later move up.
func (b *Barrier) leave(number *int) {
	b.count--
	if i := slices.Index(b.numbers, number); i >= 0 {
		b.numbers = slices.Delete(b.numbers, i, i+1)
		for _, later := range b.numbers[i:] {
			*later--
		}
	}
	if b.count == 0 && (b.state == draining || b.state == resetting) && b.lock.IsOwned() {
		b.become(filling)
	}
}

// Reset makes the Barrier as new. Who waits gets [ErrBrokenBarrier].
func (b *Barrier) Reset() {
	b.cond.With(func() {
		switch {
		case b.count == 0:
			b.become(filling)
		case b.state == filling || b.state == broken:
			b.become(resetting)
		}
	})
}

// Abort breaks the Barrier: who waits, and whoever comes before a Reset, gets
// [ErrBrokenBarrier].
func (b *Barrier) Abort() { b.cond.With(func() { b.become(broken) }) }

// Parties returns how many have to come.
func (b *Barrier) Parties() int { return b.parties }

// Waiting returns how many have come and wait for the others. It mirrors
// n_waiting. Like the next two it is for greenlets, and waits for its turn to look.
func (b *Barrier) Waiting() (n int) {
	b.cond.With(func() {
		if b.state == filling {
			n = b.count
		}
	})
	return n
}

// Broken reports whether the Barrier is broken.
func (b *Barrier) Broken() (is bool) {
	b.cond.With(func() { is = b.state == broken })
	return is
}
