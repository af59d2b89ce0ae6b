//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// AcceptName is the name of the system call that [Accept] makes.
const AcceptName = "accept"

// openSocket takes the lock that keeps a new descriptor from being inherited by a
// child process before it is marked.
func openSocket(family, kind int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Socket(family, kind, 0)
	if err != nil {
		return -1, err
	}
	return fd, prepare(fd)
}

func accept(fd int) (int, syscall.Sockaddr, error) {
	// Accept does not block, so the lock is held for a moment only.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	conn, sa, err := syscall.Accept(fd)
	if err == nil {
		err = prepare(conn)
	}
	return conn, sa, err
}

// prepare makes a new descriptor what it should be, or closes it.
func prepare(fd int) error {
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return err
	}
	return nil
}

// SendfileSupported says whether [Sendfile] works.
const SendfileSupported = false

// Sendfile is not for these systems, of which each has its own.
func Sendfile(int, int, int64, int) (int, error) { return 0, unix.ENOSYS }
