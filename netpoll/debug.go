package netpoll

import (
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Debug says what debug mode reports: see [WithDebug]. The zero value has the
// defaults.
type Debug struct {
	// SlowCallback is how long an entry may run before it is reported; zero or
	// less means 100 ms. It is asyncio's slow_callback_duration.
	SlowCallback time.Duration

	// OnSlow is told of entries that ran longer. It is called on the loop when
	// the entry has ended, by Next, Turn, or whoever runs the loop; it must not
	// run or close the loop. nil means that the report is printed to standard
	// error.
	OnSlow func(Slow)
}

const defaultSlowCallback = 100 * time.Millisecond

// Slow is the report of an entry that ran for too long, so that everything else
// had to wait for it.
type Slow struct {
	// Entry is what ran: a [*Handle], say, an embedder's Runner, or a [*Hook].
	Entry Runner

	// What names it: the function of a callback, or what the String method of an
	// embedder's Runner returns, or else its type.
	What string

	// File and Line say where the function is; File is "" if there is none.
	File string
	Line int

	// Took is how long it ran, in real time, also on a virtual clock. An entry
	// that [Loop.Next] handed out runs until the next call of Next or Turn.
	Took time.Duration

	// Scheduled is the stack of the call that scheduled it, innermost first,
	// without the loop's own functions: of CallSoon, CallLater, Enqueue, Arm or
	// Post. It is empty if that was before debug mode, and for what a descriptor
	// or a signal woke.
	Scheduled []runtime.Frame
}

// String is what is printed by default: as asyncio says it, with the stack.
func (s Slow) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Executing <%s", s.What)
	if s.File != "" {
		fmt.Fprintf(&b, " at %s:%d", s.File, s.Line)
	}
	fmt.Fprintf(&b, "> took %.3f seconds", s.Took.Seconds())
	if len(s.Scheduled) > 0 {
		b.WriteString("\nscheduled by")
		for _, f := range s.Scheduled {
			fmt.Fprintf(&b, "\n\t%s\n\t\t%s:%d", f.Function, f.File, f.Line)
		}
	}
	return b.String()
}

// WithDebug makes a loop that is in debug mode from the beginning: see
// [Loop.SetDebug].
func WithDebug(d Debug) Option {
	return func(l *Loop) { l.SetDebug(&d) }
}

// SetDebug turns debug mode on, with what d says, or changes it, or, if d is nil,
// turns it off. In debug mode the loop measures how long each entry runs, and
// remembers where it was scheduled; entries that run for too long are reported,
// since nothing else runs meanwhile. It costs some microseconds and the memory
// for a stack for each entry; without it nothing. It mirrors asyncio's set_debug.
//
// Only the owner may call SetDebug.
func (l *Loop) SetDebug(d *Debug) {
	old := l.debug
	if l.debug = nil; d != nil && !l.closed {
		l.debug = newDebugger(*d, old, l.ready.n)
	}
	if l.debug == nil {
		l.batch, l.held = l.batch+l.held, 0
		l.posts.Store(nil)
	} else {
		l.held, l.batch = l.held+l.batch, 0
		l.posts.Store(&l.debug.posts)
	}
	l.ready.room = 0 // the next Enqueue finds out
	l.pace()
}

// Debugging reports whether the loop is in debug mode. Only the owner may call
// it. It mirrors asyncio's get_debug.
func (l *Loop) Debugging() bool { return l.debug != nil }

// A debugger is the state of debug mode.
//
// That an entry ends is seen by the next call of Next, Turn or leave. So that each
// Next is seen without a cost for loops that are not in debug mode, the loop keeps
// batch at zero, which sends Next to nextSlow; the entries of the batch are counted
// in held, and handed out by it one at a time. In the same way the ready queue
// pretends to be full, which sends Enqueue to enqueueSlow.
type debugger struct {
	slow    time.Duration
	report  func(Slow)
	queue   []*origin          // of the entries of the ready queue
	timers  map[*Timer]*origin // of what is armed
	posts   postOrigins
	firing  *origin // of what is being made ready
	entry   Runner  // what runs, or nil
	pc      uintptr // its function, or 0
	origin  *origin
	started time.Time
}

// An origin is a call stack.
type origin struct {
	pcs [32]uintptr
	n   int
}

// postOrigins are those of posted functions, noted by the goroutines that post.
type postOrigins struct {
	mu  sync.Mutex
	all map[*posted]*origin
}

// newDebugger goes on where old, if it is not nil, was.
func newDebugger(c Debug, old *debugger, ready uint) *debugger {
	d := old
	if d == nil {
		d = &debugger{timers: make(map[*Timer]*origin), queue: make([]*origin, ready)}
		d.posts.all = make(map[*posted]*origin)
	}
	d.slow, d.report = c.SlowCallback, c.OnSlow
	if d.slow <= 0 {
		d.slow = defaultSlowCallback
	}
	if d.report == nil {
		d.report = func(s Slow) { fmt.Fprintln(os.Stderr, s) }
	}
	return d
}

// here is the origin that is the caller's caller.
func here() *origin {
	o := new(origin)
	o.n = runtime.Callers(3, o.pcs[:])
	return o
}

// ownPrefix begins the names of this package's functions.
var ownPrefix = reflect.TypeFor[Loop]().PkgPath() + "."

// frames is the stack without the loop's own functions at its inner end.
func (o *origin) frames() (all []runtime.Frame) {
	if o == nil {
		return nil
	}
	for frames := runtime.CallersFrames(o.pcs[:o.n]); ; {
		f, more := frames.Next()
		own := len(all) == 0 && strings.HasPrefix(f.Function, ownPrefix)
		if f.PC != 0 && !own && f.Function != "runtime.goexit" {
			all = append(all, f)
		}
		if !more {
			return all
		}
	}
}

// scheduled notes who armed t.
func (d *debugger) scheduled(t *Timer) { d.timers[t] = here() }

// fires notes that t is due: what is enqueued next was scheduled by who armed it.
func (d *debugger) fires(t *Timer) {
	d.firing = d.timers[t]
	delete(d.timers, t)
}

// forget notes that t was disarmed.
func (d *debugger) forget(t *Timer) { delete(d.timers, t) }

// note notes who posted p.
func (o *postOrigins) note(p *posted) {
	from := here()
	o.mu.Lock()
	o.all[p] = from
	o.mu.Unlock()
}

// take returns who posted p, or nil.
func (o *postOrigins) take(p *posted) *origin {
	o.mu.Lock()
	defer o.mu.Unlock()
	from := o.all[p]
	delete(o.all, p)
	return from
}

// enqueued notes that r joins the ready queue.
func (d *debugger) enqueued(r Runner) {
	var o *origin
	switch p := r.(type) {
	case *posted:
		o = d.posts.take(p)
	case *watch:
	default:
		if o = d.firing; o == nil {
			o = here()
		}
	}
	d.firing = nil
	d.queue = append(d.queue, o)
}

// begin notes that r begins to run.
func (d *debugger) begin(r Runner) {
	d.entry, d.pc, d.origin = r, funcOf(r), nil
	d.started = time.Now()
}

// calls notes that the entry that runs is there to call f.
func (l *Loop) calls(f any) {
	if d := l.debug; d != nil {
		d.pc = reflect.ValueOf(f).Pointer()
	}
}

// finish notes that the entry has ended, and reports it if it was slow.
func (d *debugger) finish(l *Loop) {
	if d.entry == nil {
		return
	}
	took := time.Since(d.started)
	entry, pc, o := d.entry, d.pc, d.origin
	d.entry, d.origin = nil, nil
	if took < d.slow {
		return
	}
	l.stats.Slow++
	s := Slow{Entry: entry, Took: took, Scheduled: o.frames()}
	s.What, s.File, s.Line = describe(entry, pc)
	d.report(s)
}

// next is nextBatch in debug mode: it makes a batch of one entry.
func (d *debugger) next(l *Loop) bool {
	d.finish(l)
	if l.held == 0 {
		if l.closed || l.rest > 0 || l.sincePoll >= l.interval || l.hooks.count > 0 || l.sources.watches > 0 {
			return false
		}
		l.UpdateTime()
		l.drain()
		l.expire()
		if !l.beginBatch() {
			return false
		}
	}
	l.held--
	l.batch = 1
	d.begin(l.ready.at(0))
	d.origin = d.queue[0]
	d.queue[0] = nil
	d.queue = d.queue[1:]
	return true
}

// funcOf returns the entry point of the function that r is there to call, or 0 if
// r is no callback.
func funcOf(r Runner) uintptr {
	var f func()
	switch r := r.(type) {
	case *Handle:
		f = r.f
	case *posted:
		f = r.f
	case *watch:
		f = r.f
	case *Hook:
		f = r.f
	default:
		if v := reflect.ValueOf(r); v.Kind() == reflect.Func {
			return v.Pointer()
		}
	}
	if f == nil {
		return 0
	}
	return reflect.ValueOf(f).Pointer()
}

// describe names an entry, of which pc is what funcOf returned.
func describe(r Runner, pc uintptr) (what, file string, line int) {
	if s, ok := r.(fmt.Stringer); ok {
		what = s.String()
	}
	if f := runtime.FuncForPC(pc); f != nil {
		file, line = f.FileLine(pc)
		if what == "" {
			what = f.Name()
		}
	}
	if what == "" {
		what = fmt.Sprintf("%T", r)
	}
	return what, file, line
}
