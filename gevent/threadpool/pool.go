package threadpool

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/baton-go/baton/internal/hub"
)

// A ThreadPool runs functions on goroutines: see [New]. It belongs to the thread in
// which it was made; its methods are for greenlets of that, and, where they do not
// park, for callbacks of its loop. Anybody else panics with [gevent.ErrWrongThread].
//
// It mirrors gevent.threadpool.ThreadPool.
type ThreadPool struct {
	hub     *hub.Hub
	room    hub.Links // greenlets that want to spawn
	waiting hub.Links // greenlets that want all to be done

	unfinished int // tasks that were spawned, or may be, and have not been told
	submitted  int // those of them that were spawned
	refs       int // of the loop: for those that will end
	done       uint64

	shared shared
}

// shared is what workers use, too.
type shared struct {
	mu      sync.Mutex
	max     int
	workers int // goroutines
	queue   []task
}

// A task is a Future of whatever type.
type task interface {
	run()             // on a worker
	finish()          // in the thread, afterwards
	cancel(err error) // in the thread, instead of both
}

// New makes a pool of the calling thread that runs up to maxSize functions at a time.
// One of 0 keeps them until [ThreadPool.SetMaxSize]. New panics if maxSize is
// negative, and if the caller belongs to no thread.
func New(maxSize int) *ThreadPool {
	const op = "threadpool.New"
	h := hub.Current()
	if h == nil {
		hub.Require(op)
	}
	p := &ThreadPool{hub: h}
	p.shared.max = valid(op, maxSize)
	return p
}

func valid(op string, maxSize int) int {
	if maxSize < 0 {
		panic(fmt.Sprintf("%s: maxSize must not be negative: %d; pass the number of goroutines", op, maxSize))
	}
	return maxSize
}

// MaxSize returns how many functions run at a time. It mirrors
// ThreadPool.maxsize.
func (p *ThreadPool) MaxSize() int {
	p.hub.CheckThread("threadpool.MaxSize", p)
	return p.shared.max // which only the thread changes
}

// SetMaxSize changes how many functions run at a time. More begin at once; if it is
// less, those that run go on. It panics if maxSize is negative.
func (p *ThreadPool) SetMaxSize(maxSize int) {
	const op = "threadpool.SetMaxSize"
	p.hub.CheckThread(op, p)
	valid(op, maxSize)
	p.shared.mu.Lock()
	p.shared.max = maxSize
	for p.shared.startable() {
		p.start()
	}
	p.shared.mu.Unlock()
	p.sync()
	for p.unfinished <= maxSize && p.room.NotifyOne() {
		p.unfinished++
	}
}

// Size returns how many goroutines the pool has, which is how many functions run. It
// mirrors ThreadPool.size, which counts idle threads as well.
func (p *ThreadPool) Size() int {
	p.hub.CheckThread("threadpool.Size", p)
	p.shared.mu.Lock()
	defer p.shared.mu.Unlock()
	return p.shared.workers
}

// Len returns how many functions have not ended. It mirrors len(pool).
func (p *ThreadPool) Len() int {
	p.hub.CheckThread("threadpool.Len", p)
	return p.unfinished
}

// FreeCount returns how many functions can be spawned without waiting: one more
// than run at a time, less those that have not ended.
func (p *ThreadPool) FreeCount() int {
	p.hub.CheckThread("threadpool.FreeCount", p)
	return max(min(p.shared.max, math.MaxInt-1)+1-p.unfinished, 0)
}

// Full reports whether [Spawn] would wait.
func (p *ThreadPool) Full() bool {
	p.hub.CheckThread("threadpool.Full", p)
	return p.unfinished > p.shared.max
}

// Stats is what a pool has in hand.
type Stats struct {
	MaxSize int
	Running int    // goroutines
	Queued  int    // functions that have not begun
	Waiting int    // greenlets that wait for room
	Done    uint64 // functions that have ended, or were cancelled
}

// Stats returns the pool's statistics.
func (p *ThreadPool) Stats() Stats {
	p.hub.CheckThread("threadpool.Stats", p)
	p.shared.mu.Lock()
	defer p.shared.mu.Unlock()
	return Stats{p.shared.max, p.shared.workers, len(p.shared.queue), p.room.Len(), p.done}
}

// enter waits until there is room for a task.
func (p *ThreadPool) enter(op string) {
	p.hub.CheckThread(op, p)
	if p.unfinished <= p.shared.max && p.room.Empty() {
		p.unfinished++
		return
	}
	f, proc := hub.Require(op)
	if _, err := proc.ParkOn(f, &p.room, hub.Wait{Op: op, On: p}, false, 0); err != nil {
		hub.Unwind(err)
	}
}

// String describes the pool in dumps.
func (p *ThreadPool) String() string { return fmt.Sprintf("pool of %d", p.shared.max) }

// submit has a worker run t, for which there is room.
func (p *ThreadPool) submit(t task) {
	if p.submitted++; p.submitted == 1 {
		p.hub.Hold(p)
	}
	p.shared.mu.Lock()
	p.shared.queue = append(p.shared.queue, t)
	if p.shared.startable() {
		p.start()
	}
	p.shared.mu.Unlock()
	p.sync()
}

// startable reports whether another worker has something to do, and may.
func (s *shared) startable() bool {
	return s.workers < s.max && len(s.queue) > 0
}

// start starts a worker.
func (p *ThreadPool) start() {
	p.shared.workers++
	go p.work(p.shared.pop())
}

func (s *shared) pop() task {
	t := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	return t
}

// work runs tasks until there are no more. One that calls runtime.Goexit ends the
// goroutine, and another one goes on.
func (p *ThreadPool) work(t task) {
	returned := false
	defer func() {
		if !returned {
			p.deliver(t)
			if t := p.next(); t != nil {
				go p.work(t)
			}
		}
	}()
	for t != nil {
		t.run()
		p.deliver(t)
		t = p.next()
	}
	returned = true
}

// deliver tells the thread that t has run. ErrClosed means that it is over.
func (p *ThreadPool) deliver(t task) {
	_ = p.hub.Post(func() {
		t.finish()
		p.leave()
	})
}

// next returns what a worker is to run next, or nil if it is to end.
func (p *ThreadPool) next() task {
	s := &p.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.workers > s.max || len(s.queue) == 0 {
		s.workers--
		return nil
	}
	return s.pop()
}

// leave notes that a task is over, and lets the next one in.
func (p *ThreadPool) leave() {
	p.done++
	if p.submitted--; p.submitted == 0 {
		p.hub.Drop(p)
	}
	p.sync()
	p.vacate()
}

// vacate gives a place back, to the next one that waits.
func (p *ThreadPool) vacate() {
	if p.unfinished-1 > p.shared.max || !p.room.NotifyOne() {
		p.unfinished--
	}
	if p.unfinished == 0 {
		p.waiting.NotifyAll()
	}
}

// sync has the loop wait for the tasks that will end: those in the queue of a pool
// of 0 do not.
func (p *ThreadPool) sync() {
	want := p.submitted
	if p.shared.max == 0 {
		p.shared.mu.Lock()
		want -= len(p.shared.queue)
		p.shared.mu.Unlock()
	}
	for ; p.refs < want; p.refs++ {
		p.hub.Loop.Ref()
	}
	for ; p.refs > want; p.refs-- {
		p.hub.Loop.Unref()
	}
}

// Abandon ends the pool with its thread: what has not begun never will.
func (p *ThreadPool) Abandon() {
	p.shared.mu.Lock()
	defer p.shared.mu.Unlock()
	p.shared.queue = nil
}

// take takes tasks for which which returns true out of the queue, and cancels them.
func (p *ThreadPool) take(which func(task) bool) (taken int) {
	p.shared.mu.Lock()
	var out []task
	kept := p.shared.queue[:0:0]
	for _, t := range p.shared.queue {
		if which(t) {
			out = append(out, t)
		} else {
			kept = append(kept, t)
		}
	}
	p.shared.queue = kept
	p.shared.mu.Unlock()
	for _, t := range out {
		t.cancel(ErrCancelled)
		p.leave()
	}
	return len(out)
}

// Join waits until no function is left. It parks the caller unless that is so. It
// mirrors ThreadPool.join.
func (p *ThreadPool) Join() { p.join("threadpool.Join", false, 0) }

// JoinTimeout is [ThreadPool.Join] for no longer than d, and reports whether no
// function was left.
func (p *ThreadPool) JoinTimeout(d time.Duration) bool {
	return p.join("threadpool.JoinTimeout", true, d)
}

func (p *ThreadPool) join(op string, limited bool, d time.Duration) bool {
	p.hub.CheckThread(op, p)
	if p.unfinished == 0 {
		return true
	}
	f, proc := hub.Require(op)
	c, err := proc.ParkOn(f, &p.waiting, hub.Wait{Op: op, On: p}, limited, d)
	if err != nil {
		hub.Unwind(err)
	}
	return c == hub.Woken
}

// Kill cancels the functions that have not begun, whose Futures fail with
// [ErrCancelled], and waits for those that have. The pool can be used again. It
// mirrors ThreadPool.kill.
func (p *ThreadPool) Kill() {
	const op = "threadpool.Kill"
	p.hub.CheckThread(op, p)
	p.take(func(task) bool { return true })
	p.join(op, false, 0)
}
