//go:build linux || dragonfly || freebsd || netbsd

package sys

import "golang.org/x/sys/unix"

// SetKeepIdle sets how long a connection is idle before it is probed.
func SetKeepIdle(fd, seconds int) error {
	return setInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds)
}

// SetKeepInterval sets the time between probes.
func SetKeepInterval(fd, seconds int) error {
	return setInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds)
}

// SetKeepCount sets how many probes remain unanswered before it is given up.
func SetKeepCount(fd, n int) error {
	return setInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, n)
}
