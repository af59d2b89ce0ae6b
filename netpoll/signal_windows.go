package netpoll

import (
	"os"
	"syscall"
)

// catchable reports whether a handler for sig would ever be called: os/signal
// makes Ctrl-C and Ctrl-Break an interrupt, and the end of the session SIGTERM.
func catchable(sig os.Signal) bool {
	return sig == os.Interrupt || sig == syscall.SIGTERM
}

// signalNumber is the number of a catchable signal.
func signalNumber(sig os.Signal) int {
	n, _ := sig.(syscall.Signal)
	return int(n)
}
