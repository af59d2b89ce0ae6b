package asyncio

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// An ownContext is a task as its own context. It makes a real cancelCtx only when
// somebody asks for its channel or looks up a value, so that a task which never does
// costs no context.
type ownContext task

// An ownedContext is the context of a task, or of a scope in it: see scope.go.
type ownedContext interface {
	context.Context
	// owner returns the task; whether the context is bound, so that it may end for a
	// reason that is neither the task's nor a scope's, since somebody gave it, or what
	// it is derived from, a cancel function or a deadline; and whether it is over,
	// because the scope was left.
	owner() (t *task, bound, over bool)
	// origin returns the context from which it was derived by others than the task:
	// that of the task's scopes is not the task's.
	origin() context.Context
}

type (
	taskKey struct{} // of the *task in its contexts
	ownKey  struct{} // of the nearest ownedContext
	loopKey struct{} // of the *Loop in its contexts
)

// derive makes t's context one that is derived from ctx. The cancellation of the task
// to which ctx belongs does not pass on, as in asyncio; anything else that ends ctx
// does.
func (t *task) derive(ctx context.Context) {
	var isBound bool
	switch from := ctx.(type) {
	// Not the context itself: a chain of tasks that start each other must not keep
	// all of them.
	case *ownContext:
		t.parent, isBound = from.parent, from.proc.Flags&bound != 0
	case *scopeContext:
		t.parent, isBound = from.origin(), from.bound
	case *loopContext:
		t.parent, isBound = from.Context, from.Done() != nil
	default:
		t.parent, isBound = ctx, foreign(ctx)
	}
	if isBound {
		t.proc.Flags |= bound
	}
}

// foreign reports whether ctx may end for another reason than that the task to
// which it belongs, or a scope in that, is cancelled.
func foreign(ctx context.Context) bool {
	done := ctx.Done()
	if done == nil {
		return false
	}
	own, ok := ctx.Value(ownKey{}).(ownedContext)
	if !ok {
		return true
	}
	_, bound, _ := own.owner()
	return bound || done != own.Done()
}

func (c *ownContext) owner() (t *task, isBound, over bool) {
	return (*task)(c), c.proc.Flags&bound != 0, false
}

func (c *ownContext) origin() context.Context { return c.parent }

// real returns the cancelCtx.
func (c *ownContext) real() context.Context {
	return c.inner.real(c.parent, c.proc.Flags&bound != 0)
}

// Deadline is that of the context from which the task was created.
func (c *ownContext) Deadline() (time.Time, bool) {
	if c.proc.Flags&bound != 0 {
		return c.parent.Deadline()
	}
	return time.Time{}, false
}

// Done returns a channel that is closed when the task is cancelled, and when it has
// ended.
func (c *ownContext) Done() <-chan struct{} { return c.real().Done() }

// Err returns context.Canceled once the task was cancelled or has ended.
func (c *ownContext) Err() error {
	if err, known := c.inner.err(); known || c.proc.Flags&bound == 0 {
		return err
	}
	return c.parent.Err()
}

// Value knows the task and its loop, and else what the context knew from which the
// task was created.
func (c *ownContext) Value(key any) any {
	switch key.(type) {
	case taskKey:
		return (*task)(c)
	case ownKey:
		return c
	case loopKey:
		return c.loop
	}
	return c.real().Value(key)
}

// excused reports whether f is a task with an error that only says that its context has
// ended, for a reason from outside: its deadline, or somebody's cancel function. Nobody
// needs to be told of such a one, as of a cancellation.
func (f *future) excused() bool {
	t := f.task
	if t == nil || t.proc.Flags&bound == 0 || t.failure() == nil {
		return false
	}
	why := t.parent.Err()
	return why != nil && (errors.Is(t.failure(), why) || errors.Is(t.failure(), context.Cause(t.parent)))
}

// A lazyContext is a cancelCtx that is made when somebody looks at it. That it is
// made, or known to be over, in one atomic step makes it what a Context must be:
// usable by any goroutine.
//
//	made          the context       left by
//	nil           has not ended     a look at it; its end
//	without ctx   has ended         a look at it
//	with one      is as that is     -
type lazyContext struct {
	made atomic.Pointer[madeContext]
}

type madeContext struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	cause  error // without ctx: why it has ended
}

// ended is the usual end of a lazyContext at which nobody has looked.
var ended = &madeContext{cause: context.Canceled}

// real returns the cancelCtx, which has the values of parent and, if it is bound, ends
// with that.
func (c *lazyContext) real(parent context.Context, bound bool) context.Context {
	var mine *madeContext
	for {
		made := c.made.Load()
		if made != nil && made.ctx != nil {
			if mine != nil {
				mine.cancel(nil) // somebody else was faster
			}
			return made.ctx
		}
		if mine == nil {
			if !bound {
				parent = context.WithoutCancel(parent)
			}
			mine = makeContext(parent)
		}
		if made != nil {
			mine.cancel(made.cause)
		}
		if c.made.CompareAndSwap(made, mine) {
			return mine.ctx
		}
	}
}

// makeContext makes a cancelCtx whose channel is its own. Those that end before anybody
// has asked for their channels share one: by that it could not be told of a context
// that comes from another whether it is derived, and a state, or only has more values.
// See task.nearest.
func makeContext(parent context.Context) *madeContext {
	m := new(madeContext)
	m.ctx, m.cancel = context.WithCancelCause(parent)
	if m.ctx.Done(); m.ctx.Err() == context.Canceled {
		m.ctx, m.cancel = context.WithCancelCause(context.WithoutCancel(parent))
		m.ctx.Done()
		m.cancel(context.Cause(parent))
	}
	return m
}

// end cancels the context, if that has not ended yet.
//
// Budget: one atomic operation if nobody has looked at it.
func (c *lazyContext) end(cause error) {
	made := c.made.Load()
	if made == nil {
		made = ended
		if cause != context.Canceled {
			made = &madeContext{cause: cause}
		}
		if c.made.CompareAndSwap(nil, made) {
			return
		}
		made = c.made.Load()
	}
	if made.ctx != nil {
		made.cancel(cause)
	}
}

// err returns the context's Err, unless it is that of the parent.
func (c *lazyContext) err() (err error, known bool) {
	switch made := c.made.Load(); {
	case made == nil:
		return nil, false
	case made.ctx == nil:
		return context.Canceled, true
	default:
		return made.ctx.Err(), true
	}
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
