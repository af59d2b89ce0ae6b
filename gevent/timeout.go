package gevent

import (
	"context"
	"math"
	"os"
	"reflect"
	"strconv"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

// NoLimit is the time of a [Timeout] that never expires: Python's None.
const NoLimit time.Duration = math.MaxInt64

// A Timeout limits the time of what a greenlet does, whatever it waits for: when
// its time is up the greenlet is unwound from the blocking call in which it is
// then, so that deferred functions run. It mirrors gevent.Timeout.
//
//	err := gevent.WithTimeout(time.Second, func() error { return conversation(conn) })
//	if errors.Is(err, gevent.ErrTimeout) { ... }
//
// [WithTimeout], [WithTimeoutValue] and [Timeout.Do] catch the unwinding and
// return it as an error. Each catches only its own, so they may be nested: a
// Timeout is an error itself, and which one it was is asked with ==. Started with
// [Timeout.Start] alone, a Timeout unwinds until somebody catches it (see [Try]),
// or ends the greenlet with itself as its error.
//
// # When it comes
//
// Only a greenlet that waits can be unwound. If it computes past its time it is
// unwound in its next blocking call that really waits, and not at all if there is
// none before the Timeout is cancelled. If it has been woken already by what it
// waits for, in the same iteration of the loop or before, that counts, and the
// Timeout comes with the next call. Of two that are due together, the one that was
// started first comes first.
//
// To errors.Is a Timeout is also [ErrTimeout], os.ErrDeadlineExceeded and
// context.DeadlineExceeded; and it is a net.Error.
//
// From [Timeout.Start] on it is for that thread: in another one, or in a goroutine of
// none, its methods panic with [ErrWrongThread], until the thread has ended. Those that
// describe it as an error may be called anywhere. It must not be copied.
type Timeout struct {
	unwind baton.Unwind // what unwinds; its address tells it from all others
	limit  time.Duration
	text   string
	silent bool
	closed bool
	phase  timeoutPhase
	proc   *hub.Proc // that called Start
	timer  netpoll.Timer
}

// A timeoutPhase is how far a Timeout has come.
//
//	phase    left by                             for
//	stopped  Start                               running
//	running  its time; Cancel                    expired; stopped
//	expired  Start, if the greenlet has taken    running; stopped
//	         it; Cancel, if it has not
//
// The timer puts the Timeout into the ready queue, where its turn interrupts the
// greenlet. By then whatever else was due in the same iteration has woken it.
type timeoutPhase uint8

const (
	stopped timeoutPhase = iota
	running
	expired
)

// A TimeoutOption changes a [Timeout] that is being made.
type TimeoutOption func(*Timeout)

// Raising makes err what the greenlet is unwound with, instead of the Timeout: the
// exception= of gevent.
func Raising(err error) TimeoutOption {
	if err == nil {
		panic("gevent.Raising: the error is nil; leave the option out")
	}
	return func(t *Timeout) { t.unwind.Err = err }
}

// Silent makes [Timeout.Do], and so [WithTimeout], return nil when its own Timeout
// ends it: exception=False.
func Silent() TimeoutOption { return func(t *Timeout) { t.silent = true } }

// Saying adds a text to the messages of the Timeout.
func Saying(text string) TimeoutOption { return func(t *Timeout) { t.text = text } }

// NewTimeout makes a Timeout of d, which is not started. A d that is zero or
// negative expires as soon as the greenlet waits; one of [NoLimit] never does.
func NewTimeout(d time.Duration, opts ...TimeoutOption) *Timeout {
	t := &Timeout{limit: d}
	t.unwind.Err = t
	for _, o := range opts {
		o(t)
	}
	return t
}

// StartNewTimeout makes a Timeout of d and starts it. It mirrors
// Timeout.start_new.
func StartNewTimeout(d time.Duration, opts ...TimeoutOption) *Timeout {
	t := NewTimeout(d, opts...)
	t.start("gevent.StartNewTimeout")
	return t
}

// StartNew starts the Timeout unless it is pending, and returns it. It mirrors
// Timeout.start_new with a Timeout.
func (t *Timeout) StartNew() *Timeout {
	const op = "gevent.Timeout.StartNew"
	t.check(op)
	if !t.pending() {
		t.start(op)
	}
	return t
}

// Start starts the Timeout for the calling greenlet. One that has expired, or was
// cancelled, may be started again. Start panics if it is pending, or closed. It
// does not block.
func (t *Timeout) Start() { t.start("gevent.Timeout.Start") }

// check panics if the Timeout was started in another thread than the caller's, which
// has not ended.
func (t *Timeout) check(op string) {
	if t.proc != nil {
		t.proc.Hub().CheckLook(op, "the Timeout")
	}
}

func (t *Timeout) start(op string) {
	_, p := hub.Here()
	if p == nil || t.proc != nil && t.proc.Hub() != p.Hub() {
		t.check(op)
		hub.Require(op)
	}
	switch {
	case t.closed:
		panic(op + ": the Timeout was closed; make a new one")
	case t.pending():
		panic(op + ": " + t.describe() + " is already started; to restart it, cancel it first")
	case t.limit == NoLimit:
		return
	}
	l := p.Hub().Loop
	t.proc, t.phase = p, running
	l.Arm(&t.timer, l.Deadline(max(t.limit, 0)), (*expiry)(t))
}

// expiry is a Timeout as what stands in the ready queue when its time is up.
type expiry Timeout

// RunReady interrupts the greenlet, unless the Timeout was cancelled, and perhaps
// started again, meanwhile.
func (e *expiry) RunReady() {
	if e.phase == running && !e.timer.Armed() {
		e.phase = expired
		e.proc.Interrupt(&e.unwind)
	}
}

// Pending reports whether the Timeout was started and has not unwound anybody
// yet. It mirrors Timeout.pending.
func (t *Timeout) Pending() bool {
	t.check("gevent.Timeout.Pending")
	return t.pending()
}

func (t *Timeout) pending() bool {
	return t.phase == running || t.phase == expired && t.proc.Pending(&t.unwind)
}

// Cancel stops the Timeout: it does not expire any more, unless it has already
// begun to unwind its greenlet. It may be started again. It mirrors
// Timeout.cancel.
func (t *Timeout) Cancel() {
	t.check("gevent.Timeout.Cancel")
	t.cancel()
}

func (t *Timeout) cancel() {
	switch t.phase {
	case running:
		t.proc.Hub().Loop.Disarm(&t.timer)
		t.phase = stopped
	case expired:
		if t.proc.Withdraw(&t.unwind) {
			t.phase = stopped
		}
	}
}

// Close is [Timeout.Cancel] for good: the Timeout cannot be started again. It
// mirrors Timeout.close.
func (t *Timeout) Close() {
	t.check("gevent.Timeout.Close")
	t.close()
}

func (t *Timeout) close() {
	t.cancel()
	t.closed = true
}

// Do runs f, with the Timeout started for the calling greenlet if it was not
// pending. It returns what f returns; or, if this Timeout ended it, the Timeout,
// the error of [Raising], or nil if it is [Silent]. Everything else that unwinds f
// goes on, and so do panics. Afterwards the Timeout is closed. It mirrors the
// Timeout as a context manager.
func (t *Timeout) Do(f func() error) error {
	const op = "gevent.Timeout.Do"
	t.check(op)
	err, own := t.do(op, f)
	if own && t.silent {
		return nil
	}
	return err
}

// do is Do, which says whether it was the Timeout that ended f.
func (t *Timeout) do(op string, f func() error) (err error, own bool) {
	if !t.pending() {
		t.start(op)
	}
	returned := false
	defer func() {
		t.close()
		if returned || t.phase != expired {
			return // what is in flight goes on with the stack that it has
		}
		switch v := recover(); {
		case t.is(v):
			err, own = t.unwind.Err, true
		case v != nil:
			panic(v)
		}
	}()
	err = f()
	returned = true
	return err, t.phase == expired && same(err, t.unwind.Err)
}

// is reports whether v, which recover returned, is the unwinding of t. Somebody
// may have caught it and raised it again.
func (t *Timeout) is(v any) bool {
	u, ok := v.(*baton.Unwind)
	return ok && (u == &t.unwind || same(u.Err, t.unwind.Err))
}

// same is a == b for errors of any type.
func same(a, b error) bool {
	return a != nil && b != nil && reflect.TypeOf(a).Comparable() && a == b
}

// WithTimeout runs f for no longer than d: see [Timeout.Do]. If the time is up f is
// unwound from the blocking call in which it is, and the error is a [*Timeout], so
// it matches [ErrTimeout]. It mirrors gevent.with_timeout.
func WithTimeout(d time.Duration, f func() error, opts ...TimeoutOption) error {
	t := NewTimeout(d, opts...)
	err, own := t.do("gevent.WithTimeout", f)
	if own && t.silent {
		return nil
	}
	return err
}

// WithTimeoutValue is [WithTimeout] for a function with a value. If its own time is
// up it returns value and no error. It mirrors with_timeout with a timeout_value.
func WithTimeoutValue[T any](d time.Duration, value T, f func() (T, error)) (T, error) {
	t := NewTimeout(d)
	var v T
	err, own := t.do("gevent.WithTimeoutValue", func() (err error) {
		v, err = f()
		return err
	})
	if own {
		return value, nil
	}
	return v, err
}

// Limit returns the time for which the Timeout was made.
func (t *Timeout) Limit() time.Duration { return t.limit }

// String returns what Python prints: "1 second", "1.5 seconds: the text", "2
// seconds (silent)", and "" for a Timeout without a limit.
func (t *Timeout) String() string {
	if t.limit == NoLimit {
		return ""
	}
	s := strconv.FormatFloat(t.limit.Seconds(), 'g', -1, 64) + " second"
	if t.limit != time.Second {
		s += "s"
	}
	if t.silent {
		s += " (silent)"
	}
	switch {
	case t.text != "":
		s += ": " + t.text
	case t.unwind.Err != error(t):
		s += ": " + t.unwind.Err.Error()
	}
	return s
}

// describe is String for messages.
func (t *Timeout) describe() string { return "Timeout of " + t.String() }

// Error returns "gevent: timed out after " and what String returns.
func (t *Timeout) Error() string {
	if t.limit == NoLimit {
		return ErrTimeout.Error()
	}
	return "gevent: timed out after " + t.String()
}

// Is makes errors.Is work as the type's comment says.
func (t *Timeout) Is(target error) bool {
	return target == ErrTimeout || target == os.ErrDeadlineExceeded || target == context.DeadlineExceeded
}

// Timeout returns true: it is for net.Error.
func (t *Timeout) Timeout() bool { return true }

// Temporary returns true: it is for net.Error.
func (t *Timeout) Temporary() bool { return true }
