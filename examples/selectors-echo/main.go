// Selectors-echo is an echo server in the style of callbacks. It asks for the best
// selector that the system has, and registers each socket together with the
// function that is to be called when the socket is ready: accept for the listening
// socket, echo for a connection. The loop at the bottom of it knows nothing of
// servers, and fits all programs of this kind:
//
//	for _, r := range ready {
//		r.Data.(callback)(r.Fd, r.Ready)
//	}
//
// Without flags it drives itself with clients of its own. With -listen it serves
// until it is interrupted.
package main

import (
	"bufio"
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
	clients := flag.Int("clients", 3, "number of clients")
	flag.Parse()

	var err error
	if *address != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = listen(ctx, os.Stdout, *address, nil)
	} else {
		err = run(os.Stdout, *clients)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// listen serves at the address until ctx ends. It passes the actual address to
// ready, if that is not nil.
func listen(ctx context.Context, w io.Writer, address string, ready func(actual string)) error {
	l, actual, err := rawnet.Listen(address)
	if err != nil {
		return err
	}
	defer rawnet.Close(l)
	sel, err := netpoll.NewSelector()
	if err != nil {
		return err
	}
	defer sel.Close()
	defer context.AfterFunc(ctx, func() { sel.Wake() })()

	s := &server{sel: sel, w: w, peers: map[int]string{}}
	if _, err := sel.Register(l, netpoll.Read, callback(s.accept)); err != nil {
		return err
	}
	fmt.Fprintf(w, "listening on %s with %s\n", actual, sel.Name())
	if ready != nil {
		ready(actual)
	}
	defer s.close()
	return loop(ctx, sel)
}

// A callback is called with a descriptor that is ready, and what for. An error
// ends the program.
type callback func(fd int, ready netpoll.Events) error

// loop is the lesson: it calls what was registered.
func loop(ctx context.Context, sel *netpoll.Selector) error {
	for ctx.Err() == nil {
		ready, err := sel.Select(-1)
		if err != nil {
			return err
		}
		for _, r := range ready {
			if r.Ready == 0 {
				continue // an earlier callback has unregistered it
			}
			if err := r.Data.(callback)(r.Fd, r.Ready); err != nil {
				return err
			}
		}
	}
	return nil
}

// A server has the callbacks.
type server struct {
	sel   *netpoll.Selector
	w     io.Writer
	peers map[int]string
	buf   [4096]byte
}

// accept is called when somebody connects.
func (s *server) accept(listener int, _ netpoll.Events) error {
	fd, peer, err := rawnet.Accept(listener)
	if err == syscall.EAGAIN {
		return nil // it has left already
	} else if err != nil {
		return err
	}
	if _, err := s.sel.Register(fd, netpoll.Read, callback(s.echo)); err != nil {
		return errors.Join(err, rawnet.Close(fd))
	}
	s.peers[fd] = peer
	fmt.Fprintf(s.w, "accepted %s\n", peer)
	return nil
}

// echo is called when a client has said something, or has left.
func (s *server) echo(fd int, _ netpoll.Events) error {
	n, err := rawnet.Read(fd, s.buf[:])
	switch {
	case err == syscall.EAGAIN:
		return nil
	case err != nil || n == 0:
		return s.leave(fd)
	}
	fmt.Fprintf(s.w, "echoing %q to %s\n", s.buf[:n], s.peers[fd])
	return s.send(fd, append([]byte(nil), s.buf[:n]...))
}

// send writes the rest of an echo. If there is no room for all of it, the
// descriptor's callback becomes one that waits for room; otherwise it is echo.
func (s *server) send(fd int, rest []byte) error {
	n, err := rawnet.Write(fd, rest)
	if err != nil && err != syscall.EAGAIN {
		return s.leave(fd)
	}
	if rest = rest[n:]; len(rest) > 0 {
		_, err = s.sel.Modify(fd, netpoll.Write, callback(func(fd int, _ netpoll.Events) error {
			return s.send(fd, rest)
		}))
	} else {
		_, err = s.sel.Modify(fd, netpoll.Read, callback(s.echo)) // mostly as it was: no system call
	}
	return err
}

// leave forgets a client.
func (s *server) leave(fd int) error {
	fmt.Fprintf(s.w, "closing %s\n", s.peers[fd])
	delete(s.peers, fd)
	_, err := s.sel.Unregister(fd)
	return errors.Join(err, rawnet.Close(fd))
}

// close forgets all clients.
func (s *server) close() {
	for fd := range s.peers {
		rawnet.Close(fd)
	}
}

// run serves clients that each say two lines.
func run(w io.Writer, clients int) error {
	ctx, cancel := context.WithCancel(context.Background())
	results := make(chan error, clients)
	err := listen(ctx, w, "127.0.0.1:0", func(address string) {
		go func() {
			defer cancel()
			for i := range clients {
				results <- visit(address, fmt.Sprintf("client %d", i+1))
			}
		}()
	})
	cancel()
	if err != nil {
		return err // there may have been no clients
	}
	var failed error
	for range clients {
		failed = errors.Join(failed, <-results)
	}
	if failed == nil {
		fmt.Fprintf(w, "%d clients got their words back\n", clients)
	}
	return failed
}

// visit is one client. When it returns the server has closed its side too.
func visit(address, name string) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	answers := bufio.NewReader(c)
	for _, word := range []string{"hello", "goodbye"} {
		line := fmt.Sprintf("%s from %s\n", word, name)
		if _, err := io.WriteString(c, line); err != nil {
			return err
		}
		answer, err := answers.ReadString('\n')
		if err != nil {
			return err
		}
		if answer != line {
			return fmt.Errorf("selectors-echo: said %q, heard %q", line, answer)
		}
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	_, err = answers.ReadByte()
	if err != io.EOF {
		return fmt.Errorf("selectors-echo: the server did not close: %v", err)
	}
	return nil
}
