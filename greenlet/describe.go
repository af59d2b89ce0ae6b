package greenlet

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"

	"github.com/baton-go/baton/internal/baton"
)

// Name returns the greenlet's name, "" if it was given none. Any goroutine may
// call it.
func (g *Greenlet) Name() string {
	if n := g.name.Load(); n != nil {
		return *n
	}
	return ""
}

// SetName sets the greenlet's name; "" takes it away. Any goroutine may call it.
func (g *Greenlet) SetName(name string) {
	if name == "" {
		g.name.Store(nil)
	} else {
		g.name.Store(&name)
	}
	g.pin(pinName, name != "")
}

// String describes the greenlet and the state it is in, as repr does in Python:
//
//	<greenlet 0xc000012080 (thread 1) pending>
//	<greenlet "reader" 0xc000012080 (thread 1) suspended active started>
//	<greenlet 0xc000012080 (thread 1) current active started main>
//	<greenlet 0xc000012080 (thread 1) dead>
//	<greenlet 0xc000012080 (thread 1) (thread exited) dead>
//
// "Current" is the greenlet that calls; all others are suspended. Any goroutine
// may call it.
func (g *Greenlet) String() string {
	var b strings.Builder
	b.WriteString("<greenlet ")
	if name := g.Name(); name != "" {
		fmt.Fprintf(&b, "%q ", name)
	}
	fmt.Fprintf(&b, "%p (thread %d) ", g, g.Thread())
	switch {
	case !g.Started():
		b.WriteString("pending")
	case g.Dead():
		if g.exited() {
			b.WriteString("(thread exited) ")
		}
		b.WriteString("dead")
	default:
		if g.isCurrent() {
			b.WriteString("current active started")
		} else {
			b.WriteString("suspended active started")
		}
		if g.isMain() {
			b.WriteString(" main")
		}
	}
	b.WriteByte('>')
	return b.String()
}

// isCurrent reports whether g is the greenlet that calls.
func (g *Greenlet) isCurrent() bool {
	t := g.task.Thread
	if f := baton.Self(); f != nil {
		return f.Thread() == t && t.Current == g.task
	}
	return g.isMain() && t.Implicit() && baton.ImplicitThread() == t
}

// Stack returns the stack trace of a suspended greenlet, from the call in which
// it is suspended outward, in the format of [runtime.Stack]. It is "" for a
// greenlet that has not begun, runs or is dead, and for every greenlet if the
// caller is not in its thread.
//
// It is for diagnosis only: it stops the whole program for a moment and reads the
// stacks of all goroutines. It takes the place of greenlet.gr_frame.
func (g *Greenlet) Stack() string {
	f := baton.Self()
	t := g.task.Thread
	if f == nil || f.Thread() != t || t.Current == g.task || g.task.Fiber == nil {
		return ""
	}
	all := make([]byte, 64<<10)
	for {
		n := runtime.Stack(all, true)
		if n < len(all) {
			all = all[:n]
			break
		}
		all = make([]byte, 2*len(all))
	}
	header := fmt.Appendf(nil, "goroutine %d [", g.task.Fiber.ID())
	for trace := range bytes.SplitSeq(all, []byte("\n\n")) {
		if bytes.HasPrefix(trace, header) {
			return string(trace)
		}
	}
	return ""
}
