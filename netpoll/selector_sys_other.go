//go:build aix || solaris

package netpoll

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// selectorKinds: see selector_new.go.
var selectorKinds = []selectorKind{
	{name: "poll", probe: probeFew, open: openPollBackend},
	{name: "select", probe: probeFew, open: openSelectBackend},
}

// sysPoll is poll, which waits whole milliseconds. For a signal it returns 0.
func sysPoll(fds []unix.PollFd, timeout time.Duration) (int, error) {
	msec := -1
	if timeout >= 0 {
		msec = int(roundUp(timeout, time.Millisecond))
	}
	n, err := unix.Poll(fds, msec)
	switch err {
	case nil:
		return n, nil
	case unix.EINTR:
		return 0, nil
	}
	return 0, os.NewSyscallError("poll", err)
}
