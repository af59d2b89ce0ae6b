package asyncio

import (
	"context"

	"github.com/baton-go/baton/internal/hub"
)

// An outside is a context that may end while a Proc is parked: one with a
// deadline or a cancel function, as opposed to the task's own. Nil stands for
// none, and every method takes it.
type outside struct {
	proc  *hub.Proc
	watch *hub.ContextWatch
	ended bool // ctx ended while it was watched
}

// others returns what of ctx may end for a reason that is not t's: nil if nothing
// can, as with the context of t itself and of a scope in t. T may be nil. If it has
// ended already the error is the one for the caller.
func others(ctx context.Context, t *task) (context.Context, error) {
	if own, direct := ctx.(*ownContext); direct && (*task)(own) == t && own.proc.Flags&bound == 0 {
		return nil, nil
	}
	return t.others(ctx)
}

// others is the rest of the function of that name.
func (t *task) others(ctx context.Context) (context.Context, error) {
	if ctx == nil {
		mustHaveContext("asyncio")
	}
	if own, direct := ctx.(*ownContext); direct && (*task)(own) == t {
		if own.proc.Flags&bound == 0 {
			return nil, nil
		}
		ctx = own.parent
	} else {
		var over bool
		ctx, over = t.beyond(ctx)
		switch {
		case over:
			return nil, context.Canceled
		case ctx == nil || ctx.Done() == nil:
			return nil, nil
		}
	}
	if ctx.Err() == nil {
		return ctx, nil
	}
	err := reason(ctx)
	if t != nil {
		if c := t.cancellation(); c != nil && c.request != nil && err == error(c.request) {
			t.takeRequest() // this is how it is delivered
		}
	}
	return nil, err
}

// beyond returns what ctx comes from outside of t: ctx itself if it is none of t's, and
// nil if it ends only with t or a scope in that. It reports whether such a scope is over.
func (t *task) beyond(ctx context.Context) (_ context.Context, over bool) {
	for {
		own := t.nearest(ctx)
		if own == nil {
			return ctx, false
		}
		_, bound, over := own.owner()
		if over || !bound {
			return nil, over
		}
		ctx = own.origin()
		if _, outermost := own.(*ownContext); outermost {
			return ctx, false
		}
	}
}

// nearest returns the context of t's own that ctx is, but for values that were added; nil
// if it is another's, or was derived with a deadline or a cancel function. T may be nil.
func (t *task) nearest(ctx context.Context) ownedContext {
	own, ok := ctx.(ownedContext)
	if !ok && t != nil {
		if done := ctx.Done(); done != nil {
			own, ok = ctx.Value(ownKey{}).(ownedContext)
			ok = ok && own.Done() == done
		}
	}
	if !ok {
		return nil
	}
	if of, _, _ := own.owner(); of != t {
		return nil
	}
	return own
}

// watch begins to watch ctx, which may be nil, for a parking call of p.
//
// Budget: nothing without a ctx; else that of [hub.Hub.WatchContext].
func watch(ctx context.Context, p *hub.Proc) *outside {
	if ctx == nil {
		return nil
	}
	o := &outside{proc: p}
	o.watch = p.Hub().WatchContext(ctx, o.fire)
	return o
}

// reason returns the error for a call whose context has ended: that of the
// context, but the cancellation itself if it was a task's.
func reason(ctx context.Context) error {
	if cause := context.Cause(ctx); isCancel(cause) {
		return cause
	}
	return ctx.Err()
}

// fire runs on the hub.
func (o *outside) fire() {
	o.ended = true
	o.proc.Wake()
}

// fired reports whether the context has ended.
func (o *outside) fired() bool { return o != nil && o.ended }

// close ends the watch.
func (o *outside) close() {
	if o != nil {
		o.watch.Close()
	}
}
