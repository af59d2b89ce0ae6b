package netpoll

import (
	"context"
	"fmt"
	"io/fs"
	"sync/atomic"

	"github.com/baton-go/baton/internal/uring"
)

// ErrCancelled is matched by the error of an operation that [FileOp.Cancel] ended.
// It also matches [context.Canceled].
var ErrCancelled = fmt.Errorf("netpoll: cancelled: %w", context.Canceled)

// A FileOp is an operation of a [File] that was asked for. Its methods are for the
// loop's owner.
type FileOp struct {
	loop *Loop
	file *File // nil for OpenFile
	name string
	verb string // of errors

	kind   opKind
	stage  opStage
	moving bool // it uses the file's position, and nobody else may

	// What a read or write is about.
	buf  []byte
	off  int64 // or uring.CurrentPos
	n    int   // bytes so far
	done func(n int, err error)

	// What other operations do, and who is told.
	call func() error
	tell func(err error)

	err     error
	request uint64      // in the kernel: which of the ring's
	claimed bool        // at the workers: taken from their queue; under their lock
	stop    atomic.Bool // it is to end as soon as it can

	next             *FileOp // in the queue that the stage names
	earlier, younger *FileOp // in files
}

type opKind uint8

const (
	opRead opKind = iota
	opWrite
	opSync
	opSeek  // a call that does not block
	opCall  // a call that may
	opClose // of a file
)

func (k opKind) String() string {
	if k == opRead {
		return "read"
	}
	return "write"
}

// The stages of an operation:
//
//	stage      where it is                           next
//	opNew      nowhere yet                           any
//	opWaiting  in File.waiting, or File.closing      opQueued, opWorkers, opEnded
//	opQueued   in the ring's queue                   opKernel, opEnded
//	opKernel   the kernel has it                     opQueued, opWorkers, opEnded
//	opWorkers  the goroutines have it                opEnded
//	opEnded    in the ready queue, or told
//
// An operation that is cancelled while it is in a queue has ended at once and
// stays in the queue, to be passed over. A read or write that the kernel did only a
// part of goes back to the ring's queue, and what the ring cannot do goes to the
// goroutines.
type opStage uint8

const (
	opNew opStage = iota
	opWaiting
	opQueued
	opKernel
	opWorkers
	opEnded
)

// newFileOp makes an operation that keeps the loop alive.
func (l *Loop) newFileOp(function string, kind opKind, noDone bool) *FileOp {
	l.mustBeOpen(function)
	if noDone {
		misuse(function, "nil function", "pass the function that is to be told of the result")
	}
	if l.files == nil {
		l.files = newFiles(l)
	}
	op := &FileOp{loop: l, kind: kind}
	l.files.add(op)
	return op
}

// start begins an operation of a file, unless there is a reason to refuse it.
func (op *FileOp) start(refusal error) *FileOp {
	switch {
	case op.file.closed:
		op.end(op.wrap(fs.ErrClosed))
	case refusal != nil:
		op.end(refusal)
	case op.kind == opSeek || op.kind <= opWrite && op.off == uring.CurrentPos:
		op.file.proceed(op)
	default:
		op.dispatch()
	}
	return op
}

// dispatch hands the operation to who does it.
func (op *FileOp) dispatch() {
	s := op.loop.files
	switch {
	case op.kind == opSeek, op.kind == opClose && s.closing:
		op.end(op.call())
	case s.closing:
		op.end(op.cut())
	case op.kind <= opWrite && len(op.buf) == 0:
		op.end(nil)
	case op.kind <= opSync && s.ring != nil && s.ring.suits(op):
		s.ring.push(op)
	default:
		s.workers.start(op)
	}
}

// Cancel asks that the operation end early. Its done is called all the same, with
// an error that matches [ErrCancelled] if it did, and with the number of bytes that
// were read or written before. An operation that waits for its turn ends at once.
// A large read or write that is under way ends after its current megabyte, others
// mostly run to their end: disks do not let go.
//
// Cancel reports false if the operation has ended already.
func (op *FileOp) Cancel() bool {
	s := op.loop.files
	switch op.stage {
	case opEnded:
		return false
	case opKernel:
		s.ring.cancel(op)
	case opWorkers:
		if s.workers.cancel(op) {
			op.end(op.cut())
		}
	default:
		op.end(op.cut())
	}
	return true
}

// cut is the error of an operation that was cut short.
func (op *FileOp) cut() error {
	if op.loop.files.closing {
		return op.wrap(ErrClosed)
	}
	return op.wrap(ErrCancelled)
}

func (op *FileOp) wrap(err error) error {
	return &fs.PathError{Op: op.verb, Path: op.name, Err: err}
}

// end makes the operation ready to be told.
func (op *FileOp) end(err error) {
	op.stage, op.err, op.buf = opEnded, err, nil
	if !op.loop.files.closing {
		op.loop.Enqueue((*endedOp)(op))
	}
	if op.file != nil && op.kind != opClose {
		op.file.ended(op)
	}
}

// An endedOp is a FileOp as an entry of the ready queue.
type endedOp FileOp

// RunReady tells of the result.
func (e *endedOp) RunReady() {
	op := (*FileOp)(e)
	op.loop.files.remove(op)
	switch {
	case op.done != nil:
		op.loop.calls(op.done)
		op.done(op.n, op.err)
	case op.tell != nil:
		op.loop.calls(op.tell)
		op.tell(op.err)
	}
}

// An opQueue is a FIFO of operations.
type opQueue struct{ first, last *FileOp }

func (q *opQueue) push(op *FileOp) {
	op.next = nil
	if q.last == nil {
		q.first = op
	} else {
		q.last.next = op
	}
	q.last = op
}

// pop returns nil if there is none.
func (q *opQueue) pop() *FileOp {
	op := q.first
	if op == nil {
		return nil
	}
	if q.first = op.next; q.first == nil {
		q.last = nil
	}
	op.next = nil
	return op
}
