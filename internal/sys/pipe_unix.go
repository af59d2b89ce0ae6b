//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sys

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Pipe is a descriptor that was taken over.
type Pipe struct {
	FD       int
	Blocking bool // it was, before; see [SetBlocking]
	Both     bool // it can be read and written: if it is a FIFO, it is its own other end
}

// TakePipe makes a copy of a descriptor that does not block, and is not inherited by
// child processes. All copies of the descriptor are non-blocking then, the original
// among them.
func TakePipe(fd int) (Pipe, error) {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return Pipe{}, os.NewSyscallError("fcntl", err)
	}
	dup, err := Dup(fd)
	if err != nil {
		return Pipe{}, err
	}
	p := Pipe{FD: dup, Blocking: flags&unix.O_NONBLOCK == 0}
	// Elsewhere both ends of each pipe may be said to be for both.
	p.Both = runtime.GOOS == "linux" && flags&unix.O_ACCMODE == unix.O_RDWR
	if p.Blocking {
		if err := SetNonblock(dup); err != nil {
			_ = Close(dup)
			return Pipe{}, err
		}
	}
	return p, nil
}

// SetBlocking undoes the non-blocking mode.
func SetBlocking(fd int) { _ = unix.SetNonblock(fd, false) }

// ReadPipe and WritePipe are Read and Write for a descriptor that others may share
// and make blocking again: the Go scheduler is told of the call.

// ReadPipe reads once, again if a signal came between.
func ReadPipe(fd int, b []byte) (int, syscall.Errno) {
	for {
		n, err := syscall.Read(fd, b)
		if errno := errnoOf(err); errno != syscall.EINTR {
			return max(n, 0), errno
		}
	}
}

// WritePipe writes once; all else is as for ReadPipe.
func WritePipe(fd int, b []byte) (int, syscall.Errno) {
	for {
		n, err := syscall.Write(fd, b)
		if errno := errnoOf(err); errno != syscall.EINTR {
			return max(n, 0), errno
		}
	}
}

// HasData reports whether data can be read from a socket that was found readable: if
// not, it was closed by the peer, or broke.
func HasData(fd int) bool {
	for {
		n, _, err := syscall.Recvfrom(fd, make([]byte, 1), syscall.MSG_PEEK)
		switch err {
		case nil:
			return n > 0
		case syscall.EINTR:
		default:
			return err == syscall.EAGAIN
		}
	}
}
