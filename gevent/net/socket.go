package net

import (
	"math"
	"net"
	"os"
	"slices"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/internal/sys"
	"github.com/baton-go/baton/netpoll"
)

// A socket is a non-blocking descriptor that belongs to a thread's hub.
//
//	state      what it means                            left by
//	open       desc is registered, fd is open           Close, the thread's end
//	closing    closed; a RawConn's function still runs  its return
//	closed     fd is closed
//
// The fields of the first group are set once and read from anywhere. All else
// belongs to whoever holds the baton of the hub's thread: calls from elsewhere
// come in by outside.go.
type socket struct {
	hub          *hub.Hub
	net          string
	laddr, raddr Addr // raddr is nil for a listener

	fd      int
	desc    *netpoll.Desc
	sides   [2]side
	closed  bool
	lingers bool // closing fd may block: SO_LINGER is set
	users   int  // functions of RawConns that are running
}

// A side is what a socket knows of its reading or writing half. Its user is the
// greenlet whose call has the turn; others wait in line for theirs. A callback,
// which cannot wait, needs no turn, but must not come between one.
type side struct {
	user     *hub.Proc
	parked   *hub.Proc     // user, while it waits for the descriptor
	line     []*hub.Proc   // parked until it is their turn, first come first
	deadline time.Duration // the loop's time, or 0 for none
	streak   int           // calls since the last one that parked
}

// maxStreak is how many calls in a row a side serves without a greenlet being
// parked. Without a limit a peer that sends faster than it is read would keep
// the thread to itself.
const maxStreak = 64

// newSocket registers fd, of which it becomes the owner even if it fails.
func newSocket(h *hub.Hub, fd int, network string, laddr, raddr Addr) (*socket, error) {
	d, err := h.Loop.Open(fd)
	if err != nil {
		sys.Close(fd)
		return nil, err
	}
	s := &socket{hub: h, net: network, laddr: laddr, raddr: raddr, fd: fd, desc: d}
	h.Hold(s)
	return s, nil
}

// String names the socket in a dump: "tcp 127.0.0.1:8001->127.0.0.1:40112".
func (s *socket) String() string {
	if s.raddr == nil {
		return s.net + " " + s.laddr.String()
	}
	return s.net + " " + s.laddr.String() + "->" + s.raddr.String()
}

// unwind is what every interrupted call of this package returns through.
func unwind(err error) error {
	hub.Unwind(err)
	return err
}

// enter gives p the turn of a side, after those who came before. A nil p is a
// callback, which must not find anybody there. It is undone by leave.
//
// Budget: no allocation unless p must stand in line.
func (s *socket) enter(f *baton.Fiber, p *hub.Proc, i netpoll.Side, op string) error {
	sd := &s.sides[i]
	if sd.streak++; sd.streak > maxStreak && p != nil {
		sd.streak = 0
		if err := p.Yield(f); err != nil {
			return unwind(err)
		}
	}
	switch {
	case s.closed:
		return net.ErrClosed
	case sd.user == nil:
		sd.user = p
		return nil
	}
	return s.standInLine(f, p, sd, op)
}

func (s *socket) standInLine(f *baton.Fiber, p *hub.Proc, sd *side, op string) error {
	if p == nil {
		hub.Require(op)
	}
	sd.line = append(sd.line, p)
	for {
		_, err := p.Park(f, hub.Wait{Op: op, On: s})
		switch {
		case sd.user == p:
			return nil
		case err != nil:
			sd.quit(p)
			return unwind(err)
		case s.closed:
			return net.ErrClosed
		}
	}
}

// quit takes p out of the line.
func (sd *side) quit(p *hub.Proc) {
	if i := slices.Index(sd.line, p); i >= 0 {
		sd.line = slices.Delete(sd.line, i, i+1)
	}
}

// leave ends p's turn and gives it to the first in line who still wants it: one
// who was interrupted does not.
func (s *socket) leave(p *hub.Proc, i netpoll.Side) {
	if p == nil {
		return
	}
	sd := &s.sides[i]
	for sd.user = nil; sd.user == nil && len(sd.line) > 0; {
		if next := sd.line[0]; next.Wake() {
			sd.user = next
		}
		sd.line = slices.Delete(sd.line, 0, 1)
	}
}

// usable says whether an operation on the side may go on.
//
// Budget: a reading of the clock if there is a deadline, else nothing.
func (s *socket) usable(i netpoll.Side) error {
	if s.closed {
		return net.ErrClosed
	}
	if d := s.sides[i].deadline; d != 0 && d <= s.hub.Loop.UpdateTime() {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// wait parks p until the side is ready, its deadline is over or has changed, or
// the socket is closed. The caller finds out which.
func (s *socket) wait(f *baton.Fiber, p *hub.Proc, i netpoll.Side, op string) error {
	if p == nil {
		hub.Require(op)
	}
	sd := &s.sides[i]
	sd.streak = 0
	sd.parked = p
	_, err := p.ParkIO(f, hub.Wait{Op: op, On: s}, s.desc, i, sd.deadline)
	sd.parked = nil
	if err != nil {
		return unwind(err)
	}
	return nil
}

// setDeadline sets the deadline of both sides, or of the one, and wakes who waits
// there so that it waits for the new one.
func (s *socket) setDeadline(t time.Time, read, write bool) error {
	if s.closed {
		return net.ErrClosed
	}
	d := loopTime(s.hub.Loop, t)
	for i, set := range [2]bool{netpoll.ReadSide: read, netpoll.WriteSide: write} {
		if sd := &s.sides[i]; set && sd.deadline != d {
			sd.deadline = d
			if sd.parked != nil {
				sd.parked.Wake()
			}
		}
	}
	return nil
}

// loopTime is t as a time of the loop: 0 for none, and never 0 otherwise.
func loopTime(l *netpoll.Loop, t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	now, d := l.UpdateTime(), time.Until(t)
	switch {
	case d > math.MaxInt64-now:
		return math.MaxInt64
	case now+d == 0:
		return -1
	}
	return now + d
}

// close closes the socket and wakes everybody who waits for it. P, which may be
// nil, is the caller; it is parked only if SO_LINGER makes closing slow.
func (s *socket) close(f *baton.Fiber, p *hub.Proc) error {
	if s.closed {
		return net.ErrClosed
	}
	s.hub.Drop(s)
	s.shut()
	switch {
	case s.users > 0:
		return nil // free closes fd
	case !s.lingers:
		return sys.Close(s.fd)
	case p == nil:
		go sys.Close(s.fd)
		return nil
	}
	var err error
	if interrupt := p.Offload(f, hub.Wait{Op: "net.Close", On: s}, func() { err = sys.Close(s.fd) }); interrupt != nil {
		return unwind(interrupt)
	}
	return err
}

// shut is the part of closing that leaves fd open.
func (s *socket) shut() {
	s.closed = true
	for i := range s.sides {
		sd := &s.sides[i]
		if sd.parked != nil {
			sd.parked.Wake()
		}
		for _, p := range sd.line {
			p.Wake()
		}
		sd.line = nil
	}
	// It is registered, since it is open.
	_ = s.desc.Release()
}

// Abandon closes the socket at the end of its thread.
func (s *socket) Abandon() {
	s.shut()
	if s.lingers {
		go sys.Close(s.fd)
		return
	}
	_ = sys.Close(s.fd)
}

// free ends a use of fd, and closes it if the socket was closed meanwhile.
func (s *socket) free() {
	if s.users--; s.users == 0 && s.closed {
		_ = sys.Close(s.fd)
	}
}
