//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

func setInt(fd, level, option, value int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, level, option, value))
}

func setBool(fd, level, option int, on bool) error {
	value := 0
	if on {
		value = 1
	}
	return setInt(fd, level, option, value)
}

// SetNoDelay sets TCP_NODELAY.
func SetNoDelay(fd int, on bool) error { return setBool(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, on) }

// SetKeepAlive sets SO_KEEPALIVE.
func SetKeepAlive(fd int, on bool) error { return setBool(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, on) }

// SetReuseAddr sets SO_REUSEADDR.
func SetReuseAddr(fd int, on bool) error { return setBool(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, on) }

// SetReusePort sets SO_REUSEPORT.
func SetReusePort(fd int, on bool) error { return setBool(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, on) }

// SetBroadcast sets SO_BROADCAST.
func SetBroadcast(fd int, on bool) error { return setBool(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, on) }

// SetReadBuffer sets SO_RCVBUF.
func SetReadBuffer(fd, bytes int) error { return setInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bytes) }

// SetWriteBuffer sets SO_SNDBUF.
func SetWriteBuffer(fd, bytes int) error { return setInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, bytes) }

// SetLinger sets SO_LINGER; negative seconds switch it off.
func SetLinger(fd, seconds int) error {
	l := unix.Linger{}
	if seconds >= 0 {
		l = unix.Linger{Onoff: 1, Linger: int32(seconds)}
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &l))
}
