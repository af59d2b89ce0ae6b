package asyncio

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// ErrTaskGroupShutDown is matched by the error of creating a task in a [TaskGroup]
// that is being cancelled: asyncio's RuntimeError "is shutting down".
var ErrTaskGroupShutDown = errors.New("asyncio: the TaskGroup is shutting down")

// A TaskGroupError is the error of a [TaskGroup]: those of its tasks in the order in
// which they ended, and last that of its body. errors.Is and errors.As find each of
// them. That of a group in a group is one of them, as it is. It mirrors
// ExceptionGroup.
type TaskGroupError struct {
	errs []error
}

// maxTexts is how many errors have their texts in that of a TaskGroupError.
const maxTexts = 10

// Error returns how many errors there are, and the texts of the first 10: see
// [TaskGroupError.Errors] for all.
func (e *TaskGroupError) Error() string {
	var texts []string
	for _, err := range e.errs[:min(len(e.errs), maxTexts)] {
		texts = append(texts, err.Error())
	}
	if more := len(e.errs) - len(texts); more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("asyncio: unhandled errors in a TaskGroup (%d): %s", len(e.errs), strings.Join(texts, "; "))
}

// Errors returns the errors, at least one.
func (e *TaskGroupError) Errors() []error { return e.errs }

// Unwrap returns the errors, for errors.Is and errors.As.
func (e *TaskGroupError) Unwrap() []error { return e.errs }

// A TaskGroup runs tasks that do not outlive it: asyncio.TaskGroup.
//
//	err := asyncio.WithTaskGroup(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
//		for _, u := range urls {
//			g.Go(func(ctx context.Context) error { return fetch(ctx, u) })
//		}
//		return nil
//	})
//
// When a task of the group fails, or its body, the group aborts: all of its other
// tasks are cancelled, in the order in which they were created, and so is the body.
// When they have all ended, the errors come together as a [*TaskGroupError]. A task
// that is cancelled by somebody does not make the group abort.
//
// A TaskGroup is made by [NewTaskGroup] or [WithTaskGroup], and may be used once.
// Its methods are for its task's thread. It must not be copied.
type TaskGroup struct {
	ctx         scopeContext // the body's
	requests    int          // what Cancelling returned at the start
	first, last *groupChild  // the tasks of whose end the group has not learned, oldest first
	errs        []error
	done        future // in which Do waits for the tasks
	waiting     bool   // it does

	entered, exiting, aborting, over bool
	asked                            bool // the group has cancelled its own task
	cancelled                        bool // Cancel was called
}

// NewTaskGroup returns a group for [TaskGroup.Do].
func NewTaskGroup() *TaskGroup { return new(TaskGroup) }

// WithTaskGroup is [TaskGroup.Do] of a new group. It mirrors "async with
// asyncio.TaskGroup() as g".
func WithTaskGroup(ctx context.Context, body func(ctx context.Context, g *TaskGroup) error) error {
	g := NewTaskGroup()
	return g.do("asyncio.WithTaskGroup", ctx, func(ctx context.Context) error { return body(ctx, g) })
}

// Do runs body in the calling task, and then waits until all tasks of the group have
// ended, also those that they create in it meanwhile. The context that body gets is
// derived from ctx, and ends when the group aborts and when Do returns; its values
// are those that the group's tasks get.
//
// It returns a [*TaskGroupError] if a task or the body failed, even if only one did;
// a panic of the body is an error of it, a [*PanicError]. If the calling task is
// cancelled by somebody else all of the group are cancelled, and Do returns the
// error that matches [ErrCancelled] when they have ended; if there are other errors
// too it returns those, and the cancellation comes with the task's next awaiting
// call. If ctx, or that of the loop, has a deadline or a cancel function, its end is
// that of the contexts of the body and the tasks, which then fail.
//
// Do parks the calling task while there are tasks. A kill of gevent unwinds it at
// once, with the tasks cancelled. It panics if the caller is in no task, and if the
// group was used before.
//
// Budget: an allocation for the group, and one for each task besides its own.
func (g *TaskGroup) Do(ctx context.Context, body func(ctx context.Context) error) error {
	return g.do("asyncio.TaskGroup.Do", ctx, body)
}

func (g *TaskGroup) do(op string, ctx context.Context, body func(context.Context) error) error {
	self, p := mustPark(op)
	t := taskOf(p)
	switch {
	case t == nil:
		misuse(op, "a TaskGroup needs a task, and the caller is in none", "use CreateTask; or, in a greenlet, gevent's pool.Group")
	case g.entered:
		misuse(op, "the TaskGroup has been used already", "make a new one")
	}
	g.entered = true
	g.ctx.enter(t, ctx)
	g.requests = t.Cancelling()
	if g.cancelled {
		g.stop()
	}
	returned := false
	defer func() {
		if !returned {
			g.abandon()
		}
	}()
	err := g.run(body)
	err = g.exit(op, self, p, t, err)
	returned = true
	return err
}

// run runs the body, and makes an error of its panic.
func (g *TaskGroup) run(body func(context.Context) error) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		switch v := recover().(type) {
		case nil: // runtime.Goexit
		case *baton.Unwind:
			if !isCancel(v.Err) {
				panic(v)
			}
			err = v.Err
		default:
			err = baton.Recovered(v)
		}
	}()
	err = body(&g.ctx)
	returned = true
	return err
}

// exit waits for the tasks, and puts together the outcome, given the body's.
func (g *TaskGroup) exit(op string, self *baton.Fiber, p *hub.Proc, t *task, err error) error {
	g.exiting = true
	gaveIn := err != nil && t.gaveIn(err)
	if err != nil && !g.aborting {
		g.abort()
	}
	var cancellation, late error
	if gaveIn {
		cancellation = err
	}
	for g.first != nil {
		g.done = future{loop: t.loop}
		g.waiting = true
		e := g.done.wait(op, self, p, t, nil)
		if e == nil {
			e = g.done.failure()
		}
		g.waiting = false
		switch {
		case e == nil:
		case g.aborting:
			late = e
		default:
			cancellation = e
			g.abort()
		}
	}
	g.over = true
	g.ctx.leave()
	if g.asked {
		left := t.uncancel()
		switch {
		case left == 0 || g.cancelled && left <= g.requests:
			cancellation = nil // it was the group's own
		case g.cancelled && cancellation == nil:
			cancellation = late // somebody else's, which must not be lost
		}
	}
	if cancellation != nil && len(g.errs) == 0 {
		return cancellation
	}
	errs := g.errs
	g.errs = nil
	if err != nil && !gaveIn {
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return nil
	}
	if t.Cancelling() > 0 {
		// Somebody else has cancelled the task: that is to come with its next awaiting
		// call, and to count once.
		t.uncancel()
		var again *CancelledError
		if !errors.As(cancellation, &again) {
			again = new(CancelledError)
		}
		t.cancelScope(nil, again)
	}
	return &TaskGroupError{errs}
}

// abandon is the end of a Do that is unwound: nobody will wait for the tasks.
func (g *TaskGroup) abandon() {
	g.over = true
	g.abort()
	g.ctx.leave()
	if g.asked {
		g.ctx.task.uncancel()
	}
}

// A groupChild is a group's place among the listeners of one of its tasks.
type groupChild struct {
	g          *TaskGroup
	f          *future
	prev, next *groupChild
}

func (c *groupChild) settled(f *future) { f.tell(c) }

// RunReady tells the group that the task has ended. It is for the loop only.
func (c *groupChild) RunReady() {
	g := c.g
	c.unlink()
	if g.waiting && g.first == nil && g.done.state == pending {
		g.done.settle(finished, nil)
	}
	err := c.f.take()
	if c.f.state == cancelled || err == nil {
		return
	}
	parent := g.ctx.task
	if g.over {
		name := ""
		if c.f.task != nil {
			name = c.f.task.Name()
		}
		parent.loop.CallExceptionHandler(ExceptionContext{
			Message: "Task has errored out but its TaskGroup was unwound",
			Task:    name,
			Err:     err,
		})
		return
	}
	g.errs = append(g.errs, err)
	if !g.aborting {
		g.stop()
	}
}

// link puts c at the end of the group's list.
func (c *groupChild) link() {
	g := c.g
	c.prev = g.last
	if g.last != nil {
		g.last.next = c
	} else {
		g.first = c
	}
	g.last = c
}

// unlink takes it out.
func (c *groupChild) unlink() {
	g := c.g
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		g.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		g.last = c.prev
	}
	c.prev, c.next = nil, nil
}

// abort cancels the tasks, in the order in which they were created.
func (g *TaskGroup) abort() {
	g.aborting = true
	for c := g.first; c != nil; c = c.next {
		c.f.cancel(new(CancelledError))
	}
}

// stop cancels the tasks and, once, the body.
func (g *TaskGroup) stop() {
	if !g.aborting {
		g.abort()
	}
	if !g.asked {
		g.asked = true
		g.ctx.task.cancelScope(&g.ctx.inner, new(CancelledError))
	}
}

// Cancel ends the group: its tasks and its body are cancelled, and [TaskGroup.Do]
// returns nil when they have ended, if there are no errors. A group that has not been
// entered is cancelled when it is; a second call does nothing, and neither does one
// after the end. It mirrors TaskGroup.cancel of Python 3.15. It does not park, and
// may be called as [Task.Cancel] may.
func (g *TaskGroup) Cancel() {
	g.cancelled = true
	if !g.entered {
		return
	}
	g.ctx.task.loop.mustOwn("asyncio.TaskGroup.Cancel")
	if !g.over && !(g.exiting && g.first == nil) {
		g.stop()
	}
}

// Go creates a task without a result in the group: see [GroupCreateTask]. The error, that
// the group is being cancelled and f never runs, may be ignored by whoever has nothing
// to take back then: the caller's next awaiting call returns [ErrCancelled], and Do tells
// why.
func (g *TaskGroup) Go(f func(ctx context.Context) error, opts ...TaskOption) error {
	const op = "asyncio.TaskGroup.Go"
	if f == nil {
		misuse(op, "the function is nil", "pass the function that the task is to run")
	}
	_, err := groupTask(op, g, noResult(f), opts)
	return err
}

// GroupCreateTask is [CreateTask] for a task of the group. Its context has the values
// of the context of the group's body. The error matches [ErrTaskGroupShutDown] if the
// group is being cancelled; then there is no task. It panics if the group has not been
// entered, and if it has ended: while Do waits for tasks, they may create more. It
// mirrors TaskGroup.create_task.
func GroupCreateTask[T any](g *TaskGroup, c Coroutine[T], opts ...TaskOption) (*Task[T], error) {
	const op = "asyncio.GroupCreateTask"
	mustHaveCoroutine(op, c == nil)
	return groupTask(op, g, c, opts)
}

func groupTask[T any](op string, g *TaskGroup, c Coroutine[T], opts []TaskOption) (*Task[T], error) {
	switch {
	case !g.entered:
		misuse(op, "the TaskGroup has not been entered", "call it in the body of Do")
	case g.over || g.exiting && g.first == nil:
		misuse(op, "the TaskGroup is finished", "call it while the body or a task of the group runs")
	case g.aborting:
		return nil, inOp(op, ErrTaskGroupShutDown)
	}
	l := g.ctx.task.loop
	l.mustBeUsable(op)
	t := newTask(l, &g.ctx, c, opts)
	p := &groupChild{g: g, f: &t.future}
	p.link()
	if t.state != pending { // it was eager
		p.settled(&t.future)
		return t, nil
	}
	t.listen(p)
	if g.aborting { // because of what it did at its start
		t.future.cancel(new(CancelledError))
	}
	return t, nil
}
