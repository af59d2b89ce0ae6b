package asyncio_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

func TestACallOutsideOfALoopSaysWhatToDo(t *testing.T) {
	const outside = "the calling goroutine runs no loop (it was started by go, time.AfterFunc, net/http, iter.Pull, t.Run ...); " +
		"call it in a coroutine, or hand one over with asyncio.RunCoroutineThreadsafe"
	const callback = "a callback of the loop must not wait; create a task in it, and wait there"
	nothing := func(ctx) error { return nil }
	calls := map[string]func(c ctx){
		"asyncio.Sleep":         func(c ctx) { _ = asyncio.Sleep(c, 0) },
		"asyncio.WithTimeout":   func(c ctx) { _ = asyncio.WithTimeout(c, time.Second, nothing) },
		"asyncio.WithTaskGroup": func(c ctx) { _ = asyncio.WithTaskGroup(c, func(ctx, *asyncio.TaskGroup) error { return nil }) },
		"asyncio.Event.Wait":    func(c ctx) { _ = new(asyncio.Event).Wait(c) },
	}
	for op, call := range calls {
		require.PanicsWithValue(t, op+": "+outside, func() { call(t.Context()) })
	}
	require.NoError(t, run(t, func(c ctx) error {
		for op, call := range calls {
			asyncio.RunningLoop(c).CallSoon(func() { require.PanicsWithValue(t, op+": "+callback, func() { call(c) }) })
		}
		return asyncio.Sleep(c, 0)
	}))
}

func TestALoopExitHintsAtGoroutines(t *testing.T) {
	err := run(t, func(c ctx) error { return new(asyncio.Event).Wait(c) })
	var exit *asyncio.LoopExit
	require.ErrorAs(t, err, &exit)
	require.Equal(t, []string{"if another goroutine was to wake it (CallSoonThreadsafe, RunCoroutineThreadsafe), " +
		"call Loop.Ref before, or await a WrapFuture or WrapChannel"}, exit.Hints)
	require.ErrorContains(t, err, "nothing is left that could wake any of these tasks:\n")
	require.ErrorContains(t, err, exit.Hints[0])
}

func TestWhatHasToBeMadeSaysSo(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		const (
			noLock    = "the Condition has no lock; make it with NewCondition"
			noParties = "the Barrier has no parties; make it with NewBarrier"
			noPermits = "the Semaphore was never given permits; make it with NewSemaphore"
			noBounds  = "the BoundedSemaphore was never given permits; make it with NewBoundedSemaphore"
			noOrder   = "the queue has no order; make it with NewQueue, NewLifoQueue or NewPriorityQueue"
			noLoop    = "it belongs to no loop; make it with CreateTask or NewFuture"
			isNil     = "a task or future is nil; pass those of CreateTask and NewFuture"
		)
		for _, call := range []struct {
			op, wrong string
			f         func()
		}{
			{"Condition.Acquire", noLock, func() { _ = new(asyncio.Condition).Acquire(c) }},
			{"Condition.Release", noLock, func() { _ = new(asyncio.Condition).Release() }},
			{"Condition.Locked", noLock, func() { new(asyncio.Condition).Locked() }},
			{"Condition.With", noLock, func() { _ = new(asyncio.Condition).With(c, nil) }},
			{"Condition.Wait", noLock, func() { _ = new(asyncio.Condition).Wait(c) }},
			{"Condition.NotifyAll", noLock, func() { new(asyncio.Condition).NotifyAll() }},
			{"Barrier.Wait", noParties, func() { _, _ = new(asyncio.Barrier).Wait(c) }},
			{"Barrier.Reset", noParties, func() { new(asyncio.Barrier).Reset() }},
			{"Barrier.Abort", noParties, func() { new(asyncio.Barrier).Abort() }},
			{"Semaphore.Acquire", noPermits, func() { _ = new(asyncio.Semaphore).Acquire(c) }},
			{"Semaphore.Release", noPermits, func() { new(asyncio.Semaphore).Release() }},
			{"BoundedSemaphore.Acquire", noBounds, func() { _ = new(asyncio.BoundedSemaphore).Acquire(c) }},
			{"BoundedSemaphore.Release", noBounds, func() { _ = new(asyncio.BoundedSemaphore).Release() }},
			{"Queue.Put", noOrder, func() { _ = new(asyncio.PriorityQueue[int]).Put(c, 1) }},
			{"Queue.PutNowait", noOrder, func() { _ = new(asyncio.PriorityQueue[int]).PutNowait(1) }},
			{"Queue.Get", noOrder, func() { _, _ = new(asyncio.LifoQueue[int]).Get(c) }},
			{"Queue.GetNowait", noOrder, func() { _, _ = new(asyncio.LifoQueue[int]).GetNowait() }},
			{"Task.Await", noLoop, func() { _, _ = new(asyncio.Task[int]).Await(c) }},
			{"Future.Await", noLoop, func() { _, _ = new(asyncio.Future[int]).Await(c) }},
			{"Future.SetResult", noLoop, func() { _ = new(asyncio.Future[int]).SetResult(1) }},
			{"Cancel", noLoop, func() { new(asyncio.Task[int]).Cancel() }},
			{"NewFuture", "the loop is nil; pass that of RunningLoop", func() { asyncio.NewFuture[int](nil) }},
			{"Gather", isNil, func() { _, _ = asyncio.Gather(c, (*asyncio.Task[int])(nil)) }},
			{"GatherFuture", isNil, func() { asyncio.GatherFuture(c, (*asyncio.Future[int])(nil)) }},
			{"Wait", isNil, func() { _, _, _ = asyncio.Wait(c, []asyncio.Awaitable{nil}) }},
			{"AsCompleted", isNil, func() { asyncio.AsCompleted(c, []*task{nil}) }},
			{"Gather", "a task or future belongs to no loop; make it with CreateTask or NewFuture", func() { _, _ = asyncio.Gather(c, new(asyncio.Task[int])) }},
		} {
			require.PanicsWithValue(t, "asyncio."+call.op+": "+call.wrong, call.f)
		}
		require.Contains(t, new(asyncio.Condition).String(), "unlocked")
		return nil
	}))
}

func TestAContextThatIsNilIsRefused(t *testing.T) {
	var none ctx
	require.NoError(t, run(t, func(c ctx) error {
		var held asyncio.Lock
		require.NoError(t, held.Acquire(c))
		f := asyncio.NewFuture[int](asyncio.RunningLoop(c))
		for _, call := range []func(){
			func() { _ = asyncio.Sleep(none, time.Second) },
			func() { _ = new(asyncio.Event).Wait(none) },
			func() { _ = held.Acquire(none) },
			func() { _, _ = f.Await(none) },
			func() { spawn(none, func(ctx) error { return nil }) },
			func() { asyncio.RunningLoop(none) },
			func() { _ = asyncio.WithTimeout(none, 1, func(ctx) error { return nil }) },
			func() {
				_ = asyncio.WithTaskGroup(none, func(ctx, *asyncio.TaskGroup) error { return nil })
			},
			func() { _, _ = asyncio.Gather(none, f) },
		} {
			panicSays(t, "the context is nil; pass the coroutine's, or context.Background()", call)
		}
		return asyncio.Sleep(c, time.Second)
	}))
}

// Two loops run at the same time, and share what is for one.
func TestAnEventOfTwoLoopsSaysWhatIsWrong(t *testing.T) {
	var e asyncio.Event
	waits, end := make(chan *asyncio.Loop), make(chan error)
	go func() {
		end <- run(t, func(c ctx) error {
			l := asyncio.RunningLoop(c)
			l.Ref()
			l.CallSoon(func() { waits <- l })
			defer l.Unref()
			return e.Wait(c)
		})
	}()
	first := <-waits
	const said = "it is bound to the loop of another thread; use one for each loop, or run the call there with Loop.CallSoonThreadsafe"
	require.NoError(t, run(t, func(c ctx) error {
		require.PanicsWithValue(t, "asyncio.Event.Wait: "+said, func() { _ = e.Wait(c) })
		require.PanicsWithValue(t, "asyncio.Event.Set: "+said, e.Set)
		return nil
	}))
	_, err := first.CallSoonThreadsafe(e.Set)
	require.NoError(t, err)
	require.NoError(t, <-end)
}

func TestErrorsOfCallsNameThePackageOnce(t *testing.T) {
	bounded := asyncio.NewBoundedSemaphore(1)
	l := newLoop(t)
	f := asyncio.NewFuture[int](l)
	require.NoError(t, f.SetResult(1))
	to := asyncio.NewTimeout(1)
	for want, err := range map[string]error{
		"asyncio.Lock.Release: the lock is not acquired":                                                         new(asyncio.Lock).Release(),
		"asyncio.BoundedSemaphore.Release: the semaphore was released too often":                                 bounded.Release(),
		"asyncio.Future.SetResult: invalid state: the result is set already":                                     f.SetResult(2),
		"asyncio.Timeout.Reschedule: invalid state: the Timeout has not been entered; call it in the body of Do": to.Reschedule(1),
	} {
		require.EqualError(t, err, want)
	}
	require.ErrorIs(t, new(asyncio.Lock).Release(), asyncio.ErrNotAcquired)
	require.ErrorIs(t, to.Reschedule(1), asyncio.ErrInvalidState)
}

func TestTheTextOfATaskGroupErrorHasAnEnd(t *testing.T) {
	err := run(t, func(c ctx) error {
		return asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error {
			for i := range 200 {
				if err := g.Go(func(ctx) error { return fmt.Errorf("error %d", i) }); err != nil {
					return err
				}
			}
			return nil
		})
	})
	require.EqualError(t, err, "asyncio: unhandled errors in a TaskGroup (200): error 0; error 1; error 2; error 3; error 4; "+
		"error 5; error 6; error 7; error 8; error 9; and 190 more")
	var group *asyncio.TaskGroupError
	require.ErrorAs(t, err, &group)
	require.Len(t, group.Errors(), 200)
}

func TestALoopSaysWhatItIs(t *testing.T) {
	t.Setenv("BATON_ASYNCIO_DEBUG", "") // debug mode has more to say
	l := newLoop(t)
	require.Equal(t, fmt.Sprintf("<asyncio.Loop %p running=false closed=false debug=false>", l), l.String())
	_, err := asyncio.RunUntilComplete(l, proc(func(c ctx) error {
		require.Contains(t, fmt.Sprint(asyncio.RunningLoop(c)), "running=true closed=false")
		return nil
	}))
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.Contains(t, l.String(), "running=false closed=true")
}

// Vet reports a copy of what has a part that is locked by a pointer.
func TestVetSeesCopies(t *testing.T) {
	var locks func(reflect.Type) bool
	locks = func(of reflect.Type) bool {
		if reflect.PointerTo(of).Implements(reflect.TypeFor[sync.Locker]()) {
			return true
		}
		if of.Kind() != reflect.Struct {
			return false
		}
		for i := range of.NumField() {
			if locks(of.Field(i).Type) {
				return true
			}
		}
		return false
	}
	for _, v := range []any{
		new(asyncio.Lock), new(asyncio.Event), new(asyncio.Condition), new(asyncio.Semaphore), new(asyncio.BoundedSemaphore),
		new(asyncio.Barrier), new(asyncio.Queue[int]), new(asyncio.LifoQueue[int]), new(asyncio.PriorityQueue[int]),
		new(asyncio.Timeout), new(asyncio.TaskGroup), new(asyncio.Task[int]), new(asyncio.Future[int]), new(asyncio.Gathering[int]),
	} {
		require.True(t, locks(reflect.TypeOf(v).Elem()), "%T", v)
	}
}

var errNever = errors.New("never")

func TestRunningLoopOnlyLooksItUp(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		want := asyncio.RunningLoop(c)
		got := make(chan *asyncio.Loop)
		refused := make(chan any)
		go func() {
			got <- asyncio.RunningLoop(c)
			defer func() { refused <- recover() }()
			spawn(c, func(ctx) error { return errNever })
		}()
		require.Same(t, want, <-got)
		require.Contains(t, <-refused, "use Loop.CallSoonThreadsafe")
		return nil
	}))
}

func TestTheCurrentTaskIsTheOneThatCalls(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		me := asyncio.CurrentTask(c)
		require.NotNil(t, me)
		require.Equal(t, me, asyncio.CurrentTask(context.Background()))
		var other asyncio.AnyTask
		asyncio.RunningLoop(c).CallSoon(func() { other = asyncio.CurrentTask(context.Background()) })
		err := asyncio.Sleep(c, 0)
		require.Nil(t, other, "a callback is no task's")
		return err
	}))
	require.Nil(t, asyncio.CurrentTask(context.Background()))
}
