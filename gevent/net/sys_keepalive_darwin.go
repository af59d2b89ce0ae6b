package net

import "golang.org/x/sys/unix"

func sysSetKeepIdle(fd, seconds int) error {
	return setInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPALIVE, seconds)
}

func sysSetKeepInterval(fd, seconds int) error {
	return setInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds)
}

func sysSetKeepCount(fd, n int) error {
	return setInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, n)
}
