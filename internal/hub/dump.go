package hub

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
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

// count returns how many greenlets Infos would describe.
func (h *Hub) count() int {
	n := 1 + h.live
	for _, p := range h.raw {
		if !p.task.Ended {
			n++
		}
	}
	return n
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

// Names in stacks: of this module, of its internal packages, and of the switch.
const (
	module    = "github.com/baton-go/baton/"
	internals = module + "internal/"
	pull      = "iter.Pull["
)

// trimStack leaves out of a parked greenlet's stack what is the same in all of
// them: the frames from the switch up to the call that the user made, and those
// of the carrier and of what the greenlet is for its package.
func trimStack(frames string) string {
	lines := strings.Split(strings.TrimRight(frames, "\n"), "\n")
	var kept []string // pairs of function and place
	for i := 0; i+1 < len(lines); i += 2 {
		function := lines[i]
		if len(kept) == 0 && beneath(function) {
			continue
		}
		if strings.HasPrefix(function, internals+"hub.(*body).Run") {
			for len(kept) > 0 && strings.HasPrefix(kept[len(kept)-2], module) && ours(kept[len(kept)-2]) {
				kept = kept[:len(kept)-2]
			}
			break
		}
		kept = append(kept, function, lines[i+1])
	}
	if len(kept) == 0 {
		return ""
	}
	return strings.Join(kept, "\n") + "\n"
}

// beneath reports whether a function belongs to the inside of a call that parks:
// the switch, an internal package, or something unexported of this module.
func beneath(function string) bool {
	if strings.HasPrefix(function, pull) || strings.HasPrefix(function, internals) {
		return true
	}
	if !strings.HasPrefix(function, module) || !ours(function) {
		return false
	}
	_, name, _ := strings.Cut(function[strings.LastIndexByte(function[:nameEnd(function)], '/')+1:], ".")
	name = strings.TrimPrefix(name, "(*")
	_, method, isMethod := strings.Cut(name, ").")
	return unexported(name) || isMethod && unexported(method)
}

// ours reports whether a function of this module is the library's, and no
// example's or test's.
func ours(function string) bool {
	pkg, _, _ := strings.Cut(function[len(module):], ".")
	return !strings.HasPrefix(pkg, "examples/") && !strings.HasSuffix(pkg, "_test")
}

// nameEnd is where the name of a function ends and its arguments begin.
func nameEnd(function string) int {
	if i := strings.LastIndexByte(function, '('); i >= 0 {
		return i
	}
	return len(function)
}

func unexported(name string) bool {
	r, _ := utf8.DecodeRuneInString(name)
	return !unicode.IsUpper(r)
}
