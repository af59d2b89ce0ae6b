package netpoll

import "golang.org/x/sys/unix"

// WithoutPidfd makes pidfd_open fail, as in a sandbox, until the result is called.
func WithoutPidfd() (restore func()) {
	pidfdOpen = func(int, int) (int, error) { return -1, unix.ENOSYS }
	return func() { pidfdOpen = unix.PidfdOpen }
}
