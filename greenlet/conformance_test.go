package greenlet_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/greenlet"
)

// TestConformance runs random programs and compares each event with the trace
// that Python's greenlet gave. The interpreter is a port of the one that wrote
// the traces. Python's exceptions are errors here: what a Python call raises our
// call returns.
func TestConformance(t *testing.T) {
	folders := []string{filepath.Join("testdata", "conformance")}
	if more := os.Getenv("BATON_CONFORMANCE"); more != "" {
		folders = append(folders, filepath.Join(more, "greenlet"))
	}
	matched, total := 0, 0
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, files, "no traces in %s", folder)
		for _, file := range files {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			var traces struct{ Cases []conformanceCase }
			require.NoError(t, json.Unmarshal(data, &traces))
			for _, c := range traces.Cases {
				total++
				if t.Run(c.Name, c.check) {
					matched++
				}
			}
		}
	}
	t.Logf("%d of %d programs gave the same trace as the original", matched, total)
}

type conformanceCase struct {
	Name    string
	Program program
	Trace   []event
}

type program struct {
	Greenlets map[string]struct {
		Catch  string
		Script []operation
	}
	Main []operation
}

// An operation is a word and its arguments, an event too. Numbers are float64 as
// JSON has them.
type (
	operation []any
	event     []any
)

func (o operation) greenlet(i int) int { return int(o[i].(float64)) }

func (c conformanceCase) check(t *testing.T) {
	var got []event
	greenlet.Run(func() {
		in := &interpreter{program: c.Program}
		in.run()
		got = in.log
	})
	for i := range max(len(got), len(c.Trace)) {
		if i < len(got) && i < len(c.Trace) && reflect.DeepEqual(got[i], c.Trace[i]) {
			continue
		}
		t.Fatalf("event %d differs\nwant:\n%s\ngot:\n%s", i, around(c.Trace, i), around(got, i))
	}
}

// around shows ten events on both sides of number i.
func around(events []event, i int) string {
	var b strings.Builder
	for k := max(0, i-10); k < min(len(events), i+11); k++ {
		mark := "  "
		if k == i {
			mark = "> "
		}
		fmt.Fprintf(&b, "%s%d %v\n", mark, k, events[k])
	}
	return b.String()
}

// An interpreter runs one program and logs what happens.
type interpreter struct {
	program program
	log     []event
	table   map[int]*greenlet.Greenlet
	numbers map[*greenlet.Greenlet]int
	over    bool // the program has ended, only clean-up is left
}

// thrown is an ordinary error that a program throws or raises.
type thrown string

func (e thrown) Error() string { return string(e) }

func (in *interpreter) run() {
	main := greenlet.Current()
	in.table = map[int]*greenlet.Greenlet{0: main}
	in.numbers = map[*greenlet.Greenlet]int{main: 0}
	in.play(0, in.program.Main, "all")
	in.over = true
}

func (in *interpreter) emit(e ...any) {
	if in.over {
		return
	}
	for i := range e {
		if n, ok := e[i].(int); ok {
			e[i] = float64(n)
		}
	}
	in.log = append(in.log, e)
}

func show(value any) any {
	if err, ok := value.(error); ok && errors.Is(err, greenlet.ErrExit) {
		return "GreenletExit"
	}
	return value
}

func (in *interpreter) create(id, parent int) {
	spec := in.program.Greenlets[fmt.Sprint(id)]
	g := greenlet.New(func(args ...any) (any, error) {
		var first any
		if len(args) > 0 {
			first = args[0]
		}
		in.emit("start", id, show(first))
		return in.play(id, spec.Script, spec.Catch)
	}, greenlet.WithParent(in.table[parent]))
	in.table[id] = g
	in.numbers[g] = id
}

func (in *interpreter) play(id int, script []operation, catch string) (any, error) {
	for _, op := range script {
		switch op[0] {
		case "return":
			in.emit("return", id, op[1])
			return op[1], nil
		case "raise":
			in.emit("raise", id, op[1])
			return nil, thrown(op[1].(string))
		}
		if err := in.step(id, op); err != nil {
			caught := catch != "none"
			if errors.Is(err, greenlet.ErrExit) {
				caught = catch == "all"
			}
			word := "unwinds"
			if caught {
				word = "caught"
			}
			in.emit(word, id, showError(err))
			if !caught {
				return nil, err
			}
		}
	}
	in.emit("end", id)
	return nil, nil
}

func showError(err error) any {
	if errors.Is(err, greenlet.ErrExit) {
		return "GreenletExit"
	}
	return err.Error()
}

func (in *interpreter) step(id int, op operation) error {
	if op[0] == "new" {
		target, parent := op.greenlet(1), op.greenlet(2)
		if in.table[target] != nil || in.table[parent] == nil {
			in.emit("skip", id)
			return nil
		}
		in.create(target, parent)
		in.emit("new", id, target, parent)
		return nil
	}
	target := op.greenlet(1)
	g := in.table[target]
	if g == nil {
		in.emit("skip", id)
		return nil
	}
	switch op[0] {
	case "switch":
		in.emit("switch", id, target, op[2])
		return in.got(id)(g.Switch(op[2]))
	case "throw":
		in.emit("throw", id, target, op[2])
		return in.got(id)(g.Throw(thrown(op[2].(string))))
	case "exit":
		in.emit("exit", id, target)
		return in.got(id)(g.Throw(nil))
	case "parent":
		parent := in.table[op.greenlet(2)]
		if parent == nil || target == 0 {
			in.emit("skip", id)
			return nil
		}
		word := "parent"
		if g.SetParent(parent) != nil {
			word = "parent-refused"
		}
		in.emit(word, id, target, op[2])
	case "state":
		var parent any
		if p := g.Parent(); p != nil {
			parent = in.numbers[p]
		}
		if n, ok := parent.(int); ok {
			parent = float64(n)
		}
		in.emit("state", id, target, g.Active(), g.Dead(), parent)
	default:
		panic(fmt.Sprintf("unknown operation %v", op))
	}
	return nil
}

// got logs what a Switch or Throw returned.
func (in *interpreter) got(id int) func(any, error) error {
	return func(v any, err error) error {
		if err == nil {
			in.emit("got", id, show(v))
		}
		return err
	}
}
