//go:build darwin || dragonfly || freebsd || netbsd || openbsd || (linux && (race || msan || asan))

package net

import "syscall"

// These are package syscall's, which tell the race detector that what was written
// to a socket happened before it was read.

func sysRead(fd int, b []byte) (int, syscall.Errno) {
	for {
		n, err := syscall.Read(fd, b)
		if errno := number(err); errno != syscall.EINTR {
			return n, errno
		}
	}
}

func sysWrite(fd int, b []byte) (int, syscall.Errno) {
	for {
		n, err := syscall.Write(fd, b)
		if errno := number(err); errno != syscall.EINTR {
			return n, errno
		}
	}
}

func number(err error) syscall.Errno {
	errno, _ := err.(syscall.Errno)
	return errno
}
