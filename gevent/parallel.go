package gevent

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// RunParallel makes n threads, runs f with the numbers from 0 up as their main
// greenlets, each as [Run] does with opts, and returns when all have ended. The
// threads share nothing, and run on as many cores as there are: what they are to
// share goes through channels, [Hub.Post], or objects that say that they are for
// several threads; a server listens in each of them on an address with SO_REUSEPORT.
//
// The first that fails ends the others: if an f returns an error, or panics, or exits,
// the main greenlets of the other threads are killed, with an error that matches
// [ErrGreenletExit]. An f that ends without an error ends nobody. The result joins,
// in the order in which they came, the errors of those that failed, each with the
// number of its thread; who was killed for the sake of another has not failed. If an
// f panicked, RunParallel panics with the first panic, a [*PanicError], when all have
// ended; else, if one called runtime.Goexit, so does RunParallel.
//
// RunParallel blocks the calling goroutine; a greenlet, which may call it too, is
// parked. If that is killed, so are the threads, and it goes on when they have ended.
// A [WithClock] cannot be among the options, since a clock is for one loop.
func RunParallel(n int, f func(i int) error, opts ...Option) error {
	const op = "gevent.RunParallel"
	if n < 1 {
		panic(fmt.Sprintf("%s: %d threads; pass 1 or more", op, n))
	}
	if f == nil {
		panic(op + ": the function is nil; pass the function that each thread is to run")
	}
	p := &parallel{f: f, opts: opts, hubs: make([]*hub.Hub, n)}
	if hub.Current() == nil {
		p.run()
		return p.outcome()
	}
	self, proc := hub.Require(op)
	err := proc.OffloadUntil(self, hub.Wait{Op: op, On: fmt.Sprint(n, " threads")}, p.run, p.stop)
	if err != nil {
		hub.Unwind(err)
	}
	return p.outcome()
}

// errStopped is what ends the threads of a RunParallel of which one has failed.
var errStopped error = stoppedError{}

type stoppedError struct{}

func (stoppedError) Error() string        { return "gevent.RunParallel: another thread has failed" }
func (stoppedError) Is(target error) bool { return target == ErrGreenletExit }

// A parallel is one RunParallel.
type parallel struct {
	f    func(int) error
	opts []Option

	mu       sync.Mutex
	stopped  bool
	hubs     []*hub.Hub // of those whose f runs
	errs     []error
	panicked *PanicError
	exited   bool
}

// run runs all threads.
func (p *parallel) run() {
	var all sync.WaitGroup
	for i := range p.hubs {
		all.Add(1)
		go func() {
			defer all.Done()
			p.thread(i)
		}()
	}
	all.Wait()
}

// thread runs one.
func (p *parallel) thread(i int) {
	returned := false
	defer func() {
		if returned {
			return
		}
		v := recover()
		p.mu.Lock()
		if v == nil {
			p.exited = true
		} else if p.panicked == nil {
			p.panicked = baton.Recovered(v).Flying()
		}
		p.mu.Unlock()
		p.stop()
	}()
	err := Run(func() error {
		if !p.enter(i, hub.Current()) {
			return errStopped
		}
		defer p.enter(i, nil)
		return p.f(i)
	}, p.opts...)
	returned = true
	if err != nil && err != errStopped {
		p.mu.Lock()
		p.errs = append(p.errs, fmt.Errorf("thread %d: %w", i, err))
		p.mu.Unlock()
		p.stop()
	}
}

// enter notes that the f of a thread begins, or, with a nil hub, that it ends. It
// reports whether it may.
func (p *parallel) enter(i int, h *hub.Hub) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hubs[i] = h
	return !p.stopped
}

// stop kills all main greenlets, once.
func (p *parallel) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	p.stopped = true
	for i, h := range p.hubs {
		if h == nil {
			continue
		}
		// ErrClosed means that the thread has ended by itself.
		_ = h.Post(func() {
			p.mu.Lock()
			runs := p.hubs[i] == h
			p.mu.Unlock()
			if runs {
				h.Root().Interrupt(errStopped)
			}
		})
	}
}

// outcome is the end of RunParallel.
func (p *parallel) outcome() error {
	switch {
	case p.panicked != nil:
		panic(p.panicked)
	case p.exited:
		runtime.Goexit()
	}
	return errors.Join(p.errs...)
}
