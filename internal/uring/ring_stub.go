//go:build !linux

package uring

import (
	"errors"
	"fmt"
	"time"
)

// A Ring is what only Linux has: [Open] returns none here.
type Ring struct{}

// Open returns an error that matches [errors.ErrUnsupported].
func Open(int) (*Ring, error) {
	return nil, fmt.Errorf("uring.Open: io_uring is Linux's: %w", errors.ErrUnsupported)
}

// Direct reports false: there is no telling.
func Direct(int) bool { return false }

// The functions on errors are those of Linux: nothing makes such errors here.

func Busy(error) bool   { return false }
func Error(int32) error { panic(absent) }
func Undone(error) bool { return false }

// The methods are those of Linux. There is no Ring to call them on.

func (*Ring) Close() error                   { panic(absent) }
func (*Ring) FD() int                        { panic(absent) }
func (*Ring) Supports(Op) bool               { panic(absent) }
func (*Ring) Requests() int                  { panic(absent) }
func (*Ring) Completions() int               { panic(absent) }
func (*Ring) Request() *Request              { panic(absent) }
func (*Ring) Unsubmitted() int               { panic(absent) }
func (*Ring) Submit() (int, error)           { panic(absent) }
func (*Ring) Enters() uint64                 { panic(absent) }
func (*Ring) Completion() (Completion, bool) { panic(absent) }
func (*Ring) Wait(time.Duration)             { panic(absent) }

const absent = "uring: a Ring on a platform that has none"
