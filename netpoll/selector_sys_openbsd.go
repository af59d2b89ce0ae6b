package netpoll

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// sysPoll is poll, by ppoll, which is exact. For a signal it returns 0.
func sysPoll(fds []unix.PollFd, timeout time.Duration) (int, error) {
	var ts *unix.Timespec
	if timeout >= 0 {
		t := unix.NsecToTimespec(int64(timeout))
		ts = &t
	}
	n, err := unix.Ppoll(fds, ts, nil)
	switch err {
	case nil:
		return n, nil
	case unix.EINTR:
		return 0, nil
	}
	return 0, os.NewSyscallError("ppoll", err)
}
