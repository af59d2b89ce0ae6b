//go:build unix

package subprocess_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/subprocess"
)

// Two processes at the same time.
func Example() {
	err := gevent.Run(func() {
		a := gevent.SpawnValue(subprocess.Shell("sleep 0.01; echo a").Output)
		b := gevent.SpawnValue(subprocess.Shell("sleep 0.01; echo b").Output)
		for _, g := range []*gevent.Of[[]byte]{a, b} {
			out, err := g.Get()
			fmt.Printf("%s%v\n", out, err)
		}
	})
	fmt.Println(err)
	// Output:
	// a
	// <nil>
	// b
	// <nil>
	// <nil>
}

// A time limit leaves no process behind.
func ExampleCheckOutput() {
	_ = gevent.Run(func() {
		_, err := subprocess.CheckOutput(subprocess.Command("sleep", "1000"), subprocess.Within(time.Millisecond))
		fmt.Println(errors.Is(err, subprocess.ErrTimeoutExpired))
	})
	// Output: true
}
