//go:build darwin || dragonfly || freebsd || netbsd

package netpoll

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sysPoll is poll, which waits whole milliseconds. For a signal it returns 0.
func sysPoll(fds []unix.PollFd, timeout time.Duration) (int, error) {
	msec := -1
	if timeout >= 0 {
		msec = int(roundUp(timeout, time.Millisecond))
	}
	n, _, errno := unix.Syscall(unix.SYS_POLL, uintptr(unsafe.Pointer(unsafe.SliceData(fds))), uintptr(len(fds)), uintptr(msec))
	switch errno {
	case 0:
		return int(n), nil
	case syscall.EINTR:
		return 0, nil
	}
	return 0, os.NewSyscallError("poll", errno)
}
