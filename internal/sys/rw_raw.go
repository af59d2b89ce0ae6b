//go:build linux && !race && !msan && !asan

package sys

import (
	"syscall"
	"unsafe"
)

// rawMax is the most that is transferred without telling the Go scheduler, which
// cannot stop the goroutine meanwhile. Copying it takes some 10 µs.
const rawMax = 64 << 10

// Read reads once, again if a signal came between. It is raw: the descriptor does
// not block. That saves a fifth of the call.
func Read(fd int, b []byte) (int, syscall.Errno) {
	return transfer(syscall.SYS_READ, fd, b)
}

// Write writes once; all else is as for Read.
func Write(fd int, b []byte) (int, syscall.Errno) {
	return transfer(syscall.SYS_WRITE, fd, b)
}

func transfer(call uintptr, fd int, b []byte) (int, syscall.Errno) {
	for {
		var n uintptr
		var errno syscall.Errno
		if len(b) <= rawMax {
			n, _, errno = syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		} else {
			n, _, errno = syscall.Syscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		}
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
