package asyncio

import (
	"context"
	"sync"
	"time"
)

// A taskContext is the context of one task, or of a scope in it: see scope.go. It
// is part of the task or the scope, and makes a real cancelCtx only when somebody
// asks for its channel or looks up a value, so that a task which never does costs
// no context.
//
// Its mutex makes it what a Context must be: usable by any goroutine.
type taskContext struct {
	task   *task
	parent context.Context // where values come from; of a scope what it was entered with
	// bound says that this context may end for a reason that is neither the task's
	// nor a scope's: somebody gave it, or what it is derived from, a cancel function
	// or a deadline.
	bound bool
	scope bool // it is a scope's, and ends with parent
	over  bool // the scope was left

	mu    sync.Mutex
	inner *innerContext // nil until it is needed
	cause error         // set when the task is cancelled or ends
}

// An innerContext is a cancelCtx and its cancel function.
type innerContext struct {
	context.Context
	cancel context.CancelCauseFunc
}

type (
	taskKey struct{} // of the *task in its contexts
	ownKey  struct{} // of the nearest *taskContext
	loopKey struct{} // of the *Loop in its contexts
)

// init makes c the context of t, derived from ctx. The cancellation of the task
// to which ctx belongs does not pass on, as in asyncio; anything else that ends
// ctx does.
func (c *taskContext) init(t *task, ctx context.Context) {
	c.task = t
	switch from := ctx.(type) {
	case *taskContext:
		// Not the context itself: a chain of tasks that start each other must
		// not keep all of them.
		c.parent, c.bound = from.origin(), from.bound
	case *loopContext:
		c.parent, c.bound = from.Context, from.Done() != nil
	default:
		c.parent, c.bound = ctx, foreign(ctx)
	}
}

// foreign reports whether ctx may end for another reason than that the task to
// which it belongs, or a scope in that, is cancelled.
func foreign(ctx context.Context) bool {
	done := ctx.Done()
	if done == nil {
		return false
	}
	own, _ := ctx.Value(ownKey{}).(*taskContext)
	return own == nil || own.bound || done != own.Done()
}

// lazily returns the inner context. The mutex is held.
func (c *taskContext) lazily() context.Context {
	if c.inner == nil {
		parent := c.parent
		if !c.bound && !c.scope {
			parent = context.WithoutCancel(parent)
		}
		c.inner = new(innerContext)
		c.inner.Context, c.inner.cancel = context.WithCancelCause(parent)
		if c.cause != nil {
			c.inner.cancel(c.cause)
		}
	}
	return c.inner
}

// end cancels the context.
func (c *taskContext) end(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = cause
	}
	if c.inner != nil {
		c.inner.cancel(cause)
	}
}

// Deadline is that of the context from which the task was created.
func (c *taskContext) Deadline() (time.Time, bool) {
	if c.bound {
		return c.parent.Deadline()
	}
	return time.Time{}, false
}

// Done returns a channel that is closed when the task, or the scope, is cancelled,
// and when it has ended.
func (c *taskContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lazily().Done()
}

// Err returns context.Canceled once the task, or the scope, was cancelled or has
// ended.
func (c *taskContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.inner != nil:
		return c.inner.Err()
	case c.cause != nil:
		return context.Canceled
	case c.bound || c.scope:
		return c.parent.Err()
	}
	return nil
}

// Value knows the task and its loop, and else what the context knew from which
// the task was created.
func (c *taskContext) Value(key any) any {
	switch key.(type) {
	case taskKey:
		return c.task
	case ownKey:
		return c
	case loopKey:
		return c.task.loop
	}
	c.mu.Lock()
	inner := c.lazily()
	c.mu.Unlock()
	return inner.Value(key)
}

// A loopContext is a loop's own context: the one that its owner gave it, and the
// loop.
type loopContext struct {
	context.Context
	loop *Loop
}

// Value knows the loop.
func (c *loopContext) Value(key any) any {
	if _, ok := key.(loopKey); ok {
		return c.loop
	}
	return c.Context.Value(key)
}
