//go:build unix && !linux

package subprocess_test

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// hasChildren reports whether this process has a child, which may be a zombie.
func hasChildren() bool {
	var status syscall.WaitStatus
	// Of one that has ended this takes the state away; nobody else wants it when a
	// test is over.
	pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
	return err != unix.ECHILD && pid >= 0
}
