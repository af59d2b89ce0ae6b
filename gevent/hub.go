package gevent

import (
	"context"
	"fmt"

	"github.com/baton-go/baton/greenlet"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

// ErrWrongThread is matched by what a use of an object from another thread than its
// own panics with: an error that names the call, the object and both threads. It is
// that of package greenlet, whose calls return it.
var ErrWrongThread = greenlet.ErrWrongThread

// ErrNotRunning is returned by [Hub.Do] if nobody runs the thread: if it belongs to
// an asyncio loop that was left.
var ErrNotRunning = hub.ErrNotRunning

// ErrClosed is returned by [Hub.Post] and [Hub.Do] when the thread has ended.
var ErrClosed = netpoll.ErrClosed

// A Hub is a thread as its greenlets see it: the loop in which they live, and what
// belongs to all of them. It mirrors gevent's hub, but for what a program there does
// with it in order to wait: that is done by the calls of this package and those
// below it.
//
// Which methods may be called by any goroutine is said at each. The others are for
// greenlets and callbacks of the thread.
type Hub struct {
	hub *hub.Hub
	ctx context.Context // of the main greenlet, see Context
}

// CurrentHub returns the hub of the calling thread, the same at each call, or nil if
// the calling goroutine belongs to none. It mirrors gevent.get_hub, which makes a
// hub where there is none.
func CurrentHub() *Hub {
	h := hub.Current()
	if h == nil {
		return nil
	}
	return faceOf(h)
}

func faceOf(h *hub.Hub) *Hub {
	f, ok := h.Face.(*Hub)
	if !ok {
		f = &Hub{hub: h}
		h.Face = f
	}
	return f
}

// Name returns the name of the thread, which dumps and messages show: "thread N",
// with a number that counts the threads of the process, unless it was given one by
// [WithName] or [Hub.SetName]. Any goroutine may call it.
func (h *Hub) Name() string { return h.hub.Name() }

// SetName names the thread. Any goroutine may call it.
func (h *Hub) SetName(name string) { h.hub.SetName(name) }

// String returns the name. Any goroutine may call it.
func (h *Hub) String() string { return h.Name() }

// WithName names the thread: see [Hub.Name].
func WithName(name string) Option {
	return func(o *options) {
		o.begin = append(o.begin, func(h *hub.Hub) func() { h.SetName(name); return nil })
	}
}

// Loop returns the thread's loop, for callbacks, timers, descriptors, signals and
// hooks. What a callback calls must not block: a call that would panics, saying so;
// whatever a callback panics with goes to the error hook. Running or closing the
// loop is the thread's. It mirrors hub.loop.
//
// Any goroutine may call Loop; of the loop's methods only Post, since the
// others do not check who calls.
func (h *Hub) Loop() *netpoll.Loop { return h.hub.Loop }

// Post has f called in a callback of the thread, from any goroutine: after what is
// ready there by then, and what this goroutine posted before. F must not block;
// spawn in it what does. It returns [ErrClosed] when the thread has ended; f may
// also be dropped if the thread ends before its turn. It mirrors
// loop.run_callback_threadsafe.
//
// A thread in which everything waits for ever ends with a [LoopExit], rather than
// wait for a Post of which it does not know; what waits for one is
// [Offload], [Recv], [WaitContext] or netpoll's Loop.Ref.
func (h *Hub) Post(f func()) error {
	if f == nil {
		panic("gevent.Hub.Post: the function is nil; pass the function that is to be called")
	}
	return h.hub.Post(f)
}

// Do runs f in a greenlet of the thread and returns what f returns, from any
// goroutine that is not in that thread. A goroutine of no thread is blocked
// meanwhile; a greenlet of another thread is parked, and if it is killed it unwinds
// at once, while f goes on. A panic of f goes on in the caller.
//
// The error is [ErrClosed] if the thread has ended or ends before f has; and
// [ErrNotRunning], at once, if nobody runs it. In the thread itself Do panics.
func (h *Hub) Do(f func() error) error {
	const op = "gevent.Hub.Do"
	if f == nil {
		panic(op + ": the function is nil; pass the function that is to be run")
	}
	here := hub.Current()
	if here == h.hub {
		panic(op + ": the caller is in that thread; call the function, or Spawn it")
	}
	var result, failed error
	call := func() { failed = h.hub.Do(op, func() { result = f() }) }
	if here == nil {
		call()
	} else {
		self, p := hub.Require(op)
		if err := p.Offload(self, hub.Wait{Op: op, On: h}, call); err != nil {
			hub.Unwind(err)
		}
	}
	if failed != nil {
		return fmt.Errorf("%s: %s: %w", op, h.Name(), failed)
	}
	return result
}

// SetErrorHook makes f the thread's error hook and returns the one before, nil for
// the default: see [WithErrorHook]. A nil f means the default. It mirrors setting
// hub.handle_error.
func (h *Hub) SetErrorHook(f func(where string, err error)) (old func(where string, err error)) {
	h.must("gevent.Hub.SetErrorHook")
	old = h.hub.OnError
	h.hub.OnError = f
	return old
}

// must panics if the caller is not in the thread.
func (h *Hub) must(op string) { h.hub.CheckThread(op, "the hub") }

// Greenlets returns the greenlets of the thread that have not ended, oldest first:
// not the main greenlet, tasks of asyncio, and greenlets of package greenlet, which
// [Hub.Snapshot] describes, too. It mirrors threading.enumerate of a patched Python.
func (h *Hub) Greenlets() (all []*Greenlet) {
	h.must("gevent.Hub.Greenlets")
	for p := range h.hub.All {
		if g := greenletOf(p); g != nil {
			all = append(all, g)
		}
	}
	return all
}

// HubStats is what a thread has in hand, and what it has done.
type HubStats struct {
	Greenlets int // that have not ended, of whatever kind, without the main greenlet
	Spawned   int // that there have ever been
	Carriers  int // goroutines that run greenlets and generators, and the loop
	Idle      int // those of them that wait in the pool for the next one
	Loop      netpoll.Stats
}

// Stats returns the thread's statistics. It takes a time that is proportional to
// the number of greenlets of package greenlet.
func (h *Hub) Stats() HubStats {
	h.must("gevent.Hub.Stats")
	s := HubStats{Greenlets: h.hub.Count() - 1, Spawned: h.hub.Spawned(), Loop: h.hub.Loop.Stats()}
	s.Carriers, s.Idle = h.hub.Thread.Carriers()
	return s
}

// Stats returns the statistics of the calling thread: see [Hub.Stats]. It panics in
// a goroutine of no thread.
func Stats() HubStats { return faceOf(mustHub("gevent.Stats")).Stats() }
