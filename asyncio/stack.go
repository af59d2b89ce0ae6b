package asyncio

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Stack returns where the task stands, two lines for each frame, as in the dump of
// a panic: of a task that waits, from the call that it made to its coroutine; of
// the calling task, from here; of a task that panicked, where it did. It is empty
// for a task that has not started, and for one that ended otherwise. It mirrors
// get_stack, which knows only the outermost frame.
//
// It stops all goroutines of the process for a moment, so it is for people. It does
// not park, and may be called as [Task.Cancel] may.
func (t *task) Stack() string {
	const op = "asyncio.Task.Stack"
	t.loop.mustOwn(op)
	if t.state == pending {
		return t.proc.Info(true).Stack
	}
	var p *PanicError
	if errors.As(t.failure(), &p) {
		return string(p.Stack)
	}
	return ""
}

// PrintStack prints the task and its [Task.Stack] for people. The error is that of
// writing. It mirrors print_stack.
func (t *task) PrintStack(w io.Writer) error {
	stack := t.Stack()
	title := "Stack of"
	switch {
	case stack == "":
		title = "No stack of"
	case t.state != pending:
		title = "Panic of"
	}
	_, err := fmt.Fprintf(w, "%s %v\n%s", title, t, stack)
	return err
}

// String describes the task: its state, which is pending, cancelling, cancelled or
// finished, its name, and what it waits for or how it ended. It may be called as
// [Task.Cancel] may; that is not checked, so that a log can be written anywhere, but
// elsewhere it is a data race, as [Task.Done] is.
func (t *Task[T]) String() string {
	if t.state == finished && t.failure() == nil {
		return fmt.Sprintf("<Task finished name=%q result=%v>", t.Name(), t.value)
	}
	return t.task.String()
}

// String describes a task of whatever type, but for its result.
func (t *task) String() string {
	var b strings.Builder
	b.WriteString("<Task ")
	switch {
	case t.state == pending && t.Cancelling() > 0:
		b.WriteString("cancelling")
	default:
		b.WriteString(stateWords[t.state])
	}
	fmt.Fprintf(&b, " name=%q", t.Name())
	switch {
	case t.state == finished && t.failure() != nil:
		fmt.Fprintf(&b, " error=%q", firstLine(t.failure().Error()))
	case t.awaits != nil:
		fmt.Fprintf(&b, " wait_for=%s", t.awaits.describe())
	case t.state == pending:
		if w, parked := t.proc.Waits(); parked {
			fmt.Fprintf(&b, " wait_for=<%v>", w)
		}
	}
	b.WriteString(">")
	return b.String()
}

var stateWords = [...]string{pending: "pending", finished: "finished", cancelled: "cancelled"}

// describe is how a future is shown as what a task waits for, without what that
// waits for in turn.
func (f *future) describe() string {
	if f.task != nil {
		return fmt.Sprintf("<Task %s name=%q>", stateWords[f.state], f.task.Name())
	}
	return "<Future " + stateWords[f.state] + ">"
}

// String describes the future: its state, and how it ended. It may be called as
// [Future.Cancel] may.
func (f *Future[T]) String() string {
	switch {
	case f.state != finished:
		return f.describe()
	case f.failure() != nil:
		return fmt.Sprintf("<Future finished error=%q>", firstLine(f.failure().Error()))
	}
	return fmt.Sprintf("<Future finished result=%v>", f.value)
}

// firstLine leaves out the stack of a panic.
func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
