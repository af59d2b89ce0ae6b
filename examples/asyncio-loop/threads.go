package main

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/baton-go/baton/asyncio"
)

// threads has three calls that block made on other threads. Each of them blocks until
// all three have begun and the loop has counted to ten: one after the other, or in the
// loop's own thread, they would block for ever.
func threads(ctx context.Context, w io.Writer) error {
	var begun sync.WaitGroup
	counted := make(chan struct{})
	square := func(n int) func() (int, error) {
		begun.Add(1)
		return func() (int, error) { // put a library here that knows nothing of loops
			begun.Done()
			begun.Wait()
			<-counted
			return n * n, nil
		}
	}
	pool := asyncio.NewThreadPoolExecutor(3)
	defer pool.Shutdown(false, true)
	var calls []*asyncio.Future[int]
	for n := range 3 {
		calls = append(calls, asyncio.RunInExecutor(ctx, pool, square(n+1)))
	}
	counter := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
		defer close(counted)
		n := 0
		for n < 10 {
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	})
	squares, err := asyncio.Gather(ctx, calls...)
	if err != nil {
		return err
	}
	n, err := counter.Result()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "   the loop counted to %d while three calls blocked, which returned %v\n", n, squares)
	// The same in short, in a pool of the loop's.
	v, err := asyncio.ToThread(ctx, func() (int, error) { return 7 * 7, nil })
	fmt.Fprintln(w, "   one more returned", v)
	return err
}
