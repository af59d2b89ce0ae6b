package asyncio_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/netpoll"
)

// TestConformance runs random programs for which CPython's asyncio has written
// down what happens when, in virtual time, and compares event for event. The
// programs are in testdata/conformance, and in the folder asyncio of the one that
// BATON_CONFORMANCE names.
//
// One difference is meant, and does not show in these programs: where a program cancels
// a task that awaits others which await each other in a circle, CPython's cancel raises a
// RecursionError, and leaves the tasks waiting for ever. Here they end. (A time-out of
// such a task goes to the exception handler in both, and the tasks go on waiting.) Of
// 8,000 more programs from the same generator sixteen were of that kind, and the others
// matched.
func TestConformance(t *testing.T) {
	files, err := filepath.Glob("testdata/conformance/*.json")
	require.NoError(t, err)
	if dir := os.Getenv("BATON_CONFORMANCE"); dir != "" {
		more, err := filepath.Glob(filepath.Join(dir, "asyncio", "*.json"))
		require.NoError(t, err)
		files = append(files, more...)
	}
	require.NotEmpty(t, files)
	total, matched := 0, 0
	for _, file := range files {
		var set struct{ Cases []conformanceCase }
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &set))
		for _, c := range set.Cases {
			total++
			t.Run(filepath.Base(file)+"/"+c.Name, func(t *testing.T) {
				if sameTrace(t, c.Trace, c.Program.run(t)) {
					matched++
				}
			})
		}
	}
	t.Logf("%d of %d programs match", matched, total)
}

type conformanceCase struct {
	Name    string
	Program program
	Trace   []json.RawMessage
}

// A program is a script for each task; 0 is the main one.
type program struct {
	Objects programObjects
	Tasks   map[int]struct {
		Catch  string // which errors of an operation it survives: "none", "errors", "all"
		Script []operation
	}
}

// An operation is its name and its arguments.
type operation []any

func (op operation) name() string     { return op[0].(string) }
func (op operation) number(i int) int { return int(op[i].(float64)) }
func (op operation) time(i int) time.Duration {
	return time.Duration(op[i].(float64)) * time.Millisecond
}

// shown is the operation as the trace has it.
func (op operation) shown() []any {
	shown := slices.Clone([]any(op))
	for i, v := range shown {
		if _, nested := v.([]any); nested && op.name() == "timeout" {
			shown[i] = "..."
		}
	}
	return shown
}

// ops is an argument that is a script.
func (op operation) ops(i int) (ops []operation) {
	for _, v := range op[i].([]any) {
		ops = append(ops, v.([]any))
	}
	return ops
}

// sameTrace fails the test at the first event that differs, with what is around
// it.
func sameTrace(t *testing.T, want []json.RawMessage, got []string) bool {
	for i := range max(len(want), len(got)) {
		if i < len(want) && i < len(got) && string(want[i]) == got[i] {
			continue
		}
		from := max(0, i-10)
		t.Errorf("event %d differs\nwant %s\ngot  %s", i, want[from:min(i+10, len(want))], got[from:min(i+10, len(got))])
		return false
	}
	return true
}

// An interpreter runs one program.
type interpreter struct {
	program *program
	loop    *asyncio.Loop
	tasks   map[int]*asyncio.Task[any]
	future  *asyncio.Future[any]
	objects *syncObjects
	trace   []string
}

// A failure is the error that a program raises.
type failure string

func (f failure) Error() string { return string(f) }

func (p *program) run(t *testing.T) []string {
	loop, err := asyncio.NewLoop(
		asyncio.WithClock(netpoll.NewVirtualClock()),
		asyncio.WithExceptionHandler(func(*asyncio.Loop, asyncio.ExceptionContext) {}))
	require.NoError(t, err)
	in := &interpreter{program: p, loop: loop, tasks: make(map[int]*asyncio.Task[any]), future: asyncio.NewFuture[any](loop), objects: newSyncObjects(p.Objects)}
	in.tasks[0] = asyncio.CreateTask(loop.Context(), in.play(0))
	_, err = asyncio.RunUntilComplete(loop, in.tasks[0].Await)
	if err == nil {
		in.emit("main", "returned")
	} else {
		in.emit("main", kindOf(err))
	}
	trace := in.trace
	require.NoError(t, loop.Close())
	return trace
}

// emit writes an event into the trace.
func (in *interpreter) emit(event ...any) {
	event = append([]any{in.loop.Time().Milliseconds()}, event...)
	text, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	in.trace = append(in.trace, string(text))
}

// kindOf returns the oracle's word for an error.
func kindOf(err error) any {
	switch err := err.(type) {
	case *asyncio.TimeoutError:
		if err.Err != nil {
			return kindOf(err.Err) // in Python the time-out is its context
		}
	case *asyncio.TaskGroupError:
		return []any{"group", kindsOf(err.Errors())}
	}
	if kind := syncKindOf(err); kind != "" {
		return kind
	}
	var f failure
	switch {
	case errors.Is(err, asyncio.ErrCancelled):
		return "CancelledError"
	case errors.Is(err, asyncio.ErrTimeout):
		return "TimeoutError"
	case errors.Is(err, asyncio.ErrInvalidState):
		return "InvalidStateError"
	case errors.As(err, &f):
		return string(f)
	}
	return "unknown: " + err.Error()
}

// kindsOf returns the words for the errors of a group, sorted.
func kindsOf(errs []error) []any {
	kinds := make([]any, len(errs))
	for i, err := range errs {
		kinds[i] = kindOf(err)
	}
	slices.SortFunc(kinds, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return kinds
}

// play is the coroutine of a task.
func (in *interpreter) play(id int) asyncio.Coroutine[any] {
	return func(c ctx) (any, error) {
		in.emit("start", id)
		defer in.emit("cleanup", id)
		spec := in.program.Tasks[id]
		return in.script(c, id, spec.Script, spec.Catch)
	}
}

func (in *interpreter) script(c ctx, id int, ops []operation, catch string) (any, error) {
	for _, op := range ops {
		switch op.name() {
		case "return":
			in.emit("return", id, op[1])
			return op[1], nil
		case "raise":
			in.emit("raise", id, op[1])
			return nil, failure(op[1].(string))
		}
		in.emit(append([]any{"do", id}, op.shown()...)...)
		result, err := in.step(c, id, op)
		switch {
		case err == nil:
			in.emit("done", id, op.name(), result)
		case errors.Is(err, asyncio.ErrCancelled):
			in.emit("cancelled", id, op.name())
			if catch != "all" {
				return nil, err
			}
		default:
			in.emit("error", id, op.name(), kindOf(err))
			if catch == "none" {
				return nil, err
			}
		}
	}
	in.emit("end", id)
	return nil, nil
}

// step does one operation.
func (in *interpreter) step(c ctx, id int, op operation) (any, error) {
	switch op.name() {
	case "sleep":
		return nil, asyncio.Sleep(c, op.time(1))
	case "spawn":
		id := op.number(1)
		if in.tasks[id] != nil {
			return "skip", nil
		}
		in.tasks[id] = asyncio.CreateTask(in.loop.Context(), in.play(id), asyncio.WithName(strconv.Itoa(id)))
	case "await", "shield", "wait_for", "cancel", "state":
		return in.stepOnTask(c, op)
	case "timeout":
		return in.timeout(c, id, op)
	case "taskgroup":
		return in.taskGroup(c, op)
	case "gather":
		return in.gather(c, in.others(c, op[1]), op[2].(bool))
	case "wait":
		return in.wait(c, in.others(c, op[1]), op)
	case "future_set":
		return nil, in.future.SetResult(op[2])
	case "future_wait":
		return in.future.Await(c)
	case "call_soon":
		in.loop.CallSoon(func() { in.emit("callback", op[1]) })
	case "call_later":
		in.loop.CallLater(op.time(1), func() { in.emit("callback", op[2]) })
	default:
		result, err, known := in.stepSync(c, op)
		if !known {
			panic("unknown operation " + op.name())
		}
		return result, err
	}
	return nil, nil
}

func (in *interpreter) stepOnTask(c ctx, op operation) (any, error) {
	task := in.tasks[op.number(1)]
	if task == nil || asyncio.AnyTask(task) == asyncio.CurrentTask(c) && op.name() != "cancel" {
		return "skip", nil
	}
	switch {
	case op.name() == "await":
		return task.Await(c)
	case op.name() == "shield":
		return asyncio.Shield(c, task)
	case op.name() == "wait_for":
		return asyncio.WaitFor(c, task, op.time(2))
	case op.name() == "cancel":
		return task.Cancel(), nil
	case task.Cancelled():
		return "cancelled", nil
	case task.Done():
		return "done", nil
	}
	return "pending", nil
}

func (in *interpreter) timeout(c ctx, id int, op operation) (result any, err error) {
	err = asyncio.WithTimeout(c, op.time(1), func(c ctx) (err error) {
		result, err = in.script(c, id, op.ops(2), "none")
		return err
	})
	return result, err
}

func (in *interpreter) taskGroup(c ctx, op operation) (any, error) {
	var tasks []*asyncio.Task[any]
	err := asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error {
		for _, v := range op[1].([]any) {
			id := int(v.(float64))
			if in.tasks[id] != nil {
				continue
			}
			task, err := asyncio.GroupCreateTask(g, in.play(id), asyncio.WithName(strconv.Itoa(id)))
			if err != nil {
				return err
			}
			in.tasks[id] = task
			tasks = append(tasks, task)
		}
		return nil
	})
	results := make([]any, len(tasks))
	for i, t := range tasks {
		if err == nil {
			results[i], err = t.Result() // a task may have been cancelled alone
		}
	}
	return results, err
}

// others returns the tasks with these numbers that there are, without the one
// that calls.
func (in *interpreter) others(c ctx, ids any) (tasks []*asyncio.Task[any]) {
	for _, id := range ids.([]any) {
		t := in.tasks[int(id.(float64))]
		if t != nil && asyncio.AnyTask(t) != asyncio.CurrentTask(c) {
			tasks = append(tasks, t)
		}
	}
	return tasks
}

func (in *interpreter) gather(c ctx, tasks []*asyncio.Task[any], outcomes bool) (any, error) {
	as := make([]asyncio.AwaitableOf[any], len(tasks))
	for i, t := range tasks {
		as[i] = t
	}
	if !outcomes {
		vs, err := asyncio.Gather(c, as...)
		return vs, err
	}
	os, err := asyncio.GatherOutcomes(c, as...)
	values := make([]any, len(os))
	for i, o := range os {
		if values[i] = o.Value; o.Err != nil {
			values[i] = kindOf(o.Err)
		}
	}
	return values, err
}

func (in *interpreter) wait(c ctx, tasks []*asyncio.Task[any], op operation) (any, error) {
	if len(tasks) == 0 {
		return "skip", nil
	}
	opts := []asyncio.WaitOption{map[string]asyncio.ReturnWhen{
		"first": asyncio.FirstCompleted, "exception": asyncio.FirstException, "all": asyncio.AllCompleted,
	}[op[2].(string)]}
	if op[3] != nil {
		opts = append(opts, asyncio.WaitTimeout(op.time(3)))
	}
	done, left, err := asyncio.Wait(c, tasks, opts...)
	return [][]int{in.numbers(done), in.numbers(left)}, err
}

// numbers returns the numbers of tasks, sorted.
func (in *interpreter) numbers(tasks []*asyncio.Task[any]) []int {
	ids := []int{}
	for id, t := range in.tasks {
		if slices.Contains(tasks, t) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
