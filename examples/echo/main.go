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
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/net"
)

func main() {
	log.SetFlags(0)
	address := flag.String("listen", "", "serve at this `address` until interrupted, and drive nothing")
	load := load{}
	flag.IntVar(&load.conns, "conns", 500, "connections that the second process makes")
	flag.IntVar(&load.requests, "requests", 200, "requests on each connection")
	flag.IntVar(&load.size, "size", 64, "bytes in a request")
	target := flag.String("client", "", "be that second process, and drive the server at this `address`")
	flag.Parse()

	var err error
	switch {
	case *target != "":
		err = load.drive(*target)
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
		fmt.Println(s.summary())
		return nil
	})
}

// serveSecondProcess serves a second process that runs this program as a client,
// until that ends.
func serveSecondProcess(load load) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return gevent.Run(func() error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		s := newServer(echo)
		gevent.Spawn(func() error { return s.serve(l) })
		client := exec.Command(program, append(load.flags(), "-client", l.Addr().String())...)
		client.Stdout, client.Stderr = os.Stdout, os.Stderr
		_, err = gevent.OffloadValue(func() (any, error) { return nil, client.Run() })
		s.stop(l, grace)
		fmt.Println(s.summary())
		if err != nil {
			return fmt.Errorf("echo: the client failed: %w", err)
		}
		return nil
	})
}
