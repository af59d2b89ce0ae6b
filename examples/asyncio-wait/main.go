// Asyncio-wait runs two coroutines at the same time with Wait. Each says hello,
// sleeps for a second and says hello again: both begin before either ends, and
// together they take one second, not two. They share one thread, so that no line
// comes between the halves of another.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/baton-go/baton/asyncio"
)

func main() {
	sleep := flag.Duration("sleep", time.Second, "how long each one sleeps")
	flag.Parse()
	if err := run(os.Stdout, *sleep); err != nil {
		log.Fatal(err)
	}
}

// run has its loop made with opts, so that it can be on a virtual clock.
func run(w io.Writer, sleep time.Duration, opts ...asyncio.Option) error {
	hello := func(ctx context.Context) (string, error) {
		task := asyncio.CurrentTask(ctx).Name()
		fmt.Fprintf(w, "hello world from %s\n", task)
		if err := asyncio.Sleep(ctx, sleep); err != nil { // put real I/O here
			return "", err
		}
		fmt.Fprintf(w, "hello again from %s\n", task)
		return task, nil
	}
	_, err := asyncio.Run(func(ctx context.Context) (int, error) {
		loop := asyncio.RunningLoop(ctx)
		start := loop.Time()
		tasks := []*asyncio.Task[string]{
			asyncio.CreateTask(ctx, hello, asyncio.WithName("one")),
			asyncio.CreateTask(ctx, hello, asyncio.WithName("two")),
		}
		done, _, err := asyncio.Wait(ctx, tasks)
		if err != nil {
			return 0, err
		}
		took := loop.Time() - start
		fmt.Fprintf(w, "%d tasks done in %v\n", len(done), took.Round(10*time.Millisecond))
		for _, t := range done { // Wait does not look at how they ended
			if _, err := t.Result(); err != nil {
				return 0, err
			}
		}
		return len(done), nil
	}, opts...)
	return err
}
