// Nonblocking is a server that never blocks: it asks each socket in turn whether
// there is something to do, and each call returns at once, with a result or with
// EAGAIN, "try again". So one loop over a list serves many clients at the same
// time. The price is that almost every call is in vain: the loop cannot know which
// socket has something without asking, and asks all the time. It keeps a processor
// busy while nobody says anything.
//
// Without flags it shows that with clients of its own, and counts the calls that
// did something and those that were wasted. Then it serves them again with a rest
// between two rounds: that wastes less, and each answer is late by up to the rest.
// There is no rest that is good at both. What is missing is a call that waits for
// all the sockets: see examples/select-server.
//
// With -listen it serves until it is interrupted.
package main

import (
	"bufio"
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
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/baton-go/baton/examples/internal/rawnet"
)

func main() {
	log.SetFlags(0)
	address := flag.String("listen", "", "serve at this `address` until interrupted")
	rest := flag.Duration("rest", 0, "rest between two rounds, with -listen")
	clients := flag.Int("clients", 5, "number of clients")
	requests := flag.Int("requests", 5, "requests of each client")
	pause := flag.Duration("pause", 20*time.Millisecond, "how long a client thinks before a request")
	flag.Parse()

	var err error
	if *address != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = listen(ctx, os.Stdout, *address, *rest)
	} else {
		err = run(os.Stdout, load{*clients, *requests, *pause}, 0, 10*time.Millisecond)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// listen serves at the address until ctx ends.
func listen(ctx context.Context, w io.Writer, address string, rest time.Duration) error {
	l, actual, err := rawnet.Listen(address)
	if err != nil {
		return err
	}
	defer rawnet.Close(l)
	fmt.Fprintln(w, "nonblocking: listening on", actual)
	s := server{listener: l}
	err = s.serve(ctx, rest)
	fmt.Fprintln(w, s.counts)
	return err
}

// A server has a listening socket and the list of its clients.
type server struct {
	listener int
	clients  []*conn
	counts   counts
	buf      [16 << 10]byte
}

// A conn is one client, and what it has not taken yet of its answers.
type conn struct {
	fd      int
	pending []byte
}

// The counts of the system calls.
type counts struct {
	rounds, useful, wasted int
}

func (c counts) String() string {
	return fmt.Sprintf("%d rounds, %d useful system calls, %d wasted", c.rounds, c.useful, c.wasted)
}

// count counts a call by its error, and reports whether it was wasted.
func (c *counts) count(err error) (wasted bool) {
	if errors.Is(err, syscall.EAGAIN) {
		c.wasted++
		return true
	}
	c.useful++
	return false
}

// serve is the lesson.
func (s *server) serve(ctx context.Context, rest time.Duration) error {
	defer func() {
		for _, c := range s.clients {
			rawnet.Close(c.fd)
		}
	}()
	for ctx.Err() == nil {
		s.counts.rounds++
		fd, _, err := rawnet.Accept(s.listener)
		if !s.counts.count(err) {
			if err != nil {
				return err
			}
			s.clients = append(s.clients, &conn{fd: fd})
		}
		left := s.clients[:0]
		for _, c := range s.clients {
			if s.ask(c) {
				left = append(left, c)
			} else {
				rawnet.Close(c.fd)
			}
		}
		clear(s.clients[len(left):])
		s.clients = left
		if rest > 0 {
			time.Sleep(rest)
		} else {
			runtime.Gosched() // to the program's other goroutines
		}
	}
	return nil
}

// ask does for one client what can be done at once. It returns false if the
// client has left.
func (s *server) ask(c *conn) (stays bool) {
	if len(c.pending) == 0 {
		n, err := rawnet.Read(c.fd, s.buf[:])
		if s.counts.count(err) {
			return true // it has said nothing
		}
		if n == 0 {
			return false // the end, or the client has reset the connection
		}
		c.pending = bytes.ToUpper(s.buf[:n])
	}
	// A client that does not read its answers is not read from either.
	n, err := rawnet.Write(c.fd, c.pending)
	c.pending = c.pending[n:]
	return s.counts.count(err) || err == nil
}

// A load is what the clients of the demonstration do.
type load struct {
	clients, requests int
	pause             time.Duration
}

// run serves the clients once for each rest, and prints what it took.
func run(w io.Writer, load load, rests ...time.Duration) error {
	for _, rest := range rests {
		l, address, err := rawnet.Listen("127.0.0.1:0")
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(context.Background())
		s := server{listener: l}
		failed := make(chan error, 1)
		var waited time.Duration
		go func() {
			defer cancel()
			var err error
			waited, err = load.drive(address)
			failed <- err
		}()
		err = s.serve(ctx, rest)
		rawnet.Close(l)
		if err := errors.Join(err, <-failed); err != nil {
			return err
		}
		fmt.Fprintf(w, "%d clients of %d requests, rest %v: %v; an answer took %v\n",
			load.clients, load.requests, rest, s.counts, waited.Round(10*time.Microsecond))
	}
	return nil
}

// drive is the clients. It returns the mean time that they waited for an answer.
func (l load) drive(address string) (time.Duration, error) {
	type result struct {
		waited time.Duration
		err    error
	}
	results := make(chan result)
	for i := range l.clients {
		go func() {
			waited, err := l.ask(address, fmt.Sprint("client ", i))
			results <- result{waited, err}
		}()
	}
	var waited time.Duration
	var errs []error
	for range l.clients {
		r := <-results
		waited += r.waited
		errs = append(errs, r.err)
	}
	return waited / time.Duration(max(1, l.clients*l.requests)), errors.Join(errs...)
}

// ask is one client. It returns how long it waited for all its answers.
func (l load) ask(address, name string) (waited time.Duration, err error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	answers := bufio.NewReader(c)
	for i := range l.requests {
		time.Sleep(l.pause)
		question := fmt.Sprintf("%s, request %d\n", name, i)
		begin := time.Now()
		if _, err := io.WriteString(c, question); err != nil {
			return 0, err
		}
		answer, err := answers.ReadString('\n')
		if err != nil {
			return 0, err
		}
		if answer != strings.ToUpper(question) {
			return 0, fmt.Errorf("nonblocking: asked %q, was answered %q", question, answer)
		}
		waited += time.Since(begin)
	}
	return waited, nil
}
