package asyncio

import (
	"context"
	"errors"
)

// A scope is a part of a task that is cancelled by itself: the body of a Timeout or
// a TaskGroup. What asyncio does then is to cancel the task, and to take that back
// where the part ends ([Task.Uncancel]). A context cannot be taken back. So a scope
// has a context of its own, derived from the task's, which is given to the body and
// ends with the scope, while the task's own ends by [Task.Cancel] only. To awaiting
// calls of the task all of them are the same: its cancellation comes by request,
// once.

// enter makes c the context of a scope of t, derived from ctx.
//
// Budget: no allocation if ctx is the task's own or a scope's.
func (c *taskContext) enter(t *task, ctx context.Context) {
	c.task, c.parent, c.scope = t, ctx, true
	if from, ok := ctx.(*taskContext); ok && from.task == t && !from.over {
		c.bound = from.bound
	} else if done := ctx.Done(); done != nil {
		c.bound = !t.owns(ctx, done)
	}
}

// leave ends the scope.
func (c *taskContext) leave() {
	c.over = true
	c.end(context.Canceled)
}

// origin returns the context from which c was derived by others than the task: that
// of its scopes is not the task's.
func (c *taskContext) origin() context.Context {
	for {
		outer, ok := c.parent.(*taskContext)
		if !ok || outer.task != c.task {
			return c.parent
		}
		c = outer
	}
}

// cancelScope asks the task to cancel for the sake of the scope of c: only contexts
// of the scope end. C may be nil, for none.
func (t *task) cancelScope(c *taskContext, e *CancelledError) bool {
	if t.state != pending {
		return false
	}
	if t.asking {
		t.circle = true
		return true
	}
	t.requests++
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
	if t.requests > 0 {
		t.requests--
		if t.requests == 0 && t.request != nil && (!t.interrupting || t.proc.Withdraw(t.request)) {
			t.request, t.interrupting = nil, false
		}
	}
	return t.requests
}

// gaveIn reports whether err says that the task was cancelled. An error of the
// standard library's does if the task was asked to cancel: then it comes from a
// context of the task's.
func (t *task) gaveIn(err error) bool {
	return isCancel(err) || t.requests > 0 && errors.Is(err, context.Canceled)
}
