// Package uring is the bare io_uring of Linux: a ring of requests that the kernel
// is handed in batches, and a ring of its answers, both in memory that is shared
// with it.
//
//	ring, err := uring.Open(128)
//	…
//	e := ring.Request() // nil: full, Submit first
//	e.Read(fd, p, 0)
//	e.UserData = 7
//	n, err := ring.Submit() // one system call for all requests since the last
//	…
//	c, ok := ring.Completion() // no system call
//
// A [Ring] may pass from one goroutine, and one OS thread, to another as long as
// they synchronise: it is not set up for a single issuer, because that is bound to
// a thread. When a thread that submitted ends before its requests do, the kernel
// may end them with ECANCELED, EINTR or EFAULT.
//
// # Memory
//
// The kernel knows of a request's memory by its address only. Whoever hands memory
// to a request keeps it where it is, with a [runtime.Pinner], until the completion
// has been taken, also if the request was cancelled in the meantime and if the
// ring is to be closed: closing a ring does not wait for its requests.
//
// # Platforms
//
// Elsewhere than on Linux [Open] fails with an error that matches
// [errors.ErrUnsupported]. On Linux it needs version 5.6, and leave: a sandbox may
// forbid it (EPERM, or ENOSYS), as may the administrator (EPERM, see
// /proc/sys/kernel/io_uring_disabled), and old kernels count the rings' memory
// against RLIMIT_MEMLOCK (ENOMEM).
package uring

import "unsafe"

// An Op is the kind of a request: IORING_OP_* of the kernel.
type Op uint8

// The kinds that this package can prepare.
const (
	OpNop    Op = 0
	OpFsync  Op = 3
	OpCancel Op = 14
	OpRead   Op = 22
	OpWrite  Op = 23
)

// Async is a flag of a request, IOSQE_ASYNC: a thread of the kernel executes it
// from the start, instead of Submit as far as that can be done without waiting.
const Async uint8 = 1 << 4

// CurrentPos stands for an offset: read or write at the file's own position, and
// move that.
const CurrentPos int64 = -1

// A Request is an entry of the submission ring, struct io_uring_sqe. Those of its
// methods that are named after an operation make it a request for that.
type Request struct {
	op          Op
	Flags       uint8 // Async or 0
	ioprio      uint16
	fd          int32
	off         uint64
	addr        uint64
	len         uint32
	opFlags     uint32
	UserData    uint64 // comes back in the completion
	bufIndex    uint16
	personality uint16
	spliceFD    int32
	addr3       uint64
	_           uint64
}

// Nop completes with 0.
func (e *Request) Nop() { e.op = OpNop }

// Read reads into p, which must not be empty, at an offset of the file or at
// [CurrentPos], and completes with the number of bytes read; 0 is the end of the
// file.
func (e *Request) Read(fd int, p []byte, off int64) { e.transfer(OpRead, fd, p, off) }

// Write writes p, which must not be empty, at an offset of the file or at
// [CurrentPos], and completes with the number of bytes written.
func (e *Request) Write(fd int, p []byte, off int64) { e.transfer(OpWrite, fd, p, off) }

func (e *Request) transfer(op Op, fd int, p []byte, off int64) {
	e.op, e.fd, e.off = op, int32(fd), uint64(off)
	e.addr, e.len = uint64(uintptr(unsafe.Pointer(&p[0]))), uint32(len(p))
}

// Fsync completes with 0 when the file's contents and metadata are on the disk.
func (e *Request) Fsync(fd int) { e.op, e.fd = OpFsync, int32(fd) }

// Cancel asks for the end of the request whose UserData is target. It completes
// with 0 if that was cancelled, ENOENT if there is none, EALREADY if it is under
// way and may or may not end early. The target completes by itself in any case.
func (e *Request) Cancel(target uint64) { e.op, e.fd, e.addr = OpCancel, -1, target }

// A Completion is an entry of the completion ring, struct io_uring_cqe.
type Completion struct {
	UserData uint64 // of the request
	Result   int32  // what the system call would have returned, or minus its error number
	Flags    uint32
}
