// Gevent-sleep runs greenlets that sleep at the same time: three take as long as
// the longest, not as the sum, and of two the one that sleeps less ends first,
// though it began last.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/baton-go/baton/gevent"
)

func main() {
	unit := flag.Duration("unit", time.Second, "how long a second is")
	flag.Parse()
	start := time.Now()
	now := func() time.Duration { return time.Since(start) }
	if err := run(os.Stdout, *unit, now); err != nil {
		log.Fatal(err)
	}
}

// run takes the time from now, and has the hub of its thread made with opts, so
// that both can be on a virtual clock.
func run(w io.Writer, unit time.Duration, now func() time.Duration, opts ...gevent.Option) error {
	return gevent.Run(func() {
		together(w, unit, now, 2, 3, 5)
		together(w, unit, now, 2, 1)
	}, opts...)
}

// together spawns a greenlet for each number, which sleeps that many units, and
// waits for all of them.
func together(w io.Writer, unit time.Duration, now func() time.Duration, sleeps ...int) {
	var sum time.Duration
	var sleepers []gevent.Joinable
	start := now()
	for _, n := range sleeps {
		d := time.Duration(n) * unit
		sum += d
		sleepers = append(sleepers, gevent.Spawn(func() {
			fmt.Fprintf(w, "sleep %v: begins\n", d)
			gevent.Sleep(d)
			fmt.Fprintf(w, "sleep %v: ends\n", d)
		}))
	}
	gevent.JoinAll(sleepers...)
	took := (now() - start).Round(unit / 10)
	fmt.Fprintf(w, "together they took %v, one after the other they would have taken %v\n", took, sum)
}
