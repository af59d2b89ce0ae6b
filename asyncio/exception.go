package asyncio

import (
	"container/list"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// An ExceptionContext tells an exception handler of an error that nobody else
// will be told of: the context of asyncio's call_exception_handler.
type ExceptionContext struct {
	Message string // what happened, in asyncio's words
	Task    string // the task's name, if it is about one
	Err     error  // a [*PanicError] if something panicked; may be nil

	Future Awaitable // the task or future, unless it is garbage
	Handle *Handle   // the callback that panicked

	Transport BaseTransport // if it is about one, or its protocol
	Protocol  any           // that protocol, such as a [Protocol]
	Socket    net.Addr      // the address of the listening socket, if it is about one

	// Source is the stack of the call that made the task or the callback, innermost call
	// first, which is known in debug mode only: see [WithDebug]. Without it Source is empty,
	// but of a task whose error nobody retrieved it is one frame: its coroutine.
	Source []runtime.Frame

	// Context is what an exception handler was told of when it panicked.
	Context *ExceptionContext
}

// String returns the message and what else there is, on lines of their own.
func (c ExceptionContext) String() string {
	var b strings.Builder
	b.WriteString(c.Message)
	for _, a := range c.attributes() {
		if err, ok := a.Value.Any().(error); ok {
			fmt.Fprintf(&b, "\n%s: %s", a.Key, baton.Details(err))
			continue
		}
		fmt.Fprintf(&b, "\n%s: %v", a.Key, a.Value)
	}
	return b.String()
}

// attributes are what there is besides the message.
func (c ExceptionContext) attributes() (all []slog.Attr) {
	add := func(there bool, name string, v any) {
		if there {
			all = append(all, slog.Any(name, v))
		}
	}
	add(c.Task != "", "task", c.Task)
	add(c.Future != nil && c.Task == "", "future", c.Future)
	add(c.Handle != nil, "handle", c.Handle)
	add(c.Transport != nil, "transport", c.Transport)
	add(c.Protocol != nil, "protocol", fmt.Sprintf("%T", c.Protocol))
	add(c.Socket != nil, "socket", c.Socket)
	add(c.Err != nil, "error", c.Err)
	add(len(c.Source) > 0, "source", frames(c.Source))
	if c.Context != nil {
		add(true, "context", c.Context.String())
	}
	return all
}

// CallExceptionHandler hands c to the loop's exception handler: see
// [WithExceptionHandler]. If that panics, the default one is told of both. It mirrors
// call_exception_handler. It does not park, and may be called in the loop's thread.
func (l *Loop) CallExceptionHandler(c ExceptionContext) {
	if l.handler == nil {
		l.DefaultExceptionHandler(c)
		return
	}
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			l.DefaultExceptionHandler(ExceptionContext{
				Message: "Unhandled error in exception handler",
				Err:     baton.Recovered(v),
				Context: &c,
			})
		}
	}()
	l.handler(l, c)
	returned = true
}

// SetExceptionHandler makes f the loop's exception handler, as [WithExceptionHandler]
// does; nil stands for [Loop.DefaultExceptionHandler]. It mirrors
// set_exception_handler. It may be called as [Loop.CallSoon] may.
func (l *Loop) SetExceptionHandler(f func(*Loop, ExceptionContext)) {
	l.mustOwn("asyncio.Loop.SetExceptionHandler")
	l.handler = f
}

// ExceptionHandler returns what [Loop.SetExceptionHandler] has set, nil for nothing.
// It mirrors get_exception_handler.
func (l *Loop) ExceptionHandler() func(*Loop, ExceptionContext) {
	l.mustOwn("asyncio.Loop.ExceptionHandler")
	return l.handler
}

// DefaultExceptionHandler does what a loop does that has no exception handler: it
// tells the logger of [WithLogger], or else, in a gevent thread, the error hook of
// that, or else it prints c to standard error. It is for handlers that want that, too.
// It never panics, and may be called as they may. It mirrors
// default_exception_handler.
func (l *Loop) DefaultExceptionHandler(c ExceptionContext) {
	defer func() {
		if v := recover(); v != nil {
			fmt.Fprintln(os.Stderr, c)
			fmt.Fprintln(os.Stderr, ExceptionContext{Message: "Exception in default exception handler", Err: baton.Recovered(v)})
		}
	}()
	switch {
	case l.logger != nil:
		l.logger.LogAttrs(context.Background(), slog.LevelError, c.Message, c.attributes()...)
	case l.attached:
		if c.Context != nil {
			l.DefaultExceptionHandler(*c.Context)
		}
		where := c.Message
		if c.Task != "" {
			where += ": " + c.Task
		}
		l.hub.Report(where, c.Err)
	default:
		fmt.Fprintln(os.Stderr, c)
	}
}

// reportExit tells of a task that calls runtime.Goexit, because of which whoever runs
// the loop is about to exit; but not of one that ends a test, which says so itself.
func (t *task) reportExit() {
	if err := hub.GoexitError(); err != nil {
		t.loop.CallExceptionHandler(ExceptionContext{Message: "Task called runtime.Goexit", Task: t.Name(), Err: err})
	}
}

// A lost is the error of a task or a future that nobody has seen yet. It is
// reported when the garbage collector finds that nobody can any more, and at the
// latest when the loop closes; so it must not keep what it is about.
type lost struct {
	loop    *Loop
	context ExceptionContext
	entry   uintptr       // of a task's coroutine, for the report
	place   *list.Element // in loop.lost
	cleanup runtime.Cleanup
}

// lose keeps the error of f, which is done and part of *owner, unless it was
// seen. T is the task that it is, or nil.
func lose[T any](owner *T, f *future, kind string, t AnyTask) {
	err := f.failure()
	if f.state != finished || err == nil || f.taken || err == errExited || f.excused() {
		return
	}
	x := &lost{loop: f.loop, context: ExceptionContext{Message: kind + " exception was never retrieved", Err: err}}
	if t != nil {
		x.context.Task = t.Name()
		x.context.Source = f.source()
		if e, ok := t.(interface{ entry() uintptr }); ok {
			x.entry = e.entry()
		}
	}
	x.place = f.loop.lost.PushBack(x)
	x.cleanup = runtime.AddCleanup(owner, func(x *lost) {
		// ErrClosed means that the loop has reported it.
		_ = x.loop.hub.Post(x.report)
	}, x)
	f.rare.lost = x
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
		if f := runtime.FuncForPC(x.entry); f != nil && x.context.Source == nil {
			file, line := f.FileLine(x.entry)
			x.context.Source = []runtime.Frame{{PC: x.entry, Func: f, Function: f.Name(), File: file, Line: line, Entry: f.Entry()}}
		}
		x.loop.CallExceptionHandler(x.context)
	}
}

// reportLost reports what is lost with the loop, in the order in which it failed.
func (l *Loop) reportLost() {
	for e := l.lost.Front(); e != nil; e = l.lost.Front() {
		e.Value.(*lost).report()
	}
}
