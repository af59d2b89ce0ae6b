package gevent_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/baton-go/baton/gevent"
)

func Example() {
	err := gevent.Run(func() {
		ping := gevent.Spawn(func() {
			fmt.Println("ping: start")
			gevent.Sleep(0)
			fmt.Println("ping: end")
		})
		pong := gevent.Spawn(func() {
			fmt.Println("pong: start")
			gevent.Sleep(0)
			fmt.Println("pong: end")
		})
		gevent.JoinAll(ping, pong)
	})
	fmt.Println(err)
	// Output:
	// ping: start
	// pong: start
	// ping: end
	// pong: end
	// <nil>
}

func ExampleSpawnValue() {
	_ = gevent.Run(func() {
		sum := gevent.SpawnValue(func() (int, error) { return 40 + 2, nil })
		bad := gevent.SpawnValue(func() (int, error) { return 0, errors.New("no luck") })
		fmt.Println(sum.Get())
		fmt.Println(bad.Get())
	})
	// Output:
	// 42 <nil>
	// 0 no luck
}

func ExampleGreenlet_Kill() {
	_ = gevent.Run(func() {
		g := gevent.Spawn(func() {
			defer fmt.Println("cleaned up")
			gevent.Sleep(time.Hour)
		})
		gevent.Sleep(0) // let it begin
		g.Kill()
		fmt.Println(g.Ready(), g.Successful(), g.Get())
	})
	// Output:
	// cleaned up
	// true true greenlet: exit
}

func ExampleOffload() {
	_ = gevent.Run(func() {
		sum := 0
		gevent.Offload(func() { // on another core
			for i := range 1000 {
				sum += i
			}
		})
		fmt.Println(sum)
	})
	// Output: 499500
}
