// Gevent-sleep0 runs two greenlets that give way to each other with Sleep(0), the
// gevent way of saying "whoever is ready may go on". Nobody names the other one:
// the hub takes them in turn.
package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"github.com/baton-go/baton/gevent"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer) error {
	return gevent.Run(func() {
		gevent.JoinAll(
			gevent.Spawn(func() {
				fmt.Fprintln(w, "first: one greenlet begins")
				gevent.Sleep(0)
				fmt.Fprintln(w, "third: the one goes on and ends")
			}),
			gevent.Spawn(func() {
				fmt.Fprintln(w, "second: the other greenlet begins")
				gevent.Sleep(0)
				fmt.Fprintln(w, "fourth: the other one goes on and ends")
			}),
		)
	})
}
