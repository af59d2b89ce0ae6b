package threadpool

import (
	"errors"
	"fmt"
)

// ErrShutdown is the error of [Submit] after [Executor.Shutdown].
var ErrShutdown = errors.New("threadpool: cannot schedule new futures after shutdown")

// An Executor is a [ThreadPool] with a beginning and an end. It mirrors
// gevent.threadpool.ThreadPoolExecutor, and concurrent.futures.Executor. For who may
// use it see [ThreadPool].
//
//	e := threadpool.NewExecutor(4)
//	defer e.Shutdown(true, false)
//	future, err := threadpool.Submit(e, work)
type Executor struct {
	pool *ThreadPool
	down bool
}

// NewExecutor makes one that runs up to maxWorkers functions at a time. It panics if
// maxWorkers is not positive.
func NewExecutor(maxWorkers int) *Executor {
	if maxWorkers <= 0 {
		panic(fmt.Sprintf("threadpool.NewExecutor: maxWorkers must be greater than 0: %d; pass the number of goroutines", maxWorkers))
	}
	return &Executor{pool: New(maxWorkers)}
}

// Pool returns the pool, for [Map] and the like.
func (e *Executor) Pool() *ThreadPool { return e.pool }

// Submit is [Spawn] in the executor's pool. The error is [ErrShutdown], also if the
// Shutdown came while Submit waited. It mirrors Executor.submit.
func Submit[T any](e *Executor, f func() (T, error)) (*Future[T], error) {
	const op = "threadpool.Submit"
	mayRun(op, f == nil)
	e.pool.hub.CheckThread(op, e.pool)
	if e.down {
		return nil, ErrShutdown
	}
	e.pool.enter(op)
	if e.down {
		e.pool.vacate()
		return nil, ErrShutdown
	}
	return begin(e.pool, f), nil
}

// Execute has the executor's pool call run, and returns at once, however many
// functions wait there. Take takes it back, and reports whether it could: not if run
// has been called. Dropped is called when the executor itself takes it back, by
// [Executor.Shutdown]. The error is [ErrShutdown]. It is for package asyncio, whose
// Executor this makes an Executor.
func (e *Executor) Execute(run, dropped func()) (take func() bool, err error) {
	e.pool.hub.CheckThread("threadpool.Execute", e.pool)
	if e.down {
		return nil, ErrShutdown
	}
	f := &Future[struct{}]{pool: e.pool, f: func() (none struct{}, err error) { run(); return none, nil }}
	taken := false
	f.AddDoneCallback(func(*Future[struct{}]) {
		if f.Cancelled() && !taken {
			dropped()
		}
	})
	e.pool.unfinished++
	e.pool.submit(f)
	return func() bool {
		if !f.Cancel() {
			return false
		}
		taken = true
		return true
	}, nil
}

// Shutdown refuses functions from now on. If cancel is true those that have not begun
// are cancelled. If wait is true it parks the caller until the others have ended. It
// mirrors Executor.shutdown(wait, cancel_futures), and may be called again.
func (e *Executor) Shutdown(wait, cancel bool) {
	e.pool.hub.CheckThread("threadpool.Shutdown", e.pool)
	e.down = true
	if cancel {
		e.pool.take(func(task) bool { return true })
	}
	if wait {
		e.pool.Join()
	}
}
