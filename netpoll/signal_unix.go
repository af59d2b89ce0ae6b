//go:build unix

package netpoll

import (
	"os"
	"runtime"
	"syscall"
)

// catchable reports whether a handler for sig would ever be called.
func catchable(sig os.Signal) bool {
	n := signalNumber(sig)
	switch {
	case n <= 0 || n >= 65:
		return false // no such signal
	case n == int(syscall.SIGKILL) || n == int(syscall.SIGSTOP):
		return false
	case runtime.GOOS == "linux" && 32 <= n && n <= 34:
		return false // the C libraries' own, which Go's runtime leaves alone
	}
	return true
}

// signalNumber is the number of sig, or 0 for what is no signal of the system.
func signalNumber(sig os.Signal) int {
	n, _ := sig.(syscall.Signal)
	return int(n)
}
