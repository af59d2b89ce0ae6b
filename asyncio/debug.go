package asyncio

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

// debugVariable is the environment variable that turns debug mode on: asyncio's
// PYTHONASYNCIODEBUG.
const debugVariable = "BATON_ASYNCIO_DEBUG"

// WithDebug says whether the loop is in debug mode from its beginning: see
// [Loop.SetDebug]. The default is whether the environment variable
// BATON_ASYNCIO_DEBUG is not empty. It mirrors debug=.
func WithDebug(on bool) Option {
	return func(o *options) { o.debug = &on }
}

// WithLogger makes the loop tell l what it would print to standard error: warnings of
// debug mode, and, at the level of errors, what [Loop.DefaultExceptionHandler] gets. It
// mirrors the logger of asyncio.
func WithLogger(l *slog.Logger) Option {
	return func(o *options) { o.logger = l }
}

const defaultSlowCallback = 100 * time.Millisecond

// loopDebug is what a loop knows of debug mode.
type loopDebug struct {
	on   atomic.Bool
	slow time.Duration
}

func (d *loopDebug) init(l *Loop, on *bool) {
	d.slow = defaultSlowCallback
	if on == nil {
		env := os.Getenv(debugVariable) != ""
		on = &env
	}
	if *on {
		d.set(l, true)
	}
}

// Debug reports whether the loop is in debug mode. It mirrors get_debug.
func (l *Loop) Debug() bool { return l.debug.on.Load() }

// SetDebug turns debug mode on or off. In debug mode
//   - a callback, or what a task does until it waits again, that takes longer than
//     [Loop.SlowCallbackDuration] is reported as a warning, when it is over, to the
//     logger of [WithLogger], or on standard error;
//   - tasks and callbacks know where they were made, and exception handlers are told:
//     see [ExceptionContext];
//   - calls on sockets, such as [SockRecv], refuse descriptors that block.
//
// It costs some microseconds for each step. That the loop is used in its own thread
// only is always checked. In a thread of gevent the first of these is for the whole
// thread. It mirrors set_debug.
//
// It may be called as [Loop.CallSoon] may.
func (l *Loop) SetDebug(on bool) {
	l.mustBeUsable("asyncio.Loop.SetDebug")
	l.debug.set(l, on)
}

func (d *loopDebug) set(l *Loop, on bool) {
	d.on.Store(on)
	if !on {
		l.hub.Loop.SetDebug(nil)
		return
	}
	l.hub.Loop.SetDebug(&netpoll.Debug{SlowCallback: d.slow, OnSlow: func(s netpoll.Slow) {
		// Somebody may be about to park: this is no place to call the user's code.
		l.enqueue(&Handle{loop: l, f: func() { l.warnSlow(s) }})
	}})
}

// SlowCallbackDuration returns how long a step may take in debug mode before it is
// reported: 100 ms, if nobody has changed it. It mirrors slow_callback_duration.
func (l *Loop) SlowCallbackDuration() time.Duration {
	l.mustOwn("asyncio.Loop.SlowCallbackDuration")
	return l.debug.slow
}

// SetSlowCallbackDuration changes it. It panics if d is not positive. It may be called
// as [Loop.CallSoon] may.
func (l *Loop) SetSlowCallbackDuration(d time.Duration) {
	const op = "asyncio.Loop.SetSlowCallbackDuration"
	l.mustBeUsable(op)
	if d <= 0 {
		misuse(op, "the duration is not positive", "pass how long a step may take")
	}
	if l.debug.slow = d; l.debug.on.Load() {
		l.debug.set(l, true)
	}
}

// warnSlow reports a slow step.
func (l *Loop) warnSlow(s netpoll.Slow) {
	what, task := s.What, ""
	switch e := s.Entry.(type) {
	case *hub.Proc:
		task = e.Name()
		what = "greenlet " + task
		if t := taskOf(e); t != nil {
			what = t.describeRun()
		}
	case *Handle:
		what = e.String()
	default:
		if s.File != "" {
			what += fmt.Sprintf(" at %s:%d", s.File, s.Line)
		}
	}
	message := fmt.Sprintf("Executing %s took %.3f seconds", what, s.Took.Seconds())
	if l.logger == nil {
		fmt.Fprintln(os.Stderr, message)
		return
	}
	attrs := []slog.Attr{slog.Duration("took", s.Took)}
	if task != "" {
		attrs = append(attrs, slog.String("task", task))
	}
	if by := outer(s.Scheduled); len(by) > 0 {
		attrs = append(attrs, slog.Any("source", by))
	}
	l.logger.LogAttrs(context.Background(), slog.LevelWarn, message, attrs...)
}

// outer returns the frames of a stack that are neither this module's nor the runtime's.
func outer(all []runtime.Frame) (some frames) {
	for _, f := range all {
		if !hub.Inside(f.Function) {
			some = append(some, f)
		}
	}
	return some
}

// describeRun says which task has been at work: its state and name, its coroutine, and
// where it was made.
func (t *task) describeRun() string {
	var b strings.Builder
	fmt.Fprintf(&b, "<Task %s name=%q", stateWords[t.state], t.Name())
	if c, ok := t.public().(interface{ entry() uintptr }); ok {
		fmt.Fprintf(&b, " coro=<%s>", placeOf(c.entry()))
	}
	if made := outer(t.source()); len(made) > 0 {
		fmt.Fprintf(&b, " created at %s:%d", made[0].File, made[0].Line)
	}
	return b.String() + ">"
}

// A source is a call stack: where something was made.
type source struct {
	pcs [32]uintptr
	n   int
}

// sourceHere is the stack of the caller.
func sourceHere() *source {
	s := new(source)
	s.n = runtime.Callers(2, s.pcs[:])
	return s
}

// ownPrefix begins the names of this package's functions.
var ownPrefix = reflect.TypeFor[Loop]().PkgPath() + "."

// frames is the stack without this package's functions at its inner end.
func (s *source) frames() (all frames) {
	if s == nil {
		return nil
	}
	for next := runtime.CallersFrames(s.pcs[:s.n]); ; {
		f, more := next.Next()
		own := len(all) == 0 && strings.HasPrefix(f.Function, ownPrefix)
		if f.PC != 0 && !own && f.Function != "runtime.goexit" {
			all = append(all, f)
		}
		if !more {
			return all
		}
	}
}

// frames are a stack that can be printed.
type frames []runtime.Frame

// String is a line for each function and one for its place.
func (f frames) String() string {
	var b strings.Builder
	for _, f := range f {
		fmt.Fprintf(&b, "\n\t%s\n\t\t%s:%d", f.Function, f.File, f.Line)
	}
	return b.String()
}

// source returns where a task was made, if that is known.
func (f *future) source() []runtime.Frame {
	if f.task != nil {
		s, _ := f.task.proc.Extra().(*source)
		return s.frames()
	}
	return nil
}
