package gevent_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/baton-go/baton/gevent"
)

func ExampleDump() {
	_ = gevent.Run(func() {
		family := gevent.Spawn(func() {
			child := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
			child.SetName("child")
			child.Join()
		})
		family.SetName("parent")
		gevent.Sleep(time.Minute)
		var b strings.Builder
		_ = gevent.Dump(&b) // usually to os.Stderr
		for line := range strings.Lines(b.String()) {
			if strings.Contains(line, "- ") { // without the stacks, which are longer
				fmt.Print(line)
			}
		}
	}, virtual())
	// Output:
	// - main: running
	//   - parent: parked in gevent.Join child for 1m0s
	//     - child: parked in gevent.Sleep for 1m0s
}

func ExampleFindDeadlocks() {
	_ = gevent.Run(func() {
		var ping, pong *gevent.Greenlet
		ping = gevent.Spawn(func() { pong.Join() })
		pong = gevent.Spawn(func() { ping.Join() })
		ping.SetName("ping")
		pong.SetName("pong")
		gevent.Sleep(time.Second) // the thread goes on
		for _, d := range gevent.FindDeadlocks() {
			fmt.Println(d)
		}
	}, virtual())
	// Output:
	// deadlock of 2:
	//   ping waits in gevent.Join pong
	//   pong waits in gevent.Join ping
}

func ExampleRunParallel() {
	var total atomic.Int64 // the threads share it, so it must be safe for that
	err := gevent.RunParallel(4, func(i int) error {
		sum := 0 // the greenlets of one thread share this, and need nothing
		for k := range 100 {
			gevent.Spawn(func() { sum += k })
		}
		gevent.JoinHub()
		total.Add(int64(sum))
		return nil
	})
	fmt.Println(total.Load(), err)
	// Output: 19800 <nil>
}

func ExampleFromChan() {
	lines := make(chan string)
	go func() { // an ordinary goroutine
		defer close(lines)
		for _, line := range []string{"one", "two", "three"} {
			lines <- line
		}
	}()
	_ = gevent.Run(func() {
		for line := range gevent.FromChan(lines) {
			fmt.Println(line) // other greenlets run while this one waits for the next
		}
	})
	// Output:
	// one
	// two
	// three
}
