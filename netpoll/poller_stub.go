//go:build !linux && !darwin && !dragonfly && !freebsd && !netbsd && !openbsd

package netpoll

import "time"

// poller waits, and can be woken, but takes no descriptor.
type poller struct {
	wakeup chan struct{}
}

func (p *poller) open() error {
	p.wakeup = make(chan struct{}, 1)
	return nil
}

func (p *poller) close() error { return nil }

func (p *poller) add(int, tag, bool) error { return ErrNoPoller }

func (p *poller) watch(int, tag, event, event) error { return ErrNoPoller }

func (p *poller) remove(int, event) error { return ErrNoPoller }

func (p *poller) poll(wait time.Duration) int {
	if wait < 0 {
		<-p.wakeup
		return 1
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-p.wakeup:
		return 1
	case <-timer.C:
		return 0
	}
}

func (p *poller) event(int) (tag, event) { return tag{}, evWake }

func (p *poller) wake() {
	select {
	case p.wakeup <- struct{}{}:
	default:
	}
}
