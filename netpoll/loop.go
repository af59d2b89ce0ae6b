package netpoll

import (
	"sync/atomic"
	"time"
)

// A Loop is an event loop: see the package comment. Its methods are for its owner
// only, with the one exception of [Loop.Post]. It must not be copied.
type Loop struct {
	// The ready queue and its batches: ready.go, turn.go.
	ready     readyQueue
	batch     uint // entries of the current batch that are still in ready
	sincePoll uint // entries of the batches begun since the last poll

	// Time: clock.go, timers.go.
	now    time.Duration
	epoch  time.Time     // creation, for the real clock
	clock  *VirtualClock // nil for the real clock
	timers timerHeap

	// What else can make an entry ready.
	sources sources // slots.go, desc.go, watch.go
	refs    int     // post.go

	// Running: run.go.
	running  bool
	stopping bool
	closed   bool

	stats  Stats
	poller poller

	// What other goroutines write, on a cache line of its own: post.go.
	_      [64]byte
	posted atomic.Pointer[posted]
	state  atomic.Uint32
	wakers atomic.Int32
}

// An Option changes a loop that is being made: see [NewLoop].
type Option func(*Loop)

// WithClock makes the loop use c instead of the real clock; nil means the real
// clock. One clock is for one loop.
func WithClock(c *VirtualClock) Option {
	return func(l *Loop) { l.clock = c }
}

// NewLoop returns a loop with nothing to do. It belongs to the goroutine that
// uses it first. It holds descriptors of the system until [Loop.Close]; the error
// says that none could be had. It mirrors libuv's uv_loop_init.
//
// On a platform without a poller the loop works, without descriptors: see
// [ErrNoPoller].
func NewLoop(opts ...Option) (*Loop, error) {
	l := &Loop{epoch: time.Now()}
	for _, o := range opts {
		o(l)
	}
	if err := l.poller.open(); err != nil {
		return nil, err
	}
	l.sources.init()
	l.UpdateTime()
	return l, nil
}

// Close ends the loop. Callbacks that have not run are dropped, timers are
// disarmed, descriptors are deregistered and stay open, and the loop's own
// descriptors are closed. Afterwards Post, Run, Open, AddReader, AddWriter and
// Close return [ErrClosed], RemoveReader, RemoveWriter and Disarm return false,
// and calls that would schedule something panic.
//
// Only the owner may call Close. It panics while [Loop.Run] or [Loop.RunOnce] is
// running: call [Loop.Stop], and Close when Run has returned.
func (l *Loop) Close() error {
	if l.closed {
		return ErrClosed
	}
	if l.running {
		misuse("Close", "the loop is running", "call Stop, and Close after Run has returned")
	}
	l.closed = true
	l.closePosts()
	for _, n := range l.timers.heap {
		n.timer.runner, n.timer.loop = nil, nil
	}
	l.timers.heap = nil
	l.sources.close()
	l.ready = readyQueue{}
	l.batch = 0
	return l.poller.close()
}

// mustBeOpen panics if the loop is closed.
func (l *Loop) mustBeOpen(function string) {
	if l.closed {
		misuse(function, "the loop is closed", "make a new one with NewLoop")
	}
}

// mustHave panics if f is nil or the loop is closed.
func (l *Loop) mustHave(function string, f func()) {
	l.mustBeOpen(function)
	if f == nil {
		misuse(function, "nil function", "pass the function that is to be run")
	}
}
