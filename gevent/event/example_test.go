package event_test

import (
	"fmt"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/event"
)

func ExampleEvent() {
	_ = gevent.Run(func() {
		ready := event.New()
		for _, name := range []string{"a", "b"} {
			gevent.Spawn(func() {
				ready.Wait()
				fmt.Println(name, "goes on")
			})
		}
		gevent.Sleep(0)
		fmt.Println("set")
		ready.Set()
		gevent.Sleep(0)
	})
	// Output:
	// set
	// a goes on
	// b goes on
}

// A result comes from outside of the thread, which waits for it meanwhile.
func ExampleAsyncResult() {
	_ = gevent.Run(func() {
		r := event.NewAsyncResult[int]().Share()
		go func() { r.Set(6 * 7) }()
		fmt.Println(r.Get())
	})
	// Output: 42 <nil>
}
