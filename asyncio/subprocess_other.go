//go:build !unix

package asyncio

import "os"

// terminateSignal is that of Terminate.
var terminateSignal = os.Kill

// shellCommand is the program, and its arguments, that runs a command.
func shellCommand(cmd string) (name string, args []string) {
	return "cmd", []string{"/c", cmd}
}

// subprocessCode is the exit code.
func subprocessCode(s *os.ProcessState) int { return s.ExitCode() }
