package gevent_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
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

func ExampleOffloadValue() {
	_ = gevent.Run(func() {
		fmt.Println(gevent.OffloadValue(func() (sum int, err error) { // on another core
			for i := range 1000 {
				sum += i
			}
			return sum, nil
		}))
	})
	// Output: 499500 <nil>
}

// A test of an hour that takes no time: on a virtual clock a thread does not wait for a time but jumps to
// it.
func ExampleWithClock() {
	clock := netpoll.NewVirtualClock()
	err := gevent.Run(func() {
		g := gevent.Spawn(func() {
			for {
				gevent.Sleep(20 * time.Minute)
				fmt.Println("tick at", clock.Now())
			}
		})
		gevent.Sleep(59 * time.Minute)
		g.Kill()
	}, gevent.WithClock(clock))
	fmt.Println(err)
	// Output:
	// tick at 20m0s
	// tick at 40m0s
	// <nil>
}
