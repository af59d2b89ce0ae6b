package asyncio_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/netpoll"
)

// A time-out ends the body, which cleans up, and nothing else of the task.
func ExampleWithTimeout() {
	_, err := asyncio.Run(func(ctx context.Context) (int, error) {
		err := asyncio.WithTimeout(ctx, time.Second, func(ctx context.Context) error {
			defer fmt.Println("cleaned up")
			return asyncio.Sleep(ctx, time.Hour)
		})
		fmt.Println(err, errors.Is(err, context.DeadlineExceeded))
		return 0, asyncio.Sleep(ctx, time.Second)
	}, asyncio.WithClock(netpoll.NewVirtualClock()))
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// cleaned up
	// asyncio: timed out true
}

// A Timeout that is given more time whenever something comes in.
func ExampleTimeout_Reschedule() {
	_, err := asyncio.Run(func(ctx context.Context) (int, error) {
		loop := asyncio.RunningLoop(ctx)
		idle := asyncio.NewTimeout(time.Second)
		err := idle.Do(ctx, func(ctx context.Context) error {
			for i := range 5 {
				if err := asyncio.Sleep(ctx, time.Duration(i)*300*time.Millisecond); err != nil {
					return err
				}
				fmt.Println("message", i)
				if err := idle.Reschedule(loop.Time() + time.Second); err != nil {
					return err
				}
			}
			return nil
		})
		fmt.Println(err)
		return 0, nil
	}, asyncio.WithClock(netpoll.NewVirtualClock()))
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// message 0
	// message 1
	// message 2
	// message 3
	// asyncio: timed out
}

// When one task fails the others are cancelled, and all have ended when the group has.
func ExampleWithTaskGroup() {
	_, err := asyncio.Run(func(ctx context.Context) (int, error) {
		err := asyncio.WithTaskGroup(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for i := range 3 {
				err := g.Go(func(ctx context.Context) error {
					err := asyncio.Sleep(ctx, time.Duration(i+1)*time.Second)
					if err != nil {
						fmt.Println("task", i, "was cancelled")
						return err
					}
					return fmt.Errorf("task %d failed", i)
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		fmt.Println(err)
		return 0, nil
	}, asyncio.WithClock(netpoll.NewVirtualClock()))
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// task 1 was cancelled
	// task 2 was cancelled
	// asyncio: unhandled errors in a TaskGroup (1): task 0 failed
}

func ExampleAsCompleted() {
	_, err := asyncio.Run(func(ctx context.Context) (int, error) {
		var tasks []*asyncio.Task[int]
		for _, seconds := range []int{3, 1, 2} {
			tasks = append(tasks, asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
				return seconds, asyncio.Sleep(ctx, time.Duration(seconds)*time.Second)
			}))
		}
		for t, err := range asyncio.AsCompleted(ctx, tasks) {
			if err != nil {
				return 0, err
			}
			seconds, err := t.Result()
			fmt.Println(seconds, err)
		}
		return 0, nil
	}, asyncio.WithClock(netpoll.NewVirtualClock()))
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 3 <nil>
}

// A goroutine has a loop do something, and waits for the result.
func ExampleRunCoroutineThreadsafe() {
	_, err := asyncio.Run(func(ctx context.Context) (int, error) {
		loop := asyncio.RunningLoop(ctx)
		return asyncio.WrapFuture(ctx, func(ctx context.Context) (int, error) { // on a goroutine
			f := asyncio.RunCoroutineThreadsafe(loop, func(ctx context.Context) (string, error) {
				return "from the loop", asyncio.Sleep(ctx, time.Millisecond)
			})
			s, err := f.Result(ctx)
			fmt.Println(s)
			return len(s), err
		}).Await(ctx)
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// from the loop
}
