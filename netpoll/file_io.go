package netpoll

import (
	"fmt"
	"os"
	"time"
)

// files is what a loop has for its files, from the first operation on: an io_uring
// or not, goroutines, and the list of the operations that have not been told,
// in the order in which they were asked for.
type files struct {
	loop    *Loop
	how     string    // Stats.FileIO
	ring    *fileRing // nil: goroutines do everything
	workers fileWorkers

	first, last *FileOp
	pending     int // operations in the list

	closing     bool
	closeWithin time.Duration
}

// closeWithin is how long Loop.Close waits for the operations that the system
// does not let go of.
const closeWithin = 5 * time.Second

// WithoutUring makes a loop leave its file operations to goroutines even where it
// could have an io_uring. See [File].
func WithoutUring() Option {
	return func(l *Loop) { l.noUring = true }
}

func newFiles(l *Loop) *files {
	s := &files{loop: l, closeWithin: closeWithin}
	s.workers.init(l)
	if l.noUring {
		s.how = "goroutines: WithoutUring"
		return s
	}
	ring, err := openFileRing(s)
	if err != nil {
		s.how = "goroutines: " + err.Error()
		return s
	}
	s.how, s.ring = "io_uring", ring
	return s
}

// add lists an operation, which keeps the loop alive.
func (s *files) add(op *FileOp) {
	if op.earlier = s.last; s.last == nil {
		s.first = op
	} else {
		s.last.younger = op
	}
	s.last = op
	s.pending++
	s.loop.refs++
}

// remove takes an operation that is being told out of the list.
func (s *files) remove(op *FileOp) {
	if op.earlier == nil {
		s.first = op.younger
	} else {
		op.earlier.younger = op.younger
	}
	if op.younger == nil {
		s.last = op.earlier
	} else {
		op.younger.earlier = op.earlier
	}
	op.earlier, op.younger = nil, nil
	s.pending--
	s.loop.refs--
	s.loop.stats.FileOps++
}

// flush hands the kernel what was asked for since the last time, and makes ready
// what it has completed. It reports whether the loop must not sleep. The loop
// calls it before it polls.
//
// Budget: 5 ns if there is nothing to do.
func (s *files) flush() bool { return s.ring != nil && s.ring.flush() }

// close ends all operations and waits until the system is finished with them. The
// error, which matches [os.ErrDeadlineExceeded], says that it was not, in time:
// then the buffers stay pinned, and nobody is told.
func (s *files) close() error {
	s.closing = true
	deadline := time.Now().Add(s.closeWithin)
	s.workers.stop()
	if s.ring != nil {
		s.ring.stop()
		s.ring.await(deadline)
	}
	s.workers.await(deadline)
	left := 0
	for op := s.first; op != nil; op = op.younger {
		switch op.stage {
		case opWaiting: // for one that has not ended
			op.dispatch()
		case opKernel, opWorkers:
			left++
		}
	}
	if left > 0 {
		return fmt.Errorf("netpoll.Close: %d file operations have not ended: %w", left, os.ErrDeadlineExceeded)
	}
	return nil
}

// tell tells all operations that have ended, for a loop that has closed. A panic
// passes through after the others were told.
func (s *files) tell() {
	all := false
	defer func() {
		if !all {
			s.tell()
		}
	}()
	for op := s.first; op != nil; {
		younger := op.younger // telling takes op out of the list
		if op.stage == opEnded {
			(*endedOp)(op).RunReady()
		}
		op = younger
	}
	all = true
}
