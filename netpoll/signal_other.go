//go:build !unix && !windows

package netpoll

import "os"

// catchable reports whether a handler for sig would ever be called.
func catchable(sig os.Signal) bool { return sig == os.Interrupt }

// signalNumber orders the catchable signals, of which there is one.
func signalNumber(os.Signal) int { return 0 }
