//go:build linux

package netpoll

// WithoutPwait2 makes the loop do as on a kernel that has no epoll_pwait2.
func (l *Loop) WithoutPwait2() { l.poller.coarse = true }
