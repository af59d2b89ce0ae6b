package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"syscall"

	"github.com/baton-go/baton/examples/internal/rawnet"
	"github.com/baton-go/baton/netpoll"
)

// A server answers in upper case, with whatever selector it has.
type server struct {
	sel      *netpoll.Selector
	listener int
	buf      [4096]byte
}

// A conn is a client, and what it has not taken yet of its answers.
type conn struct {
	fd      int
	pending []byte
}

// listen serves at the address until ctx ends.
func listen(ctx context.Context, w io.Writer, address, poller string) error {
	sel, err := open(poller)
	if err != nil {
		return err
	}
	defer sel.Close()
	l, actual, err := rawnet.Listen(address)
	if err != nil {
		return err
	}
	defer rawnet.Close(l)
	defer context.AfterFunc(ctx, func() { sel.Wake() })()
	fmt.Fprintf(w, "poll-epoll: listening on %s with %s\n", actual, sel.Name())
	return (&server{sel: sel, listener: l}).serve(ctx)
}

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
		ready, err := s.sel.Select(-1)
		if err != nil {
			return err
		}
		for _, r := range ready {
			if c, ok := r.Data.(*conn); ok {
				s.answer(c)
			} else if err := s.accept(); err != nil {
				return err
			}
		}
	}
	return nil
}

// accept takes a client, or sends it away if the selector can watch no more.
func (s *server) accept() error {
	fd, _, err := rawnet.Accept(s.listener)
	if err == syscall.EAGAIN {
		return nil // it has left already
	} else if err != nil {
		return err
	}
	if _, err := s.sel.Register(fd, netpoll.Read, &conn{fd: fd}); err != nil {
		return rawnet.Close(fd)
	}
	return nil
}

// answer reads what a client says, if it has taken the last answer, and writes
// as much of the answer as there is room for. The selector then waits for the
// client's next words, or for room.
func (s *server) answer(c *conn) {
	if len(c.pending) == 0 {
		n, err := rawnet.Read(c.fd, s.buf[:])
		if err == syscall.EAGAIN {
			return
		} else if err != nil || n == 0 {
			s.leave(c)
			return
		}
		c.pending = bytes.ToUpper(s.buf[:n])
	}
	n, err := rawnet.Write(c.fd, c.pending)
	if err != nil && err != syscall.EAGAIN {
		s.leave(c)
		return
	}
	interest := netpoll.Read
	if c.pending = c.pending[n:]; len(c.pending) > 0 {
		interest = netpoll.Write
	}
	if _, err := s.sel.Modify(c.fd, interest, c); err != nil { // no system call if it is as before
		s.leave(c)
	}
}

func (s *server) leave(c *conn) {
	s.sel.Unregister(c.fd)
	rawnet.Close(c.fd)
}
