// Echo is a server with a greenlet for each connection, which sends back what it
// receives. One thread serves them all, so that its counters need no lock.
//
// Without flags it drives itself: it starts the server on the loopback interface
// and a second process with 500 connections of 200 requests each, which checks
// every byte that comes back, and prints what was served and how fast. With
// -listen it serves until it is interrupted.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/baton-go/baton/examples/internal/echoload"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/net"
)

func main() {
	log.SetFlags(0)
	address := flag.String("listen", "", "serve at this `address` until interrupted, and drive nothing")
	var load echoload.Load
	load.Flags()
	target := flag.String("client", "", "be that second process, and drive the server at this `address`")
	flag.Parse()

	var err error
	switch {
	case *target != "":
		err = load.Drive(*target)
	case *address != "":
		err = serveUntilInterrupted(*address)
	default:
		err = serveSecondProcess(load)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// grace is how long connections may go on when the server stops.
const grace = 2 * time.Second

// serveUntilInterrupted serves at the address until SIGINT or SIGTERM.
func serveUntilInterrupted(address string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return gevent.Run(func() error {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		fmt.Println("echo: listening on", l.Addr())
		s := newServer(echo)
		gevent.Spawn(func() error { return s.serve(l) })
		gevent.Offload(func() { <-ctx.Done() }) // the thread serves meanwhile
		s.stop(l, grace)
		fmt.Println(&s.Tally)
		return nil
	})
}

// serveSecondProcess serves a second process that runs this program as a client,
// until that ends.
func serveSecondProcess(load echoload.Load) error {
	return gevent.Run(func() error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		client, err := load.Command(l.Addr().String())
		if err != nil {
			return err
		}
		s := newServer(echo)
		gevent.Spawn(func() error { return s.serve(l) })
		_, err = gevent.OffloadValue(func() (any, error) { return nil, client.Run() })
		s.stop(l, grace)
		fmt.Println(&s.Tally)
		if err != nil {
			return fmt.Errorf("echo: the client failed: %w", err)
		}
		return nil
	})
}
