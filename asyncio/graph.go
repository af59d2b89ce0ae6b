package asyncio

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/baton-go/baton/internal/hub"
)

// A Graph says who awaits whom among the tasks of a loop, as it was at one moment.
// It mirrors capture_call_graph, format_call_graph and "python -m asyncio pstree".
type Graph struct {
	// Nodes are the tasks that have not ended, oldest first, and then greenlets that
	// are no tasks and await one.
	Nodes []GraphNode
	// Edges are in the order of those who are awaited, and of each in the order in
	// which the others came.
	Edges []GraphEdge
}

// A GraphNode is a task or a greenlet.
type GraphNode struct {
	Name  string
	State string        // "pending", "cancelling", or "greenlet"
	Wait  string        // the call in which it is parked, and on what; empty if it is not parked
	For   time.Duration // how long it has been parked, on the loop's clock
}

// A GraphEdge says that one awaits another: Nodes[From] goes on when Nodes[To] has
// ended, or no sooner.
type GraphEdge struct {
	From, To int
	Via      string // "Gather", "Wait", "Shield", "AsCompleted", "TaskGroup"; empty for a plain Await
}

// Graph returns who awaits whom. It does not park, and may be called as
// [Loop.CallSoon] may. It takes time for each task, and costs nothing while it is not
// called.
func (l *Loop) Graph() *Graph {
	l.mustOwn("asyncio.Loop.Graph")
	g := new(grapher)
	g.numbers = make(map[*hub.Proc]int)
	now := l.Time()
	tasks := l.tasks()
	for _, t := range tasks {
		state := stateWords[pending]
		if t.Cancelling() > 0 {
			state = "cancelling"
		}
		g.add(&t.proc, state, now)
	}
	for i, t := range tasks {
		g.follow(&t.future, i, "", now, map[*future]bool{&t.future: true})
	}
	return &g.Graph
}

// A grapher makes a Graph.
type grapher struct {
	Graph
	numbers map[*hub.Proc]int
}

// add makes p a node, if it is none, and returns its number.
func (g *grapher) add(p *hub.Proc, state string, now time.Duration) int {
	n, ok := g.numbers[p]
	if !ok {
		n = len(g.Nodes)
		g.numbers[p] = n
		node := GraphNode{Name: p.Name(), State: state}
		if w, parked := p.Waits(); parked {
			if f, ok := w.On.(*future); ok {
				if _, gathers := f.canceller().(*gathering); f.task == nil && !gathers {
					w.On = nil // it has nothing to say
				}
			}
			node.Wait, node.For = w.String(), now-p.Since()
		}
		g.Nodes = append(g.Nodes, node)
	}
	return n
}

// follow adds edges to node number to from all who await f, perhaps by way of other
// futures, of which seen has those on the way.
func (g *grapher) follow(f *future, to int, via string, now time.Duration, seen map[*future]bool) {
	edge := func(p *hub.Proc, via string) {
		g.Edges = append(g.Edges, GraphEdge{From: g.add(p, "greenlet", now), To: to, Via: via})
	}
	for l := range f.listeners {
		switch l := l.(type) {
		case *waker:
			edge((*hub.Proc)(l), via)
		case *groupChild:
			edge(&l.g.ctx.task.proc, "TaskGroup")
		case *completion:
			for _, getter := range l.c.getters {
				g.through(getter, to, "AsCompleted", now, seen)
			}
		case onlooker:
			outer, kind := l.leadsTo()
			if via != "" {
				kind = via
			}
			g.through(outer, to, kind, now, seen)
		}
	}
}

// through is follow for a future on the way.
func (g *grapher) through(f *future, to int, via string, now time.Duration, seen map[*future]bool) {
	if !seen[f] {
		seen[f] = true
		g.follow(f, to, via, now, seen)
	}
}

// listeners goes through the listeners in their order.
func (f *future) listeners(yield func(listener) bool) {
	if f.first != nil && !yield(f.first) {
		return
	}
	for _, l := range f.more() {
		if !yield(l) {
			return
		}
	}
}

// An onlooker is a listener whose own future somebody may await, and what made it.
type onlooker interface{ leadsTo() (*future, string) }

func (p *gathered) leadsTo() (*future, string)     { return &p.g.future, "Gather" }
func (p *waitedFor) leadsTo() (*future, string)    { return &p.w.future, "Wait" }
func (s *shielding[T]) leadsTo() (*future, string) { return &s.outer.future, "Shield" }
func (r *released) leadsTo() (*future, string)     { return &r.future, "WaitFor" }

// String returns the graph as trees: under each task those that it awaits. A task
// that several await stands under each of them, and once with what it awaits itself;
// in a circle it says so.
//
//	Task-1 pending, 2s in asyncio.Gather
//	  via Gather: Task-2 pending, 2s in asyncio.Lock.Acquire ...
func (g *Graph) String() string {
	var b strings.Builder
	_ = g.Write(&b) // a Builder does not fail
	return b.String()
}

// Write writes what [Graph.String] returns. The error is w's.
func (g *Graph) Write(w io.Writer) error {
	t := graphWriter{Graph: g, below: make([][]GraphEdge, len(g.Nodes)), state: make([]nodeState, len(g.Nodes))}
	awaited := make([]bool, len(g.Nodes))
	for _, e := range g.Edges {
		t.below[e.From] = append(t.below[e.From], e)
		awaited[e.To] = true
	}
	for n := range g.Nodes {
		if !awaited[n] {
			t.tree(n, "", 0)
		}
	}
	for n := range g.Nodes {
		if t.state[n] == unwritten { // only circles lead there
			t.tree(n, "", 0)
		}
	}
	_, err := io.WriteString(w, t.text.String())
	return err
}

type nodeState uint8

const (
	unwritten nodeState = iota
	above               // being written, so whoever comes here closes a circle
	written
)

// A graphWriter writes trees.
type graphWriter struct {
	*Graph
	below [][]GraphEdge
	state []nodeState
	text  strings.Builder
}

func (t *graphWriter) tree(n int, via string, depth int) {
	t.text.WriteString(strings.Repeat("  ", depth))
	if via != "" {
		t.text.WriteString("via " + via + ": ")
	}
	t.text.WriteString(t.Nodes[n].String())
	switch {
	case t.state[n] == above:
		t.text.WriteString(" (a circle: see above)\n")
		return
	case t.state[n] == written && len(t.below[n]) > 0:
		t.text.WriteString(" (see above)\n")
		return
	}
	t.text.WriteString("\n")
	t.state[n] = above
	for _, e := range t.below[n] {
		t.tree(e.To, e.Via, depth+1)
	}
	t.state[n] = written
}

// String returns the node in one line.
func (n GraphNode) String() string {
	s := n.Name + " " + n.State
	if n.Wait != "" {
		s += fmt.Sprintf(", %v in %s", n.For, n.Wait)
	}
	return s
}

// DOT returns the graph in the language of Graphviz: an arrow leads from each task to
// those that it awaits.
func (g *Graph) DOT() string {
	var b strings.Builder
	b.WriteString("digraph asyncio {\n\tnode [shape=box];\n")
	for i, n := range g.Nodes {
		label := n.Name + "\n" + n.State
		if n.Wait != "" {
			label += fmt.Sprintf("\n%v in %s", n.For, n.Wait)
		}
		fmt.Fprintf(&b, "\tn%d [label=%s];\n", i, quoteDOT(label))
	}
	for _, e := range g.Edges {
		fmt.Fprintf(&b, "\tn%d -> n%d", e.From, e.To)
		if e.Via != "" {
			fmt.Fprintf(&b, " [label=%s]", quoteDOT(e.Via))
		}
		b.WriteString(";\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// quoteDOT returns s as a string of Graphviz, which knows the escapes \" and \n.
func quoteDOT(s string) string {
	s = strings.ReplaceAll(s, `\`, `\\`)
	s = strings.ReplaceAll(s, `"`, `\"`)
	return `"` + strings.ReplaceAll(s, "\n", `\n`) + `"`
}
