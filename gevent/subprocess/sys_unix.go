//go:build unix

package subprocess

import (
	"os"
	"syscall"
)

// terminate is the signal of Terminate.
const terminate = syscall.SIGTERM

// returnCode is Python's: the exit code, or -N for signal N. A state that nobody
// could ask for, because somebody else has waited for the process, counts as 0,
// as in Python.
func returnCode(s *os.ProcessState) int {
	if s == nil {
		return 0
	}
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return -int(w.Signal())
	}
	return s.ExitCode()
}
