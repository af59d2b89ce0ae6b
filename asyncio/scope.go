package asyncio

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// A scope is a part of a task that is cancelled by itself: the body of a Timeout or
// a TaskGroup. What asyncio does then is to cancel the task, and to take that back
// where the part ends ([Task.Uncancel]). A context cannot be taken back. So a scope
// has a context of its own, derived from the task's, which is given to the body and
// ends with the scope, while the task's own ends by [Task.Cancel] only. To awaiting
// calls of the task all of them are the same: its cancellation comes by request,
// once.

// A scopeContext is the context of a scope. Like the task's own it makes a real
// cancelCtx only when it must.
type scopeContext struct {
	task   *task
	parent context.Context // with which the scope was entered
	bound  bool            // see ownedContext
	over   bool            // the scope was left
	inner  lazyContext
	// until is the loop's time when the scope ends, 0 if it has no end that is known.
	// Any goroutine may ask for it.
	until atomic.Int64
}

// enter makes c the context of a scope of t, derived from ctx.
//
// Budget: no allocation if ctx is the task's own or a scope's.
func (c *scopeContext) enter(t *task, ctx context.Context) {
	if ctx == nil {
		mustHaveContext("asyncio")
	}
	c.task, c.parent = t, ctx
	if own := t.nearest(ctx); own != nil {
		if _, bound, over := own.owner(); !over {
			c.bound = bound
			return
		}
	}
	c.bound = ctx.Done() != nil
}

// leave ends the scope.
func (c *scopeContext) leave() {
	c.over = true
	c.inner.end(context.Canceled)
}

func (c *scopeContext) owner() (t *task, bound, over bool) { return c.task, c.bound, c.over }

func (c *scopeContext) origin() context.Context {
	if outer, ok := c.parent.(ownedContext); ok {
		if t, _, _ := outer.owner(); t == c.task {
			return outer.origin()
		}
	}
	return c.parent
}

// Deadline is that of the scope, or of the context with which it was entered if that is
// earlier. On a virtual clock a scope has none.
func (c *scopeContext) Deadline() (time.Time, bool) {
	when, known := c.parent.Deadline()
	if until := c.until.Load(); until != 0 && c.task.loop.hub.Loop.VirtualClock() == nil {
		if own := c.task.loop.epoch.Add(time.Duration(until)); !known || own.Before(when) {
			return own, true
		}
	}
	return when, known
}

// Done returns a channel that is closed when the task or the scope is cancelled, and
// when the scope is left.
func (c *scopeContext) Done() <-chan struct{} { return c.inner.real(c.parent, true).Done() }

// Err returns context.Canceled once the task or the scope was cancelled, or the scope
// was left.
func (c *scopeContext) Err() error {
	if err, known := c.inner.err(); known {
		return err
	}
	return c.parent.Err()
}

// Value knows what the task's own context knows.
func (c *scopeContext) Value(key any) any {
	switch key.(type) {
	case taskKey:
		return c.task
	case ownKey:
		return c
	case loopKey:
		return c.task.loop
	}
	return c.inner.real(c.parent, true).Value(key)
}

// cancelScope asks the task to cancel for the sake of the scope of c: only contexts
// of the scope end. C may be nil, for none.
func (t *task) cancelScope(c *lazyContext, e *CancelledError) bool {
	if t.state != pending {
		return false
	}
	asked := &t.rarely().cancellation
	if asked.asking {
		asked.circle = true
		return true
	}
	asked.requests++
	if c != nil {
		c.end(e)
	}
	if t.awaits == nil || !t.pass(e) {
		t.note(e)
	}
	return true
}

// uncancel takes one request to cancel back, and returns how many are left. With
// the last one goes what has not been delivered; a cancellation that is on its way
// to the task comes all the same.
func (t *task) uncancel() int {
	c := t.cancellation()
	if c == nil || c.requests == 0 {
		return 0
	}
	c.requests--
	if c.requests == 0 && c.request != nil && (!c.interrupting || t.proc.Withdraw(c.request)) {
		c.request, c.interrupting = nil, false
	}
	return c.requests
}

// gaveIn reports whether err says that the task was cancelled. An error of the
// standard library's does if the task was asked to cancel: then it comes from a
// context of the task's.
func (t *task) gaveIn(err error) bool {
	return isCancel(err) || t.Cancelling() > 0 && errors.Is(err, context.Canceled)
}
