// Asyncio-echo-streams is an echo server of asyncio's streams: a task for each
// connection reads, writes, and drains.
//
// Without flags it drives itself: it starts the server on the loopback interface
// and a second process with 500 connections of 200 requests each, which checks
// every byte that comes back, and prints what was served and how fast. With
// -listen it serves until it is interrupted. The example asyncio-echo-protocol is
// the same without tasks, echo the same with greenlets.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/examples/internal/echoload"
)

func main() {
	log.SetFlags(0)
	address := flag.String("listen", "", "serve at this `address` until interrupted, and drive nothing")
	load := echoload.Load{}
	load.Flags()
	target := flag.String("client", "", "be the second process, and drive the server at this `address`")
	flag.Parse()

	var err error
	switch {
	case *target != "":
		err = load.Drive(*target)
	case *address != "":
		err = run(serveUntilInterrupted(*address))
	default:
		err = run(serveSecondProcess(load))
	}
	if err != nil {
		log.Fatal(err)
	}
}

// run runs a function as the main task of a loop. What an interrupt means is the
// function's to say.
func run(f func(context.Context) error) error {
	_, err := asyncio.Run(asyncio.NoResult(f), asyncio.WithInterrupt(false))
	return err
}

// grace is how long connections may go on when the server stops.
const grace = 2 * time.Second

// A server echoes, and counts. Its tasks take turns, so they need no lock.
type server struct {
	echoload.Tally
	*asyncio.Server
	// handle serves one connection.
	handle func(ctx context.Context, s *server, r *asyncio.StreamReader, w *asyncio.StreamWriter) error
}

func newServer(handle func(context.Context, *server, *asyncio.StreamReader, *asyncio.StreamWriter) error) *server {
	return &server{handle: handle}
}

// start starts the server.
func (s *server) start(ctx context.Context, address string) (err error) {
	s.Server, err = asyncio.StartServer(ctx, s.serve, "tcp", address)
	return err
}

// serve runs in a task for each connection. An error, or a panic, would be reported;
// but that a client breaks off is no news.
func (s *server) serve(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) (err error) {
	s.Opened()
	defer func() {
		w.Close()
		s.Closed(err)
		if lost := new(net.OpError); errors.As(err, &lost) {
			err = nil
		}
	}()
	return s.handle(ctx, s, r, w)
}

// echo sends back what it receives.
func echo(ctx context.Context, s *server, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(ctx, buf) // other tasks run until something comes
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
		if err := w.Drain(ctx); err != nil { // waits if the client does not read
			return err
		}
		s.Served(n)
	}
}

// stop accepts no more, and lets the connections that are there end by themselves
// for as long as the grace. Those that have not are aborted.
func (s *server) stop(ctx context.Context, grace time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	// The error is that some had to be aborted, which the tally says too.
	_ = s.Shutdown(ctx)
}

// serveUntilInterrupted serves at the address until SIGINT or SIGTERM.
func serveUntilInterrupted(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		s := newServer(echo)
		if err := s.start(ctx, address); err != nil {
			return err
		}
		fmt.Println("echo: listening on", s.Addrs()[0])
		interrupted, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
		_ = s.ServeForever(interrupted)
		s.stop(ctx, grace)
		fmt.Println(&s.Tally)
		return nil
	}
}

// serveSecondProcess serves a second process that runs this program as a client,
// until that ends.
func serveSecondProcess(load echoload.Load) func(context.Context) error {
	return func(ctx context.Context) error {
		s := newServer(echo)
		if err := s.start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		client, err := load.Command(s.Addrs()[0].String())
		if err != nil {
			return err
		}
		_, err = asyncio.ToThread(ctx, func() (struct{}, error) { return struct{}{}, client.Run() })
		s.stop(ctx, grace)
		fmt.Println(&s.Tally)
		if err != nil {
			return fmt.Errorf("echo: the client failed: %w", err)
		}
		return nil
	}
}
