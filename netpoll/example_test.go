package netpoll_test

import (
	"fmt"
	"log"
	"time"

	"github.com/baton-go/baton/netpoll"
)

func Example() {
	loop, err := netpoll.NewLoop()
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()

	loop.CallLater(20*time.Millisecond, func() { fmt.Println("third: a little later") })
	loop.CallSoon(func() {
		fmt.Println("first: in the first iteration")
		loop.CallSoon(func() { fmt.Println("second: in the next one") })
	})
	loop.Run() // returns when nothing is left to do
	// Output:
	// first: in the first iteration
	// second: in the next one
	// third: a little later
}

// Work on another goroutine, and its result on the loop.
func ExampleLoop_Post() {
	loop, err := netpoll.NewLoop()
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()

	loop.Ref() // keeps the loop waiting for the Post
	go func() {
		sum := 0
		for i := range 101 {
			sum += i
		}
		loop.Post(func() {
			loop.Unref()
			fmt.Println("the sum is", sum)
		})
	}()
	loop.Run()
	// Output:
	// the sum is 5050
}

// A day passes at once on a virtual clock.
func ExampleWithClock() {
	clock := netpoll.NewVirtualClock()
	loop, err := netpoll.NewLoop(netpoll.WithClock(clock))
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()

	var tick func()
	tick = func() {
		fmt.Println(loop.Time())
		if loop.Time() < 24*time.Hour {
			loop.CallLater(8*time.Hour, tick)
		}
	}
	loop.CallSoon(tick)
	loop.Run()
	// Output:
	// 0s
	// 8h0m0s
	// 16h0m0s
	// 24h0m0s
}

// A scheduler of one's own puts its tasks into the ready queue and runs them
// itself, among the callbacks.
func ExampleLoop_Next() {
	loop, err := netpoll.NewLoop()
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()

	loop.Enqueue(task("a"))
	loop.CallSoon(func() { fmt.Println("a callback") })
	loop.Enqueue(task("b"))
	for {
		switch r := loop.Next().(type) {
		case nil:
			if !loop.Turn() {
				return
			}
		case task:
			fmt.Println("task", string(r))
		default:
			r.RunReady()
		}
	}
	// Output:
	// task a
	// a callback
	// task b
}

type task string

func (t task) RunReady() {}
