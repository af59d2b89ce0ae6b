//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package net

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const sysAcceptName = "accept"

// openSocket takes the lock that keeps a new descriptor from being inherited by a
// child process before it is marked.
func openSocket(family int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Socket(family, unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, err
	}
	return fd, prepare(fd)
}

func sysAccept(fd int) (int, Addr, error) {
	for {
		// Accept does not block, so the lock is held for a moment only.
		syscall.ForkLock.RLock()
		conn, sa, err := syscall.Accept(fd)
		if err == nil {
			err = prepare(conn)
		}
		syscall.ForkLock.RUnlock()
		switch err {
		case nil:
			return conn, tcpAddr(sa), nil
		case unix.EINTR:
		default:
			return -1, nil, err
		}
	}
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
