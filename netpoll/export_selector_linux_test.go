package netpoll

import "time"

// WithoutPwait2 makes the selector do as on a kernel that has no epoll_pwait2.
func (s *Selector) WithoutPwait2() { s.kernel.(*epollBackend).coarse = true }

// Waits is how often the kernel was asked since the first call of Waits.
func (s *Selector) Waits() int {
	c, ok := s.kernel.(*countingBackend)
	if !ok {
		c = &countingBackend{epollBackend: s.kernel.(*epollBackend)}
		s.kernel = c
	}
	return c.waits
}

type countingBackend struct {
	*epollBackend
	waits int
}

func (c *countingBackend) wait(timeout time.Duration) (int, error) {
	c.waits++
	return c.epollBackend.wait(timeout)
}
