package uring

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of the kernel's interface, what this package uses.
const (
	offRings    = 0          // IORING_OFF_SQ_RING
	offRequests = 0x10000000 // IORING_OFF_SQES

	featSingleMmap = 1 << 0
	featNoDrop     = 1 << 1
	featRWCurPos   = 1 << 3

	enterGetEvents = 1 << 0
	sqOverflow     = 1 << 1 // IORING_SQ_CQ_OVERFLOW
	registerProbe  = 8
	opSupported    = 1 << 0
	maxOps         = 256
	neededFeatures = featSingleMmap | featNoDrop | featRWCurPos
)

// struct io_uring_params, and of what it consists.
type params struct {
	sqEntries, cqEntries, flags, sqThreadCPU, sqThreadIdle, features, wqFD uint32
	_                                                                      [3]uint32
	sq                                                                     sqOffsets
	cq                                                                     cqOffsets
}

type sqOffsets struct {
	head, tail, ringMask, ringEntries, flags, dropped, array, _ uint32
	userAddr                                                    uint64
}

type cqOffsets struct {
	head, tail, ringMask, ringEntries, overflow, cqes, flags, _ uint32
	userAddr                                                    uint64
}

// struct io_uring_probe with room for all operations that there can be.
type probe struct {
	lastOp, opsLen uint8
	_              uint16
	_              [3]uint32
	ops            [maxOps]probeOp
}

type probeOp struct {
	op, _ uint8
	flags uint16
	_     uint32
}

// A Ring is an io_uring instance. One goroutine at a time may use it.
type Ring struct {
	fd                int
	rings, requestMem []byte // mappings

	// The submission ring. The kernel moves the head, and only within Submit.
	sqHead, sqTail, sqFlags *uint32
	requests                []Request
	tail                    uint32 // of the requests that were handed out

	// The completion ring. The kernel moves the tail at any time.
	cqHead, cqTail *uint32
	completions    []Completion

	supported [maxOps]bool
	enters    uint64
}

// Open makes a ring with room for entries requests at a time, rounded up to a
// power of two, and for twice as many completions. The error wraps an
// [os.SyscallError], or matches [errors.ErrUnsupported] if the kernel's io_uring is
// too old.
func Open(entries int) (*Ring, error) {
	var p params
	fd, _, errno := syscall.Syscall(unix.SYS_IO_URING_SETUP, uintptr(entries), uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, os.NewSyscallError("io_uring_setup", errno)
	}
	r := &Ring{fd: int(fd)}
	if err := r.init(&p); err != nil {
		_ = r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Ring) init(p *params) (err error) {
	if p.features&neededFeatures != neededFeatures {
		return fmt.Errorf("uring.Open: features %#x of the kernel's io_uring are not enough: %w", p.features, errors.ErrUnsupported)
	}
	// One mapping holds both rings (SINGLE_MMAP), but not the requests, to which the
	// submission ring has indices.
	size := max(p.sq.array+p.sqEntries*4, p.cq.cqes+p.cqEntries*uint32(unsafe.Sizeof(Completion{})))
	if r.rings, err = r.mmap(offRings, size); err != nil {
		return err
	}
	if r.requestMem, err = r.mmap(offRequests, p.sqEntries*uint32(unsafe.Sizeof(Request{}))); err != nil {
		return err
	}
	r.sqHead, r.sqTail, r.sqFlags = r.word(p.sq.head), r.word(p.sq.tail), r.word(p.sq.flags)
	r.cqHead, r.cqTail = r.word(p.cq.head), r.word(p.cq.tail)
	r.requests = unsafe.Slice((*Request)(unsafe.Pointer(&r.requestMem[0])), p.sqEntries)
	r.completions = unsafe.Slice((*Completion)(unsafe.Pointer(&r.rings[p.cq.cqes])), p.cqEntries)
	// Requests are used in turn, so the indices never change.
	for i := range p.sqEntries {
		*r.word(p.sq.array + 4*i) = i
	}
	return r.probe()
}

func (r *Ring) mmap(offset int64, size uint32) ([]byte, error) {
	mem, err := unix.Mmap(r.fd, offset, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	return mem, os.NewSyscallError("mmap", err)
}

// word is the 32-bit word at an offset of the rings' mapping.
func (r *Ring) word(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.rings[offset])) }

// probe asks which operations there are.
func (r *Ring) probe() error {
	p := new(probe)
	_, _, errno := syscall.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(r.fd), registerProbe,
		uintptr(unsafe.Pointer(p)), maxOps, 0, 0)
	if errno != 0 {
		return os.NewSyscallError("io_uring_register", errno)
	}
	for _, o := range p.ops[:p.opsLen] {
		r.supported[o.op] = o.flags&opSupported != 0
	}
	return nil
}

// Close closes the ring. Requests that are under way are cancelled some time
// later, and their memory may be written to until then: cancel them and take their
// completions first.
func (r *Ring) Close() error {
	var errs []error
	for _, mem := range [][]byte{r.rings, r.requestMem} {
		if mem != nil {
			errs = append(errs, os.NewSyscallError("munmap", unix.Munmap(mem)))
		}
	}
	return errors.Join(append(errs, os.NewSyscallError("close", unix.Close(r.fd)))...)
}

// FD is the ring's descriptor. A poller finds it readable when there are
// completions; edge-triggered, there is an edge whenever one is added.
func (r *Ring) FD() int { return r.fd }

// Supports reports whether the kernel has an operation.
func (r *Ring) Supports(op Op) bool { return r.supported[op] }

// Requests is the number of requests for which there is room between two Submits.
func (r *Ring) Requests() int { return len(r.requests) }

// Completions is the number of completions for which there is room. More are kept
// by the kernel, at a cost, until a Submit that comes after some were taken.
func (r *Ring) Completions() int { return len(r.completions) }

// Request returns a blank request that the next Submit hands to the kernel, or nil
// if there is no room: Submit first. The memory is the kernel's after that.
func (r *Ring) Request() *Request {
	if r.Unsubmitted() == len(r.requests) {
		return nil
	}
	e := &r.requests[r.tail&uint32(len(r.requests)-1)]
	r.tail++
	*e = Request{}
	return e
}

// Unsubmitted is the number of requests that the kernel has not taken yet.
func (r *Ring) Unsubmitted() int { return int(r.tail - atomic.LoadUint32(r.sqHead)) }

// Submit hands the requests to the kernel, which executes them as far as it can
// without waiting, and returns how many it took. It does not take all when it is
// out of memory (EAGAIN) or keeps too many completions for want of room (EBUSY):
// try again when some have been taken. Other errors, which are [os.SyscallError]
// as well, mean that the ring is not usable.
//
// Without requests Submit makes a system call only if the kernel keeps
// completions.
//
// Budget: one system call, known to the Go scheduler because it copies what is
// read from memory and may fault; no allocation.
func (r *Ring) Submit() (n int, err error) {
	atomic.StoreUint32(r.sqTail, r.tail)
	for {
		var flags uintptr
		if atomic.LoadUint32(r.sqFlags)&sqOverflow != 0 {
			flags = enterGetEvents
		}
		left := r.Unsubmitted()
		if left == 0 && flags == 0 {
			return n, nil
		}
		r.enters++
		took, _, errno := syscall.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(left), 0, flags, 0, 0)
		switch {
		case errno == unix.EINTR:
			continue
		case errno != 0:
			return n, os.NewSyscallError("io_uring_enter", errno)
		}
		n += int(took)
		// The kernel stops at a request that it refuses, which counts as taken.
		if left == int(took) || took == 0 {
			return n, nil
		}
	}
}

// Enters is the number of system calls that Submit has made.
func (r *Ring) Enters() uint64 { return r.enters }

// Completion takes the oldest completion, if there is one. It makes no system
// call.
func (r *Ring) Completion() (c Completion, ok bool) {
	head := *r.cqHead // only this side writes it
	if head == atomic.LoadUint32(r.cqTail) {
		return Completion{}, false
	}
	c = r.completions[head&uint32(len(r.completions)-1)]
	atomic.StoreUint32(r.cqHead, head+1)
	return c, true
}

// Direct reports whether a file was opened with O_DIRECT.
func Direct(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_DIRECT != 0
}

// Busy reports whether an error of Submit means that the kernel has no room now.
func Busy(err error) bool { return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EBUSY) }

// Error is the error of a Completion whose Result is less than zero.
func Error(result int32) error { return syscall.Errno(-result) }

// Undone reports whether an error of a completion says that the ring cannot do
// what a system call can: the file is of a kind that it does not know or may not
// wait for, or the thread that submitted the operation has ended.
func Undone(err error) bool {
	switch err {
	case unix.ECANCELED, unix.EINTR, unix.EAGAIN, unix.EINVAL, unix.EOPNOTSUPP, unix.EFAULT:
		return true
	}
	return false
}

// Wait blocks until there is a completion, for no longer than timeout, or less if
// a signal arrives.
func (r *Ring) Wait(timeout time.Duration) {
	fds := []unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLIN}}
	_, _ = unix.Poll(fds, int(max(0, timeout+time.Millisecond-1)/time.Millisecond))
}
