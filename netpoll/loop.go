package netpoll

import (
	"errors"
	"sync/atomic"
	"time"
)

// A Loop is an event loop: see the package comment. Its methods are for its owner
// only, but for [Loop.Post] and [Loop.Done]. It must not be copied.
type Loop struct {
	// The ready queue and its batches: ready.go, turn.go.
	ready     readyQueue
	batch     uint          // entries of the current batch that are still in ready
	held      uint          // those of them that debug mode withholds: debug.go
	rest      uint          // entries of the current iteration that come after the batch
	sincePoll uint          // entries of the batches begun since the last poll
	interval  uint          // how many those may be: see adapt
	pollAfter uint          // sincePoll at which Next leaves it to Turn to go on
	budget    uint          // entries of a batch at most
	limit     uint          // as budget, or 0 if there is more to think of: see pace
	lookedAt  time.Duration // now, at the end of the last poll

	// Time: clock.go, timers.go, timerheap.go.
	now    time.Duration
	stale  bool          // now is to be updated before it is used
	epoch  time.Time     // creation, for the real clock
	clock  *VirtualClock // nil for the real clock
	timers timerHeap

	// What else can make an entry ready.
	sources sources // sources.go, desc.go, watch.go
	refs    int     // post.go
	kept    int     // keep.go
	signals signals // signal.go

	hooks    hooks     // hooks.go
	blocked  []*Handle // blocked.go
	children int       // child.go
	debug    *debugger // debug.go; nil unless in debug mode
	shuffler *shuffler // shuffle.go; nil but in tests

	files   *files // file_io.go; nil before the first operation of a file
	noUring bool

	// The end: close.go.
	done    chan struct{}
	closers map[closer]struct{}

	// Running: run.go.
	running  bool
	stopping bool
	closed   bool

	stats              Stats
	poller             poller
	fetched, delivered int     // events of the last poll
	parking            parking // park.go

	// What other goroutines write, on a cache line of its own: post.go.
	_      [64]byte
	posted atomic.Pointer[posted]
	posts  atomic.Pointer[postOrigins] // debug.go; nil unless in debug mode
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

// WithBudget bounds how many entries run between two looks at the descriptors, the
// time and what was posted: an iteration of more than n entries is cut, and a
// [Loop.Turn] taken in between, which does not wait. What it makes ready joins the
// end of the queue as always, so the order is that of one queue; but a timer that
// is due, or a descriptor, is noticed after n entries at most, and does not fall
// behind what a large iteration adds after that. n is from 1 up, 1,024 by default.
func WithBudget(n int) Option {
	if n < 1 {
		misuse("WithBudget", "a budget of less than one entry", "pass 1 or more")
	}
	return func(l *Loop) { l.budget = uint(n) }
}

// NewLoop returns a loop with nothing to do. It belongs to the goroutine that
// uses it first. It holds descriptors of the system until [Loop.Close]; the error
// says that none could be had. It mirrors libuv's uv_loop_init.
//
// On a platform without a poller the loop works, without descriptors: see
// [ErrNoPoller].
func NewLoop(opts ...Option) (*Loop, error) {
	l := &Loop{epoch: time.Now(), done: make(chan struct{}), budget: defaultBudget}
	for _, o := range opts {
		o(l)
	}
	if err := l.poller.open(); err != nil {
		return nil, err
	}
	if l.clock != nil {
		l.clock.loop.Store(l)
	}
	l.interval = 1
	if l.clock != nil {
		l.interval = min(pollInterval, l.budget)
	}
	l.pace()
	l.sources.init()
	l.parking.init()
	l.UpdateTime()
	return l, nil
}

// Close ends the loop. Callbacks that have not run are dropped, timers are
// disarmed, hooks and signal handlers removed, children forgotten, descriptors are
// deregistered and stay open, and the loop's own descriptors are closed.
// Afterwards Post, Run, Open, and what adds readers, writers, signals and children
// return [ErrClosed], as does Close; what removes something returns false, and calls
// that would schedule something panic.
//
// Who waits is told: a goroutine outside by [Loop.Done], or when it posts; a Runner
// that is a [Dropper] by its method, when the loop is closed. Callbacks are not
// called any more. The goroutine that delivers signals has ended when Close
// returns; one that waits for a child (see [Loop.AddChild]) ends with the child.
//
// Operations of a [File] are ended, which takes until the system is finished with
// their buffers, and each done is called before Close returns. What has not ended
// after 5 seconds is left alone: its done is not called, its buffer stays pinned,
// and the error matches [os.ErrDeadlineExceeded].
//
// Only the owner may call Close. It panics while [Loop.Run] or [Loop.RunOnce] is
// running, or a hook: call [Loop.Stop], and Close when Run has returned.
func (l *Loop) Close() error {
	if l.closed {
		return ErrClosed
	}
	if l.running || l.hooks.calling {
		misuse("Close", "the loop is running", "call Stop, and Close after Run has returned")
	}
	l.closed = true
	var unfinished error
	if l.files != nil {
		defer l.files.tell()
		unfinished = l.files.close()
	}
	l.closePosts()
	dropped := l.droppers()
	l.signals.close(l)
	l.tellClosers()
	l.hooks.close()
	l.blocked = nil
	l.parking.close()
	l.closeTimers()
	l.sources.close()
	l.fetched, l.delivered = 0, 0
	l.ready = readyQueue{}
	l.batch, l.held, l.rest = 0, 0, 0
	l.SetDebug(nil)
	err := l.poller.close()
	close(l.done)
	for _, d := range dropped {
		d.Dropped()
	}
	return errors.Join(unfinished, err)
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
