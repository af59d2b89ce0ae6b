package netpoll

import (
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A sentry watches the poller of a loop that is parked, and rings its bell when a
// descriptor is ready. It is a goroutine that waits for the epoll instance as
// others wait for a socket: an epoll instance is readable while it has events, so
// the poller of the Go runtime can watch it. It is started when it is first
// needed and ends with the loop.
//
// It watches until it has seen something. Then it waits to be told to watch again,
// when the loop has fetched the events and is about to park.
//
// No event is missed: the loop tells it to watch, and parks only if it is still
// watching after the state has become parked; the sentry stops watching and then
// looks at the state. At least one of them sees what the other did.
type sentry struct {
	onDuty atomic.Bool
	orders chan struct{} // one for each time that it is to watch
	file   *os.File      // a duplicate of the epoll descriptor; nil before the start
	ended  chan struct{}
	failed bool
}

// start makes the goroutine unless it is there. It reports false if it cannot be
// had: the loop then sleeps in the poller.
func (s *sentry) start(l *Loop) bool {
	if s.file != nil || s.failed {
		return !s.failed
	}
	s.failed = true
	fd, err := unix.FcntlInt(uintptr(l.poller.epfd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return false
	}
	// Package os asks the runtime's poller only for what is non-blocking.
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return false
	}
	file := os.NewFile(uintptr(fd), "epoll")
	conn, err := file.SyscallConn()
	if err != nil || file.SetReadDeadline(time.Time{}) != nil {
		_ = file.Close() // the runtime's poller does not take it
		return false
	}
	s.failed = false
	s.file, s.orders, s.ended = file, make(chan struct{}, 1), make(chan struct{})
	go s.stand(l, conn)
	return true
}

// watch sends the sentry on duty.
func (s *sentry) watch() {
	if !s.onDuty.Load() {
		s.onDuty.Store(true)
		s.orders <- struct{}{}
	}
}

// watching reports whether the sentry is on duty and has seen nothing yet.
func (s *sentry) watching() bool { return s.onDuty.Load() }

// close ends the goroutine. Only the owner of the loop may call it, which the
// sentry then cannot be about to wake.
func (s *sentry) close() {
	if s.file != nil {
		close(s.orders)
		_ = s.file.Close() // makes Read return
		<-s.ended
	}
}

// stand is the goroutine.
func (s *sentry) stand(l *Loop, conn syscall.RawConn) {
	defer close(s.ended)
	for range s.orders {
		looked := false
		// An error means that the file is closed, and the orders with it.
		_ = conn.Read(func(fd uintptr) bool {
			if looked {
				return true // the runtime saw an event
			}
			// Events that came before the wait do not end it.
			looked = true
			p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			n, err := unix.Poll(p, 0)
			return n > 0 || err != nil
		})
		s.onDuty.Store(false)
		if l.state.CompareAndSwap(parked, awake) {
			l.parking.ring()
		}
	}
}
