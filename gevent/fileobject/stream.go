package fileobject

import (
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

// A stream is a non-blocking descriptor: a pipe, a FIFO, a terminal, a socket. It
// is one of our own, duplicated from that of the os.File.
type stream struct {
	hub      *hub.Hub
	name     string
	fd       int
	desc     *netpoll.Desc // nil for a device that never blocks
	pipe     bool          // a short read or write says that there is no more
	blocking bool          // it was, before
	sides    [2]side
	closed   bool
}

// A side is the reading or the writing half. Its user is the greenlet whose call
// has the turn; others wait in line for theirs.
type side struct {
	user     *hub.Proc
	parked   *hub.Proc     // user, while it waits for the descriptor
	line     []*hub.Proc   // parked until it is their turn, first come first
	deadline time.Duration // the loop's time, or 0 for none
	streak   int           // calls since the last one that parked
}

const (
	// maxTransfer is the most that one system call is asked to read or write, as in
	// package os: some systems refuse more than 2 GB.
	maxTransfer = 1 << 30
	// maxStreak is how many calls in a row a side serves without a greenlet being
	// parked, so that a fast peer does not keep the thread to itself.
	maxStreak = 64
)

// newStream makes a stream of f, which it closes unless it is to be kept, or there
// is an error.
func newStream(h *hub.Hub, f *os.File, keep bool) (*FileObject, error) {
	s := &stream{hub: h, name: f.Name()}
	if err := s.open(f); err != nil {
		return nil, s.error("open", err)
	}
	if !keep {
		// Nothing was written to it that closing could lose.
		_ = f.Close()
	}
	return newFileObject(h, s.name, s), nil
}

// open takes a descriptor of its own and registers it.
func (s *stream) open(f *os.File) error {
	if !sysStreams {
		return netpoll.ErrNoPoller
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	s.pipe = info.Mode()&fs.ModeNamedPipe != 0
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	if failed := conn.Control(func(fd uintptr) { s.fd, s.blocking, err = sysDup(int(fd)) }); failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	s.desc, err = s.hub.Loop.Open(s.fd)
	if err != nil && sysAlwaysReady(err) {
		return nil
	}
	if err != nil {
		s.release()
	}
	return err
}

func (s *stream) error(verb string, err error) error {
	if pe, ok := err.(*fs.PathError); ok {
		err = pe.Err
	}
	return &fs.PathError{Op: verb, Path: s.name, Err: err}
}

// String returns the name, for dumps.
func (s *stream) String() string { return s.name }

// enter gives p the turn of a side, after those who came before. A nil p is a
// callback, which must not find anybody there. It is undone by leave.
func (s *stream) enter(f *baton.Fiber, p *hub.Proc, i netpoll.Side, op string) error {
	sd := &s.sides[i]
	if sd.streak++; sd.streak > maxStreak && p != nil {
		sd.streak = 0
		if err := p.Yield(f); err != nil {
			hub.Unwind(err)
		}
	}
	switch {
	case s.closed:
		return os.ErrClosed
	case sd.user == nil:
		sd.user = p
		return nil
	case p == nil:
		hub.Require(op)
	}
	sd.line = append(sd.line, p)
	for {
		_, err := p.Park(f, hub.Wait{Op: op, On: s})
		switch {
		case sd.user == p: // and was not interrupted before: see leave
			return nil
		case err != nil:
			if i := slices.Index(sd.line, p); i >= 0 {
				sd.line = slices.Delete(sd.line, i, i+1)
			}
			hub.Unwind(err)
		case s.closed:
			return os.ErrClosed
		}
	}
}

// leave ends p's turn and gives it to the first in line who still wants it: one
// who was interrupted does not.
func (s *stream) leave(p *hub.Proc, i netpoll.Side) {
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

// ready parks p until the side is ready. The error says why it never will be, or
// not in time.
func (s *stream) ready(f *baton.Fiber, p *hub.Proc, i netpoll.Side, op string) error {
	sd := &s.sides[i]
	for {
		if s.closed {
			return os.ErrClosed
		}
		if sd.deadline != 0 && sd.deadline <= s.hub.Loop.UpdateTime() {
			return os.ErrDeadlineExceeded
		}
		if s.desc == nil || s.desc.Ready(i) {
			return nil
		}
		if p == nil {
			hub.Require(op)
		}
		sd.streak = 0
		sd.parked = p
		_, err := p.ParkIO(f, hub.Wait{Op: op, On: s}, s.desc, i, sd.deadline)
		sd.parked = nil
		if err != nil {
			hub.Unwind(err)
		}
	}
}

// drained notes what a system call has found out about the side.
func (s *stream) drained(i netpoll.Side, errno error, n, asked int) {
	switch {
	case s.desc == nil || s.closed:
	case errno == syscall.EAGAIN:
		s.desc.Drained(i)
	case s.pipe && errno == nil && n < asked:
		s.desc.DrainedShort(i)
	}
}

func (s *stream) read(f *baton.Fiber, p *hub.Proc, b []byte) (int, error) {
	const op, side = "fileobject.Read", netpoll.ReadSide
	if err := s.enter(f, p, side, op); err != nil {
		return 0, s.error("read", err)
	}
	defer s.leave(p, side)
	if len(b) == 0 {
		return 0, nil
	}
	b = b[:min(len(b), maxTransfer)]
	for {
		if err := s.ready(f, p, side, op); err != nil {
			return 0, s.error("read", err)
		}
		n, errno := sysRead(s.fd, b)
		switch {
		case n > 0:
			s.drained(side, nil, n, len(b))
			return n, nil
		case errno == nil:
			return 0, io.EOF
		case errno != syscall.EAGAIN || s.desc == nil:
			return 0, s.error("read", errno)
		}
		s.drained(side, errno, n, len(b))
	}
}

func (s *stream) write(f *baton.Fiber, p *hub.Proc, b []byte) (n int, err error) {
	const op, side = "fileobject.Write", netpoll.WriteSide
	if err := s.enter(f, p, side, op); err != nil {
		return 0, s.error("write", err)
	}
	defer s.leave(p, side)
	if s.pipe && len(b) == 0 {
		return 0, nil // for which there is room, also if it is full
	}
	for {
		if err := s.ready(f, p, side, op); err != nil {
			return n, s.error("write", err)
		}
		part := b[n:min(len(b), n+maxTransfer)]
		m, errno := sysWrite(s.fd, part)
		n += max(m, 0)
		switch {
		case errno != nil && (errno != syscall.EAGAIN || s.desc == nil):
			return n, s.error("write", errno)
		case errno == nil && n == len(b):
			return n, nil
		case errno == nil && m == 0:
			return n, s.error("write", io.ErrUnexpectedEOF)
		}
		s.drained(side, errno, m, len(part))
	}
}

// A stream has no positions.

func (s *stream) readAt(*baton.Fiber, *hub.Proc, []byte, int64) (int, error) {
	return 0, s.withoutPosition("read")
}

func (s *stream) writeAt(*baton.Fiber, *hub.Proc, []byte, int64) (int, error) {
	return 0, s.withoutPosition("write")
}

func (s *stream) seek(*baton.Fiber, *hub.Proc, int64, int) (int64, error) {
	return 0, s.withoutPosition("seek")
}

func (s *stream) withoutPosition(verb string) error {
	if s.closed {
		return s.error(verb, os.ErrClosed)
	}
	return s.error(verb, syscall.ESPIPE)
}

func (s *stream) sync(*baton.Fiber, *hub.Proc) error { return s.asFile("sync", (*os.File).Sync) }

func (s *stream) truncate(_ *baton.Fiber, _ *hub.Proc, size int64) error {
	return s.asFile("truncate", func(f *os.File) error { return f.Truncate(size) })
}

func (s *stream) stat(*baton.Fiber, *hub.Proc) (info fs.FileInfo, err error) {
	err = s.asFile("stat", func(f *os.File) (err error) {
		info, err = f.Stat()
		return err
	})
	return info, err
}

// asFile calls package os, which does not block, with a copy of the descriptor.
func (s *stream) asFile(verb string, call func(*os.File) error) error {
	if s.closed {
		return s.error(verb, os.ErrClosed)
	}
	fd, _, err := sysDup(s.fd)
	if err != nil {
		return s.error(verb, err)
	}
	f := os.NewFile(uintptr(fd), s.name)
	defer f.Close()
	return call(f)
}

// setDeadline sets the deadline of both sides, or of the one, and wakes who waits
// there so that it waits for the new one.
func (s *stream) setDeadline(t time.Time, read, write bool) error {
	if s.closed {
		return s.error("set", os.ErrClosed)
	}
	if s.desc == nil {
		return os.ErrNoDeadline
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

// close closes the stream and wakes everybody who waits for it.
func (s *stream) close(*baton.Fiber, *hub.Proc) error {
	if s.closed {
		return s.error("close", os.ErrClosed)
	}
	if err := s.shut(); err != nil {
		return s.error("close", err)
	}
	return nil
}

func (s *stream) shut() error {
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
	if s.desc != nil {
		// It is registered, since it is open.
		_ = s.desc.Release()
	}
	return s.release()
}

// release puts the descriptor back as it was, and closes it.
func (s *stream) release() error {
	if s.blocking {
		sysSetBlocking(s.fd)
	}
	return sysClose(s.fd)
}

// abandon closes the stream at the end of its thread.
func (s *stream) abandon() { _ = s.shut() }
