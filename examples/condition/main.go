// Condition has greenlets wait for something that others do. Who waits with a
// condition gives the lock away meanwhile, and has it again when it goes on: so
// those who are notified go on only when the notifier has released the lock.
//
// The first scene shows who says what before and after. In the second a baker puts
// one bun after the other on the counter, and tells one of those who wait each
// time; who has waited longest is served first.
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
	unit := flag.Duration("unit", time.Second, "how long a second is")
	eaters := flag.Int("eaters", 3, "number of greenlets that wait for a bun")
	flag.Parse()
	if err := run(os.Stdout, *eaters, *unit); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer, eaters int, unit time.Duration, opts ...gevent.Option) error {
	return gevent.Run(func() {
		beforeAndAfter(w, unit)
		bakery(w, eaters, unit)
	}, opts...)
}

func beforeAndAfter(w io.Writer, unit time.Duration) {
	cond := lock.NewCondition(nil)
	consumer := func() {
		cond.With(func() {
			fmt.Fprintln(w, "consumer before wait")
			cond.Wait()
			fmt.Fprintln(w, "consumer after wait")
		})
	}
	producer := func() {
		cond.With(func() {
			fmt.Fprintln(w, "producer before notifyAll")
			cond.NotifyAll()
			gevent.Sleep(unit) // the consumers are awake, but have not got the lock
			fmt.Fprintln(w, "producer after notifyAll")
		})
	}
	c1 := gevent.Spawn(consumer)
	c2 := gevent.SpawnLater(2*unit, consumer)
	p := gevent.SpawnLater(4*unit, producer)
	gevent.JoinAll(c1, c2, p)
}

func bakery(w io.Writer, eaters int, unit time.Duration) {
	cond := lock.NewCondition(nil)
	buns, woken := 0, 0
	all := make([]*gevent.Greenlet, eaters)
	for i := range all {
		all[i] = gevent.Spawn(func() {
			cond.With(func() {
				if !cond.WaitForTimeout(unit/2, func() bool { return buns > 0 }) {
					fmt.Fprintf(w, "eater %d: no bun yet\n", i)
				}
				for buns == 0 { // what WaitFor does
					cond.Wait()
					woken++
				}
				buns--
				fmt.Fprintf(w, "eater %d: eats, %d left\n", i, buns)
			})
		})
	}
	for range eaters {
		gevent.Sleep(unit)
		cond.With(func() {
			buns++
			fmt.Fprintf(w, "baker: a bun is ready, %d wait\n", cond.Waiting())
			cond.Notify(1)
		})
	}
	gevent.JoinAll(all...)
	fmt.Fprintf(w, "%d buns were eaten, for which eaters were woken %d times\n", eaters, woken)
}
