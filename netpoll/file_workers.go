package netpoll

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/baton-go/baton/internal/uring"
)

// fileWorkers are the goroutines that do operations which block. They come when
// there is something to do, and end when there is nothing. Those of one loop are
// maxWorkers at most, because each keeps a thread of the system busy.
type fileWorkers struct {
	loop    *Loop
	collect func() // the method of that name

	mu       sync.Mutex
	queue    opQueue
	busy     int       // goroutines
	ended    []*FileOp // done, and not collected by the loop
	stopping bool
	idle     chan struct{} // closed when busy is zero, after stop
}

const (
	maxWorkers = 16
	// workerChunk is how much of one operation a goroutine does before it looks
	// whether it is to stop.
	workerChunk = 1 << 20
)

// errStopped is the error of an operation that saw that it is to stop; the loop
// knows why.
var errStopped = errors.New("stopped")

func (w *fileWorkers) init(l *Loop) {
	w.loop = l
	w.collect = w.collectEnded
	w.idle = make(chan struct{})
}

// start queues an operation.
func (w *fileWorkers) start(op *FileOp) {
	if w.loop.files.closing {
		op.end(op.cut())
		return
	}
	op.stage = opWorkers
	w.loop.stats.FileOffloads++
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue.push(op)
	if w.busy < maxWorkers {
		w.busy++
		go w.work()
	}
}

// cancel reports whether the operation was still in the queue. It is told to stop
// otherwise.
func (w *fileWorkers) cancel(op *FileOp) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if op.kind == opClose {
		return false
	}
	op.stop.Store(true)
	waits := !op.claimed
	op.claimed = true
	return waits
}

// work is a goroutine.
func (w *fileWorkers) work() {
	var op *FileOp
	for {
		w.mu.Lock()
		first := false
		if op != nil {
			w.ended = append(w.ended, op)
			first = len(w.ended) == 1
		}
		if op = w.take(); op == nil {
			if w.busy--; w.busy == 0 && w.stopping {
				close(w.idle)
			}
		}
		w.mu.Unlock()
		if first {
			// An error means that the loop is closing, and collects by itself.
			_ = w.loop.Post(w.collect)
		}
		if op == nil {
			return
		}
		op.perform()
	}
}

// take takes an operation from the queue. The lock is held.
func (w *fileWorkers) take() *FileOp {
	for op := w.queue.pop(); op != nil; op = w.queue.pop() {
		if !op.claimed {
			op.claimed = true
			return op
		}
	}
	return nil
}

// collectEnded runs on the loop.
func (w *fileWorkers) collectEnded() {
	w.mu.Lock()
	ended := w.ended
	w.ended = nil
	w.mu.Unlock()
	for _, op := range ended {
		err := op.err
		if err == errStopped {
			err = op.cut()
		}
		op.end(err)
	}
}

// stop ends the operations that no goroutine has taken, and tells the others to
// stop.
func (w *fileWorkers) stop() {
	for op := w.loop.files.first; op != nil; op = op.younger {
		if op.stage == opWorkers && w.cancel(op) {
			op.end(op.cut())
		}
	}
}

// await waits until all goroutines have ended, or until the deadline.
func (w *fileWorkers) await(deadline time.Time) {
	w.mu.Lock()
	w.stopping = true
	busy := w.busy > 0
	w.mu.Unlock()
	if busy {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		select {
		case <-w.idle:
		case <-timer.C:
		}
	}
	w.collectEnded()
}

// perform does the operation, on a goroutine.
func (op *FileOp) perform() {
	switch op.kind {
	case opRead, opWrite:
		for op.err == nil && op.n < len(op.buf) {
			if op.stop.Load() {
				op.err = errStopped
				return
			}
			n, err := op.step(op.buf[op.n:min(len(op.buf), op.n+workerChunk)])
			op.n += n
			op.err = err
		}
		if op.err == io.EOF {
			op.err = op.nothing()
		}
	case opSync:
		op.err = op.file.os.Sync()
	default:
		op.err = op.call()
	}
}

// step transfers p.
func (op *FileOp) step(p []byte) (int, error) {
	f := op.file.os
	switch at := op.off + int64(op.n); {
	case op.kind == opRead && op.off == uring.CurrentPos:
		return f.Read(p)
	case op.kind == opRead:
		return f.ReadAt(p, at)
	case op.off == uring.CurrentPos:
		return f.Write(p)
	default:
		return f.WriteAt(p, at)
	}
}
