package netpoll

import (
	"os"
	"syscall"
	"time"

	"github.com/baton-go/baton/internal/uring"
)

const (
	RingEntries = ringEntries
	MaxWorkers  = maxWorkers
	FileChunk   = ringChunk
)

// NewFileOfAnyKind is NewFile, for a pipe too.
func (l *Loop) NewFileOfAnyKind(f *os.File) (*File, error) { return l.adopt(f) }

// SetCloseWithin sets how long Close waits for the files.
func (l *Loop) SetCloseWithin(d time.Duration) { l.files.closeWithin = d }

// InKernel is the number of operations that the io_uring has.
func (l *Loop) InKernel() int {
	if l.files.ring == nil {
		return 0
	}
	return l.files.ring.inKernel
}

// OpenRings is the number of io_urings that are not closed.
func OpenRings() int {
	rings.Lock()
	defer rings.Unlock()
	return len(rings.set)
}

// AlwaysUring leaves to the io_uring also the writes for which goroutines are
// cheaper, until undo is called.
func AlwaysUring() (undo func()) {
	old := puntLimit
	puntLimit = 1 << 30
	return func() { puntLimit = old }
}

// RefuseQueued answers all operations that the io_uring would get as a kernel
// might that cannot do them.
func (l *Loop) RefuseQueued(errno syscall.Errno) {
	r := l.files.ring
	for op := r.queue.pop(); op != nil; op = r.queue.pop() {
		r.queued--
		r.complete(op, -int32(errno))
	}
}

// RefuseUring makes opening an io_uring fail until undo is called.
func RefuseUring(err error) (undo func()) {
	openUring = func(int) (*uring.Ring, error) { return nil, err }
	return func() { openUring = uring.Open }
}

// AtGoroutines is the number of operations that goroutines are doing.
func (l *Loop) AtGoroutines() (n int) {
	w := &l.files.workers
	w.mu.Lock()
	defer w.mu.Unlock()
	for op := l.files.first; op != nil; op = op.younger {
		if op.stage == opWorkers && op.claimed {
			n++
		}
	}
	return n
}

// Punt makes the file one of which the kernel leaves the writes to its threads.
func (f *File) Punt() { f.punted = puntLimit }

// Direct reports whether the file was opened with O_DIRECT.
func (f *File) Direct() bool { return f.direct }
