package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/baton-go/baton/examples/internal/cputime"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/net"
)

// A server runs a greenlet for each connection. All of them share it, in turns.
type server struct {
	handle   func(s *server, c *net.TCPConn) error
	handlers map[*gevent.Greenlet]bool

	conns, requests, failed int
	bytes                   int64
	first, last             time.Time     // when the first connection came, and the last one went
	cpuAtFirst, cpuAtLast   time.Duration // what the process had used by then
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
		if s.conns++; s.conns == 1 {
			s.first, s.cpuAtFirst = time.Now(), cputime.Used()
		}
		s.spawn(c.(*net.TCPConn))
	}
}

// spawn handles a connection in a greenlet of its own. If the handler panics its
// greenlet ends, gevent reports that with the stack, and the others go on.
func (s *server) spawn(c *net.TCPConn) {
	var g *gevent.Greenlet
	g = gevent.Spawn(func() {
		defer func() {
			c.Close()
			delete(s.handlers, g)
			s.last, s.cpuAtLast = time.Now(), cputime.Used()
		}()
		if err := s.handle(s, c); err != nil {
			s.failed++
		}
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
		s.requests++
		s.bytes += int64(n)
	}
}

// summary says what was served, and how fast.
func (s *server) summary() string {
	text := fmt.Sprintf("echo: served %d connections (%d broken off), %d requests, %d bytes", s.conns, s.failed, s.requests, s.bytes)
	took := s.last.Sub(s.first)
	if s.requests == 0 || took <= 0 {
		return text
	}
	n := time.Duration(s.requests)
	return fmt.Sprintf("%s\nechoed in %v: %.0f requests/s, %v of the server's CPU time for each",
		text, took.Round(time.Millisecond), float64(s.requests)/took.Seconds(), (s.cpuAtLast-s.cpuAtFirst)/n)
}
