// Lost-update has workers count: each reads a counter, waits a little, as for a
// disk, and writes back one more than what it read.
//
// Greenlets take turns only where they block, and that is between reading and
// writing: all read 0 before the first writes 1, and all updates but one are lost.
// A lock cures it, by making the workers wait for each other. But where nothing
// blocks between reading and writing nobody can come in between, and no lock is
// needed.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/lock"
)

func main() {
	log.SetFlags(0)
	workers := flag.Int("workers", 100, "number of workers")
	nap := flag.Duration("nap", 10*time.Millisecond, "how long each waits")
	flag.Parse()
	start := time.Now()
	now := func() time.Duration { return time.Since(start) }
	if err := run(os.Stdout, *workers, *nap, now); err != nil {
		log.Fatal(err)
	}
}

// run takes the time from now, and has the hub of its thread made with opts, so
// that both can be on a virtual clock.
func run(w io.Writer, workers int, nap time.Duration, now func() time.Duration, opts ...gevent.Option) error {
	return gevent.Run(func() {
		counter := 0
		count := func(how string, work func()) {
			counter = 0
			start := now()
			all := make([]*gevent.Greenlet, workers)
			for i := range all {
				all[i] = gevent.Spawn(work)
			}
			gevent.JoinAll(all...)
			fmt.Fprintf(w, "%s: %d workers counted to %d, %d updates are lost, in %v\n",
				how, workers, counter, workers-counter, (now() - start).Round(nap))
		}

		update := func() {
			read := counter
			gevent.Sleep(nap)
			counter = read + 1
		}
		count("without a lock", update)

		mutex := lock.NewSemaphore(1)
		count("with a lock", func() { mutex.With(update) })

		count("without a switch in between", func() {
			gevent.Sleep(nap)
			counter++
		})
	}, opts...)
}
