// Pool-callback has many tasks done by pools of five, and a callback called with
// the result of each.
//
// The first pool is of greenlets: the tasks wait, and live in one thread. The second
// is of goroutines: the tasks may block or calculate, on several cores; only the
// callbacks are called in the thread, so that they need no lock either. In Python
// that one is concurrent.futures.ThreadPoolExecutor.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/pool"
	"github.com/baton-go/baton/gevent/threadpool"
)

func main() {
	log.SetFlags(0)
	size := flag.Int("size", 5, "size of the pools")
	tasks := flag.Int("tasks", 50, "number of tasks")
	nap := flag.Duration("nap", 20*time.Millisecond, "how long a task waits")
	flag.Parse()
	green := work(func() { gevent.Sleep(*nap) })
	parallel := work(func() { time.Sleep(*nap) })
	if err := run(os.Stdout, *size, *tasks, green, parallel); err != nil {
		log.Fatal(err)
	}
}

// A task turns a number into a result.
type task func(n int) (int, error)

// work is a task that waits and adds 100. It fails for 9, 19, 29 and so on.
func work(wait func()) task {
	return func(n int) (int, error) {
		wait()
		if n%10 == 9 {
			return 0, fmt.Errorf("%d is not to be had", n)
		}
		return n + 100, nil
	}
}

// A tally counts what callbacks are called with.
type tally struct {
	w                 io.Writer
	succeeded, failed int
}

// done is the callback. Status says whether the task has succeeded, and so whether
// result is its value, or the error.
func (t *tally) done(status bool, result any) {
	if status {
		t.succeeded++
		fmt.Fprintln(t.w, "-->exec done:", result)
	} else {
		t.failed++
		fmt.Fprintln(t.w, "-->exec failed:", result)
	}
}

// call calls done with what a task has returned.
func (t *tally) call(value int, err error) {
	if err != nil {
		t.done(false, err)
	} else {
		t.done(true, value)
	}
}

// run has the tasks done by both pools: green in greenlets, parallel in goroutines.
func run(w io.Writer, size, tasks int, green, parallel task, opts ...gevent.Option) error {
	return gevent.Run(func() error {
		return errors.Join(greenlets(w, size, tasks, green), goroutines(w, size, tasks, parallel))
	}, opts...)
}

func greenlets(w io.Writer, size, tasks int, f task) error {
	fmt.Fprintf(w, "# a pool of %d greenlets\n", size)
	t := &tally{w: w}
	p := pool.New(size)
	all := make([]*gevent.Of[int], tasks)
	for n := range all {
		// The callback of ApplyAsync itself would be told of successes only.
		g := pool.ApplyAsync(p, func() (int, error) { return f(n) }, nil)
		g.Rawlink(func() { t.call(g.Value(), g.Err()) })
		all[n] = g
	}
	fmt.Fprintln(w, "end") // of the giving out
	gevent.JoinAll(all...)
	fmt.Fprintf(w, "%d succeeded, %d failed\n", t.succeeded, t.failed)
	return nil
}

func goroutines(w io.Writer, size, tasks int, f task) error {
	fmt.Fprintf(w, "# an executor of %d goroutines\n", size)
	t := &tally{w: w}
	e := threadpool.NewExecutor(size)
	for n := range tasks {
		future, err := threadpool.Submit(e, func() (int, error) { return f(n) })
		if err != nil {
			return err
		}
		future.AddDoneCallback(func(future *threadpool.Future[int]) { t.call(future.Get()) })
	}
	e.Shutdown(true, false)
	fmt.Fprintf(w, "%d succeeded, %d failed\n", t.succeeded, t.failed)
	_, err := threadpool.Submit(e, func() (int, error) { return 0, nil })
	fmt.Fprintf(w, "one more: %v\n", err)
	if !errors.Is(err, threadpool.ErrShutdown) {
		return fmt.Errorf("pool-callback: the executor is shut down, and yet: %v", err)
	}
	return nil
}
