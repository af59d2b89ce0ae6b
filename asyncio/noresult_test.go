package asyncio_test

import (
	"reflect"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

func failsBadly(ctx) error { return errBad }

func TestCoroutinesWithoutAResult(t *testing.T) {
	_, err := asyncio.Run(asyncio.NoResult(failsBadly))
	require.ErrorIs(t, err, errBad)
	require.NoError(t, run(t, func(c ctx) error {
		var seen asyncio.AnyTask
		w := asyncio.Go(c, func(c ctx) error { seen = asyncio.CurrentTask(c); return nil }, asyncio.WithName("named"))
		vs, err := asyncio.Gather(c, w, asyncio.CreateTask(c, asyncio.NoResult(func(ctx) error { return nil })))
		require.NoError(t, err)
		require.Len(t, vs, 2)
		require.Same(t, w, seen)
		require.Equal(t, "named", w.Name())
		return nil
	}))
	require.PanicsWithValue(t, "asyncio.NoResult: the function is nil; pass the function that is to be run", func() { asyncio.NoResult(nil) })
	require.NoError(t, run(t, func(c ctx) error {
		require.PanicsWithValue(t, "asyncio.Go: the function is nil; pass the function that the task is to run", func() { asyncio.Go(c, nil) })
		return nil
	}))
	panicSays(t, "asyncio.Go: no event loop runs here", func() { asyncio.Go(t.Context(), failsBadly) })
}

func TestReportsLookThroughNoResult(t *testing.T) {
	t.Setenv("BATON_ASYNCIO_DEBUG", "") // debug mode has more to say
	var places []runtime.Frame
	require.NoError(t, run(t, func(c ctx) error {
		asyncio.Go(c, failsBadly)
		asyncio.CreateTask(c, asyncio.NoResult(failsBadly))
		asyncio.CreateTask(c, func(c ctx) (int, error) { return 0, failsBadly(c) })
		_ = asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error { return g.Go(func(ctx) error { return nil }) })
		return asyncio.Sleep(c, 0)
	}, asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
		require.Len(t, e.Source, 1)
		places = append(places, e.Source[0])
	})))
	require.Len(t, places, 3)
	want := runtime.FuncForPC(reflect.ValueOf(failsBadly).Pointer()).Name()
	require.Equal(t, want, places[0].Function)
	require.Equal(t, want, places[1].Function)
	require.Contains(t, places[2].Function, "TestReportsLookThroughNoResult")
	require.Contains(t, places[0].File, "noresult_test.go")
}

func TestGatherInfersTheKind(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		tasks := []*asyncio.Task[int]{asyncio.CreateTask(c, func(ctx) (int, error) { return 1, nil }), asyncio.CreateTask(c, func(ctx) (int, error) { return 2, nil })}
		vs, err := asyncio.Gather(c, tasks...)
		require.NoError(t, err)
		require.Equal(t, []int{1, 2}, vs)
		os, err := asyncio.GatherOutcomes(c, tasks...)
		require.NoError(t, err)
		require.Equal(t, []asyncio.Outcome[int]{{Value: 1}, {Value: 2}}, os)
		require.Len(t, asyncio.AsCompletedSlots(c, tasks), 2)
		f := asyncio.NewFuture[int](asyncio.RunningLoop(c))
		require.NoError(t, f.SetResult(3))
		vs, err = asyncio.GatherFuture[asyncio.AwaitableOf[int]](c, tasks[0], f).Await(c)
		require.Equal(t, []int{1, 3}, vs)
		require.NoError(t, err)
		both, err := asyncio.GatherOutcomesFuture(c, asyncio.GatherFuture(c, tasks...)).Await(c)
		require.NoError(t, err)
		require.Equal(t, []int{1, 2}, both[0].Value)
		return nil
	}))
}
