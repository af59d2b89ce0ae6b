//go:build linux || darwin || openbsd

package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// MaxPieces is how many pieces [Writev] takes at once: IOV_MAX everywhere.
const MaxPieces = 1024

// Writev writes several pieces with one system call, the first MaxPieces of them.
func Writev(fd int, pieces [][]byte) (int, syscall.Errno) {
	pieces = pieces[:min(len(pieces), MaxPieces)]
	for {
		n, err := unix.Writev(fd, pieces)
		if errno := errnoOf(err); errno != syscall.EINTR {
			return max(n, 0), errno
		}
	}
}
