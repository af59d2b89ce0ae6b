package asyncio_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/netpoll"
)

// Three workers share what is in a queue.
func ExampleQueue() {
	_, err := asyncio.Run(asyncio.NoResult(func(ctx context.Context) error {
		queue := asyncio.NewQueue[time.Duration](0)
		for _, seconds := range []time.Duration{3, 1, 1, 4, 2, 1} {
			if err := queue.Put(ctx, seconds*time.Second); err != nil {
				return err
			}
		}
		for i := range 3 {
			asyncio.Go(ctx, func(ctx context.Context) error {
				for {
					d, err := queue.Get(ctx)
					if err != nil {
						return err // cancelled by the end of Run
					}
					if err := asyncio.Sleep(ctx, d); err != nil {
						return err
					}
					fmt.Println("worker", i, "has slept for", d)
					if err := queue.TaskDone(); err != nil {
						return err
					}
				}
			})
		}
		err := queue.Join(ctx)
		fmt.Println("all done after", asyncio.RunningLoop(ctx).Time())
		return err
	}), asyncio.WithClock(netpoll.NewVirtualClock()))
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// worker 1 has slept for 1s
	// worker 2 has slept for 1s
	// worker 0 has slept for 3s
	// worker 2 has slept for 2s
	// worker 0 has slept for 1s
	// worker 1 has slept for 4s
	// all done after 5s
}

// A function that blocks runs on a goroutine, and the loop goes on.
func ExampleToThread() {
	_, err := asyncio.Run(asyncio.NoResult(func(ctx context.Context) error {
		release := make(chan string)
		asyncio.Go(ctx, func(context.Context) error {
			fmt.Println("the loop goes on")
			release <- "what it waited for"
			return nil
		})
		s, err := asyncio.ToThread(ctx, func() (string, error) { return <-release, nil })
		fmt.Println(s)
		return err
	}))
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// the loop goes on
	// what it waited for
}

// Several main tasks on one loop.
func ExampleRunner() {
	r := asyncio.NewRunner(asyncio.WithClock(netpoll.NewVirtualClock()))
	defer r.Close()
	nap := func(ctx context.Context) (time.Duration, error) {
		err := asyncio.Sleep(ctx, time.Hour)
		return asyncio.RunningLoop(ctx).Time(), err
	}
	for range 2 {
		now, err := asyncio.RunnerRun(r, nap)
		fmt.Println(now, err)
	}
	// Output:
	// 1h0m0s <nil>
	// 2h0m0s <nil>
}

// Who awaits whom.
func ExampleLoop_Graph() {
	_, err := asyncio.Run(func(ctx context.Context) (struct{}, error) {
		asyncio.CurrentTask(ctx).SetName("main")
		sleep := func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Hour) }
		fetch := asyncio.Go(ctx, sleep, asyncio.WithName("fetch"))
		page := asyncio.Go(ctx, func(ctx context.Context) error {
			_, err := asyncio.Gather(ctx, fetch, asyncio.Go(ctx, sleep, asyncio.WithName("style")))
			return err
		}, asyncio.WithName("page"))
		asyncio.CreateTask(ctx, fetch.Await, asyncio.WithName("log"))
		asyncio.RunningLoop(ctx).CallLater(time.Minute, func() {
			fmt.Print(asyncio.RunningLoop(ctx).Graph())
		})
		return page.Await(ctx)
	}, asyncio.WithClock(netpoll.NewVirtualClock()))
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// main pending, 1m0s in asyncio.Task.Await page
	//   page pending, 1m0s in asyncio.Gather 2 of 2
	//     via Gather: fetch pending, 1m0s in asyncio.Sleep
	//     via Gather: style pending, 1m0s in asyncio.Sleep
	// log pending, 1m0s in asyncio.Task.Await fetch
	//   fetch pending, 1m0s in asyncio.Sleep
}

// A lock around what waits in the middle.
func ExampleLock_With() {
	_, err := asyncio.Run(func(ctx context.Context) (int, error) {
		var lock asyncio.Lock
		balance := 100
		take := func(ctx context.Context) (bool, error) {
			took := false
			err := lock.With(ctx, func() error {
				b := balance
				if err := asyncio.Sleep(ctx, time.Second); err != nil {
					return err
				}
				if took = b >= 60; took {
					balance = b - 60
				}
				return nil
			})
			return took, err
		}
		both, err := asyncio.Gather(ctx, asyncio.CreateTask(ctx, take), asyncio.CreateTask(ctx, take))
		fmt.Println(both, balance)
		return 0, err
	}, asyncio.WithClock(netpoll.NewVirtualClock()))
	if err != nil {
		log.Fatal(err)
	}
	// Output: [true false] 40
}

// Who keeps the loop is named.
func ExampleWithWatchdog() {
	reports := make(chan asyncio.Blocking, 2)
	_, err := asyncio.Run(func(ctx context.Context) (struct{}, error) {
		culprit := asyncio.Go(ctx, func(context.Context) error {
			b := <-reports // a channel blocks the whole loop
			fmt.Println(b.Task, "keeps the loop")
			return nil
		}, asyncio.WithName("culprit"))
		return culprit.Await(ctx)
	}, asyncio.WithWatchdog(50*time.Millisecond, func(b asyncio.Blocking) { reports <- b }))
	if err != nil {
		log.Fatal(err)
	}
	// Output: culprit keeps the loop
}
