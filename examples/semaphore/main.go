// Semaphore is a house with five places, and twenty visitors who all come at once
// and stay for a while. A semaphore lets five in; each who leaves lets in the one
// who has waited longest.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/lock"
)

func main() {
	log.SetFlags(0)
	visitors := flag.Int("visitors", 20, "number of visitors")
	places := flag.Int("places", 5, "number of places")
	unit := flag.Duration("unit", time.Second, "how long a second is")
	seed := flag.Uint64("seed", 1, "seed of how long they stay")
	flag.Parse()
	start := time.Now()
	now := func() time.Duration { return time.Since(start) }
	if err := run(os.Stdout, *visitors, *places, *unit, *seed, now); err != nil {
		log.Fatal(err)
	}
}

// run takes the time from now, and has the hub of its thread made with opts, so
// that both can be on a virtual clock.
func run(w io.Writer, visitors, places int, unit time.Duration, seed uint64, now func() time.Duration, opts ...gevent.Option) error {
	random := rand.New(rand.NewPCG(seed, 0))
	return gevent.Run(func() {
		start := now()
		say := func(format string, args ...any) {
			at := (now() - start).Round(unit / 10)
			fmt.Fprintf(w, "%v: %s\n", at, fmt.Sprintf(format, args...))
		}
		// Bounded: a visitor who left twice would be a mistake, not one more place.
		house := lock.NewBoundedSemaphore(places)
		inside, most := 0, 0
		all := make([]*gevent.Greenlet, visitors)
		for i := range all {
			stay := time.Duration(1+random.IntN(5)) * unit
			all[i] = gevent.Spawn(func() {
				house.Acquire()
				defer house.Release()
				inside++
				most = max(most, inside)
				say("visitor %d comes in, for %v", i, stay)
				gevent.Sleep(stay)
				say("visitor %d leaves", i)
				inside--
			})
		}
		gevent.JoinAll(all...)
		say("all %d have been inside, never more than %d at once", visitors, most)
	}, opts...)
}
