package netpoll

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// pidfdOpen is replaced by tests of what happens without it.
var pidfdOpen = unix.PidfdOpen

// watch has ended called when the process has ended. It reports false if that
// cannot be, and Wait has to find out.
func (c *Child) watch() bool {
	if errors.Is(c.process.Signal(syscall.Signal(0)), os.ErrProcessDone) {
		return c.soon() // and the number may be another's by now
	}
	fd, err := pidfdOpen(c.process.Pid, 0)
	switch {
	case err == unix.ESRCH:
		return c.soon()
	case err != nil:
		return false
	}
	// Of a process that is no child one could wait for the end, but not learn the
	// state: Wait says so at once.
	if unix.Waitid(unix.P_PIDFD, fd, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) == unix.ECHILD {
		_ = unix.Close(fd)
		return c.soon()
	}
	if err := c.loop.watchOwn(fd, c.ended); err != nil {
		_ = unix.Close(fd)
		return false
	}
	c.pidfd = fd
	return true
}

// soon has ended called in the next iteration: Wait will not block.
func (c *Child) soon() bool {
	c.loop.Enqueue(&posted{f: c.ended})
	return true
}

// unwatch undoes watch.
func (c *Child) unwatch() {
	if c.pidfd >= 0 {
		c.loop.removeWatch(c.pidfd, ReadSide)
		_ = unix.Close(c.pidfd)
		c.pidfd = -1
	}
}
