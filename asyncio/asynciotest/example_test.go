package asynciotest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/asyncio/asynciotest"
)

// t is what a test function gets.
var t = new(testing.T)

// A test of an hour takes no time.
func ExampleRun() {
	asynciotest.Run(t, func(ctx context.Context) error {
		err := asyncio.WithTimeout(ctx, time.Hour, func(ctx context.Context) error {
			return asyncio.Sleep(ctx, 24*time.Hour)
		})
		fmt.Println(err, "after", asyncio.RunningLoop(ctx).Time())
		return nil
	})
	// Output: asyncio: timed out after 1h0m0s
}

// A lock is never kept, wherever the task is cancelled that takes it.
func ExampleCancelEverywhere() {
	var lock *asyncio.Lock
	runs := asynciotest.CancelEverywhere(t, func(ctx context.Context) error {
		lock = new(asyncio.Lock)
		if err := asyncio.Sleep(ctx, time.Second); err != nil {
			return err
		}
		if err := lock.Acquire(ctx); err != nil {
			return err
		}
		defer lock.Release()
		return asyncio.Sleep(ctx, time.Second)
	}, func(n int, err error) {
		if lock != nil && lock.Locked() {
			fmt.Println("cancelled in iteration", n, "the task keeps the lock")
		}
	})
	fmt.Println(runs, "runs")
	// Output: 6 runs
}

// Two ends of a connection in memory.
func ExampleStreams() {
	asynciotest.Run(t, func(ctx context.Context) error {
		client, server := asynciotest.Streams(ctx, 0, asynciotest.Pipe{})
		echo := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			line, err := server.Reader.ReadLine(ctx)
			if err != nil {
				return 0, err
			}
			fmt.Fprintf(server.Writer, "you said %s", line)
			return len(line), server.Close(ctx)
		})
		fmt.Fprintln(client.Writer, "hello")
		answer, err := client.Reader.ReadLine(ctx)
		if err != nil {
			return err
		}
		fmt.Print(string(answer))
		if _, err := echo.Await(ctx); err != nil {
			return err
		}
		return client.Close(ctx)
	})
	// Output: you said hello
}

// A client of example.org is tested without it.
func ExampleNetwork() {
	greeting := func(ctx context.Context, open func(context.Context, string, string, ...asyncio.ConnectOption) (*asyncio.StreamReader, *asyncio.StreamWriter, error)) (string, error) {
		r, w, err := open(ctx, "tcp", "example.org:25")
		if err != nil {
			return "", err
		}
		defer w.Close()
		line, err := r.ReadLine(ctx)
		return string(line), err
	}
	asynciotest.Run(t, func(ctx context.Context) error {
		var network asynciotest.Network
		_, err := network.StartServer(ctx, func(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			defer w.Close()
			if err := asyncio.Sleep(ctx, time.Minute); err != nil { // a slow one
				return err
			}
			_, err := w.Write([]byte("220 ready\n"))
			return err
		}, "tcp", "example.org:25")
		if err != nil {
			return err
		}
		line, err := greeting(ctx, network.OpenConnection)
		fmt.Printf("%q after %v\n", line, asyncio.RunningLoop(ctx).Time())
		return err
	})
	// Output: "220 ready\n" after 1m0s
}
