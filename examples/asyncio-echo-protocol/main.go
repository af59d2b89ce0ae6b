// Asyncio-echo-protocol is an echo server of asyncio's protocols: an object for
// each connection, whose methods the loop calls when something happens. No task
// waits for anything.
//
// Without flags it drives itself: it starts the server on the loopback interface
// and a second process with 500 connections of 200 requests each, which checks
// every byte that comes back, and prints what was served and how fast. With
// -listen it serves until it is interrupted. The example asyncio-echo-streams is
// the same with a task for each connection, echo the same with greenlets.
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

// A server counts what its connections do, in turns, so that it needs no lock.
type server struct {
	echoload.Tally
	*asyncio.Server
	// protocol returns what serves one connection.
	protocol func(s *server) asyncio.Protocol
}

func newServer(protocol func(*server) asyncio.Protocol) *server {
	return &server{protocol: protocol}
}

// start starts the server.
func (s *server) start(ctx context.Context, address string) (err error) {
	s.Server, err = asyncio.CreateServer(ctx, func() asyncio.Protocol { return s.protocol(s) }, "tcp", address)
	return err
}

// echo returns the protocol that echoes.
func echo(s *server) asyncio.Protocol { return &echoProtocol{server: s} }

// An echoProtocol sends back what it receives, on one connection. The transport ends the
// connection when the client has ended its side, which is what EOFReceived of
// BaseProtocol asks for; what is still to be sent is sent.
type echoProtocol struct {
	asyncio.BaseProtocol
	server    *server
	transport asyncio.Transport
}

func (p *echoProtocol) ConnectionMade(t asyncio.Transport) {
	p.transport = t
	p.server.Opened()
}

func (p *echoProtocol) DataReceived(data []byte) {
	if _, err := p.transport.Write(data); err == nil {
		p.server.Served(len(data))
	}
}

// PauseWriting is called when a client does not read what is sent to it. Then
// nothing is read from it either.
func (p *echoProtocol) PauseWriting()  { p.transport.PauseReading() }
func (p *echoProtocol) ResumeWriting() { p.transport.ResumeReading() }

func (p *echoProtocol) ConnectionLost(err error) { p.server.Closed(err) }

// stop accepts no more, and lets the connections that are there end by themselves
// for as long as the grace. Those that have not are aborted.
func (s *server) stop(ctx context.Context, grace time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	// The error is that some had to be aborted.
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
