//go:build dragonfly || freebsd || netbsd

package sys

import "syscall"

// MaxPieces is how many pieces [Writev] takes at once. There is no call for more in
// x/sys for these systems.
const MaxPieces = 1

// Writev writes the first piece.
func Writev(fd int, pieces [][]byte) (int, syscall.Errno) {
	n, errno := Write(fd, pieces[0])
	return max(n, 0), errno
}
