package sys

import "syscall"

// OpenBSD has no times for a single connection.

// SetKeepIdle sets how long a connection is idle before it is probed.
func SetKeepIdle(int, int) error { return syscall.ENOPROTOOPT }

// SetKeepInterval sets the time between probes.
func SetKeepInterval(int, int) error { return syscall.ENOPROTOOPT }

// SetKeepCount sets how many probes remain unanswered before it is given up.
func SetKeepCount(int, int) error { return syscall.ENOPROTOOPT }
