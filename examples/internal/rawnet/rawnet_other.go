//go:build !unix

package rawnet

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
)

var errUnsupported = fmt.Errorf("rawnet: sockets are no plain descriptors on %s: %w", runtime.GOOS, errors.ErrUnsupported)

func duplicate(syscall.Conn) (int, error) { return -1, errUnsupported }

// Accept would accept a connection.
func Accept(fd int) (conn int, peer string, err error) { return -1, "", errUnsupported }

// Read would read.
func Read(fd int, p []byte) (n int, err error) { return 0, errUnsupported }

// Write would write.
func Write(fd int, p []byte) (n int, err error) { return 0, errUnsupported }

// CloseWrite would end the sending side.
func CloseWrite(fd int) error { return errUnsupported }

// Close would close.
func Close(fd int) error { return errUnsupported }
