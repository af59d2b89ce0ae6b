package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// AcceptName is the name of the system call that [Accept] makes.
const AcceptName = "accept4"

func openSocket(family, kind int) (int, error) {
	return syscall.Socket(family, kind|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
}

func accept(fd int) (int, syscall.Sockaddr, error) {
	return syscall.Accept4(fd, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
}

// SendfileSupported says whether [Sendfile] works.
const SendfileSupported = true

// Sendfile sends up to count bytes of a file from the offset on. No bytes and no
// error are the file's end. The error is a syscall.Errno.
func Sendfile(fd, file int, offset int64, count int) (int, error) {
	for {
		o := offset
		n, err := unix.Sendfile(fd, file, &o, count)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}
