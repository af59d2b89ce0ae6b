//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package main

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const sigio = syscall.SIGIO

// signalsFor has the kernel send this process SIGIO when something arrives at fd.
func signalsFor(fd int) error {
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETOWN, os.Getpid()); err != nil {
		return fmt.Errorf("signal-io: F_SETOWN: %w", err)
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags|unix.O_ASYNC|unix.O_NONBLOCK)
	}
	if err != nil {
		return fmt.Errorf("signal-io: F_SETFL: %w", err)
	}
	return nil
}
