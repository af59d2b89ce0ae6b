package asyncio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/baton-go/baton/internal/sys"
	"github.com/baton-go/baton/netpoll"
)

// maxSendFile is the most that one system call is asked to send: more would keep
// others waiting if the peer is fast.
const maxSendFile = 1 << 20

// SendFile sends count bytes of a file from the offset on, or all up to the end if
// count is negative or there is less, and returns how many it has sent. Where it can
// it has the system do it (on Linux, for a regular file over a plain socket); else it
// reads the file on a goroutine and writes. When anything was sent the file's position
// is behind it. It mirrors sendfile.
//
// Meanwhile the transport does not read, and Write returns [ErrSendFileInProgress] if
// the system sends; else what others write gets between. Afterwards the transport
// reads again if it did before.
//
// It parks the calling task or greenlet until the last of it was given to the
// transport. The error matches net.ErrClosed if the transport is closing, or the
// connection ends meanwhile; [ErrSendFileInProgress] or [ErrEOFWritten] as for Write;
// os.ErrInvalid for a negative offset; or it is one of reading the file, or of the
// socket. It returns [ErrCancelled] when the calling task is cancelled, or ctx.Err()
// when ctx ends and it is not just the calling task's own.
func SendFile(ctx context.Context, t Transport, f *os.File, offset, count int64) (int64, error) {
	const op = "asyncio.SendFile"
	l := loopOf(ctx, op)
	switch {
	case t == nil || f == nil:
		misuse(op, "the transport or the file is nil", "pass a connection's, and one that is open for reading")
	case t.IsClosing():
		return 0, inOp(op, net.ErrClosed)
	case offset < 0:
		return 0, fmt.Errorf("%s: offset %d: %w", op, offset, os.ErrInvalid)
	}
	var sent int64
	err := errNotAvailable
	if s, ok := t.(*sockTransport); ok {
		sent, err = s.sendFile(ctx, op, f, offset, count)
	}
	if err == errNotAvailable {
		sent, err = copyFile(ctx, op, l, t, f, offset, count)
	}
	if sent > 0 {
		_, failed := f.Seek(offset+sent, io.SeekStart)
		if err == nil && failed != nil {
			err = inOp(op, failed)
		}
	}
	return sent, err
}

// errNotAvailable says that the system cannot send this file.
var errNotAvailable = errors.New("the system cannot send this file")

// A fileSender sends a file by system calls, one in each iteration of the loop.
type fileSender struct {
	t      *sockTransport
	file   syscall.RawConn
	offset int64
	left   int64 // negative: all
	sent   int64
	done   *future
	again  func()
	over   bool
}

// sendFile sends a file by system calls.
func (t *sockTransport) sendFile(ctx context.Context, op string, f *os.File, offset, count int64) (int64, error) {
	if err := t.mayWrite(0); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, inOp(op, err)
	}
	if !sys.SendfileSupported || !info.Mode().IsRegular() {
		return 0, errNotAvailable
	}
	file, err := f.SyscallConn()
	if err != nil {
		return 0, inOp(op, err)
	}
	reads := t.IsReading()
	t.PauseReading()
	t.flushed = &future{loop: t.loop}
	s := &fileSender{t: t, file: file, offset: offset, left: count, done: &future{loop: t.loop}}
	s.again = s.RunReady
	defer func() {
		s.stop()
		t.flushed = nil
		if reads {
			t.ResumeReading()
		}
	}()
	if t.out.size > 0 {
		if err := t.flushed.result(ctx, op); err != nil {
			return 0, err
		}
	} else {
		t.flushed.settle(finished, nil)
	}
	if t.lost {
		return 0, t.opError("sendfile", errPeerClosed)
	}
	t.sender = s
	s.RunReady()
	err = s.done.result(ctx, op)
	return s.sent, err
}

// result waits until f is done, and returns its error.
func (f *future) result(ctx context.Context, op string) error {
	if err := f.await(ctx, op); err != nil {
		return err
	}
	return f.take()
}

// RunReady makes one system call.
func (s *fileSender) RunReady() {
	if s.over {
		return
	}
	n := int64(maxSendFile)
	if s.left >= 0 {
		n = min(n, s.left)
	}
	if n == 0 {
		s.end(nil)
		return
	}
	var m int
	var err error
	failed := s.file.Control(func(fd uintptr) { m, err = sys.Sendfile(s.t.fd, int(fd), s.offset, int(n)) })
	switch {
	case failed != nil:
		s.end(failed)
		return
	case err == syscall.EAGAIN:
		s.t.desc.Drained(netpoll.WriteSide)
	case err != nil:
		s.fail(err)
		return
	case m == 0:
		s.end(nil) // the file has no more
		return
	}
	s.sent += int64(m)
	s.offset += int64(m)
	if s.left >= 0 {
		s.left -= int64(m)
	}
	if s.left == 0 {
		s.end(nil)
	} else if !s.t.desc.Wait(netpoll.WriteSide, s) {
		_ = s.t.loop.hub.Post(s.again) // see sockTransport.awaitRead
	}
}

// fail ends it with an error of the system. One that says that this file cannot be
// sent in this way is no failure yet.
func (s *fileSender) fail(err error) {
	if s.sent == 0 && (errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported)) {
		s.end(errNotAvailable)
		return
	}
	s.end(s.t.opError("sendfile", os.NewSyscallError("sendfile", err)))
}

// end tells who waits.
func (s *fileSender) end(err error) {
	s.stop()
	if s.done.state == pending {
		s.done.settle(finished, err)
	}
}

// stop makes no more system calls.
func (s *fileSender) stop() {
	if s.over {
		return
	}
	s.over = true
	if s.t.sender == s {
		s.t.sender = nil
	}
	if s.t.desc.Waiter(netpoll.WriteSide) == netpoll.Runner(s) {
		s.t.desc.Forget(netpoll.WriteSide)
	}
}
