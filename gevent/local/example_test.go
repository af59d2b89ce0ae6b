package local_test

import (
	"fmt"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/local"
)

// A request's name, which helpers find without being passed it, and which greenlets
// that work for it share.
var request = local.Local[string]{
	New:     func() string { return "nobody" },
	Inherit: local.Share[string],
}

func Example() {
	_ = gevent.Run(func() {
		handle := func(name string) func() {
			return func() {
				request.Set(name)
				gevent.Sleep(0)
				fmt.Println("handler of", request.Get())
				gevent.Spawn(local.Inherit(func() { fmt.Println("helper of", request.Get()) })).Join()
				gevent.Spawn(func() { fmt.Println("stranger:", request.Get()) }).Join()
			}
		}
		a := gevent.Spawn(handle("a"))
		a.Join()
		gevent.Spawn(handle("b")).Join()
	})
	// Output:
	// handler of a
	// helper of a
	// stranger: nobody
	// handler of b
	// helper of b
	// stranger: nobody
}
