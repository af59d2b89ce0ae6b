//go:build unix

package main

import (
	"math"
	"syscall"
)

// raiseLimit raises the limit on open files as far as this process may, and
// returns it.
func raiseLimit() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return math.MaxInt
	}
	raised := l
	raised.Cur = raised.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised); err == nil {
		l = raised
	}
	return int(min(uint64(l.Cur), math.MaxInt))
}
