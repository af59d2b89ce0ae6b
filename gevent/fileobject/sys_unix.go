//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package fileobject

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What differs between platforms. sys_stub.go has the same where there are no
// streams.

const sysStreams = true

// sysDup returns a copy of the descriptor, which is not inherited by child
// processes, in non-blocking mode, and whether it was in blocking mode before.
func sysDup(fd int) (dup int, blocking bool, err error) {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return -1, false, os.NewSyscallError("fcntl", err)
	}
	if dup, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		return -1, false, os.NewSyscallError("fcntl", err)
	}
	if flags&unix.O_NONBLOCK != 0 {
		return dup, false, nil
	}
	if err := unix.SetNonblock(dup, true); err != nil {
		_ = unix.Close(dup)
		return -1, false, os.NewSyscallError("setnonblock", err)
	}
	return dup, true, nil
}

// sysSetBlocking undoes sysDup's non-blocking mode.
func sysSetBlocking(fd int) { _ = unix.SetNonblock(fd, false) }

// sysRead and sysWrite are one system call each, repeated for EINTR. They are
// package syscall's, which tell the race detector that what was written to a pipe
// happened before it was read.
func sysRead(fd int, b []byte) (int, error) {
	for {
		n, err := syscall.Read(fd, b)
		if err != syscall.EINTR {
			return n, err
		}
	}
}

func sysWrite(fd int, b []byte) (int, error) {
	for {
		n, err := syscall.Write(fd, b)
		if err != syscall.EINTR {
			return n, err
		}
	}
}

// sysClose closes the descriptor, which is gone even if there is an error.
func sysClose(fd int) error { return unix.Close(fd) }

// sysAlwaysReady reports whether an error of Loop.Open is that the poller does not
// take the descriptor: that of a device such as /dev/zero, which never blocks.
func sysAlwaysReady(err error) bool { return errors.Is(err, unix.EPERM) }

// sysReleaseOpener lets somebody go on who is opening the FIFO, and tells so by
// opened: it has both ends open for a moment. It returns when that is so, or when
// there is no FIFO any more.
func sysReleaseOpener(name string, opened <-chan struct{}) {
	for {
		fd, err := unix.Open(name, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return
		}
		select {
		case <-opened:
			_ = unix.Close(fd)
			return
		case <-time.After(time.Millisecond): // it had not begun
			_ = unix.Close(fd)
		}
	}
}
