package pool_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/pool"
)

// A pool of two: the third greenlet begins when one of the first two has ended.
func ExamplePool() {
	_ = gevent.Run(func() {
		p := pool.New(2)
		for i := range 4 {
			p.Spawn(func() error {
				fmt.Println("begin", i)
				gevent.Sleep(time.Second)
				fmt.Println("end", i)
				return nil
			})
		}
		p.Join()
	}, virtual())
	// Output:
	// begin 0
	// begin 1
	// end 0
	// end 1
	// begin 2
	// begin 3
	// end 2
	// end 3
}

// JoinError waits for all, and returns what went wrong.
func ExampleGroup_JoinError() {
	_ = gevent.Run(func() {
		g := new(pool.Group)
		g.Spawn(func() error { return errors.New("no disk") })
		g.Spawn(func() error { return nil })
		g.Spawn(func() error { return errors.New("no paper") })
		fmt.Println(g.JoinError())
	}, virtual())
	// Output:
	// no disk
	// no paper
}

// Map returns the values in the order of the items.
func ExampleMap() {
	_ = gevent.Run(func() {
		p := pool.New(10)
		words, err := pool.Map(p, func(s string) (string, error) {
			gevent.Sleep(time.Duration(len(s)) * time.Second)
			return strings.ToUpper(s), nil
		}, []string{"lorem", "ip", "sum"})
		fmt.Println(words, err)
	}, virtual())
	// Output: [LOREM IP SUM] <nil>
}

// IMapUnordered yields each value as soon as it is there.
func ExampleIMapUnordered() {
	_ = gevent.Run(func() {
		p := pool.New(10)
		upper := func(s string) (string, error) {
			gevent.Sleep(time.Duration(len(s)) * time.Second)
			return strings.ToUpper(s), nil
		}
		for word, err := range pool.IMapUnordered(p, upper, []string{"lorem", "ip", "sum"}) {
			fmt.Println(word, err)
		}
	}, virtual())
	// Output:
	// IP <nil>
	// SUM <nil>
	// LOREM <nil>
}

// ApplyAsync does not wait, also if the pool is full, and calls back with the value.
func ExampleApplyAsync() {
	_ = gevent.Run(func() {
		p := pool.New(1)
		for i := range 3 {
			pool.ApplyAsync(p, func() (int, error) {
				gevent.Sleep(time.Second)
				return i * i, nil
			}, func(n int) { fmt.Println("got", n) })
		}
		fmt.Println("all are on their way")
		gevent.Sleep(time.Minute)
	}, virtual())
	// Output:
	// all are on their way
	// got 0
	// got 1
	// got 4
}
