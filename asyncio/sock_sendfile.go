package asyncio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/baton-go/baton/internal/sys"
	"github.com/baton-go/baton/netpoll"
)

// ErrSendFileNotAvailable is matched by the error of [SockSendFile] without fallback if
// the system cannot send that file. It stands for asyncio's
// SendfileNotAvailableError.
var ErrSendFileNotAvailable = errors.New("the system cannot send this file")

// sendFileBlock is how much [SockSendFile] reads at a time, where it does.
const sendFileBlock = 256 << 10

// SockSendFile sends count bytes of a file from the offset on, or all up to its end if
// count is negative or there is less, and returns how many it has sent, also if there
// is an error; the file's position is behind them afterwards. On Linux the system does
// it for a regular file; else, if fallback is true, the file is read on a goroutine and
// written, and otherwise the error matches [ErrSendFileNotAvailable]. A negative offset
// is os.ErrInvalid. It mirrors sock_sendfile. For what all Sock functions have in common
// see [SockSendAll].
func SockSendFile(ctx context.Context, fd int, f *os.File, offset, count int64, fallback bool) (sent int64, err error) {
	c, err := newSockCall(ctx, "asyncio.SockSendFile", fd)
	if err != nil {
		return 0, err
	}
	if f == nil {
		misuse(c.op, "the file is nil", "pass one that is open for reading")
	}
	if offset < 0 {
		return 0, fmt.Errorf("%s: offset %d: %w", c.op, offset, os.ErrInvalid)
	}
	if count < 0 {
		count = 1<<63 - 1 - offset
	}
	sent, err = c.sendFile(f, offset, count)
	if errors.Is(err, ErrSendFileNotAvailable) && fallback {
		sent, err = c.copyFile(f, offset, count)
	}
	if sent > 0 {
		if _, e := f.Seek(offset+sent, io.SeekStart); err == nil && e != nil {
			err = inOp(c.op, e)
		}
	}
	return sent, err
}

// sendFile has the system send the file.
func (c *sockCall) sendFile(f *os.File, offset, count int64) (sent int64, err error) {
	refused := inOp(c.op, ErrSendFileNotAvailable)
	info, err := f.Stat()
	if err != nil {
		return 0, inOp(c.op, err)
	}
	if !sys.SendfileSupported || !info.Mode().IsRegular() {
		return 0, refused
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, inOp(c.op, err)
	}
	for sent < count {
		var n int
		var err error
		failed := raw.Control(func(file uintptr) {
			n, err = sys.Sendfile(c.fd, int(file), offset+sent, int(min(count-sent, maxSendFile)))
		})
		switch {
		case failed != nil:
			return sent, inOp(c.op, failed)
		case again(err):
			if err := c.wait(netpoll.WriteSide); err != nil {
				return sent, err
			}
		case sent == 0 && (err == syscall.EINVAL || errors.Is(err, errors.ErrUnsupported)):
			return 0, refused
		case err != nil:
			return sent, c.fail("sendfile", err)
		case n == 0:
			return sent, nil
		default:
			sent += int64(n)
		}
	}
	return sent, nil
}

// copyFile reads the file on a goroutine, since files block, and writes.
func (c *sockCall) copyFile(f *os.File, offset, count int64) (sent int64, err error) {
	for sent < count {
		var n int
		var failed error
		// Each read has a buffer of its own: nobody waits for one that was given up.
		p := make([]byte, min(count-sent, sendFileBlock))
		at := offset + sent
		if err := elsewhere(c.ctx, c.loop, c.op, func(context.Context) { n, failed = f.ReadAt(p, at) }); err != nil {
			return sent, err
		}
		m, err := SockSendAll(c.ctx, c.fd, p[:n])
		sent += int64(m)
		switch {
		case err != nil:
			return sent, err
		case failed == io.EOF:
			return sent, nil
		case failed != nil:
			return sent, inOp(c.op, failed)
		}
	}
	return sent, nil
}
