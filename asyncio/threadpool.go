package asyncio

import (
	"container/list"
	"runtime"
	"sync"
)

// A ThreadPoolExecutor is an [Executor] that runs up to so many functions at a time,
// in the order in which they came; the others wait. Its goroutines end when there
// is nothing to do. Any goroutine may use it, and loops may share it. It mirrors
// concurrent.futures.ThreadPoolExecutor.
type ThreadPoolExecutor struct {
	mu      sync.Mutex
	max     int
	workers int
	queue   list.List // of *work
	down    bool
	idle    sync.Cond // the last worker has ended
}

// A work is a function in the queue.
type work struct {
	run, dropped func()
}

// NewThreadPoolExecutor makes one that runs up to maxWorkers functions at a time.
// Zero means the default, the number of CPUs and 4 more, but 32 at most. It panics
// if maxWorkers is negative.
func NewThreadPoolExecutor(maxWorkers int) *ThreadPoolExecutor {
	if maxWorkers < 0 {
		misuse("asyncio.NewThreadPoolExecutor", "maxWorkers is negative", "pass the number of functions that run at a time, or 0 for the default")
	}
	if maxWorkers == 0 {
		maxWorkers = min(32, runtime.NumCPU()+4)
	}
	e := &ThreadPoolExecutor{max: maxWorkers}
	e.idle.L = &e.mu
	return e
}

// Execute has run called, as an [Executor] does. The error is [ErrExecutorShutdown].
// It does not wait.
//
// Budget: a goroutine, or a place in the queue.
func (e *ThreadPoolExecutor) Execute(run, dropped func()) (take func() bool, err error) {
	if run == nil || dropped == nil {
		misuse("asyncio.ThreadPoolExecutor.Execute", "a function is nil", "pass the function that is to be run, and one that is told if it is not")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down {
		return nil, ErrExecutorShutdown
	}
	place := e.queue.PushBack(&work{run, dropped})
	if e.workers < e.max {
		e.workers++
		go e.work()
	}
	return func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.take(place) != nil
	}, nil
}

// take takes a function out of the queue; it returns nil if that is done already.
func (e *ThreadPoolExecutor) take(place *list.Element) *work {
	w, _ := place.Value.(*work)
	if w != nil {
		e.queue.Remove(place)
		place.Value = nil
	}
	return w
}

// work runs functions until there are none. One that calls runtime.Goexit takes the
// goroutine with it, and another one goes on.
func (e *ThreadPoolExecutor) work() {
	returned := false
	defer func() {
		if !returned {
			go e.work()
		}
	}()
	for w := e.next(); w != nil; w = e.next() {
		w.run()
	}
	returned = true
}

// next returns what a worker is to run next, or nil if it is to end.
func (e *ThreadPoolExecutor) next() *work {
	e.mu.Lock()
	defer e.mu.Unlock()
	if first := e.queue.Front(); first != nil {
		return e.take(first)
	}
	if e.workers--; e.workers == 0 {
		e.idle.Broadcast()
	}
	return nil
}

// Shutdown refuses functions from now on. If cancelFutures is true those that have
// not begun never will, and their Futures are cancelled. If wait is true Shutdown
// blocks the calling goroutine, and with it a whole loop if that runs there, until
// all others have ended. It may be called again. It mirrors Executor.shutdown.
func (e *ThreadPoolExecutor) Shutdown(wait, cancelFutures bool) {
	e.mu.Lock()
	e.down = true
	var dropped []*work
	if cancelFutures {
		for place := e.queue.Front(); place != nil; place = e.queue.Front() {
			dropped = append(dropped, e.take(place))
		}
	}
	e.mu.Unlock()
	for _, w := range dropped {
		w.dropped()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for wait && e.workers > 0 {
		e.idle.Wait()
	}
}
