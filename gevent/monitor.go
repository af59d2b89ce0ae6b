package gevent

import (
	"fmt"
	"os"
	"runtime/metrics"
	"strings"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// MonitorOptions say what a monitor looks for: see [WithMonitor].
type MonitorOptions struct {
	// MaxBlockingTime is how long a greenlet or a callback may keep the thread
	// before it is reported; zero means 100 ms, a negative time that this is not
	// looked for. It mirrors max_blocking_time.
	MaxBlockingTime time.Duration

	// MaxMemory is how many bytes the process may use; zero means that this is not
	// looked for. It mirrors max_memory_usage.
	MaxMemory uint64
	// MemoryPeriod is how often Memory is asked; zero means 5 seconds. It mirrors
	// memory_monitor_period.
	MemoryPeriod time.Duration
	// Memory returns how many bytes the process uses. It is called by the monitor's
	// goroutine. The default is what the Go runtime has from the system and has not
	// given back.
	Memory func() uint64

	// Report is told of what is found, by the monitor's goroutine: the thread goes
	// on, or stands still, meanwhile. The default prints to standard error. A panic
	// in it is reported to the thread's error hook, and ends the monitor.
	Report func(MonitorEvent)
}

const (
	defaultBlocking     = 100 * time.Millisecond
	defaultMemoryPeriod = 5 * time.Second
)

// A MonitorKind says what a [MonitorEvent] is about.
type MonitorKind int

const (
	// Blocked: a greenlet or a callback keeps the thread for longer than
	// MaxBlockingTime. It mirrors EventLoopBlocked.
	Blocked MonitorKind = iota
	// Unblocked: the one that was reported has given way.
	Unblocked
	// MemoryExceeded: more than MaxMemory is used, and more than when this was
	// reported last. It mirrors MemoryUsageThresholdExceeded.
	MemoryExceeded
	// MemoryUnder: no more than MaxMemory is used again. It mirrors
	// MemoryUsageUnderThreshold.
	MemoryUnder
)

var monitorKinds = [...]string{"Blocked", "Unblocked", "MemoryExceeded", "MemoryUnder"}

// String returns the name of the constant.
func (k MonitorKind) String() string { return monitorKinds[k] }

// A MonitorEvent is what a monitor has found. It belongs to whoever gets it.
type MonitorEvent struct {
	Kind MonitorKind
	Hub  *Hub // of the thread; it may be asked from the monitor's goroutine, see there

	// Greenlet is the name of what blocks, and Stack where it is; for Unblocked where
	// it was. The name is empty for a generator, and for a greenlet of package
	// greenlet: there the stack has to do.
	Greenlet string
	Stack    string
	// State is what the Go runtime says of its goroutine: "running" of one that computes,
	// and else what it waits for, such as "chan receive", "sync.Mutex.Lock", "syscall".
	State string
	// For is how long the thread has been blocked by now, or was, at least: up to
	// MaxBlockingTime may have passed before anybody looked.
	For time.Duration

	Memory, MaxMemory uint64
}

// String is what is printed by default.
func (e MonitorEvent) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", e.Hub)
	who := e.Greenlet
	if who == "" {
		who = "a generator or raw greenlet"
	}
	switch e.Kind {
	case Blocked:
		fmt.Fprintf(&b, "%s appears to be blocked for %v (%s); %s\n", who, e.For, e.State, advice.For(hub.Blocking{State: e.State, Stack: e.Stack}))
		writeLines(&b, "    ", e.Stack)
	case Unblocked:
		fmt.Fprintf(&b, "%s has given way after %v\n", who, e.For)
	case MemoryExceeded:
		fmt.Fprintf(&b, "memory: %d bytes are used, more than %d\n", e.Memory, e.MaxMemory)
	case MemoryUnder:
		fmt.Fprintf(&b, "memory: %d bytes are used, no more than %d again\n", e.Memory, e.MaxMemory)
	}
	return b.String()
}

// advice says what to do so that a greenlet does not block its thread.
var advice = hub.Advice{
	Compute: "compute in gevent.Offload, or call gevent.Sleep(0) now and then",
	Channel: "use gevent.Recv, Send or FromChan, or a queue.Channel",
	Sync:    "use gevent/lock or gevent/event in place of package sync, or gevent.Offload",
	Other:   "use the calls of this module in place of those that block, or gevent.Offload",
}

// WithMonitor has a goroutine watch the thread while it lives, and report a greenlet
// or a callback that does not give way for longer than a limit, so that everything
// else in the thread stands still; and, if asked to, how much memory the process
// uses. It mirrors gevent's monitor thread (GEVENT_MONITOR_THREAD_ENABLE).
//
// The goroutine posts a function to the thread, waits until it has run, and posts the
// next one half of MaxBlockingTime later. If it has not run in time, and one greenlet
// is seen to run for some time on end, that one is reported, once, and again when it
// has given way. So greenlets pay nothing at a switch, and two allocations when they
// begin; a thread that sleeps is woken each time. To find who runs all goroutines of
// the process are stopped for a moment: that is only when the thread is late.
//
// Time is real time, also on a virtual clock. A greenlet that blocks on purpose calls
// [IgnoreBlocking].
//
// For a function of one's own that is called periodically, as with
// add_monitoring_function, start a goroutine with a time.Ticker.
func WithMonitor(o MonitorOptions) Option {
	if o.MaxBlockingTime == 0 {
		o.MaxBlockingTime = defaultBlocking
	}
	if o.MemoryPeriod <= 0 {
		o.MemoryPeriod = defaultMemoryPeriod
	}
	if o.Memory == nil {
		o.Memory = memoryUsed
	}
	if o.Report == nil {
		o.Report = func(e MonitorEvent) { fmt.Fprint(os.Stderr, e) }
	}
	return func(all *options) {
		all.begin = append(all.begin, func(h *hub.Hub) func() {
			h.KeepLabels()
			m := &monitor{MonitorOptions: o, hub: faceOf(h), stop: make(chan struct{}), done: make(chan struct{})}
			go m.run()
			return func() {
				close(m.stop)
				<-m.done
			}
		})
	}
}

// IgnoreBlocking notes that the calling greenlet may keep the thread for as long as
// it likes: a monitor does not report it. It mirrors ignore_current_greenlet_blocking.
// It panics in a callback and in a goroutine of no thread.
func IgnoreBlocking() { ignoreBlocking("gevent.IgnoreBlocking", true) }

// MonitorBlocking takes back [IgnoreBlocking]. It mirrors
// monitor_current_greenlet_blocking.
func MonitorBlocking() { ignoreBlocking("gevent.MonitorBlocking", false) }

func ignoreBlocking(op string, yes bool) {
	_, p := hub.Require(op)
	p.IgnoreBlocking(yes)
}

// A monitor watches a thread. Its fields are those of its goroutine.
type monitor struct {
	MonitorOptions
	hub        *Hub
	stop, done chan struct{}
	reported   uint64 // memory that was reported last, 0 if it was under the limit since
}

// run watches until the thread is over.
func (m *monitor) run() {
	defer close(m.done)
	defer func() {
		if v := recover(); v != nil {
			err := baton.Recovered(v)
			if m.hub.Post(func() { m.hub.hub.Report("monitor", err) }) != nil {
				m.hub.hub.Report("monitor", err)
			}
		}
	}()
	dog := hub.Watchdog{Hub: m.hub.hub, Limit: m.MaxBlockingTime, Report: m.blocking}
	var memory, probe <-chan time.Time
	if m.MaxMemory > 0 {
		t := time.NewTicker(m.MemoryPeriod)
		defer t.Stop()
		memory = t.C
	}
	if m.MaxBlockingTime > 0 {
		t := time.NewTicker(dog.Every())
		defer t.Stop()
		probe = t.C
	}
	for {
		select {
		case <-m.stop:
			return
		case <-memory:
			m.memory(m.Memory())
		case <-probe:
			dog.Probe(m.stop)
		}
	}
}

// blocking is told by the watchdog of who keeps the thread.
func (m *monitor) blocking(b hub.Blocking) {
	e := MonitorEvent{Kind: Blocked, Hub: m.hub, Greenlet: b.Name, Stack: b.Stack, State: b.State, For: b.For}
	if b.Over {
		e.Kind = Unblocked
	}
	m.Report(e)
}

// memory looks at how much is used.
func (m *monitor) memory(used uint64) {
	e := MonitorEvent{Hub: m.hub, Memory: used, MaxMemory: m.MaxMemory}
	switch {
	case used > m.MaxMemory && used > m.reported:
		e.Kind = MemoryExceeded
		m.reported = used
	case used <= m.MaxMemory && m.reported > 0:
		e.Kind = MemoryUnder
		m.reported = 0
	default:
		return
	}
	m.Report(e)
}

// memoryUsed is the default of MonitorOptions.Memory.
func memoryUsed() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
