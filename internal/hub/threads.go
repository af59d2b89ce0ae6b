package hub

import (
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/baton-go/baton/greenlet"
)

// A WrongThread is the error of a use of an object from another thread than its
// own. It matches greenlet.ErrWrongThread.
type WrongThread struct {
	Op     string // the call
	Object string // what it was called on
	Owner  string // the thread of that
	Caller string // the thread that called, or "no thread"
	Advice string // what to do instead
}

// Error says all of it.
func (e *WrongThread) Error() string {
	return fmt.Sprintf("%s: %s belongs to another thread, %s, and was used from %s; %s", e.Op, e.Object, e.Owner, e.Caller, e.Advice)
}

// Is makes errors.Is(err, greenlet.ErrWrongThread) true.
func (e *WrongThread) Is(target error) bool { return target == greenlet.ErrWrongThread }

// CheckThread panics with a [*WrongThread] if the caller is not in the thread of
// the hub, to which an object belongs.
func (h *Hub) CheckThread(op string, object any) {
	if here := Current(); here != h {
		panic(h.WrongThread(op, object, here))
	}
}

// CheckLook is CheckThread for a call that only looks, or that takes something back:
// it may be made from anywhere when the thread has ended.
func (h *Hub) CheckLook(op string, object any) {
	if here := Current(); here != h && !h.closed() {
		panic(h.WrongThread(op, object, here))
	}
}

// closed reports whether the thread has ended. Any goroutine may call it.
func (h *Hub) closed() bool {
	select {
	case <-h.done:
		return true
	default:
		return false
	}
}

// WrongThread returns the error of a use of an object of h in the hub here, which
// may be nil.
func (h *Hub) WrongThread(op string, object any, here *Hub) *WrongThread {
	e := &WrongThread{Op: op, Object: fmt.Sprint(object), Owner: h.Name(), Caller: "a goroutine of no thread",
		Advice: "use it there, by Hub.Post or Hub.Do of the hub that gevent.CurrentHub returns there"}
	if here != nil {
		e.Caller = here.Name()
	}
	return e
}

// Name returns the name of the thread, by default "thread N". Any goroutine may
// call it.
func (h *Hub) Name() string {
	if name := h.name.Load(); name != nil {
		return *name
	}
	return "thread " + strconv.FormatUint(h.Thread.Number(), 10)
}

// SetName changes the name. Any goroutine may call it.
func (h *Hub) SetName(name string) { h.name.Store(&name) }

// entered are the hubs in whose threads a goroutine is.
var entered struct {
	sync.Mutex
	hubs []*Hub
}

// Entered returns the hubs in whose threads a goroutine is, in the order in which
// the threads were made. Any goroutine may call it.
func Entered() []*Hub {
	entered.Lock()
	defer entered.Unlock()
	return slices.SortedFunc(slices.Values(entered.hubs), func(a, b *Hub) int {
		return int(a.Thread.Number()) - int(b.Thread.Number())
	})
}

// arrive notes that a goroutine is in the thread.
func (h *Hub) arrive() {
	p := make(chan struct{})
	h.present.Store(&p)
	entered.Lock()
	defer entered.Unlock()
	entered.hubs = append(entered.hubs, h)
}

// depart undoes arrive. Who waits in Do for a greenlet that has not begun is told.
func (h *Hub) depart() {
	if p := h.present.Swap(nil); p != nil {
		close(*p)
	}
	entered.Lock()
	defer entered.Unlock()
	entered.hubs = slices.DeleteFunc(entered.hubs, func(other *Hub) bool { return other == h })
}
