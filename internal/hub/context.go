package hub

import (
	"context"

	"github.com/baton-go/baton/netpoll"
)

// A ContextWatch waits for the end of a context: see [Hub.WatchContext].
type ContextWatch struct {
	hub  *Hub
	f    func()
	stop func() bool
	hook *netpoll.Hook // nil on the real clock
	over bool
}

// WatchContext calls f on the hub, once, when ctx has ended, unless Close comes
// before that. Until Close the hub hopes: see [Hub.Hope].
//
// Package context tells of the end in a goroutine of its own, and a virtual clock
// would jump before that one comes. So there the context is looked at before each
// poll, too.
//
// Budget: what context.AfterFunc costs; and when ctx ends a goroutine and a Post.
func (h *Hub) WatchContext(ctx context.Context, f func()) *ContextWatch {
	w := &ContextWatch{hub: h, f: f}
	h.Hope()
	w.stop = context.AfterFunc(ctx, func() {
		// ErrClosed means that nobody is left to be told.
		_ = h.Post(w.fire)
	})
	if h.Loop.VirtualClock() != nil {
		w.hook = h.Loop.AddPrepare(func() {
			if ctx.Err() != nil {
				w.fire()
			}
		})
		w.hook.Unref()
	}
	return w
}

// fire calls f, the first time.
func (w *ContextWatch) fire() {
	if f := w.f; f != nil {
		w.f = nil
		f()
	}
}

// Close ends the watch. A second call does nothing.
func (w *ContextWatch) Close() {
	if w.over {
		return
	}
	w.over = true
	w.f = nil
	w.stop()
	if w.hook != nil {
		w.hook.Remove()
	}
	w.hub.Unhope()
}
