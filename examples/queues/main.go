// Queues shows how greenlets hand things over: queues that give the oldest, the
// newest or the smallest item first; what happens when there is no item or no room;
// how to wait until all the work is done; and a bakery, in which bakers and eaters
// know nothing of each other but the counter between them, that makes whoever is
// faster wait.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/queue"
)

func main() {
	log.SetFlags(0)
	unit := flag.Duration("unit", time.Second, "how long a second is")
	seed := flag.Uint64("seed", 1, "seed of how long bakers and eaters take")
	flag.Parse()
	start := time.Now()
	now := func() time.Duration { return time.Since(start) }
	if err := run(os.Stdout, *unit, *seed, now); err != nil {
		log.Fatal(err)
	}
}

// run takes the time from now, and has the hub of its thread made with opts, so
// that both can be on a virtual clock.
func run(w io.Writer, unit time.Duration, seed uint64, now func() time.Duration, opts ...gevent.Option) error {
	return gevent.Run(func() error {
		return errors.Join(
			orders(w),
			limits(w, unit, now),
			join(w, unit),
			bakery(w, unit, rand.New(rand.NewPCG(seed, 0))),
		)
	}, opts...)
}

// A task has a priority: the lower it is, the earlier its turn.
type task struct {
	priority int
	name     string
}

func (t task) String() string { return fmt.Sprintf("(%d, '%s')", t.priority, t.name) }

// orders puts the same things into queues of different kinds.
func orders(w io.Writer) error {
	fmt.Fprintln(w, "# in which order")
	fifo := queue.New[any](0)
	err := drain(w, "first in, first out", fifo, any(11), "hello", 3.14)
	lifo := queue.NewLifo[int](3)
	err = errors.Join(err, drain(w, "last in, first out", lifo, 1, 2, 3))
	priority := queue.NewPriorityFunc(4, func(a, b task) bool { return a.priority < b.priority })
	return errors.Join(err, drain(w, "the lowest number first", priority,
		task{10, "111"}, task{100, "222"}, task{0, "333"}, task{-5, "444"}))
}

// drain puts items into a queue, and prints what it gets out of it.
func drain[T any](w io.Writer, kind string, q interface {
	Put(T) error
	GetNowait() (T, error)
}, items ...T) error {
	for _, item := range items {
		if err := q.Put(item); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "%s:", kind)
	defer fmt.Fprintln(w)
	for {
		item, err := q.GetNowait()
		if errors.Is(err, queue.ErrEmpty) {
			return nil
		} else if err != nil {
			return err
		}
		fmt.Fprintf(w, " %v", item)
	}
}

// limits asks for more than there is.
func limits(w io.Writer, unit time.Duration, now func() time.Duration) error {
	fmt.Fprintln(w, "# no item, no room")
	q := queue.New[int](3)
	start := now()
	say := func(what string, err error) {
		result := "done"
		if err != nil {
			result = err.Error()
		}
		fmt.Fprintf(w, "%v: %s: %s (size %d, empty %v, full %v)\n",
			(now() - start).Round(unit/10), what, result, q.QSize(), q.Empty(), q.Full())
	}
	_, err := q.GetNowait()
	say("get_nowait", err)
	_, err = q.GetTimeout(3 * unit)
	say("get, for 3 seconds", err)
	for i := range 3 {
		say("put", q.Put(i))
	}
	say("put_nowait", q.PutNowait(3))
	say("put, for 2 seconds", q.PutTimeout(3, 2*unit))
	var taken int
	eater := gevent.SpawnLater(unit, func() { taken, err = q.Get() })
	say("put, while somebody gets", q.Put(3))
	eater.Join()
	if err != nil || taken != 0 {
		return fmt.Errorf("queues: got %d, %v, and not the first item", taken, err)
	}
	return nil
}

// join waits for the end of the work, which is later than that the queue is empty.
func join(w io.Writer, unit time.Duration) error {
	fmt.Fprintln(w, "# until the work is done")
	q := queue.New[int](0)
	worker := gevent.Spawn(func() {
		for n := range q.All() {
			gevent.Sleep(unit)
			fmt.Fprintln(w, n)
			q.TaskDone()
		}
	})
	for _, n := range []int{111, 222, 333} {
		if err := q.Put(n); err != nil {
			return err
		}
	}
	q.Join()
	fmt.Fprintln(w, "ok")
	q.Shutdown(false) // the worker's loop ends
	return worker.Get()
}

const (
	bakers       = 2
	eaters       = 3
	bunsOfABaker = 10
	counterSize  = 4
)

// bakery has several bakers and several eaters with a counter between them.
func bakery(w io.Writer, unit time.Duration, random *rand.Rand) error {
	fmt.Fprintln(w, "# bakers and eaters")
	counter := queue.New[string](counterSize)
	takeUpTo := func(n int) { gevent.Sleep(time.Duration(random.IntN(n)) * unit) }
	eaten, most := 0, 0
	return gevent.WithScope(func(s *gevent.Scope) error {
		var baking []*gevent.Greenlet
		for i := range bakers {
			name := string(rune('A' + i))
			baking = append(baking, s.Spawn(func() error {
				for n := range bunsOfABaker {
					takeUpTo(3)
					bun := fmt.Sprintf("%s%d", name, n)
					if err := counter.Put(bun); err != nil {
						return err
					}
					most = max(most, counter.Len())
					fmt.Fprintf(w, "baker %s has baked %s\n", name, bun)
				}
				return nil
			}))
		}
		for i := range eaters {
			s.Spawn(func() error {
				for bun := range counter.All() {
					fmt.Fprintf(w, "eater %d eats %s\n", i, bun)
					takeUpTo(5)
					eaten++
					counter.TaskDone()
				}
				return nil
			})
		}
		gevent.JoinAll(baking...)
		fmt.Fprintln(w, "the bakers have gone home")
		counter.Join()
		fmt.Fprintf(w, "all %d buns are eaten, never more than %d were on the counter\n", eaten, most)
		counter.Shutdown(false) // the eaters go, too
		return nil
	})
}
