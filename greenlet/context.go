package greenlet

import "context"

// Context returns the context of the calling greenlet: Current().Context().
//
// Each greenlet carries a [context.Context], as each greenlet of Python carries
// a contextvars.Context. It starts with an empty one, context.Background, not
// with its creator's: pass WithContext(greenlet.Context()) to New where it is to
// inherit. Because a context.Context never changes, greenlets that are given the
// same one do not see what another one adds; let it hold a pointer to share.
func Context() context.Context { return Current().Context() }

// Context returns the greenlet's context, context.Background if none was set. Any
// goroutine may call it. It mirrors greenlet.gr_context.
func (g *Greenlet) Context() context.Context {
	if c := g.context.Load(); c != nil {
		return *c
	}
	return context.Background()
}

// SetContext sets the greenlet's context, whatever state the greenlet is in. Nil
// means none. Any goroutine may call it. It mirrors the assignment to
// greenlet.gr_context.
func (g *Greenlet) SetContext(ctx context.Context) {
	if ctx == nil {
		g.context.Store(nil)
	} else {
		g.context.Store(&ctx)
	}
	g.pin(pinContext, ctx != nil)
}
