package main

import (
	"errors"
	"io"
	"log"
	"time"

	"github.com/baton-go/baton/examples/internal/echoload"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/net"
)

// A server runs a greenlet for each connection. All of them share it, in turns.
type server struct {
	echoload.Tally
	handle   func(s *server, c *net.TCPConn) error
	handlers map[*gevent.Greenlet]bool
}

func newServer(handle func(*server, *net.TCPConn) error) *server {
	return &server{handle: handle, handlers: map[*gevent.Greenlet]bool{}}
}

// serve accepts connections until the listener is closed.
func (s *server) serve(l net.Listener) error {
	for {
		c, err := l.Accept()
		var ne interface{ Temporary() bool }
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case errors.As(err, &ne) && ne.Temporary():
			log.Print(err) // too many open files, for example
			gevent.Sleep(10 * time.Millisecond)
			continue
		case err != nil:
			return err
		}
		s.Opened()
		s.spawn(c.(*net.TCPConn))
	}
}

// spawn handles a connection in a greenlet of its own. If the handler panics its
// greenlet ends, gevent reports that with the stack, and the others go on.
func (s *server) spawn(c *net.TCPConn) {
	var g *gevent.Greenlet
	g = gevent.Spawn(func() {
		var err error
		defer func() {
			c.Close()
			delete(s.handlers, g)
			s.Closed(err)
		}()
		err = s.handle(s, c)
	})
	s.handlers[g] = true
}

// stop accepts no more, and lets the connections that are there end by
// themselves for as long as the grace. Those that have not are killed.
func (s *server) stop(l net.Listener, grace time.Duration) {
	l.Close()
	var left []gevent.Joinable
	for g := range s.handlers {
		left = append(left, g)
	}
	gevent.JoinAllTimeout(grace, left...)
	for g := range s.handlers {
		g.Kill()
	}
}

// echo sends back what it receives. At the end it shuts down its side, so that a
// client that only shut down its own still gets everything.
func echo(s *server, c *net.TCPConn) error {
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf) // other greenlets run until something comes
		if err == io.EOF {
			return c.CloseWrite()
		}
		if err != nil {
			return err // the client reset the connection
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return err
		}
		s.Served(n)
	}
}
