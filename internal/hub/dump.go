package hub

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A Wait says what a Proc is parked for, for people who look at it: the call,
// and what it was called on.
type Wait struct {
	Op string
	On any // formatted with %v when somebody looks; may be nil
}

// String returns "Op" or "Op On".
func (w Wait) String() string {
	if w.On == nil {
		return w.Op
	}
	return fmt.Sprintf("%s %v", w.Op, w.On)
}

// Info describes a greenlet at one moment.
type Info struct {
	Name  string
	State string        // "created", "ready", "running", "parked"
	Waits string        // what it is parked for
	For   time.Duration // how long it has been parked, on the loop's clock
	Stack string        // empty where it has none: it never ran, or runs now
}

// Infos describes the greenlets of the hub that are not done, the root first and
// then oldest first, at most max of them if max is not negative. With stacks it
// stops all goroutines of the process for a moment.
func (h *Hub) Infos(max int, stacks bool) []Info {
	var found map[uint64]string
	if stacks {
		found = allStacks()
	}
	now := h.Loop.UpdateTime()
	var infos []Info
	add := func(p *Proc) {
		i := Info{Name: p.Name(), State: stateNames[p.state]}
		if p.state == parked {
			i.Waits = p.waits.String()
			i.For = now - p.since
		}
		if f := p.task.Fiber; f != nil && p.state != running {
			i.Stack = found[f.ID()]
		}
		infos = append(infos, i)
	}
	add(&h.root)
	for p := h.first; p != nil && (max < 0 || len(infos) < max); p = p.next {
		add(p)
	}
	for _, p := range h.raw {
		if !p.task.Ended && (max < 0 || len(infos) < max) {
			add(p)
		}
	}
	return infos
}

var stateNames = [...]string{created: "created", ready: "ready", running: "running", parked: "parked", done: "done"}

// Write prints the description.
func (i Info) Write(w io.Writer) {
	fmt.Fprintf(w, "%s: %s", i.Name, i.State)
	if i.Waits != "" {
		fmt.Fprintf(w, " in %s for %v", i.Waits, i.For)
	}
	fmt.Fprintln(w)
	for line := range strings.Lines(i.Stack) {
		fmt.Fprint(w, "    ", line)
	}
}

// allStacks returns the stack of every goroutine by its number.
func allStacks() map[uint64]string {
	buf := make([]byte, 1<<16)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	stacks := make(map[uint64]string)
	for trace := range bytes.SplitSeq(buf, []byte("\n\n")) {
		header, frames, ok := strings.Cut(string(trace), "\n")
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(strings.TrimPrefix(header, "goroutine "), " ")
		if id, err := strconv.ParseUint(number, 10, 64); err == nil {
			stacks[id] = trimStack(frames)
		}
	}
	return stacks
}

// internals begins the names of this module's internal packages in a stack.
const internals = "github.com/baton-go/baton/internal/"

// trimStack leaves out of a parked greenlet's stack what is the same in all of
// them: the frames of the switch above, and those of the carrier below.
func trimStack(frames string) string {
	var b strings.Builder
	inside := false
	lines := strings.Split(strings.TrimRight(frames, "\n"), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		function, at := lines[i], lines[i+1]
		ours := strings.HasPrefix(function, internals) || strings.HasPrefix(function, "iter.Pull[")
		if ours && inside && strings.HasPrefix(function, internals+"hub.(*body).Run") {
			break
		}
		if ours && !inside {
			continue
		}
		inside = true
		b.WriteString(function + "\n" + at + "\n")
	}
	return b.String()
}
