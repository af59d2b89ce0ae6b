package lock_test

import (
	"fmt"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/lock"
)

func ExampleSemaphore() {
	_ = gevent.Run(func() {
		slots := lock.NewSemaphore(2)
		busy, most := 0, 0
		var gs []*gevent.Greenlet
		for range 10 {
			gs = append(gs, gevent.Spawn(func() {
				slots.With(func() {
					busy++
					most = max(most, busy)
					gevent.Sleep(time.Millisecond)
					busy--
				})
			}))
		}
		gevent.JoinAll(gs...)
		fmt.Println("never more than", most)
	})
	// Output: never more than 2
}

func ExampleCondition() {
	_ = gevent.Run(func() {
		c := lock.NewCondition(nil)
		var items []string
		eater := gevent.Spawn(func() {
			c.With(func() {
				c.WaitFor(func() bool { return len(items) > 0 })
				fmt.Println("eats", items[0])
			})
		})
		gevent.Sleep(0)
		c.With(func() {
			items = append(items, "a bun")
			c.Notify(1)
		})
		eater.Join()
	})
	// Output: eats a bun
}
