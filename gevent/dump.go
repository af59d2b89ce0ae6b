package gevent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/baton-go/baton/internal/hub"
)

// Info describes a greenlet at one moment. Its fields:
//
//	Number    uint32            // of the greenlet in its thread, from 1 up; the main greenlet has 0
//	Name      string
//	State     string            // "created", "ready", "running", "parked"; or "switched away": by hand, to another
//	Spawner   uint32            // the Number of who made it; 0 if that is main, a callback or not known
//	Waits     string            // what it is parked for
//	HeldBy    []string          // the names of those who have that, five at most, if it is known
//	For       time.Duration     // how long it has been parked, on the loop's clock
//	Goroutine uint64            // the number of its goroutine, 0 if it is on none
//	Stack     string            // where it is, two lines for each function; "" if it never ran
//	SpawnedAt string            // where it was made, if that is kept: see WithSpawnTree
//	Locals    map[string]string // its SpawnTreeLocals, if asked for: see DumpOptions
type Info = hub.Info

// A Deadlock is a set of greenlets of which each waits for the next: see
// [FindDeadlocks]. Its fields:
//
//	Waits  []Info   // the greenlets; the last waits for what the first has, if Ended is empty
//	Ended  string   // the name of one that has ended, and took along what the last waits for
//	Behind []string // the names of those that wait for these
type Deadlock = hub.Deadlock

// A Goroutine is one of a thread as it is seen from outside, in a [ThreadDump] of a
// thread that did not answer. Its fields:
//
//	ID    uint64 // its number
//	State string // what the Go runtime says of it, such as "running", "chan receive", "sync.Mutex.Lock"
//	Name  string // of what it runs, if that is known: see Hub.Snapshot
//	Runs  bool   // it is the one that runs in the thread
//	Polls bool   // it waits in the loop
//	Stack string // as in Info
type Goroutine = hub.Goroutine

// DumpOptions say what a [ThreadDump] has. The zero value is for people: everything
// but the locals, of 10,000 greenlets at most.
type DumpOptions struct {
	// NoStacks leaves the stacks out, for which all goroutines of the process are
	// stopped for a moment: 10 µs, and 2 µs for each greenlet or so.
	NoStacks bool
	// Locals adds what greenlets share with their descendants: see [WithSpawnTree].
	// The values are formatted with %v.
	Locals bool
	// Max is how many greenlets are described, the oldest; zero means 10,000, and a
	// negative number all.
	Max int
	// Patience is how long to wait for another thread to answer; zero means one
	// second.
	Patience time.Duration
}

const (
	defaultDumped   = 10_000
	defaultPatience = time.Second
)

// A ThreadDump describes a thread and its greenlets at one moment. It is what
// [Hub.Snapshot] returns; encoding/json encodes it.
type ThreadDump struct {
	Thread string    `json:"thread"`
	At     time.Time `json:"at"`
	// Tree has the main greenlet first, and then those whose maker has ended. Each has
	// those below it that it made and that have not ended; the main greenlet also
	// those whose maker is a callback or not known.
	Tree []*GreenletTree `json:"tree,omitempty"`
	More int             `json:"more,omitempty"` // greenlets for which there was no room
	// Deadlocks are the greenlets that wait for each other.
	Deadlocks []Deadlock `json:"deadlocks,omitempty"`
	// Blocked says that the thread did not answer, because one of its greenlets does
	// not give way. Then all that is known are its Goroutines.
	Blocked    bool        `json:"blocked,omitempty"`
	Goroutines []Goroutine `json:"goroutines,omitempty"`
}

// A GreenletTree is a greenlet with those that it made. It mirrors
// gevent.util.GreenletTree; greenlets that have ended are not in it.
type GreenletTree struct {
	Info
	Children []*GreenletTree `json:"children,omitempty"`
}

// Dump prints the calling thread's greenlets, as a tree of who made whom: their
// names and states, what each waits for, since when and who has it, and their
// stacks. It may be called in greenlets and callbacks; it does not block, but stops
// all goroutines of the process for a moment. Greenlets of package greenlet are
// among them if they have ever blocked in calls of this module. In a goroutine of no
// thread it prints what [DumpAll] does.
//
// For the same as data use [Hub.Snapshot], and for other threads their [Hub]. It
// mirrors gevent.util.print_run_info.
func Dump(w io.Writer) error {
	h := CurrentHub()
	if h == nil {
		return DumpAll(w)
	}
	_, err := io.WriteString(w, h.Snapshot(DumpOptions{}).String())
	return err
}

// DumpJSON writes what [Dump] prints as JSON: the [ThreadDump] of the calling
// thread. In a goroutine of no thread it panics.
func DumpJSON(w io.Writer) error {
	return json.NewEncoder(w).Encode(faceOf(mustHub("gevent.DumpJSON")).Snapshot(DumpOptions{}))
}

// DumpAll prints all threads of the process, in which somebody is, as [Dump] does:
// from [Run], asyncio, and package greenlet's Run if it has a loop. Any goroutine
// may call it. A thread that does not answer within a second is described from
// outside, as far as that is possible: see [Hub.Snapshot]. The calling thread stands
// still meanwhile.
func DumpAll(w io.Writer) error {
	hubs := hub.Entered()
	dumps := make([]chan string, len(hubs))
	for i, h := range hubs {
		dumps[i] = make(chan string, 1)
		if f := (&Hub{hub: h}); h == hub.Current() {
			dumps[i] <- f.Snapshot(DumpOptions{}).String()
		} else {
			go func() { dumps[i] <- f.Snapshot(DumpOptions{}).String() }()
		}
	}
	var errs []error
	for _, d := range dumps {
		_, err := io.WriteString(w, <-d)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Snapshot describes the thread. Any goroutine may call it, but a greenlet of
// another thread, which would block that; it does so in [Offload].
//
// In the thread itself, in a greenlet or a callback, it answers at once. From
// outside it is a [Hub.Post], for which it waits for no longer than o.Patience. If
// the thread does not answer by then, because a greenlet does not give way, the
// result is Blocked: it has the stacks of all of the thread's goroutines, and which
// of them runs, but no names, unless the thread has a monitor (see [WithMonitor]) or
// [DumpOnSignal]. If the thread has ended the result is empty but for its name.
func (h *Hub) Snapshot(o DumpOptions) ThreadDump {
	if hub.Current() == h.hub {
		return h.snapshot(o)
	}
	if o.Patience <= 0 {
		o.Patience = defaultPatience
	}
	answer := make(chan ThreadDump, 1)
	if h.hub.Post(func() { answer <- h.snapshot(o) }) != nil {
		return ThreadDump{Thread: h.Name(), At: time.Now()}
	}
	limit := time.NewTimer(o.Patience)
	defer limit.Stop()
	select {
	case d := <-answer:
		return d
	case <-h.hub.Closed():
		return ThreadDump{Thread: h.Name(), At: time.Now()}
	case <-limit.C:
	}
	return ThreadDump{Thread: h.Name(), At: time.Now(), Blocked: true, Goroutines: h.hub.Goroutines()}
}

// snapshot is Snapshot in the thread.
func (h *Hub) snapshot(o DumpOptions) ThreadDump {
	if o.Max == 0 {
		o.Max = defaultDumped
	}
	infos := h.hub.Infos(o.Max, !o.NoStacks, func(p *hub.Proc, i *Info) { detail(p, i, &o) })
	d := ThreadDump{Thread: h.Name(), At: time.Now(), More: h.hub.Count() - len(infos), Deadlocks: h.hub.Deadlocks(false)}
	nodes := make(map[uint32]*GreenletTree, len(infos))
	for _, i := range infos {
		node := &GreenletTree{Info: i}
		if maker := nodes[i.Spawner]; maker != nil {
			maker.Children = append(maker.Children, node)
		} else {
			d.Tree = append(d.Tree, node)
		}
		nodes[i.Number] = node
	}
	return d
}

// detail adds what package gevent knows of a greenlet.
func detail(p *hub.Proc, i *Info, o *DumpOptions) {
	g := greenletOf(p)
	if g == nil {
		return
	}
	if !o.NoStacks {
		i.SpawnedAt = hub.TrimStack(g.SpawningStack())
	}
	if locals := g.SpawnTreeLocals(); o.Locals && len(locals) > 0 {
		i.Locals = make(map[string]string, len(locals))
		for k, v := range locals {
			i.Locals[fmt.Sprintf("%#v", k)] = fmt.Sprint(v)
		}
	}
}

// String is what [Dump] prints.
func (d ThreadDump) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s at %s\n", d.Thread, d.At.Format("2006-01-02T15:04:05.000Z07:00"))
	if d.Blocked {
		b.WriteString("does not answer; its goroutines are:\n")
	}
	for _, g := range d.Goroutines {
		writeGoroutine(&b, g)
	}
	for _, t := range d.Tree {
		t.write(&b, "")
	}
	if d.More > 0 {
		fmt.Fprintf(&b, "and %d more\n", d.More)
	}
	for _, dead := range d.Deadlocks {
		fmt.Fprintln(&b, dead)
	}
	return b.String()
}

func writeGoroutine(b *strings.Builder, g Goroutine) {
	fmt.Fprintf(b, "  goroutine %d", g.ID)
	if g.Name != "" {
		fmt.Fprintf(b, " (%s)", g.Name)
	}
	if g.State != "" {
		fmt.Fprintf(b, " [%s]", g.State)
	}
	switch {
	case g.Polls:
		b.WriteString(" polls")
	case g.Runs:
		b.WriteString(" runs")
	}
	b.WriteString("\n")
	writeLines(b, "      ", g.Stack)
}

// write prints a greenlet and those below it.
func (t *GreenletTree) write(b *strings.Builder, indent string) {
	fmt.Fprintf(b, "%s- %s\n", indent, t.Headline())
	indent += "  "
	writeLines(b, indent+"    ", t.Stack)
	if t.SpawnedAt != "" {
		fmt.Fprintf(b, "%sspawned at\n", indent)
		writeLines(b, indent+"    ", t.SpawnedAt)
	}
	if len(t.Locals) > 0 {
		fmt.Fprintf(b, "%sspawn tree locals %v\n", indent, t.Locals)
	}
	for _, c := range t.Children {
		c.write(b, indent)
	}
}

func writeLines(b *strings.Builder, indent, lines string) {
	for line := range strings.Lines(lines) {
		b.WriteString(indent)
		b.WriteString(line)
	}
}

// DumpOnSignal has the thread's greenlets printed to w, as [Dump] does, whenever the
// process gets one of the signals; a nil w means standard error. With
// syscall.SIGUSR1 that is what "kill -USR1" prints. Of a thread that is blocked the
// goroutines are printed: see [Hub.Snapshot]. A goroutine waits for the signals while
// the thread lives; each greenlet costs two allocations more.
//
// DumpOnSignal panics without a signal, since that would mean all.
func DumpOnSignal(w io.Writer, sigs ...os.Signal) Option {
	if len(sigs) == 0 {
		panic("gevent.DumpOnSignal: no signal; name those that are to print")
	}
	if w == nil {
		w = os.Stderr
	}
	return func(o *options) {
		o.begin = append(o.begin, func(h *hub.Hub) func() {
			h.KeepLabels()
			f := faceOf(h)
			arrived := make(chan os.Signal, 1)
			signal.Notify(arrived, sigs...)
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range arrived {
					// There is nobody to be told that it cannot be printed.
					_, _ = io.WriteString(w, f.Snapshot(DumpOptions{}).String())
				}
			}()
			return func() {
				signal.Stop(arrived)
				close(arrived)
				<-done
			}
		})
	}
}
