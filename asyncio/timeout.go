package asyncio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/netpoll"
)

// NoLimit is the time of a [Timeout] that never expires: Python's None.
const NoLimit time.Duration = math.MaxInt64

// ErrTimeout is matched by the error of whatever ran out of time in this package:
// asyncio's TimeoutError. The errors themselves are [*TimeoutError]s. To errors.Is
// it is also context.DeadlineExceeded and os.ErrDeadlineExceeded; and it is a
// net.Error.
var ErrTimeout error = new(TimeoutError)

// A TimeoutError says that the time of a [Timeout], or of a call with a limit, was
// up.
type TimeoutError struct {
	// Err is the error that the body returned then, if it was another than its
	// cancellation. errors.Is and errors.As find it too. Otherwise it is nil.
	Err error
}

// Error returns Err's text, if there is one, and says that the time was up.
func (e *TimeoutError) Error() string {
	if e.Err != nil {
		return e.Err.Error() + " (after asyncio: timed out)"
	}
	return "asyncio: timed out"
}

// Is makes every TimeoutError match what ErrTimeout matches.
func (e *TimeoutError) Is(target error) bool {
	return target == ErrTimeout || target == context.DeadlineExceeded || target == os.ErrDeadlineExceeded
}

// Unwrap returns Err.
func (e *TimeoutError) Unwrap() error { return e.Err }

// Timeout returns true: it is for net.Error.
func (e *TimeoutError) Timeout() bool { return true }

// Temporary returns true: it is for net.Error.
func (e *TimeoutError) Temporary() bool { return true }

// A Timeout limits the time of a part of a task: asyncio.timeout and timeout_at.
//
//	err := asyncio.WithTimeout(ctx, time.Second, func(ctx context.Context) error {
//		return conversation(ctx, conn)
//	})
//	if errors.Is(err, asyncio.ErrTimeout) { ... }
//
// When the time is up the task is cancelled, so the awaiting call in which it is
// returns an error that matches [ErrCancelled]; and when the body has returned
// that, [Timeout.Do] takes the cancellation back and returns a [*TimeoutError]. A
// body that never waits is not interrupted. If the task was cancelled by somebody
// else, too, that goes on.
//
// It is made by [NewTimeout] or [NewTimeoutAt], and may be used once. Its methods
// are for its task's thread. It must not be copied.
type Timeout struct {
	ctx      scopeContext // the body's
	when     time.Duration
	relative bool // when is counted from the start
	phase    timeoutPhase
	requests int // what Cancelling returned at the start
	// A timer that has fired, or one for a time that is past, is an entry of the
	// FIFO, which cannot be taken out. set says that there is a timer or an entry that
	// counts, and stale how many entries before it do not.
	set   bool
	stale int
	timer netpoll.Timer
}

// A timeoutPhase is how far a Timeout has come.
//
//	phase     left by               for
//	created   Do                    active
//	active    its time; Do's end    expiring; left
//	expiring  Do's end              expired
type timeoutPhase uint8

const (
	timeoutCreated timeoutPhase = iota
	timeoutActive
	timeoutExpiring
	timeoutExpired
	timeoutLeft
)

var timeoutWords = [...]string{"created", "active", "expiring", "expired", "finished"}

// NewTimeout returns a Timeout that expires when d has passed since [Timeout.Do] was
// called; if d is not positive, as soon as the body waits; never, if it is
// [NoLimit]. It mirrors asyncio.timeout.
func NewTimeout(d time.Duration) *Timeout {
	return &Timeout{when: d, relative: d != NoLimit}
}

// NewTimeoutAt returns a Timeout that expires when the loop's time, as [Loop.Time]
// tells it, is when. It mirrors asyncio.timeout_at.
func NewTimeoutAt(when time.Duration) *Timeout { return &Timeout{when: when} }

// WithTimeout runs body for no longer than d: it is [Timeout.Do] of a [NewTimeout].
// It mirrors "async with asyncio.timeout(d)".
func WithTimeout(ctx context.Context, d time.Duration, body func(ctx context.Context) error) error {
	return NewTimeout(d).do("asyncio.WithTimeout", ctx, body)
}

// WithTimeoutAt runs body until the loop's time is when, at the longest: it is
// [Timeout.Do] of a [NewTimeoutAt]. It mirrors "async with asyncio.timeout_at(when)".
func WithTimeoutAt(ctx context.Context, when time.Duration, body func(ctx context.Context) error) error {
	return NewTimeoutAt(when).do("asyncio.WithTimeoutAt", ctx, body)
}

// Do runs body in the calling task until it returns, and cancels it when the time is
// up. The context that body gets is derived from ctx, and ends then, too, and when
// Do returns. On a real clock its Deadline is that time, as [Timeout.Reschedule] changes
// it, unless ctx has an earlier one; on a virtual clock it is that of ctx. Its error is
// context.Canceled all the same.
//
// It returns what body returned; but if the Timeout has expired and nobody else has
// cancelled the task, it returns a [*TimeoutError] instead of an error that says that
// the task was cancelled, and around any other error. A body that returns nil has
// ended well, whether or not the time was up.
//
// If the body was cancelled in a call of gevent, which unwinds, Do ends the
// unwinding; a kill, and every other panic, goes on. Do parks only where body does.
// It panics if the caller is in no task, and if the Timeout was used before.
//
// Budget: one allocation, that of the Timeout.
func (to *Timeout) Do(ctx context.Context, body func(ctx context.Context) error) error {
	return to.do("asyncio.Timeout.Do", ctx, body)
}

func (to *Timeout) do(op string, ctx context.Context, body func(context.Context) error) (err error) {
	_, p := mustPark(op)
	t := taskOf(p)
	switch {
	case t == nil:
		misuse(op, "a Timeout needs a task, and the caller is in none", "use CreateTask; or, in a greenlet, gevent.WithTimeout")
	case to.phase != timeoutCreated:
		misuse(op, "the Timeout has been used already", "make a new one")
	}
	to.start(t, ctx)
	catch := p.Catch()
	returned := false
	defer func() {
		if returned {
			return
		}
		if !to.end() || !catch.Possible() {
			return // what is in flight goes on with the stack that it has
		}
		switch v := recover().(type) {
		case nil:
		case *baton.Unwind:
			if !isCancel(v.Err) {
				panic(v)
			}
			err = new(TimeoutError)
		default:
			panic(v)
		}
	}()
	err = body(&to.ctx)
	returned = true
	gaveIn := err != nil && t.gaveIn(err)
	switch own := to.end(); {
	case !own || err == nil:
		return err
	case gaveIn:
		return new(TimeoutError)
	}
	return &TimeoutError{Err: err}
}

// start begins to count.
func (to *Timeout) start(t *task, ctx context.Context) {
	to.ctx.enter(t, ctx)
	to.phase = timeoutActive
	to.requests = t.Cancelling()
	if to.relative {
		to.relative = false
		to.when = t.loop.hub.Loop.Deadline(max(to.when, 0))
	} else {
		t.loop.hub.Loop.UpdateTime()
	}
	to.arm()
}

// arm makes the Timeout expire at its time; the loop's has just been updated. What is
// past has its turn after what is ready, like all else: the body at least begins.
func (to *Timeout) arm() {
	if to.when == NoLimit {
		to.ctx.until.Store(0)
		return
	}
	to.ctx.until.Store(int64(cmp.Or(to.when, 1))) // 0 says that there is none
	to.set = true
	l := to.ctx.task.loop.hub.Loop
	if to.when <= l.Time() {
		l.Enqueue((*timeoutEntry)(to))
	} else {
		l.Arm(&to.timer, to.when, (*timeoutEntry)(to))
	}
}

// disarm takes that back.
func (to *Timeout) disarm() {
	if to.set && !to.ctx.task.loop.hub.Loop.Disarm(&to.timer) {
		to.stale++
	}
	to.set = false
}

// timeoutEntry is a Timeout as what stands in the FIFO when its time is up.
type timeoutEntry Timeout

// RunReady cancels the task. It is for the loop only.
func (e *timeoutEntry) RunReady() {
	if e.stale > 0 {
		e.stale--
		return
	}
	e.set = false
	t := e.ctx.task
	if path := (map[*future]bool{}); t.awaits != nil && t.circular(path) {
		t.cancelToCircle(new(CancelledError), path)
		t.loop.CallExceptionHandler(ExceptionContext{
			Message: "Exception in callback of a Timeout",
			Task:    t.Name(),
			Err:     errCircle,
		})
		return
	}
	e.phase = timeoutExpiring
	t.cancelScope(&e.ctx.inner, new(CancelledError))
}

// errCircle is what the exception handler gets when the time of a task is up that
// waits for tasks which await each other. The Timeout then does not expire. As in
// CPython, where the request to cancel ends in a RecursionError, those are cancelled
// that it comes to before, by way of a Gather.
var errCircle = errors.New("asyncio: the task waits for tasks that await each other in a circle, so its time-out cannot cancel what it awaits")

// circular reports whether a request to cancel f would go round in a circle. Path has
// those on the way to f, with true, and those from which none does, with false.
func (f *future) circular(path map[*future]bool) bool {
	if f == nil || f.state != pending {
		return false
	}
	if on, seen := path[f]; seen {
		return on
	}
	path[f] = true
	found := false
	if f.task != nil {
		found = f.task.awaits.circular(path)
	} else if g, ok := f.canceller().(*gathering); ok {
		found = slices.ContainsFunc(g.children, func(f *future) bool { return f.circular(path) })
	}
	if delete(path, f); !found {
		path[f] = false
	}
	return found
}

// cancelToCircle cancels what a request to cancel f comes to before it goes round in a
// circle, given that it does.
func (f *future) cancelToCircle(e *CancelledError, path map[*future]bool) {
	if path[f] {
		return
	}
	path[f] = true
	if f.task != nil {
		f.task.awaits.cancelToCircle(e, path)
	} else if g, ok := f.canceller().(*gathering); ok {
		for _, child := range g.children {
			if child.circular(path) {
				child.cancelToCircle(e, path)
				return
			}
			child.cancel(e)
		}
	}
}

// end is the end of the body. It reports whether a cancellation of the task is the
// Timeout's, and nobody else's.
func (to *Timeout) end() (own bool) {
	to.disarm()
	to.ctx.leave()
	if to.phase != timeoutExpiring {
		to.phase = timeoutLeft
		return false
	}
	to.phase = timeoutExpired
	return to.ctx.task.uncancel() <= to.requests
}

// When returns the loop's time at which the Timeout expires, or would have;
// [NoLimit] if never. For one of [NewTimeout] that is not known before [Timeout.Do]:
// then it is zero. It mirrors when.
func (to *Timeout) When() time.Duration {
	if to.relative {
		return 0
	}
	return to.when
}

// Reschedule changes the loop's time at which the Timeout expires; [NoLimit] means
// that it does not expire. A time that is past is that of the next turn of the loop.
// The error matches [ErrInvalidState] if the body does not run, or the Timeout has
// expired. A context that was derived before with a later deadline of its own has not
// kept that, since package context takes the earlier one for good. It mirrors
// reschedule. It does not park.
func (to *Timeout) Reschedule(when time.Duration) error {
	const op = "asyncio.Timeout.Reschedule"
	if to.phase != timeoutActive {
		if to.phase == timeoutCreated {
			return inOp(op, fmt.Errorf("%w: the Timeout has not been entered; call it in the body of Do", ErrInvalidState))
		}
		return inOp(op, fmt.Errorf("%w: the Timeout is %s", ErrInvalidState, timeoutWords[to.phase]))
	}
	to.ctx.task.loop.mustOwn(op)
	to.disarm()
	to.when = when
	to.ctx.task.loop.hub.Loop.UpdateTime()
	to.arm()
	return nil
}

// Expired reports whether the time was up while the body ran. It mirrors expired.
func (to *Timeout) Expired() bool {
	return to.phase == timeoutExpiring || to.phase == timeoutExpired
}

// String returns how far the Timeout has come and, if it is active, for when it is
// set: "<Timeout active when=1.5s>".
func (to *Timeout) String() string {
	s := "<Timeout " + timeoutWords[to.phase]
	if to.phase == timeoutActive {
		if to.when == NoLimit {
			s += " when=never"
		} else {
			s += " when=" + to.when.String()
		}
	}
	return s + ">"
}
