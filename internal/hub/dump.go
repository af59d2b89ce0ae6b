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

	"github.com/baton-go/baton/internal/baton"
)

// A Wait says what a Proc is parked for, for people who look at it: the call,
// and what it was called on.
type Wait struct {
	Op string
	On any // formatted with %v when somebody looks; may be nil, or a Holder
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
	// Number is that of the greenlet in its thread, from 1 up; the main greenlet
	// has 0.
	Number uint32 `json:"number"`
	Name   string `json:"name"`
	// State is "created", "ready", "running" or "parked"; or "switched away" for one
	// that waits for another in a switch by hand.
	State string `json:"state"`
	// Spawner is the Number of the greenlet that made it; 0 if that was the main
	// greenlet, a callback or nobody known.
	Spawner uint32 `json:"spawner"`
	// Waits is what it is parked for, and HeldBy the names of those who have it, if
	// that is known, five at most.
	Waits  string   `json:"waits,omitempty"`
	HeldBy []string `json:"held_by,omitempty"`
	// For is how long it has been parked, on the loop's clock.
	For time.Duration `json:"for_ns,omitempty"`
	// Goroutine is the number of the goroutine that it is on, 0 if it is on none.
	Goroutine uint64 `json:"goroutine,omitempty"`
	// Stack is where it is, without the frames of the switch, one line for a
	// function and one for its place. It is empty if the greenlet never ran, and if
	// stacks were not asked for.
	Stack string `json:"stack,omitempty"`
	// SpawnedAt is where it was made, in the form of Stack, and Locals what it shares
	// with its descendants; both if they are kept and were asked for.
	SpawnedAt string            `json:"spawned_at,omitempty"`
	Locals    map[string]string `json:"locals,omitempty"`
}

// All goes through the Procs of the hub that have not ended: the root, then oldest
// first, those of package greenlet last.
func (h *Hub) All(yield func(*Proc) bool) {
	if !yield(&h.root) {
		return
	}
	for p := h.first; p != nil; {
		next := p.next
		if !yield(p) {
			return
		}
		p = next
	}
	for _, p := range h.raw {
		if !p.task.Ended && !yield(p) {
			return
		}
	}
}

// Infos describes the greenlets of the hub that are not done, the root first and
// then oldest first, at most max of them if max is not negative. With stacks it
// stops all goroutines of the process for a moment. More, if it is not nil, may add
// to each description.
func (h *Hub) Infos(max int, stacks bool, more func(*Proc, *Info)) []Info {
	describe := h.describer(tracesIf(stacks))
	var infos []Info
	for p := range h.All {
		if max >= 0 && len(infos) >= max {
			break
		}
		i := describe(p)
		if more != nil {
			more(p, &i)
		}
		infos = append(infos, i)
	}
	return infos
}

// Info describes p alone, as [Hub.Infos] does.
func (p *Proc) Info(stack bool) Info { return p.hub.describer(tracesIf(stack))(p) }

// Waits returns what p is parked for, and whether it is parked.
func (p *Proc) Waits() (w Wait, parks bool) { return p.waits, p.state == parked }

// Since returns the loop's time at which p was parked, if it is.
func (p *Proc) Since() time.Duration { return p.since }

// describer returns a function that describes Procs, at the present time.
func (h *Hub) describer(traces map[uint64]trace) func(*Proc) Info {
	now := h.Loop.UpdateTime()
	self := baton.Self()
	return func(p *Proc) Info {
		i := Info{Number: p.number, Name: p.Name(), State: stateNames[p.state], Spawner: p.spawner}
		if p.state == parked {
			i.Waits, i.For = p.waits.String(), now-p.since
			i.HeldBy = p.heldBy()
		}
		f := p.task.Fiber
		switch {
		case p.away():
			i.State = "switched away"
		case p.task == h.Thread.Current:
			f = self
		}
		if f != nil {
			i.Goroutine = f.ID()
			i.Stack = TrimStack(traces[f.ID()].frames)
		}
		return i
	}
}

// heldBy returns the names of those who have what p waits for.
func (p *Proc) heldBy() (names []string) {
	holder, ok := p.waits.On.(Holder)
	if !ok {
		return nil
	}
	for _, o := range holder.HeldBy() {
		if o != nil && o.hub == p.hub && len(names) < maxHolders {
			names = append(names, o.Name())
		}
	}
	return names
}

const maxHolders = 5 // names in an Info

// Count returns how many greenlets Infos would describe.
func (h *Hub) Count() int {
	n := 1 + h.live
	for _, p := range h.raw {
		if !p.task.Ended {
			n++
		}
	}
	return n
}

// Spawned returns how many greenlets the hub has ever known.
func (h *Hub) Spawned() int { return int(h.names) }

var stateNames = [...]string{created: "created", ready: "ready", running: "running", parked: "parked", lending: "running", done: "done"}

// Headline is the description in a line, without the stack.
func (i Info) Headline() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", i.Name, i.State)
	if i.Waits != "" {
		fmt.Fprintf(&b, " in %s for %v", i.Waits, i.For)
	}
	if len(i.HeldBy) > 0 && !strings.HasSuffix(i.Waits, " "+strings.Join(i.HeldBy, " ")) {
		fmt.Fprintf(&b, ", held by %s", strings.Join(i.HeldBy, ", "))
	}
	return b.String()
}

// Write prints the description.
func (i Info) Write(w io.Writer) {
	fmt.Fprintln(w, i.Headline())
	for line := range strings.Lines(i.Stack) {
		fmt.Fprint(w, "    ", line)
	}
}

// A trace is the stack trace of a goroutine, without its header.
type trace struct {
	state  string // as the header has it, without how long that has been so
	frames string
}

// tracesIf returns the stack trace of every goroutine by its number, if wanted.
func tracesIf(wanted bool) map[uint64]trace {
	if !wanted {
		return nil
	}
	buf := make([]byte, 1<<16)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	traces := make(map[uint64]trace)
	for text := range bytes.SplitSeq(buf, []byte("\n\n")) {
		header, frames, ok := strings.Cut(string(text), "\n")
		if !ok {
			continue
		}
		number, state, _ := strings.Cut(strings.TrimPrefix(header, "goroutine "), " ")
		if id, err := strconv.ParseUint(number, 10, 64); err == nil {
			if end := strings.IndexAny(state, ",]"); end >= 0 {
				state = state[:end]
			}
			traces[id] = trace{strings.TrimLeft(state, "["), frames}
		}
	}
	return traces
}

// Names in stacks: of this module, of its internal packages, and of the switch.
const (
	module    = "github.com/baton-go/baton/"
	internals = module + "internal/"
	pull      = "iter.Pull["
)

// TrimStack leaves out of a parked greenlet's stack what is the same in all of
// them: the frames from the switch up to the call that the user made, and those
// of the carrier and of what the greenlet is for its package.
func TrimStack(frames string) string {
	lines := strings.Split(strings.TrimRight(frames, "\n"), "\n")
	var kept []string // pairs of function and place
	for i := 0; i+1 < len(lines); i += 2 {
		function := lines[i]
		if strings.HasPrefix(function, internals+"hub.(*body).Run") {
			for len(kept) > 0 && strings.HasPrefix(kept[len(kept)-2], module) && ours(kept[len(kept)-2]) {
				kept = kept[:len(kept)-2]
			}
			break
		}
		if strings.HasPrefix(function, internals+"baton.(*Fiber).main") {
			break // of a generator, or a greenlet of package greenlet
		}
		if len(kept) == 0 && beneath(function) {
			continue
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
	if strings.HasPrefix(function, pull) || strings.HasPrefix(function, internals) || strings.HasPrefix(function, module+"gevent/internal/") {
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

// Inside reports whether a function, by its full name, is the library's or the Go
// runtime's, and none of those who use them.
func Inside(function string) bool {
	return strings.HasPrefix(function, "runtime.") || strings.HasPrefix(function, pull) ||
		strings.HasPrefix(function, module) && ours(function)
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
