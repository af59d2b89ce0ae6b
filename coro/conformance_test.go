package coro_test

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

	"github.com/baton-go/baton/coro"
)

// TestConformance runs generator programs and compares their traces with those
// of CPython's generators. The interpreter below is the reference one, line by
// line: an exception that a call raises is the error that our call returns.
func TestConformance(t *testing.T) {
	files, err := filepath.Glob("testdata/conformance/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	if dir := os.Getenv("BATON_CONFORMANCE"); dir != "" {
		more, err := filepath.Glob(filepath.Join(dir, "coro", "*.json"))
		require.NoError(t, err)
		files = append(files, more...)
	}
	for _, file := range files {
		runTraces(t, file)
	}
	require.Zero(t, coro.Live())
}

type program struct {
	Generators map[string]struct {
		Catch  string
		Script [][]any
	}
	Main [][]any
}

func runTraces(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var traces struct {
		Oracle string
		Cases  []struct {
			Name    string
			Program program
			Trace   [][]any
		}
	}
	require.NoError(t, json.Unmarshal(text, &traces))
	matched := 0
	for _, c := range traces.Cases {
		t.Run(c.Name, func(t *testing.T) {
			got := interpret(c.Program)
			if i := firstDifference(got, c.Trace); i >= 0 {
				t.Fatalf("event %d differs\nours:\n%s%s:\n%s", i, excerpt(got, i), traces.Oracle, excerpt(c.Trace, i))
			}
			matched++
		})
	}
	t.Logf("%s: %d of %d cases match %s", file, matched, len(traces.Cases), traces.Oracle)
}

func firstDifference(a, b [][]any) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || !reflect.DeepEqual(a[i], b[i]) {
			return i
		}
	}
	return -1
}

// excerpt shows the ten events before and after event i.
func excerpt(trace [][]any, i int) string {
	var b strings.Builder
	for n := max(0, i-10); n < min(len(trace), i+11); n++ {
		mark := ' '
		if n == i {
			mark = '>'
		}
		fmt.Fprintf(&b, "%c %4d %v\n", mark, n, trace[n])
	}
	return b.String()
}

// raised is an ordinary exception of a program: Err in the reference.
type raised string

func (r raised) Error() string { return string(r) }

func kindOf(err error) string {
	var r raised
	switch {
	case errors.As(err, &r):
		return string(r)
	case errors.Is(err, coro.ErrClosed):
		return "GeneratorExit"
	case errors.Is(err, coro.ErrNotStarted):
		return "NotStarted"
	case errors.Is(err, coro.ErrRunning):
		return "AlreadyRunning"
	case errors.Is(err, coro.ErrIgnoredClose):
		return "IgnoredClose"
	}
	panic("not an error of a program: " + err.Error())
}

// numbers are float64 and None is nil, as package json has them.
type generator = coro.Coroutine[any, any, any]

type interpreter struct {
	prog  program
	log   [][]any
	table map[float64]*generator
}

func interpret(prog program) [][]any {
	it := &interpreter{prog: prog, table: make(map[float64]*generator)}
	for _, op := range prog.Main {
		if err := it.drive(0, op); err != nil {
			it.emit("caught", 0.0, kindOf(err))
		}
	}
	trace := it.log
	for _, g := range it.table {
		for range 20 {
			if g.Close() == nil {
				break
			}
		}
	}
	return trace
}

func (it *interpreter) emit(event ...any) { it.log = append(it.log, event) }

func (it *interpreter) body(id float64) *generator {
	spec := it.prog.Generators[fmt.Sprint(id)]
	return coro.New(func(yield func(any) (any, error)) (any, error) {
		it.emit("start", id)
		defer it.emit("cleanup", id)
		for _, op := range spec.Script {
			if op[0] == "return" {
				it.emit("return", id, op[1])
				return op[1], nil
			}
			err := it.step(id, op, yield)
			switch {
			case err == nil:
			case errors.Is(err, coro.ErrClosed):
				if spec.Catch != "all" {
					return nil, err
				}
				it.emit("caught", id, "GeneratorExit")
			default:
				if op[0] == "raise" || spec.Catch == "none" {
					return nil, err
				}
				it.emit("caught", id, kindOf(err))
			}
		}
		it.emit("end", id)
		return nil, nil
	})
}

func (it *interpreter) step(id float64, op []any, yield func(any) (any, error)) error {
	switch op[0] {
	case "yield":
		it.emit("yield", id, op[1])
		got, err := yield(op[1])
		if err == nil {
			it.emit("got", id, got)
		}
		return err
	case "yieldfrom":
		sub := it.table[op[1].(float64)]
		if sub == nil {
			it.emit("skip", id)
			return nil
		}
		it.emit("delegate", id, op[1])
		ret, err := coro.YieldFrom(yield, sub)
		if err == nil {
			it.emit("delegated", id, ret)
		}
		return err
	case "raise":
		it.emit("raise", id, op[1])
		return raised(op[1].(string))
	}
	return it.drive(id, op)
}

func (it *interpreter) drive(me float64, op []any) error {
	kind, target := op[0].(string), op[1].(float64)
	g := it.table[target]
	if (kind == "new") == (g != nil) {
		it.emit("skip", me)
		return nil
	}
	if kind == "new" {
		it.table[target] = it.body(target)
		it.emit("new", me, target)
		return nil
	}
	it.emit(append([]any{kind, me, target}, op[2:]...)...)
	// A generator that was finished before gives its value no more.
	over := g.State() == coro.Closed
	var out any
	var err error
	switch kind {
	case "next":
		out, err = g.Next()
	case "send":
		out, err = g.Send(op[2])
	case "throw":
		out, err = g.Throw(raised(op[2].(string)))
	case "close":
		if err = g.Close(); err == nil {
			it.emit("closed", me, target)
		}
		return err
	}
	switch {
	case err == nil:
		it.emit("out", me, target, out)
		return nil
	case errors.Is(err, coro.ErrDone):
		var ret any
		if !over {
			ret, _ = g.Result()
		}
		it.emit("stopped", me, target, ret)
		return nil
	}
	return err
}
