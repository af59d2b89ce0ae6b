package asyncio

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// A Blocking is what a watchdog reports: see [WithWatchdog].
type Blocking struct {
	// Task is the name of the task, greenlet or callback that keeps the loop, and
	// Stack where it is; if Over, where it was.
	Task  string
	Stack string
	// State is what the Go runtime says of its goroutine: "running" of one that computes,
	// and else what it waits for, such as "chan receive", "sync.Mutex.Lock", "syscall".
	State string
	// For is how long the loop has been kept by now, or was, at least: up to the
	// limit may have passed before anybody looked.
	For  time.Duration
	Over bool // it has given way
}

// String is what is printed by default.
func (b Blocking) String() string {
	if b.Over {
		return fmt.Sprintf("asyncio: %s has given way after %v", b.Task, b.For)
	}
	advice := loopAdvice.For(hub.Blocking{State: b.State, Stack: b.Stack})
	return fmt.Sprintf("asyncio: %s keeps the loop, for %v by now (%s); %s:\n%s", b.Task, b.For, b.State, advice, strings.TrimRight(b.Stack, "\n"))
}

// loopAdvice says what to do so that a task does not keep its loop.
var loopAdvice = hub.Advice{
	Compute: "compute in asyncio.ToThread, or call asyncio.Sleep(ctx, 0) now and then",
	Channel: "use asyncio.WrapChannel or an asyncio.Queue",
	Sync:    "use an asyncio.Lock or the like in place of package sync, or asyncio.ToThread",
	Other:   "use the calls of this package in place of those that block, or asyncio.ToThread",
}

// WithWatchdog has a goroutine watch the loop while that is run, and report a task
// or a callback that does not give way for longer than the limit, while it does not:
// the loop stands still then, and all other tasks. Each is reported once, and again
// when it has given way. A limit that is not positive means 100 ms. Report is called
// by that goroutine, not in the loop's thread; nil prints to standard error. A panic
// in it goes to the exception handler, and ends the watchdog.
//
// Tasks pay nothing at a switch, and two allocations when they begin; a loop that
// sleeps is woken every half of the limit. Time is real time, also on a virtual
// clock. In a gevent thread, give gevent.Run a WithMonitor. asyncio can only tell
// afterwards, and in debug mode: see [Loop.SetDebug].
func WithWatchdog(limit time.Duration, report func(Blocking)) Option {
	if limit <= 0 {
		limit = defaultSlowCallback
	}
	if report == nil {
		report = func(b Blocking) { fmt.Fprintln(os.Stderr, b) }
	}
	return func(o *options) { o.watchdog = &watchdog{limit, report} }
}

type watchdog struct {
	limit  time.Duration
	report func(Blocking)
}

// watch begins to watch the hub, for its root, and returns a function that ends it.
func (w *watchdog) watch(h *hub.Hub) (end func()) {
	h.KeepLabels()
	stop, done := make(chan struct{}), make(chan struct{})
	dog := &hub.Watchdog{Hub: h, Limit: w.limit, Report: func(b hub.Blocking) {
		if b.Name == "" {
			b.Name = "a generator or raw greenlet"
		}
		w.report(Blocking{Task: b.Name, Stack: b.Stack, State: b.State, For: b.For, Over: b.Over})
	}}
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				err := baton.Recovered(v)
				// ErrClosed means that there is nobody to be told.
				_ = h.Post(func() { h.Report("watchdog", err) })
			}
		}()
		t := time.NewTicker(dog.Every())
		defer t.Stop()
		for {
			select {
			case <-stop:
				return
			case <-t.C:
				dog.Probe(stop)
			}
		}
	}()
	return func() {
		close(stop)
		<-done
	}
}
