//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

const sigio = noSignal("SIGIO")

// A noSignal is a signal that this system does not have.
type noSignal string

func (s noSignal) String() string { return string(s) }
func (s noSignal) Signal()        {}

var _ os.Signal = sigio

// signalsFor says that there is no such thing.
func signalsFor(int) error {
	return fmt.Errorf("signal-io: %s has no SIGIO: %w", runtime.GOOS, errors.ErrUnsupported)
}
