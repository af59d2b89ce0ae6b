//go:build darwin || dragonfly || freebsd || netbsd || openbsd || (linux && (race || msan || asan))

package sys

import "syscall"

// The calls are package syscall's, which tell the race detector that what was
// written to a socket happened before it was read.

// Read reads once, again if a signal came between.
func Read(fd int, b []byte) (int, syscall.Errno) {
	for {
		n, err := syscall.Read(fd, b)
		if errno := errnoOf(err); errno != syscall.EINTR {
			return n, errno
		}
	}
}

// Write writes once; all else is as for Read.
func Write(fd int, b []byte) (int, syscall.Errno) {
	for {
		n, err := syscall.Write(fd, b)
		if errno := errnoOf(err); errno != syscall.EINTR {
			return n, errno
		}
	}
}
