// Thread-state shows what is to be known of greenlets while they run, as a program
// with threads asks its threading module: which one is current, what their names
// are, which are alive, whether one has ended and how; and which ones the program
// waits for at its end.
//
//	Python's threading      here
//	current_thread()        gevent.Current(), nil in the main greenlet
//	t.name                  g.Name(), g.SetName
//	t.is_alive()            g.Started(), !g.Ready()
//	t.ident                 g.MinimalIdent()
//	active_count()          gevent.Stats().Greenlets, and the main greenlet
//	enumerate()             gevent.CurrentHub().Greenlets()
//	t.join()                g.Join()
//	t.daemon = True         not joined: Run ends when main does, and kills the rest
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/baton-go/baton/gevent"
)

func main() {
	log.SetFlags(0)
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer, opts ...gevent.Option) error {
	err := gevent.Run(func() { show(w) }, opts...)
	fmt.Fprintln(w, "the program ends")
	return err
}

// show is the main greenlet.
func show(w io.Writer) {
	fmt.Fprintln(w, "main is current:", gevent.Current() == nil)

	var workers []*gevent.Greenlet
	for i := range 3 {
		g := gevent.NewGreenlet(func() {
			me := gevent.Current()
			fmt.Fprintf(w, "%s runs, number %d\n", me.Name(), me.MinimalIdent())
			gevent.Sleep(time.Duration(i+1) * 100 * time.Millisecond)
		})
		g.SetName(fmt.Sprint("worker-", i+1))
		workers = append(workers, g)
	}
	daemon := gevent.NewGreenlet(func() {
		defer fmt.Fprintln(w, "daemon is cut short, and cleans up")
		for {
			gevent.Sleep(50 * time.Millisecond)
		}
	})
	daemon.SetName("daemon")

	state(w, "made", workers[0])
	daemon.Start()
	for _, g := range workers {
		g.Start()
	}
	state(w, "started", workers[0])
	gevent.Sleep(150 * time.Millisecond)
	state(w, "after 150 ms", workers[0])
	state(w, "after 150 ms", workers[1])

	for alive(w) {
		gevent.Sleep(100 * time.Millisecond)
	}
	gevent.JoinAll(workers...) // they have ended, so it takes no time
	fmt.Fprintln(w, "main ends, and does not wait for", daemon)
}

// state prints what is known of a greenlet.
func state(w io.Writer, when string, g *gevent.Greenlet) {
	fmt.Fprintf(w, "%s, %s: started %v, ready %v, successful %v\n", when, g, g.Started(), g.Ready(), g.Successful())
}

// alive prints all that have not ended, and reports whether there are others than
// the daemon.
func alive(w io.Writer) bool {
	var names []string
	for _, g := range gevent.CurrentHub().Greenlets() {
		names = append(names, g.Name())
	}
	fmt.Fprintf(w, "alive: main and %d others: %s\n", gevent.Stats().Greenlets, strings.Join(names, ", "))
	return len(names) > 1
}
