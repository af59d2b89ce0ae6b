//go:build !unix

package subprocess

import "os"

// terminate is the signal of Terminate.
var terminate = os.Kill

// returnCode is the exit code. A state that nobody could ask for counts as 0, as in
// Python.
func returnCode(s *os.ProcessState) int {
	if s == nil {
		return 0
	}
	return s.ExitCode()
}
