// Rlock is about locks that are acquired while one is held.
//
// A plain lock does not know who has it. Who acquires it twice waits for himself,
// and two who acquire two locks in different orders wait for each other: for ever.
// A thread in which that has happened does not hang but says so, with who waits for
// what and who has it, as soon as nothing else is left to do; and while other
// greenlets go on whoever suspects it can ask.
//
// An RLock belongs to the greenlet that has acquired it, which may do so again. That
// cures the first of the two, and also the second if the two locks are made one. It
// does not cure the second otherwise; what does is one order for all.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/lock"
)

func main() {
	log.SetFlags(0)
	workers := flag.Int("workers", 10, "number of greenlets")
	unit := flag.Duration("unit", 100*time.Millisecond, "how long they work with a lock")
	flag.Parse()
	if err := run(os.Stdout, *workers, *unit); err != nil {
		log.Fatal(err)
	}
}

// run makes a thread for each scene: a LoopExit is the end of one.
func run(w io.Writer, workers int, unit time.Duration, opts ...gevent.Option) error {
	// scene runs workers and waits for them, and prints the deadlock that there is.
	scene := func(title string, work func(name string), locks map[string]sync.Locker) error {
		fmt.Fprintf(w, "# %s\n", title)
		err := gevent.Run(func() { gevent.JoinAll(spawn(workers, work)...) }, opts...)
		var exit *gevent.LoopExit
		if !errors.As(err, &exit) {
			fmt.Fprintf(w, "all %d have ended\n", workers)
			return err
		}
		for _, d := range exit.Deadlocks {
			fmt.Fprintln(w, named(d.String(), locks))
		}
		return nil
	}

	rlock := lock.NewRLock()
	mutex := lock.NewSemaphore(1)
	a, b := lock.NewSemaphore(1), lock.NewSemaphore(1)
	both := lock.NewRLock()
	return errors.Join(
		scene("an RLock, acquired again by who has it", nested(w, rlock), nil),
		scene("a plain lock, acquired again by who has it", nested(w, mutex), map[string]sync.Locker{"M": mutex}),
		scene("two locks in two orders", twice(w, a, b, unit), map[string]sync.Locker{"A": a, "B": b}),
		scene("the two locks are one RLock", twice(w, both, both, unit), nil),
		watched(w, unit, opts...),
	)
}

// spawn makes the workers, with names.
func spawn(workers int, work func(name string)) []*gevent.Greenlet {
	all := make([]*gevent.Greenlet, workers)
	for i := range all {
		name := fmt.Sprintf("worker-%d", i+1)
		all[i] = gevent.Spawn(func() { work(name) })
		all[i].SetName(name)
	}
	return all
}

// named gives the locks in a report their names, for their addresses.
func named(report string, locks map[string]sync.Locker) string {
	for name, l := range locks {
		report = strings.ReplaceAll(report, fmt.Sprintf("%p", l), name)
	}
	return report
}

// nested counts under the lock, in functions that acquire it themselves.
func nested(w io.Writer, l sync.Locker) func(name string) {
	counts := [2]int{}
	count := func(i int) int {
		l.Lock()
		defer l.Unlock()
		counts[i]++
		return counts[i]
	}
	return func(name string) {
		l.Lock()
		defer l.Unlock()
		one := count(0)
		two := count(1)
		fmt.Fprintf(w, "%s: %d %d\n", name, one, two)
	}
}

// twice acquires a and in it b, and then b and in it a.
func twice(w io.Writer, a, b sync.Locker, unit time.Duration) func(name string) {
	return func(name string) {
		a.Lock()
		fmt.Fprintf(w, "%s got A\n", name)
		b.Lock()
		fmt.Fprintf(w, "%s got B\n", name)
		b.Unlock()
		a.Unlock()

		b.Lock()
		fmt.Fprintf(w, "%s got B\n", name)
		gevent.Sleep(unit)
		a.Lock()
		fmt.Fprintf(w, "%s got A\n", name)
		a.Unlock()
		b.Unlock()
	}
}

// watched is a thread in which two RLocks are acquired in two orders while
// something else goes on. So it does not end by itself, but a greenlet that looks
// now and then finds the deadlock, and kills one of the two.
func watched(w io.Writer, unit time.Duration, opts ...gevent.Option) error {
	fmt.Fprintln(w, "# two RLocks in two orders, and somebody who looks")
	return gevent.Run(func() {
		a, b := lock.NewRLock(), lock.NewRLock()
		grab := func(name string, first, second *lock.RLock) *gevent.Greenlet {
			g := gevent.Spawn(func() {
				first.With(func() {
					gevent.Sleep(unit)
					second.With(func() { fmt.Fprintf(w, "%s got both\n", name) })
				})
			})
			g.SetName(name)
			return g
		}
		ab, ba := grab("worker-ab", a, b), grab("worker-ba", b, a)
		clock := gevent.Spawn(func() {
			for {
				gevent.Sleep(unit)
			}
		})
		for {
			found := gevent.FindDeadlocks()
			if len(found) > 0 {
				fmt.Fprintln(w, named(found[0].String(), map[string]sync.Locker{"A": a, "B": b}))
				break
			}
			gevent.Sleep(unit)
		}
		fmt.Fprintln(w, "worker-ab is killed")
		ab.Kill()
		ba.Join()
		clock.Kill()
	}, opts...)
}
