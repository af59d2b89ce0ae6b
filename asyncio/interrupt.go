package asyncio

import (
	"errors"
	"os"
	"os/signal"
	"sync"

	"github.com/baton-go/baton/internal/baton"
)

// ErrKeyboardInterrupt is matched by the error of [Run] and [RunnerRun] when the user
// has interrupted the program: see [WithInterrupt]. A callback or a task that panics
// with it ends the run of its loop at once: see [Loop.RunForever]. It stands for
// Python's KeyboardInterrupt.
var ErrKeyboardInterrupt = errors.New("asyncio: interrupted")

// WithInterrupt says whether [Run] and [RunnerRun] take care of os.Interrupt, which
// Ctrl-C sends, while they run a task. By default they do if they are called on the
// main goroutine, the one of func main and of no test, as asyncio does in Python's
// main thread: a library that runs a loop on another goroutine leaves Ctrl-C to the
// program.
//
// The first interrupt cancels the main task. If that ends as cancelled, and nobody
// else has cancelled it, the error of Run matches [ErrKeyboardInterrupt]; otherwise it
// is what the task returned. A main task that does not end is left behind by the
// second interrupt: Run returns ErrKeyboardInterrupt as soon as whatever runs on the
// loop gives way, and waits neither for tasks nor for the executor. From then on, and
// in all of Run's clean-up, an interrupt does again what it did before: it ends the
// process, unless somebody else has asked for it with package os/signal. So a third
// one ends a program even if its loop is stuck.
//
// All of this is off while the loop has a handler of [Loop.AddSignalHandler] for
// os.Interrupt: then it is the handler's alone, however often it comes, and removing
// that gives it back. (In asyncio what comes back is Python's own handler, which raises
// KeyboardInterrupt wherever the program is.)
//
// Others who have asked for os.Interrupt get it as well. If the process ignores it,
// as under nohup, it stays ignored. WithInterrupt has no effect on a loop of
// [NewLoop].
func WithInterrupt(on bool) Option {
	return func(o *options) { o.interrupt = &on }
}

// mainGoroutine is the number of the goroutine of func main, which initializes the
// packages before.
var mainGoroutine = baton.ID()

// interrupts begins to watch for interrupts, or returns nil if nobody is to.
func (o *options) interrupts(l *Loop) *interrupter {
	on := baton.ID() == mainGoroutine
	if o.interrupt != nil {
		on = *o.interrupt
	}
	if !on || signal.Ignored(os.Interrupt) {
		return nil
	}
	i := &interrupter{
		loop:    l,
		arrived: make(chan os.Signal, 2),
		over:    make(chan struct{}),
		done:    make(chan struct{}),
	}
	l.interrupter = i
	if l.signals[os.Interrupt] == nil {
		i.resume()
	}
	go i.relay()
	return i
}

// An interrupter has interrupts cancel the main task of one run. It has a goroutine of
// its own, rather than a handler of the loop, so that a loop that is stuck cannot keep
// the third interrupt from ending the process. A nil one does nothing.
type interrupter struct {
	loop    *Loop
	task    *task
	seen    int  // how many the hub has seen
	asked   bool // the first has cancelled the task
	closed  bool
	arrived chan os.Signal
	over    chan struct{} // closed to end the goroutine
	done    chan struct{} // closed by it
	relayed int           // how many it has passed on

	mu   sync.Mutex
	left bool // the goroutine has asked for its last interrupt
}

// watch says which task is the main one.
func (i *interrupter) watch(t *task) {
	if i != nil {
		i.task = t
	}
}

// relay passes two interrupts on to the hub.
func (i *interrupter) relay() {
	defer close(i.done)
	defer func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.left = true
		signal.Stop(i.arrived)
	}()
	for i.relayed < 2 {
		select {
		case <-i.arrived:
			i.relayed++
			// ErrClosed means that the run is over.
			_ = i.loop.hub.Post(i.interrupt)
		case <-i.over:
			return
		}
	}
}

// suspend leaves what comes from now on to a handler of the loop's.
func (i *interrupter) suspend() {
	if i != nil {
		signal.Stop(i.arrived)
	}
}

// resume has interrupts come here, again or for the first time; not those after the
// second, which nobody would read.
func (i *interrupter) resume() {
	if i == nil {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.left {
		signal.Notify(i.arrived, os.Interrupt)
	}
}

// interrupt runs on the hub for each of them.
func (i *interrupter) interrupt() {
	if i.closed {
		return
	}
	if i.seen++; i.seen == 1 && i.task.state == pending {
		i.asked = true
		i.task.cancel(new(CancelledError))
		return
	}
	i.loop.abort(ErrKeyboardInterrupt)
}

// close ends the watch.
func (i *interrupter) close() {
	if i != nil && !i.closed {
		i.closed = true
		i.loop.interrupter = nil
		close(i.over)
		<-i.done
	}
}

// reached reports whether t, which has ended, ended by an interrupt; or one came that
// was too late to be seen by the task, and must not be lost. The watch is over.
func (i *interrupter) reached(t *task) bool {
	if i == nil {
		return false
	}
	late := i.relayed+len(i.arrived) > i.seen
	if late || i.asked && t.state == cancelled && t.Cancelling() <= 1 {
		t.take()
		return true
	}
	return false
}

// abort ends the run of the loop at once, with err, and reports whether there was
// one. The caller is a callback or a task.
func (l *Loop) abort(err error) bool {
	if l.runner == nil {
		return false
	}
	l.runner.InterruptNext(err)
	return true
}

// interrupted returns what somebody has panicked with, if that is to end the run.
func interrupted(v any) error {
	if err, ok := v.(error); ok && errors.Is(err, ErrKeyboardInterrupt) {
		return err
	}
	return nil
}
