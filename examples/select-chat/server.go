package main

import (
	"context"
	"fmt"
	"io"
	"syscall"

	"github.com/baton-go/baton/examples/internal/rawnet"
	"github.com/baton-go/baton/netpoll"
)

// A server relays lines. All that it waits for is in one selector, whose keys say
// by their data what they are: nil for a listening socket, a *guest for a
// connection, a *lineReader for standard input.
type server struct {
	sel    *netpoll.Selector
	out    io.Writer
	guests map[*guest]bool
	count  int // of those who ever came
	buf    [4096]byte
}

// A guest is a connection.
type guest struct {
	fd      int
	name    string
	lines   lineReader
	pending []byte // what the guest has not taken yet
	ended   bool   // the guest has said all
}

// maxPending is how much a guest may leave unread before it has to go.
const maxPending = 1 << 20

// interest is what the guest is watched for; with nothing left to do, none.
func (g *guest) interest() (e netpoll.Events) {
	if !g.ended {
		e |= netpoll.Read
	}
	if len(g.pending) > 0 {
		e |= netpoll.Write
	}
	return e
}

// serve serves at the addresses, with an operator at the descriptor stdin and the
// screen out, until ctx ends. At the end of stdin it goes on without an operator.
func serve(ctx context.Context, addresses []string, stdin int, out io.Writer) error {
	sel, err := netpoll.NewSelect()
	if err != nil {
		return err
	}
	defer sel.Close()
	defer context.AfterFunc(ctx, func() { sel.Wake() })()
	for _, address := range addresses {
		l, actual, err := rawnet.Listen(address)
		if err != nil {
			return err
		}
		defer rawnet.Close(l)
		if _, err := sel.Register(l, netpoll.Read, nil); err != nil {
			return err
		}
		fmt.Fprintf(out, "listening on %s\n", actual)
	}
	if _, err := sel.Register(stdin, netpoll.Read, new(lineReader)); err != nil {
		return err
	}

	s := &server{sel: sel, out: out, guests: map[*guest]bool{}}
	defer func() {
		for g := range s.guests {
			rawnet.Close(g.fd)
		}
	}()
	for ctx.Err() == nil {
		ready, err := sel.Select(-1) // for guests, newcomers and the operator
		if err != nil {
			return err
		}
		for _, r := range ready {
			switch who := r.Data.(type) {
			case nil:
				err = s.accept(r.Fd)
			case *lineReader:
				err = s.operator(r.Fd, who)
			case *guest:
				if s.guests[who] { // who may have had to go just now
					s.handle(who, r.Ready)
				}
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// accept welcomes a guest.
func (s *server) accept(listener int) error {
	fd, peer, err := rawnet.Accept(listener)
	if err == syscall.EAGAIN {
		return nil // it has left already
	} else if err != nil {
		return err
	}
	g := &guest{fd: fd, name: fmt.Sprintf("guest %d", s.count+1)}
	if _, err := s.sel.Register(fd, g.interest(), g); err != nil { // select takes 1024 descriptors
		fmt.Fprintf(s.out, "no room for %s: %v\n", peer, err)
		return rawnet.Close(fd)
	}
	s.count++
	s.guests[g] = true
	s.relay(g, fmt.Sprintf("%s has come from %s", g.name, peer))
	return nil
}

// operator says what the operator has typed.
func (s *server) operator(stdin int, lines *lineReader) error {
	n, err := rawnet.Read(stdin, s.buf[:])
	if err == syscall.EAGAIN {
		return nil
	}
	said := lines.feed(s.buf[:n])
	if n == 0 || err != nil { // the end; or the terminal is gone
		said = append(said, lines.end()...)
		if _, err := s.sel.Unregister(stdin); err != nil {
			return err
		}
	}
	for _, line := range said {
		s.relay(nil, "operator: "+line)
	}
	return nil
}

// handle does what a guest is ready for.
func (s *server) handle(g *guest, ready netpoll.Events) {
	if ready.Has(netpoll.Read) {
		n, err := rawnet.Read(g.fd, s.buf[:])
		switch {
		case err == syscall.EAGAIN:
		case err != nil:
			s.leave(g)
			return
		default:
			said := g.lines.feed(s.buf[:n])
			if n == 0 {
				g.ended = true
				said = append(said, g.lines.end()...)
			}
			for _, line := range said {
				s.relay(g, g.name+": "+line)
			}
		}
	}
	s.flush(g)
}

// relay shows a line on the server's screen, and sends it to all guests but one.
func (s *server) relay(but *guest, line string) {
	fmt.Fprintln(s.out, line)
	for g := range s.guests {
		if g != but {
			g.pending = append(append(g.pending, line...), '\n')
			s.flush(g)
		}
	}
}

// flush sends what a guest has room for, and watches the guest for what is next.
// A guest that has ended and has got everything leaves; so does one that breaks,
// or that does not read.
func (s *server) flush(g *guest) {
	if !s.guests[g] {
		return // it had to go while others were told
	}
	if len(g.pending) > 0 {
		n, err := rawnet.Write(g.fd, g.pending)
		g.pending = g.pending[n:]
		if err != nil && err != syscall.EAGAIN || len(g.pending) > maxPending {
			s.leave(g)
			return
		}
	}
	if g.interest() == 0 {
		s.leave(g)
	} else if _, err := s.sel.Modify(g.fd, g.interest(), g); err != nil {
		s.leave(g)
	}
}

// leave forgets a guest and tells the others, which may show that another one has
// to go too.
func (s *server) leave(g *guest) {
	delete(s.guests, g)
	s.sel.Unregister(g.fd)
	rawnet.Close(g.fd)
	s.relay(g, g.name+" has left")
}
