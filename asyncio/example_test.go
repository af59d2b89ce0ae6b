package asyncio_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
)

func Example() {
	answer, err := asyncio.Run(func(ctx context.Context) (int, error) {
		start := asyncio.RunningLoop(ctx).Time()
		a := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			return 40, asyncio.Sleep(ctx, time.Second)
		})
		b := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			return 2, asyncio.Sleep(ctx, time.Second)
		})
		n, err := asyncio.Gather(ctx, a, b)
		if err != nil {
			return 0, err
		}
		fmt.Println("after", asyncio.RunningLoop(ctx).Time()-start)
		return n[0] + n[1], nil
	}, asyncio.WithClock(netpoll.NewVirtualClock())) // without it, a second passes
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer)
	// Output:
	// after 1s
	// 42
}

// A task runs when its maker waits.
func ExampleCreateTask() {
	_, err := asyncio.Run(func(ctx context.Context) (int, error) {
		t := asyncio.CreateTask(ctx, func(context.Context) (string, error) {
			fmt.Println("second: the task")
			return "done", nil
		})
		fmt.Println("first: its maker")
		s, err := t.Await(ctx)
		fmt.Println("third: its maker again,", s)
		return 0, err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// first: its maker
	// second: the task
	// third: its maker again, done
}

// A cancelled task cleans up, with awaiting calls if it likes.
func ExampleTask_Cancel() {
	_, err := asyncio.Run(func(ctx context.Context) (int, error) {
		t := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			err := asyncio.Sleep(ctx, time.Hour)
			if errors.Is(err, asyncio.ErrCancelled) {
				_ = asyncio.Sleep(ctx, time.Millisecond)
				fmt.Println("cleaned up")
			}
			return 0, err
		})
		_ = asyncio.Sleep(ctx, time.Millisecond)
		t.Cancel("no longer needed")
		_, err := t.Await(ctx)
		fmt.Println(err)
		fmt.Println(t.Cancelled(), errors.Is(err, context.Canceled))
		return 0, nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// cleaned up
	// asyncio: cancelled: no longer needed
	// true true
}

func ExampleWait() {
	sleep := func(d time.Duration) asyncio.Coroutine[time.Duration] {
		return func(ctx context.Context) (time.Duration, error) { return d, asyncio.Sleep(ctx, d) }
	}
	_, err := asyncio.Run(func(ctx context.Context) (int, error) {
		tasks := []*asyncio.Task[time.Duration]{
			asyncio.CreateTask(ctx, sleep(3*time.Second)),
			asyncio.CreateTask(ctx, sleep(time.Second)),
		}
		done, pending, err := asyncio.Wait(ctx, tasks, asyncio.FirstCompleted)
		d, _ := done[0].Result()
		fmt.Println(d, "is done,", len(pending), "is not")
		return 0, err
	}, asyncio.WithClock(netpoll.NewVirtualClock()))
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1s is done, 1 is not
}

// A loop may be run piece by piece.
func ExampleRunUntilComplete() {
	loop, err := asyncio.NewLoop()
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()

	ticks := 0
	ticker := asyncio.CreateTask(loop.Context(), func(ctx context.Context) (int, error) {
		for ; ticks < 10; ticks++ {
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return 0, err
			}
		}
		return ticks, nil
	})
	for range 2 {
		_, err := asyncio.RunUntilComplete(loop, func(ctx context.Context) (int, error) {
			return 0, asyncio.Sleep(ctx, 0)
		})
		fmt.Println(ticks, err)
	}
	n, err := asyncio.RunUntilComplete(loop, ticker.Await)
	fmt.Println(n, err)
	// Output:
	// 2 <nil>
	// 5 <nil>
	// 10 <nil>
}

// Another goroutine hands its result to the loop.
func ExampleLoop_CallSoonThreadsafe() {
	sum, err := asyncio.Run(func(ctx context.Context) (int, error) {
		loop := asyncio.RunningLoop(ctx)
		result := asyncio.NewFuture[int](loop)
		loop.Ref() // keeps the loop waiting for the goroutine
		go func() {
			sum := 0
			for i := range 101 {
				sum += i
			}
			loop.CallSoonThreadsafe(func() {
				loop.Unref()
				result.SetResult(sum)
			})
		}()
		return result.Await(ctx)
	})
	fmt.Println(sum, err)
	// Output: 5050 <nil>
}

// A greenlet awaits a task, and a task calls green code.
func Example_gevent() {
	err := gevent.Run(func() error {
		ctx := context.Background()
		task := asyncio.CreateTask(ctx, func(context.Context) (string, error) {
			gevent.Sleep(time.Second) // no await: gevent's calls are implicit
			return "hello from a task", nil
		})
		return gevent.Spawn(func() error {
			s, err := task.Await(ctx)
			fmt.Println(s)
			return err
		}).Get()
	}, gevent.WithClock(netpoll.NewVirtualClock()))
	if err != nil {
		log.Fatal(err)
	}
	// Output: hello from a task
}
