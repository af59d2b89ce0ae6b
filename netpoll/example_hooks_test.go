package netpoll_test

import (
	"fmt"
	"log"
	"path/filepath"
	"time"

	"github.com/baton-go/baton/netpoll"
)

// What the callbacks of an iteration have to say goes out in one piece, before
// the loop waits.
func ExampleLoop_AddPrepare() {
	loop, err := netpoll.NewLoop()
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()

	var gathered []string
	loop.AddPrepare(func() {
		if len(gathered) > 0 {
			fmt.Println(gathered)
			gathered = nil
		}
	}).Unref() // it alone is no reason to go on
	say := func(s string) func() { return func() { gathered = append(gathered, s) } }
	loop.CallSoon(say("a"))
	loop.CallSoon(say("b"))
	loop.CallLater(5*time.Millisecond, say("c"))
	loop.CallLater(20*time.Millisecond, func() {})
	loop.Run()
	// Output:
	// [a b]
	// [c]
}

// Work that is done a bit at a time, when there is nothing better to do.
func ExampleLoop_AddIdle() {
	loop, err := netpoll.NewLoop()
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()

	sum, i := 0, 0
	var work *netpoll.Hook
	work = loop.AddIdle(func() {
		for range 1000 {
			i++
			sum += i
		}
		if i == 10_000 {
			work.Remove()
		}
	})
	loop.CallSoon(func() { fmt.Println("not kept waiting") })
	loop.Run()
	fmt.Println("the sum is", sum)
	// Output:
	// not kept waiting
	// the sum is 50005000
}

// A callback that keeps all others waiting is reported.
func ExampleWithDebug() {
	loop, err := netpoll.NewLoop(netpoll.WithDebug(netpoll.Debug{
		SlowCallback: 20 * time.Millisecond,
		OnSlow: func(s netpoll.Slow) {
			fmt.Println(s.What, "was slow:", s.Took >= 20*time.Millisecond)
			fmt.Println("scheduled in", filepath.Base(s.Scheduled[0].File))
		},
	}))
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()

	loop.CallSoon(hog)
	loop.Run()
	// Output:
	// github.com/baton-go/baton/netpoll_test.hog was slow: true
	// scheduled in example_hooks_test.go
}

func hog() { time.Sleep(20 * time.Millisecond) }

// A test that holds the time in its hands.
func ExampleVirtualClock_SetAutojump() {
	clock := netpoll.NewVirtualClock()
	clock.SetAutojump(false)
	loop, err := netpoll.NewLoop(netpoll.WithClock(clock))
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()

	loop.CallLater(time.Minute, func() { fmt.Println("a minute") })
	loop.CallLater(time.Hour, func() { fmt.Println("an hour") })
	for range 3 {
		clock.Advance(30 * time.Second)
		loop.RunUntilBlocked()
		fmt.Println("it is", clock.Now())
	}
	// Output:
	// it is 30s
	// a minute
	// it is 1m0s
	// it is 1m30s
}

// What a program has done when it has nothing left to do.
func ExampleLoop_CallWhenBlocked() {
	clock := netpoll.NewVirtualClock()
	loop, err := netpoll.NewLoop(netpoll.WithClock(clock))
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()

	steps := 0
	var step func()
	step = func() {
		if steps++; steps < 10 {
			loop.CallSoon(step)
		}
	}
	loop.CallSoon(step)
	loop.CallLater(time.Hour, func() { fmt.Println("an hour later") })
	loop.CallWhenBlocked(func() { fmt.Println(steps, "steps at", clock.Now()) })
	loop.Run()
	// Output:
	// 10 steps at 0s
	// an hour later
}
