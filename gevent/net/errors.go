package net

import (
	"context"
	"errors"
	"os"
)

// Errors that package net has but does not export, with the same texts.
var errMissingAddress = errors.New("missing address")

const (
	errNoSuitableAddress = "no suitable address found"
	errMismatchedLocal   = "mismatched local address type"
)

// errTimeout is the error of a Dial that took too long. Package net's says that
// it is context.DeadlineExceeded; this one is os.ErrDeadlineExceeded as well, as
// all time-outs of this module are.
var errTimeout error = &timeoutError{}

type timeoutError struct{}

func (*timeoutError) Error() string   { return "i/o timeout" }
func (*timeoutError) Timeout() bool   { return true }
func (*timeoutError) Temporary() bool { return true }
func (*timeoutError) Is(err error) bool {
	return err == context.DeadlineExceeded || err == os.ErrDeadlineExceeded
}

// errCanceled is the error of a Dial whose context was cancelled.
var errCanceled error = canceledError{}

type canceledError struct{}

func (canceledError) Error() string     { return "operation was canceled" }
func (canceledError) Is(err error) bool { return err == context.Canceled }

// contextError is the error of a Dial whose context ended with err.
func contextError(err error) error {
	switch err {
	case context.Canceled:
		return errCanceled
	case context.DeadlineExceeded:
		return errTimeout
	}
	return err
}

// opError is the error of an operation on a connected socket.
func (s *socket) opError(op string, err error) error {
	return &OpError{Op: op, Net: s.net, Source: s.laddr, Addr: s.raddr, Err: err}
}

// ownError is the error of an operation that concerns the socket alone.
func (s *socket) ownError(op string, err error) error {
	return &OpError{Op: op, Net: s.net, Addr: s.laddr, Err: err}
}

// opAddr is a as an Addr that is nil if a is.
func opAddr(a *TCPAddr) Addr {
	if a == nil {
		return nil
	}
	return a
}
