// Poll-epoll shows what the system calls that wait for many sockets cost, when
// most of the sockets are idle, as those of a chat or of a browser's keep-alive are.
//
// To select and poll the program tells each time all the sockets that it waits
// for, and the kernel looks at each of them. Select takes descriptors below 1024
// only, on top of that. To epoll (and kqueue) it tells each socket once; when
// something arrives at one, the kernel puts that one on a list, and the call takes
// the list. So an event costs the same however many sockets there are.
//
// Without flags it measures that: it lets a second process connect as many idle
// clients as -idle says, makes something arrive at one other connection again and
// again, and prints how long the calls take that report it, the fastest of many
// rounds. A size that the limit on open files does not allow is left out.
//
// With -listen it is a server that answers in upper case until it is interrupted,
// the same one for each -poller.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/baton-go/baton/netpoll"
)

func main() {
	log.SetFlags(0)
	address := flag.String("listen", "", "serve at this `address` until interrupted, and measure nothing")
	poller := flag.String("poller", "best", "serve with select, poll, epoll, kqueue or the best of them")
	idle := flag.String("idle", "10,1000,10000", "numbers of idle connections to measure with")
	hold := flag.Int("hold", 0, "be the second process, and hold so many connections, with -to")
	to := flag.String("to", "", "`address` for -hold")
	flag.Parse()

	var err error
	switch {
	case *hold > 0:
		err = holdIdle(*to, *hold)
	case *address != "":
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = listen(ctx, os.Stdout, *address, *poller)
	default:
		err = run(os.Stdout, *idle)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// open makes a selector by its name.
func open(poller string) (*netpoll.Selector, error) {
	switch poller {
	case "select":
		return netpoll.NewSelect()
	case "poll":
		return netpoll.NewPoll()
	case "epoll":
		return netpoll.NewEpoll()
	case "kqueue":
		return netpoll.NewKqueue()
	case "best":
		return netpoll.NewSelector()
	default:
		return nil, fmt.Errorf("poll-epoll: -poller %s: want select, poll, epoll, kqueue or best", poller)
	}
}

// run measures and prints the table.
func run(w io.Writer, idle string) error {
	var sizes []int
	for _, field := range strings.Split(idle, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 1 {
			return fmt.Errorf("poll-epoll: -idle %s: want numbers, as in 10,1000", idle)
		}
		sizes = append(sizes, n)
	}
	t, err := measure(w, sizes)
	if err != nil {
		return err
	}
	return t.print(w)
}
