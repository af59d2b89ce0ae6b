package asyncio

import (
	"context"
	"reflect"
)

// NoResult makes a coroutine of a function that has no result, for [Run] and
// [CreateTask]: "async def" without a return. It mirrors None.
//
//	_, err := asyncio.Run(asyncio.NoResult(serve))
func NoResult(f func(ctx context.Context) error) Coroutine[struct{}] {
	if f == nil {
		misuse("asyncio.NoResult", "the function is nil", "pass the function that is to be run")
	}
	return noResult(f)
}

// Go is [CreateTask] for a function that has no result.
func Go(ctx context.Context, f func(ctx context.Context) error, opts ...TaskOption) *Task[struct{}] {
	const op = "asyncio.Go"
	if f == nil {
		misuse(op, "the function is nil", "pass the function that the task is to run")
	}
	return newTask(loopOf(ctx, op), ctx, noResult(f), opts)
}

func noResult(f func(context.Context) error) Coroutine[struct{}] {
	return func(ctx context.Context) (none struct{}, err error) {
		returned := false
		defer func() {
			if err != nil || !returned {
				showsAs(ctx, f)
			}
		}()
		err = f(ctx)
		returned = true
		return none, err
	}
}

// showsAs makes f the coroutine of the task with the context ctx in a report of its
// error, which comes from f.
func showsAs(ctx context.Context, f func(context.Context) error) {
	if own, ok := ctx.(*ownContext); ok && own.loop.here() && own.state == pending {
		own.rarely().entry = reflect.ValueOf(f).Pointer()
	}
}
