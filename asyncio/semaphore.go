package asyncio

import (
	"context"
	"errors"
	"fmt"
)

// ErrReleasedTooOften is matched by the error of releasing a [BoundedSemaphore]
// more often than it was acquired. It stands for asyncio's ValueError
// "BoundedSemaphore released too many times".
var ErrReleasedTooOften = errors.New("asyncio: the semaphore was released too often")

// A Semaphore gives so many permits at a time: asyncio's Semaphore. It is made by
// [NewSemaphore]. It is for one thread, and bound to a loop, as a [Lock] is. It must
// not be copied.
//
// Permits go to who waits in the order in which they came, and nobody is overtaken:
// a released permit is at once that of the first in line, who goes on one hop of
// the loop later, and passes it on if it is cancelled at that moment.
type Semaphore struct {
	binding
	kind    string
	value   int
	waiters line
}

// NewSemaphore returns a Semaphore that has value permits to give: none or more.
func NewSemaphore(value int) *Semaphore {
	s := new(Semaphore)
	s.init("NewSemaphore", "Semaphore", value)
	return s
}

func (s *Semaphore) init(op, kind string, value int) {
	if value < 0 {
		misuse("asyncio."+op, fmt.Sprint("the value is ", value), "give it the number of permits, 0 or more")
	}
	s.kind, s.value = kind, value
}

// Acquire waits for a permit. If there is one and nobody else waits, Acquire
// neither waits nor yields, and does not look at ctx. Otherwise it parks the
// calling task or greenlet. The errors are those of [Lock.Acquire]; with an error
// the caller has no permit. It mirrors acquire.
//
// Budget: one switch to somebody else, if it waits; no allocation.
func (s *Semaphore) Acquire(ctx context.Context) error {
	const op = "asyncio.Semaphore.Acquire"
	s.enter(op)
	if !s.Locked() {
		s.value--
		return nil
	}
	s.mustBeMade(op, "Semaphore")
	told, err := s.waiters.wait(ctx, op, s, &s.binding)
	if err != nil && told {
		s.value++
	}
	// Others may have come meanwhile, and wait behind this one though there are
	// permits.
	for s.value > 0 && s.tellNext() {
	}
	return unwound(err)
}

// tellNext gives a permit to the first in line that has none, and reports whether
// there was one.
func (s *Semaphore) tellNext() bool {
	if !s.waiters.tellNext() {
		return false
	}
	s.value--
	return true
}

// Release gives a permit back, or one more. It may be called by whatever task. It
// does not park. It mirrors release.
func (s *Semaphore) Release() {
	const op = "asyncio.Semaphore.Release"
	s.enter(op)
	s.mustBeMade(op, "Semaphore")
	s.release()
}

func (s *Semaphore) mustBeMade(op, kind string) {
	if s.kind == "" {
		misuse(op, "the "+kind+" was never given permits", "make it with New"+kind)
	}
}

func (s *Semaphore) release() {
	s.value++
	s.tellNext()
}

// Locked reports whether [Semaphore.Acquire] would wait: there is no permit, or
// others wait for theirs. It mirrors locked.
func (s *Semaphore) Locked() bool { return s.value == 0 || !s.waiters.deserted() }

// Value returns how many permits there are that nobody has, also not one who is
// about to go on with it.
func (s *Semaphore) Value() int { return s.value }

// With acquires a permit, calls f, and releases the permit, also if f panics. It
// returns the error of f, or of [Semaphore.Acquire], in which case f was not
// called. It mirrors "async with".
func (s *Semaphore) With(ctx context.Context, f func() error) error {
	if err := s.Acquire(ctx); err != nil {
		return err
	}
	defer s.Release()
	return f()
}

// String says what the semaphore is, how many permits it has, and how many wait
// for one.
func (s *Semaphore) String() string {
	state := fmt.Sprint("unlocked, value:", s.value)
	if s.Locked() {
		state = "locked"
	}
	return s.waiters.describe(s.kind, s, state)
}

// A BoundedSemaphore is a [Semaphore] that never has more permits than it began
// with: asyncio's BoundedSemaphore. It is made by [NewBoundedSemaphore].
type BoundedSemaphore struct {
	s     Semaphore
	bound int
}

// NewBoundedSemaphore returns a BoundedSemaphore that has value permits to give:
// none or more.
func NewBoundedSemaphore(value int) *BoundedSemaphore {
	s := &BoundedSemaphore{bound: value}
	s.s.init("NewBoundedSemaphore", "BoundedSemaphore", value)
	return s
}

// Acquire waits for a permit: see [Semaphore.Acquire].
func (s *BoundedSemaphore) Acquire(ctx context.Context) error {
	s.s.mustBeMade("asyncio.BoundedSemaphore.Acquire", "BoundedSemaphore")
	return s.s.Acquire(ctx)
}

// Release gives a permit back. If all are there already the error matches
// [ErrReleasedTooOften], and nothing happens. It may be called by whatever task. It
// does not park. It mirrors release.
func (s *BoundedSemaphore) Release() error {
	const op = "asyncio.BoundedSemaphore.Release"
	s.s.enter(op)
	s.s.mustBeMade(op, "BoundedSemaphore")
	if s.s.value >= s.bound {
		return inOp(op, ErrReleasedTooOften)
	}
	s.s.release()
	return nil
}

// Locked reports whether [BoundedSemaphore.Acquire] would wait.
func (s *BoundedSemaphore) Locked() bool { return s.s.Locked() }

// Value returns how many permits there are: see [Semaphore.Value].
func (s *BoundedSemaphore) Value() int { return s.s.Value() }

// With acquires a permit, calls f, and releases the permit: see [Semaphore.With].
// If f has released it the error may match [ErrReleasedTooOften].
func (s *BoundedSemaphore) With(ctx context.Context, f func() error) (err error) {
	if err := s.Acquire(ctx); err != nil {
		return err
	}
	defer func() {
		if e := s.Release(); e != nil {
			err = errors.Join(err, e)
		}
	}()
	return f()
}

// String says what the semaphore is: see [Semaphore.String].
func (s *BoundedSemaphore) String() string { return s.s.String() }
