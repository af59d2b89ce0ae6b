//go:build unix

package netpoll

import (
	"time"

	"golang.org/x/sys/unix"
)

const FdSetSize = fdSetSize

// SysPoll is poll(2): the truth about what is ready.
func SysPoll(fds []unix.PollFd, timeout time.Duration) (int, error) { return sysPoll(fds, timeout) }

// WakeFd is what Wake makes readable.
func (s *Selector) WakeFd() int { return s.waker.fd() }

// Busy reports whether a goroutine is in Select.
func (s *Selector) Busy() bool { return s.busy.Load() }

// Top is a number above all that a select selector asks for.
func (s *Selector) Top() int { return s.kernel.(*selectBackend).top }
