// Io-bound runs 400 jobs that only wait, as jobs do that ask a disk or another
// machine. In greenlets they wait side by side, in one thread: all of them take as
// long as one. A processor has next to nothing to do meanwhile, so that more of
// them would not help. For the opposite see cpu-bound.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/baton-go/baton/examples/internal/cputime"
	"github.com/baton-go/baton/gevent"
)

func main() {
	log.SetFlags(0)
	jobs := flag.Int("jobs", 400, "number of jobs")
	wait := flag.Duration("wait", 2*time.Second, "how long each waits")
	flag.Parse()
	start := time.Now()
	now := func() time.Duration { return time.Since(start) }
	cpu := cputime.Used()
	if err := run(os.Stdout, *jobs, *wait, now); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%v of processor time\n", cputime.Used()-cpu)
}

// run takes the time from now, and has the hub of its thread made with opts, so
// that both can be on a virtual clock.
func run(w io.Writer, jobs int, wait time.Duration, now func() time.Duration, opts ...gevent.Option) error {
	return gevent.Run(func() {
		start, waiting, most := now(), 0, 0
		all := make([]*gevent.Greenlet, jobs)
		for i := range all {
			all[i] = gevent.Spawn(func() {
				waiting++
				most = max(most, waiting)
				gevent.Sleep(wait)
				waiting--
			})
		}
		done := gevent.JoinAll(all...)
		took := now() - start
		fmt.Fprintf(w, "%d jobs of %v, %d at once, took %v\n", len(done), wait, most, took.Round(time.Millisecond))
		fmt.Fprintf(w, "one after the other they would have taken %v\n", time.Duration(jobs)*wait)
	}, opts...)
}
