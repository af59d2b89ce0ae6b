package asyncio

import (
	"container/list"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/baton-go/baton/internal/baton"
)

// An ExceptionContext tells an exception handler of an error that nobody else
// will be told of: the context of asyncio's call_exception_handler.
type ExceptionContext struct {
	Message string // what happened, in asyncio's words
	Task    string // the task's name, if it is about one
	Err     error  // a [*PanicError] if something panicked; may be nil
}

// String returns the message, the task and the error, on lines of their own.
func (c ExceptionContext) String() string {
	var b strings.Builder
	b.WriteString(c.Message)
	if c.Task != "" {
		b.WriteString("\ntask: " + c.Task)
	}
	if c.Err != nil {
		fmt.Fprintf(&b, "\nerror: %v", c.Err)
	}
	return b.String()
}

// CallExceptionHandler hands c to the loop's exception handler: see
// [WithExceptionHandler]. It mirrors call_exception_handler. It does not park,
// and may be called in the loop's thread.
func (l *Loop) CallExceptionHandler(c ExceptionContext) {
	if l.handler == nil {
		l.report(c)
		return
	}
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			l.report(c)
			l.report(ExceptionContext{Message: "Unhandled error in exception handler", Err: baton.Recovered(v)})
		}
	}()
	l.handler(l, c)
	returned = true
}

// report is the default handler: standard error, or in a gevent thread its error
// hook.
func (l *Loop) report(c ExceptionContext) {
	if !l.attached {
		fmt.Fprintln(os.Stderr, c)
		return
	}
	where := c.Message
	if c.Task != "" {
		where += ": " + c.Task
	}
	l.hub.Report(where, c.Err)
}

// A lost is the error of a task or a future that nobody has seen yet. It is
// reported when the garbage collector finds that nobody can any more, and at the
// latest when the loop closes; so it must not keep what it is about.
type lost struct {
	loop    *Loop
	context ExceptionContext
	place   *list.Element // in loop.lost
	cleanup runtime.Cleanup
}

// lose keeps the error of f, which is done and part of *owner, unless it was
// seen. T is the task that it is, or nil.
func lose[T any](owner *T, f *future, kind string, t AnyTask) {
	if f.state != finished || f.err == nil || f.taken || f.err == errExited {
		return
	}
	x := &lost{loop: f.loop, context: ExceptionContext{Message: kind + " exception was never retrieved", Err: f.err}}
	if t != nil {
		x.context.Task = t.Name()
	}
	x.place = f.loop.lost.PushBack(x)
	x.cleanup = runtime.AddCleanup(owner, func(x *lost) {
		// ErrClosed means that the loop has reported it.
		_ = x.loop.hub.Post(x.report)
	}, x)
	f.lost = x
}

// found says that somebody has seen the error.
func (x *lost) found() {
	if x.place != nil {
		x.cleanup.Stop()
		x.loop.lost.Remove(x.place)
		x.place = nil
	}
}

// report tells the exception handler, unless the error was seen or reported.
func (x *lost) report() {
	if x.place != nil {
		x.found()
		x.loop.CallExceptionHandler(x.context)
	}
}

// reportLost reports what is lost with the loop, in the order in which it failed.
func (l *Loop) reportLost() {
	for e := l.lost.Front(); e != nil; e = l.lost.Front() {
		e.Value.(*lost).report()
	}
}
