// Traffic-light has cars that cross a road where an event is the light: it is set
// while the light is green. A car that comes then passes, one that comes at yellow
// or red waits until it is set, and when it is all that wait go on, in the order in
// which they came.
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
	"github.com/baton-go/baton/gevent/event"
)

func main() {
	log.SetFlags(0)
	cars := flag.Int("cars", 3, "number of cars")
	cycles := flag.Int("cycles", 2, "how often the light turns green")
	unit := flag.Duration("unit", time.Second, "how long a second is")
	seed := flag.Uint64("seed", 1, "seed of when the cars come")
	flag.Parse()
	start := time.Now()
	now := func() time.Duration { return time.Since(start) }
	if err := run(os.Stdout, *cars, *cycles, *unit, *seed, now); err != nil {
		log.Fatal(err)
	}
}

// How many seconds the light has each colour.
const (
	green  = 10
	yellow = 3
	red    = 7
)

// run takes the time from now, and has the hub of its thread made with opts, so
// that both can be on a virtual clock.
func run(w io.Writer, cars, cycles int, unit time.Duration, seed uint64, now func() time.Duration, opts ...gevent.Option) error {
	random := rand.New(rand.NewPCG(seed, 0))
	return gevent.Run(func() {
		start := now()
		say := func(format string, args ...any) {
			at := (now() - start).Round(unit / 10)
			fmt.Fprintf(w, "%v: %s\n", at, fmt.Sprintf(format, args...))
		}
		light := event.New()
		driving := make([]*gevent.Greenlet, cars)
		for i := range driving {
			driving[i] = gevent.Spawn(func() {
				for {
					gevent.Sleep(time.Duration(1+random.IntN(10)) * unit)
					if !light.IsSet() {
						say("car %d waits", i)
						light.Wait()
					}
					say("car %d passes", i)
				}
			})
		}
		for range cycles {
			say("green light")
			light.Set()
			gevent.Sleep(green * unit)
			say("yellow light")
			light.Clear()
			gevent.Sleep(yellow * unit)
			say("red light")
			gevent.Sleep(red * unit)
		}
		gevent.KillAll(driving...)
	}, opts...)
}
