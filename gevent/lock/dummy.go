package lock

import (
	"sync"
	"time"
)

// A DummySemaphore is a [Semaphore] that never runs out: gevent's DummySemaphore.
// It stands where a limit may be left out. All its methods return at once, and may
// be called by anybody, anywhere.
type DummySemaphore struct{}

var _ sync.Locker = DummySemaphore{}

// Acquire does nothing.
func (DummySemaphore) Acquire() {}

// AcquireTimeout returns true.
func (DummySemaphore) AcquireTimeout(time.Duration) bool { return true }

// TryAcquire returns true.
func (DummySemaphore) TryAcquire() bool { return true }

// Release does nothing.
func (DummySemaphore) Release() {}

// Lock does nothing.
func (DummySemaphore) Lock() {}

// Unlock does nothing.
func (DummySemaphore) Unlock() {}

// With runs f.
func (DummySemaphore) With(f func()) { f() }

// Wait returns 1.
func (DummySemaphore) Wait() int { return 1 }

// WaitTimeout returns 1.
func (DummySemaphore) WaitTimeout(time.Duration) int { return 1 }

// Counter returns 1.
func (DummySemaphore) Counter() int { return 1 }

// Locked returns false.
func (DummySemaphore) Locked() bool { return false }

// Ready returns true.
func (DummySemaphore) Ready() bool { return true }
