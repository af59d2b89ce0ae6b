package gevent

import (
	"context"
	"fmt"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// A ContextEnd is the end of a context.Context as something that greenlets wait for:
// see [FromContext]. Its methods are for the thread in which it was made.
type ContextEnd struct {
	ctx   context.Context
	hub   *hub.Hub
	links hub.Links
	watch *hub.ContextWatch // while the context is to tell
}

// FromContext returns the end of a context as something that can be waited for, with
// [ContextEnd.Wait], or, among others, with [Wait] and [IWait]. For one wait there is
// [WaitContext], and for a greenlet that is to end with the context [WithContext]. It
// panics in a goroutine of no thread.
func FromContext(ctx context.Context) *ContextEnd {
	if ctx == nil {
		panic("gevent.FromContext: the context is nil; pass one that ends")
	}
	return &ContextEnd{ctx: ctx, hub: mustHub("gevent.FromContext")}
}

// Ready reports whether the context has ended.
func (e *ContextEnd) Ready() bool { return e.ctx.Err() != nil }

// Err returns nil until the context has ended, and then its error, which wraps the
// cause, if that is another one.
func (e *ContextEnd) Err() error { return contextError(e.ctx) }

// String says what is waited for.
func (e *ContextEnd) String() string { return fmt.Sprint("the end of ", e.ctx) }

// Rawlink has f called in a callback of the loop when the context has ended, or in
// the loop's next iteration if it has already.
func (e *ContextEnd) Rawlink(f func()) *Link {
	e.hub.CheckThread("gevent.ContextEnd.Rawlink", e)
	l := &contextLink{e, e.links.Rawlink(e.hub, e.Ready(), f)}
	e.begin()
	return hub.DelegatedLink(l)
}

// A contextLink is a link to a ContextEnd. The last one that is taken back ends the
// wait for the context.
type contextLink struct {
	end  *ContextEnd
	link *Link
}

// Unlink takes it back, and reports whether it could.
func (l *contextLink) Unlink() bool {
	could := l.link.Unlink()
	l.end.end()
	return could
}

// Wait parks the calling greenlet until the context has ended, and returns
// [ContextEnd.Err]. If the context never ends and nothing else can happen either,
// that is a [LoopExit]; as long as the context may be cancelled it is not.
func (e *ContextEnd) Wait() error { return e.wait("gevent.ContextEnd.Wait") }

func (e *ContextEnd) wait(op string) error {
	f, p := hub.Require(op)
	e.hub.CheckThread(op, e)
	if !e.Ready() {
		e.begin()
		defer e.end()
		if _, err := p.ParkOn(f, &e.links, hub.Wait{Op: op, On: e}, false, 0); err != nil {
			hub.Unwind(err)
		}
	}
	return e.Err()
}

// begin has the context tell of its end.
func (e *ContextEnd) begin() {
	if e.watch != nil || e.ctx.Done() == nil {
		return
	}
	e.watch = e.hub.WatchContext(e.ctx, func() {
		e.links.NotifyAll()
		e.end()
	})
}

// end undoes begin, unless somebody waits.
func (e *ContextEnd) end() {
	if e.watch != nil && e.links.Empty() {
		e.watch.Close()
		e.watch = nil
	}
}

// contextError returns the error of a context, with its cause.
func contextError(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); !same(cause, err) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// WaitContext parks the calling greenlet until ctx has ended, and returns its error,
// which wraps the cause, if that is another one. For the rest see [ContextEnd.Wait].
func WaitContext(ctx context.Context) error { return FromContext(ctx).wait("gevent.WaitContext") }

// WithContext runs f, and unwinds it from the blocking call in which it is when ctx
// ends; then it returns the error of ctx, which wraps the cause, if that is another
// one. Otherwise it returns what f returns. If ctx has ended already f is not called.
// As with a [Timeout], only a greenlet that waits can be unwound, and everything else
// that unwinds f goes on.
//
// The end of ctx comes as a [Hub.Post]: a deadline of ctx is in real time, also on a
// virtual clock.
func WithContext(ctx context.Context, f func() error) error {
	const op = "gevent.WithContext"
	_, p := hub.Require(op)
	if err := contextError(ctx); err != nil {
		return err
	}
	if ctx.Done() == nil {
		return f()
	}
	t := &Timeout{limit: NoLimit, phase: running, proc: p}
	watch := p.Hub().WatchContext(ctx, func() {
		if t.phase == running {
			t.phase, t.unwind.Err = expired, contextError(ctx)
			p.Interrupt(&t.unwind)
		}
	})
	defer watch.Close()
	err, _ := t.do(op, f)
	return err
}

// Context returns a context that ends when the calling greenlet does: it is
// cancelled when the greenlet has been killed or has returned, with the greenlet's
// error as the cause. It is for what a greenlet starts outside, and waits for:
//
//	ctx := gevent.Context()
//	resp, err := gevent.OffloadValue(func() (*http.Response, error) { return client.Do(req.WithContext(ctx)) })
//
// The same greenlet gets the same context each time. That of the main greenlet, and
// of whatever else is no [Greenlet], is cancelled at the end of the thread. A
// goroutine of no thread panics.
func Context() context.Context {
	const op = "gevent.Context"
	_, p := hub.Here()
	g := greenletOf(p)
	if g == nil {
		return faceOf(mustHub(op)).context()
	}
	l := g.lineage()
	if l.ctx == nil {
		e := &contextOf{g: g}
		l.ctx, e.cancel = context.WithCancelCause(context.Background())
		e.Link = hub.NewLink(e)
		g.links.Add(&e.Link)
	}
	return l.ctx
}

// context returns the context that ends with the thread.
func (h *Hub) context() context.Context {
	if h.ctx == nil {
		ctx, cancel := context.WithCancelCause(context.Background())
		h.ctx = ctx
		h.hub.Thread.OnEnd(baton.EndGreenlets, func(*baton.Fiber) { cancel(ErrGreenletExit) })
	}
	return h.ctx
}

// A contextOf cancels the context of a greenlet.
type contextOf struct {
	hub.Link
	g      *Greenlet
	cancel context.CancelCauseFunc
}

// Asks returns false: a context is no reader of the greenlet's error.
func (e *contextOf) Asks() bool { return false }

// Told cancels.
func (e *contextOf) Told() bool {
	e.cancel(e.g.err)
	return false
}
