package asyncio

import (
	"context"

	"github.com/baton-go/baton/internal/hub"
)

// WithEagerStart makes the task start at once, in [CreateTask] itself, and not when
// its maker next waits: it runs until it first parks, and only then does CreateTask
// return. A coroutine that need not wait has ended by then, and its task is done;
// it was never in the queue of what is ready. Meanwhile the new task is the current
// one. It mirrors eager_start=True.
//
// An option with the same effect for all tasks of a loop is [EagerTaskFactory]. On a
// loop that does not run the task starts as without the option.
//
// Budget: two switches, and none later if the task ends at once.
func WithEagerStart() TaskOption { return WithEager(true) }

// WithEager is [WithEagerStart] if on is true; otherwise it makes a task start later
// on a loop with an [EagerTaskFactory]. It mirrors eager_start=.
func WithEager(on bool) TaskOption {
	return func(t *task) {
		t.proc.Flags &^= eager
		if on {
			t.proc.Flags |= eager
		}
	}
}

// lends reports whether the caller is run by the loop, so that a task can start in
// the midst of it.
func (l *Loop) lends() bool {
	self, p := hub.Here()
	if self == nil || self.Thread() != l.hub.Thread {
		return false
	}
	return l.attached || p != l.hub.Root()
}

// A TaskFactory has the say in how the tasks of a loop are made: those of
// [CreateTask], of task groups, and the main tasks. It gets the context that its maker
// passed, and create, which makes the task and may be called once, with that context
// or another one and with options, which come before the maker's. It returns what
// create did. It mirrors the function that set_task_factory takes.
type TaskFactory func(l *Loop, ctx context.Context, create func(ctx context.Context, opts ...TaskOption) AnyTask) AnyTask

// SetTaskFactory makes f the factory of the loop's tasks; nil stands for none. It
// mirrors set_task_factory. It may be called as [Loop.CallSoon] may.
func (l *Loop) SetTaskFactory(f TaskFactory) {
	l.mustOwn("asyncio.Loop.SetTaskFactory")
	l.factory = f
}

// TaskFactory returns what [Loop.SetTaskFactory] has set. It mirrors
// get_task_factory.
func (l *Loop) TaskFactory() TaskFactory {
	l.mustOwn("asyncio.Loop.TaskFactory")
	return l.factory
}

// EagerTaskFactory is a [TaskFactory] that makes all tasks start at once: see
// [WithEagerStart]. It mirrors eager_task_factory.
func EagerTaskFactory(_ *Loop, ctx context.Context, create func(ctx context.Context, opts ...TaskOption) AnyTask) AnyTask {
	return create(ctx, WithEagerStart())
}

// CreateEagerTaskFactory returns f with the effect of [EagerTaskFactory] added. It
// mirrors create_eager_task_factory.
func CreateEagerTaskFactory(f TaskFactory) TaskFactory {
	if f == nil {
		misuse("asyncio.CreateEagerTaskFactory", "the factory is nil", "use EagerTaskFactory")
	}
	return func(l *Loop, ctx context.Context, create func(ctx context.Context, opts ...TaskOption) AnyTask) AnyTask {
		return f(l, ctx, func(ctx context.Context, opts ...TaskOption) AnyTask {
			return create(ctx, append([]TaskOption{WithEagerStart()}, opts...)...)
		})
	}
}

// factoryTask is makeTask by way of the factory.
func factoryTask[T any](l *Loop, ctx context.Context, c Coroutine[T], opts []TaskOption) *Task[T] {
	const op = "asyncio.TaskFactory"
	var t *Task[T]
	made := l.factory(l, ctx, func(ctx context.Context, more ...TaskOption) AnyTask {
		if t != nil {
			misuse(op, "create was called twice", "call it once for each task")
		}
		t = makeTask(l, ctx, c, append(more[:len(more):len(more)], opts...))
		return t
	})
	if t == nil || made != AnyTask(t) {
		misuse(op, "it returned another task than the one it was to make", "return what create returns")
	}
	return t
}
