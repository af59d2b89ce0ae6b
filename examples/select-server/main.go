// Select-server serves many clients in one goroutine with select, the system call
// that waits for many sockets at once. It answers in upper case.
//
// Whom the server wants to hear of are its inputs: the listening socket, which is
// readable when somebody connects, and the clients. An answer is not sent when its
// question comes, since a client that does not read would keep everybody waiting:
// it goes into the client's message queue, and the client to the outputs, of which
// select tells when there is room. When its queue is empty a client is an output
// no longer, else select would return at once, for ever. Inputs and outputs are
// here the descriptors that a netpoll.Selector watches for Read and for Write.
// Clients that end or break are cleaned up.
//
// Without flags it drives itself with two clients, each of which sends a message
// in three parts, in turns. With -listen it serves until it is interrupted.
package main

import (
	"bytes"
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

	"github.com/baton-go/baton/examples/internal/rawnet"
	"github.com/baton-go/baton/netpoll"
)

func main() {
	log.SetFlags(0)
	address := flag.String("listen", "", "serve at this `address` until interrupted")
	flag.Parse()

	var err error
	if *address != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = listen(ctx, log.New(os.Stdout, "", 0), *address, nil)
	} else {
		err = run(os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// listen serves at the address until ctx ends. It passes the actual address to
// ready, if that is not nil.
func listen(ctx context.Context, lines *log.Logger, address string, ready func(actual string)) error {
	l, actual, err := rawnet.Listen(address)
	if err != nil {
		return err
	}
	defer rawnet.Close(l)
	sel, err := netpoll.NewSelect()
	if err != nil {
		return err
	}
	defer sel.Close()
	defer context.AfterFunc(ctx, func() { sel.Wake() })()
	lines.Printf("server: listening on %s", actual)
	if ready != nil {
		ready(actual)
	}
	s := server{sel: sel, listener: l, lines: lines}
	return s.serve(ctx)
}

// A server has one selector for its listening socket and its clients.
type server struct {
	sel      *netpoll.Selector
	listener int
	lines    *log.Logger
	buf      [1024]byte
}

// A conn is a client.
type conn struct {
	fd    int
	peer  string
	queue [][]byte // what is to be answered
	ended bool     // there are no more questions
}

// maxQueue is how many questions of a client may wait for their answer. A client
// that asks more is not read from until it takes some.
const maxQueue = 100

// interest is what the client is watched for; with nothing left to do, none.
func (c *conn) interest() (e netpoll.Events) {
	if !c.ended && len(c.queue) < maxQueue {
		e |= netpoll.Read // an input
	}
	if len(c.queue) > 0 {
		e |= netpoll.Write // an output
	}
	return e
}

// serve is the lesson.
func (s *server) serve(ctx context.Context) error {
	if _, err := s.sel.Register(s.listener, netpoll.Read, nil); err != nil {
		return err
	}
	defer func() {
		for key := range s.sel.Keys() {
			if c, ok := key.Data.(*conn); ok {
				rawnet.Close(c.fd)
			}
		}
	}()
	for ctx.Err() == nil {
		ready, err := s.sel.Select(-1) // everything that waits waits here
		if err != nil {
			return err
		}
		for _, r := range ready {
			if c, ok := r.Data.(*conn); ok {
				s.handle(c, r.Ready)
			} else if err := s.accept(); err != nil {
				return err
			}
		}
	}
	return nil
}

// accept makes a new client an input.
func (s *server) accept() error {
	fd, peer, err := rawnet.Accept(s.listener)
	if err == syscall.EAGAIN {
		return nil // it has left already
	} else if err != nil {
		return err
	}
	c := &conn{fd: fd, peer: peer}
	if _, err := s.sel.Register(fd, c.interest(), c); err != nil { // select takes 1024 descriptors
		s.lines.Printf("server: no room for %s: %v", peer, err)
		return rawnet.Close(fd)
	}
	s.lines.Printf("server: new connection from %s", peer)
	return nil
}

// handle does what a client is ready for.
func (s *server) handle(c *conn, ready netpoll.Events) {
	var err error
	if ready.Has(netpoll.Read) {
		err = s.receive(c)
	}
	if err == nil && ready.Has(netpoll.Write) {
		err = s.send(c)
	}
	switch {
	case err != nil:
		s.lines.Printf("server: connection of %s is broken: %v", c.peer, err)
	case c.interest() == 0:
		s.lines.Printf("server: %s has left", c.peer)
	default:
		if _, err = s.sel.Modify(c.fd, c.interest(), c); err == nil {
			return
		}
		s.lines.Printf("server: %v", err)
	}
	s.sel.Unregister(c.fd) // before the number can stand for another client
	rawnet.Close(c.fd)
}

// receive puts what a client says into its queue.
func (s *server) receive(c *conn) error {
	n, err := rawnet.Read(c.fd, s.buf[:])
	switch {
	case err == syscall.EAGAIN:
		return nil
	case err != nil:
		return err
	case n == 0:
		c.ended = true
		return nil
	}
	s.lines.Printf("server: received %q from %s", s.buf[:n], c.peer)
	c.queue = append(c.queue, bytes.Clone(s.buf[:n]))
	return nil
}

// send answers the first message in a client's queue, as far as there is room.
func (s *server) send(c *conn) error {
	n, err := rawnet.Write(c.fd, bytes.ToUpper(c.queue[0]))
	if err == syscall.EAGAIN {
		return nil
	} else if err != nil {
		return err
	}
	s.lines.Printf("server: sent %d bytes to %s", n, c.peer)
	if c.queue[0] = c.queue[0][n:]; len(c.queue[0]) == 0 {
		c.queue = c.queue[1:]
	}
	return nil
}

// run serves two clients.
func run(w io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	lines := log.New(w, "", 0) // the server and the clients write
	asked := make(chan error, 1)
	err := listen(ctx, lines, "127.0.0.1:0", func(address string) {
		go func() {
			defer cancel()
			asked <- ask(lines, address)
		}()
	})
	cancel()
	if err != nil {
		return err // there may have been no clients
	}
	return <-asked
}

// messages is what a client sends.
var messages = []string{"This is the message. ", "It will be sent ", "in parts."}

// ask is two clients that take turns.
func ask(lines *log.Logger, address string) (err error) {
	conns := make([]*net.TCPConn, 2)
	for i := range conns {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		defer c.Close()
		conns[i] = c.(*net.TCPConn)
		lines.Printf("client %d: connected from %s", i+1, c.LocalAddr())
	}
	for _, m := range messages {
		for i, c := range conns {
			lines.Printf("client %d: sending %q", i+1, m)
			if _, err := io.WriteString(c, m); err != nil {
				return err
			}
		}
		for i, c := range conns {
			answer := make([]byte, len(m))
			if _, err := io.ReadFull(c, answer); err != nil {
				return err
			}
			lines.Printf("client %d: received %q", i+1, answer)
		}
	}
	for i, c := range conns {
		lines.Printf("client %d: closing", i+1)
		err = errors.Join(err, c.CloseWrite())
		rest, e := io.ReadAll(c) // until the server has closed it
		if err = errors.Join(err, e); len(rest) != 0 {
			err = errors.Join(err, fmt.Errorf("select-server: client %d was sent %q too", i+1, rest))
		}
	}
	return err
}
