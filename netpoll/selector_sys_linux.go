package netpoll

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sysPoll is poll, by ppoll, which is exact. For a signal it returns 0. A call that
// does not wait is raw, without telling the Go scheduler, unless it takes long
// because there are many descriptors.
func sysPoll(fds []unix.PollFd, timeout time.Duration) (int, error) {
	var n uintptr
	var errno syscall.Errno
	// The kernel writes the rest of the time into it.
	ts := unix.NsecToTimespec(int64(timeout))
	switch p := unsafe.SliceData(fds); {
	case timeout < 0:
		n, _, errno = syscall.Syscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(p)), uintptr(len(fds)), 0, 0, 0, 0)
	case timeout == 0 && len(fds) <= probeFew:
		n, _, errno = syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(p)), uintptr(len(fds)),
			uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
	default:
		n, _, errno = syscall.Syscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(p)), uintptr(len(fds)),
			uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
	}
	switch errno {
	case 0:
		return int(n), nil
	case unix.EINTR:
		return 0, nil
	}
	return 0, os.NewSyscallError("ppoll", errno)
}

// sysSelect is select, by pselect, which is exact. The error is an errno.
func sysSelect(n int, sets *fdSets, timeout time.Duration) (int, error) {
	var found uintptr
	var errno syscall.Errno
	ts := unix.NsecToTimespec(int64(timeout))
	switch r, w := &sets[0], &sets[1]; {
	case timeout < 0:
		found, _, errno = syscall.Syscall6(unix.SYS_PSELECT6, uintptr(n),
			uintptr(unsafe.Pointer(r)), uintptr(unsafe.Pointer(w)), 0, 0, 0)
	case timeout == 0 && n <= probeFew:
		found, _, errno = syscall.RawSyscall6(unix.SYS_PSELECT6, uintptr(n),
			uintptr(unsafe.Pointer(r)), uintptr(unsafe.Pointer(w)), 0, uintptr(unsafe.Pointer(&ts)), 0)
	default:
		found, _, errno = syscall.Syscall6(unix.SYS_PSELECT6, uintptr(n),
			uintptr(unsafe.Pointer(r)), uintptr(unsafe.Pointer(w)), 0, uintptr(unsafe.Pointer(&ts)), 0)
	}
	if errno != 0 {
		return 0, errno
	}
	return int(found), nil
}

// wakePipe is an eventfd.
type wakePipe struct{ rd int }

func (p *wakePipe) open() (err error) {
	p.rd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	return os.NewSyscallError("eventfd2", err)
}

func (p *wakePipe) signal() error { return writeWake(p.rd) }

func (p *wakePipe) drain() error { return readWake(p.rd) }

func (p *wakePipe) close() error { return os.NewSyscallError("close", unix.Close(p.rd)) }
