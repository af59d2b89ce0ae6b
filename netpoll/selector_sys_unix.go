//go:build unix && !linux

package netpoll

import (
	"time"

	"golang.org/x/sys/unix"
)

// sysSelect is select, which waits whole microseconds. The error is an errno.
func sysSelect(n int, sets *fdSets, timeout time.Duration) (int, error) {
	var tv *unix.Timeval
	if timeout >= 0 {
		t := unix.NsecToTimeval(roundUp(timeout, time.Microsecond) * int64(time.Microsecond))
		tv = &t
	}
	return unix.Select(n, &sets[0], &sets[1], nil, tv)
}
