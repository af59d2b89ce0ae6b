package netpoll

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/baton-go/baton/internal/uring"
)

// A fileRing does reads, writes and Sync by an io_uring. The other operations
// would gain nothing by it: the kernel hands them to threads of its own.
//
// # How the loop hears of completions
//
// It looks for them in the completion ring, in memory, whenever it is about to
// poll. The ring's descriptor is registered with the poller for one purpose: to end
// a sleep. So its events, which carry the tag of a slot in which nobody is, need not
// be looked at.
//
// # Room
//
// The kernel has at most as many operations as the submission ring has room for,
// and each is cancelled at most once, so the completion ring, which is twice as
// large, cannot overflow. What is asked for beyond that waits in queue.
//
// # Fairness
//
// What is in the page cache is copied by the thread that submits. So that the
// loop's other callbacks do not wait for that, a flush submits no more than
// ringBudget of it, and leaves what is larger than ringInline to a thread of the
// kernel; of one operation the kernel gets ringChunk at a time, so that a
// cancellation finds its end.
//
// # Memory
//
// A buffer is pinned while the kernel has it. A ring is kept alive until it is
// closed, by the table of rings: a loop that is dropped without Close must not
// take along buffers into which the kernel writes.
type fileRing struct {
	files *files
	ring  *uring.Ring

	slots    []ringSlot
	free     []uint32 // vacant slots
	queue    opQueue
	queued   int      // operations in queue, also those that have ended there
	cancels  []uint64 // requests to be cancelled
	inKernel int      // operations; the slots that are not vacant
	counted  bool     // as a source of the loop
	flushes  uint64
}

const (
	ringEntries = 128
	ringInline  = 64 << 10
	ringBudget  = 256 << 10
	ringChunk   = 1 << 20
)

// noRequest is the UserData of cancellations, whose own completions mean nothing.
const noRequest = ^uint64(0)

// A ringSlot is an operation that the kernel has. The kernel knows it as the
// slot's index and generation, so that a cancellation that comes too late does not
// hit the slot's next operation.
type ringSlot struct {
	op         *FileOp
	generation uint32
	flush      uint64 // in which it got it
	pinner     runtime.Pinner
}

// rings holds the rings that are not closed.
var rings struct {
	sync.Mutex
	set map[*fileRing]struct{}
}

// openUring is replaced by tests.
var openUring = uring.Open

func openFileRing(s *files) (*fileRing, error) {
	ring, err := openUring(ringEntries)
	if err != nil {
		return nil, err
	}
	r := &fileRing{files: s, ring: ring, slots: make([]ringSlot, ring.Requests())}
	for i := range r.slots {
		r.free = append(r.free, uint32(len(r.slots)-1-i))
	}
	for _, op := range []uring.Op{uring.OpRead, uring.OpWrite, uring.OpFsync, uring.OpCancel} {
		if !ring.Supports(op) {
			_ = ring.Close()
			return nil, fmt.Errorf("the io_uring lacks operation %d: %w", op, errors.ErrUnsupported)
		}
	}
	t := s.loop.sources.take()
	if err := s.loop.poller.add(ring.FD(), t, false); err != nil {
		s.loop.sources.vacate(t)
		_ = ring.Close()
		return nil, err
	}
	rings.Lock()
	defer rings.Unlock()
	if rings.set == nil {
		rings.set = make(map[*fileRing]struct{})
	}
	rings.set[r] = struct{}{}
	return r, nil
}

// puntLimit is how many more writes to a file must have been left to a thread of
// the kernel than not, until they are left to goroutines instead.
var puntLimit = 4

// suits reports whether the ring is the way for an operation, and the cheaper one.
// A transfer without buffers in the kernel that ends later than its submission does
// not move the file's position, so with O_DIRECT the position is for goroutines.
func (r *fileRing) suits(op *FileOp) bool {
	if op.file.direct && op.kind <= opWrite && op.off == uring.CurrentPos {
		return false
	}
	return op.kind != opWrite || op.file.punted < puntLimit
}

// learn notes whether the kernel did a write at once. It cannot with most file
// systems, ext4 among them, which may have to wait for a lock or a block, and then
// leaves it to a thread. That costs 3-4 µs for 4 KiB where a goroutine takes 2 and
// the system call itself 1.3. A file without buffers in the kernel is another
// matter: its writes take their time, but no thread.
func (r *fileRing) learn(op *FileOp, slot *ringSlot) {
	f := op.file
	switch {
	case op.kind != opWrite || f.direct || len(op.buf)-op.n > ringInline:
	case slot.flush == r.flushes:
		f.punted = max(0, f.punted-1)
	default:
		f.punted++
	}
}

// push queues an operation.
func (r *fileRing) push(op *FileOp) {
	op.stage = opQueued
	r.queue.push(op)
	r.queued++
}

// cancel asks the kernel to end an operation that it has.
func (r *fileRing) cancel(op *FileOp) {
	if !op.stop.Swap(true) {
		r.cancels = append(r.cancels, op.request)
	}
}

// flush is files.flush.
func (r *fileRing) flush() bool {
	r.reap()
	r.flushes++
	r.fill()
	if r.ring.Unsubmitted() > 0 {
		r.submit()
		r.reap()
	}
	if busy := r.inKernel > 0; busy != r.counted {
		if r.counted = busy; busy {
			r.files.loop.sources.count++
		} else {
			r.files.loop.sources.count--
		}
	}
	return r.files.loop.ready.n > 0 || r.ring.Unsubmitted() > 0 || len(r.cancels) > 0 || r.queued > 0 && len(r.free) > 0
}

func (r *fileRing) submit() {
	r.files.loop.stats.FileEnters++
	_, err := r.ring.Submit()
	if err != nil && !uring.Busy(err) {
		misuse("Turn", err.Error(), "do not close descriptors that belong to the loop")
	}
}

// fill prepares requests for what is queued, as far as there is room.
func (r *fileRing) fill() {
	n := 0
	for _, target := range r.cancels {
		e := r.ring.Request()
		if e == nil {
			break
		}
		e.Cancel(target)
		e.UserData = noRequest
		n++
	}
	if n > 0 {
		r.cancels = append(r.cancels[:0], r.cancels[n:]...)
	}
	for budget := ringBudget; budget > 0 && r.queued > 0 && len(r.free) > 0; {
		if r.ring.Unsubmitted() == r.ring.Requests() {
			break
		}
		op := r.queue.pop()
		r.queued--
		if op.stage == opQueued { // it was not cancelled
			budget -= r.prepare(r.ring.Request(), op)
		}
	}
}

// prepare makes a request of an operation and returns how much of the budget it
// takes.
func (r *fileRing) prepare(e *uring.Request, op *FileOp) (cost int) {
	index := r.free[len(r.free)-1]
	r.free = r.free[:len(r.free)-1]
	r.inKernel++
	slot := &r.slots[index]
	slot.op, slot.flush = op, r.flushes
	op.stage = opKernel
	op.request = uint64(slot.generation)<<32 | uint64(index)
	e.UserData = op.request
	if op.kind == opSync {
		e.Fsync(op.file.fd)
		return 0
	}
	p := op.buf[op.n:min(len(op.buf), op.n+ringChunk)]
	slot.pinner.Pin(&p[0])
	off := op.off
	if off != uring.CurrentPos {
		off += int64(op.n)
	}
	if op.kind == opRead {
		e.Read(op.file.fd, p, off)
	} else {
		e.Write(op.file.fd, p, off)
	}
	if len(p) > ringInline {
		e.Flags = uring.Async
		return 0
	}
	return len(p)
}

// reap takes the completions.
func (r *fileRing) reap() {
	for c, ok := r.ring.Completion(); ok; c, ok = r.ring.Completion() {
		if c.UserData == noRequest {
			continue
		}
		index := uint32(c.UserData)
		slot := &r.slots[index]
		op := slot.op
		r.learn(op, slot)
		slot.op = nil
		slot.generation++
		slot.pinner.Unpin()
		r.free = append(r.free, index)
		r.inKernel--
		r.complete(op, c.Result)
	}
}

// complete goes on with an operation after the kernel's answer.
func (r *fileRing) complete(op *FileOp, result int32) {
	if result < 0 {
		r.fail(op, uring.Error(result))
		return
	}
	op.n += int(result)
	switch {
	case op.kind == opSync, op.n == len(op.buf):
		op.end(nil)
	case result == 0:
		op.end(op.nothing())
	case op.stop.Load():
		op.end(op.cut())
	default:
		r.push(op)
	}
}

// nothing is the error of a read or write that made no progress.
func (op *FileOp) nothing() error {
	switch {
	case op.kind == opWrite:
		return op.wrap(io.ErrUnexpectedEOF)
	case op.off == uring.CurrentPos && op.n > 0:
		return nil
	}
	return io.EOF
}

// fail goes on after an error. What the ring leaves undone a goroutine does, by a
// system call, and its answer counts.
func (r *fileRing) fail(op *FileOp, err error) {
	switch {
	case !uring.Undone(err):
		op.end(op.wrap(err))
	case op.stop.Load():
		op.end(op.cut())
	default:
		r.files.workers.start(op)
	}
}

// stop ends what the kernel does not have, and asks it to end what it has.
func (r *fileRing) stop() {
	for op := r.queue.pop(); op != nil; op = r.queue.pop() {
		if op.stage == opQueued {
			op.end(op.cut())
		}
	}
	r.queued = 0
	for i := range r.slots {
		if op := r.slots[i].op; op != nil {
			r.cancel(op)
		}
	}
}

// await waits until the kernel has no operation any more and closes the ring.
// After the deadline it leaves the ring open, in the table of rings.
func (r *fileRing) await(deadline time.Time) {
	for r.inKernel > 0 {
		r.fill()
		r.submit()
		r.reap()
		left := time.Until(deadline)
		switch {
		case r.inKernel == 0:
		case left <= 0:
			return
		default:
			r.ring.Wait(min(left, 10*time.Millisecond))
			r.reap()
		}
	}
	_ = r.ring.Close()
	rings.Lock()
	defer rings.Unlock()
	delete(rings.set, r)
}
