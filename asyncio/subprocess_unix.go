//go:build unix

package asyncio

import (
	"os"
	"syscall"
)

// terminateSignal is that of Terminate.
const terminateSignal = syscall.SIGTERM

// shellCommand is the program, and its arguments, that runs a command.
func shellCommand(cmd string) (name string, args []string) {
	return "/bin/sh", []string{"-c", cmd}
}

// subprocessCode is the exit code, or -N for signal N.
func subprocessCode(s *os.ProcessState) int {
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return -int(w.Signal())
	}
	return s.ExitCode()
}
