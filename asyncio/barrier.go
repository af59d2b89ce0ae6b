package asyncio

import (
	"context"
	"errors"
	"fmt"
)

// ErrBrokenBarrier is matched by the error of waiting at a [Barrier] that is
// aborted, or reset meanwhile. It mirrors BrokenBarrierError.
var ErrBrokenBarrier = errors.New("asyncio: the barrier is broken")

var (
	errAborted = fmt.Errorf("%w: it was aborted", ErrBrokenBarrier)
	errReset   = fmt.Errorf("%w: it was aborted or reset meanwhile", ErrBrokenBarrier)
)

// A barrierState is what a Barrier does.
//
//	state      who comes       becomes
//	filling    waits           draining when the last one comes
//	draining   waits outside   filling when all have gone
//	resetting  waits outside   filling when all have gone, with an error
//	broken     gets an error   filling or resetting by Reset
type barrierState uint8

const (
	filling barrierState = iota
	draining
	resetting
	broken
)

func (s barrierState) String() string {
	return [...]string{"filling", "draining", "resetting", "broken"}[s]
}

// A Barrier lets tasks go on when so many of them have come, and can be used again
// when all of these have gone: asyncio's Barrier. It is made by [NewBarrier]. It is
// for one thread, and bound to a loop, as a [Lock] is. It must not be copied.
type Barrier struct {
	cond    Condition // its lock guards the rest
	parties int
	state   barrierState
	count   int // of those who are inside
}

// NewBarrier returns a Barrier for so many parties: 1 or more.
func NewBarrier(parties int) *Barrier {
	if parties < 1 {
		misuse("asyncio.NewBarrier", fmt.Sprint("there are ", parties, " parties"), "give it how many have to come, 1 or more")
	}
	return &Barrier{cond: Condition{lock: new(Lock)}, parties: parties}
}

func (b *Barrier) mustBeMade(op string) {
	if b.parties == 0 {
		misuse(op, "the Barrier has no parties", "make it with NewBarrier")
	}
}

// Wait waits until so many have come, and returns how many came before the caller:
// one of them gets 0, and may do what is to be done once. The last one to come does
// not wait. If the barrier is still emptying from the time before, Wait waits for
// that as well. It mirrors wait, and "async with".
//
// The error matches [ErrBrokenBarrier] if the barrier is aborted, or reset while
// the caller waits. Wait parks the calling task or greenlet; its other errors are
// those of [Lock.Acquire]. A caller that is cancelled just leaves: one more has to
// come.
func (b *Barrier) Wait(ctx context.Context) (int, error) {
	const op = "asyncio.Barrier.Wait"
	b.mustBeMade(op)
	b.cond.enter(op)
	if err := b.cond.lock.acquire(ctx, op, b); err != nil {
		return 0, unwound(err)
	}
	index, err := b.enter(ctx, op)
	b.unlock()
	if err != nil {
		return 0, unwound(err)
	}
	return index, nil
}

// enter is Wait under the lock.
func (b *Barrier) enter(ctx context.Context, op string) (int, error) {
	err := b.cond.waitFor(ctx, op, b, func() bool { return b.state == filling || b.state == broken })
	switch {
	case err != nil:
		return 0, err
	case b.state == broken:
		return 0, inOp(op, errAborted)
	}
	index := b.count
	b.count++
	if b.count == b.parties {
		b.become(draining)
	} else {
		err = b.cond.waitFor(ctx, op, b, func() bool { return b.state != filling })
		if err == nil && b.state != draining {
			err = inOp(op, errReset)
		}
	}
	b.count--
	if b.count == 0 {
		if b.state == resetting || b.state == draining {
			b.state = filling
		}
		b.cond.waiters.tellAll()
	}
	return index, err
}

// become changes the state and makes everybody look at it.
func (b *Barrier) become(s barrierState) {
	b.state = s
	b.cond.waiters.tellAll()
}

// unlock releases the lock. Who was killed at the end of its loop may not have got
// it.
func (b *Barrier) unlock() {
	if b.cond.lock.locked {
		b.cond.lock.release()
	}
}

// Reset makes the barrier as new. Who waits at it gets [ErrBrokenBarrier]. It does
// not park: nobody keeps the barrier's lock while another runs. It mirrors reset.
func (b *Barrier) Reset() {
	const op = "asyncio.Barrier.Reset"
	b.mustBeMade(op)
	b.cond.enter(op)
	if b.count > 0 {
		b.become(resetting)
	} else {
		b.become(filling)
	}
}

// Abort breaks the barrier: who waits at it, and whoever comes before a
// [Barrier.Reset], gets [ErrBrokenBarrier]. It does not park. It mirrors abort.
func (b *Barrier) Abort() {
	const op = "asyncio.Barrier.Abort"
	b.mustBeMade(op)
	b.cond.enter(op)
	b.become(broken)
}

// Parties returns how many have to come. It mirrors parties.
func (b *Barrier) Parties() int { return b.parties }

// NWaiting returns how many have come and wait for the others: 0 while they go. It
// mirrors n_waiting.
func (b *Barrier) NWaiting() int {
	if b.state == filling {
		return b.count
	}
	return 0
}

// Broken reports whether the barrier is broken. It mirrors broken.
func (b *Barrier) Broken() bool { return b.state == broken }

// String says what the barrier is, and how many wait at it.
func (b *Barrier) String() string {
	state := b.state.String()
	if b.state != broken {
		state = fmt.Sprintf("%s, waiters:%d/%d", state, b.NWaiting(), b.parties)
	}
	return fmt.Sprintf("<asyncio.Barrier %p [%s]>", b, state)
}
