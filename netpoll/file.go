package netpoll

import (
	"errors"
	"io/fs"
	"os"

	"github.com/baton-go/baton/internal/uring"
)

// A File is a file that is read and written without blocking the loop: each
// method returns at once, and done is called when the operation has ended, as an
// entry of the loop's ready queue and never within the call. It mirrors libuv's
// uv_fs_* functions, with the results of [os.File]: errors are [*fs.PathError], the
// end of a file is [io.EOF], a closed file is [os.ErrClosed].
//
//	loop.OpenFile("data", os.O_RDONLY, 0, func(f *netpoll.File, err error) {
//		if err != nil {
//			log.Fatal(err)
//		}
//		p := make([]byte, 4096)
//		f.ReadAt(p, 0, func(n int, err error) {
//			fmt.Printf("%q, %v\n", p[:n], err)
//			f.Close(nil)
//		})
//	})
//
// On Linux reads, writes and Sync go through an io_uring, if the kernel lets the
// loop have one: what was asked for in one iteration is handed to the kernel with
// one system call before the loop polls. Everything else, and everything where
// there is no io_uring, is done by goroutines, 16 of a loop at most; so are, after
// the first few, writes to files of which the kernel cannot write without waiting,
// because its threads cost more than ours. [Stats] says which it is, and why; the
// results are the same.
//
// # Buffers
//
// A buffer belongs to the operation from the call until done: the kernel or
// another goroutine reads or writes it meanwhile. It is pinned (see
// [runtime.Pinner]) and may be any part of any slice.
//
// # Order
//
// Read, Write and SeekTo use the file's own position and are done one after the
// other, in the order of the calls. All other operations run at the same time, in
// no order: Sync and Stat cover those of which done was called before. Close
// comes after all.
//
// # The loop
//
// While an operation has not ended the loop does not end, and a [VirtualClock] does
// not jump, as if it held a [Loop.Ref].
//
// [Loop.Close] ends what is under way, waits for it, and calls each done that has not
// been called, with [ErrClosed] if the operation was cut short. It does not wait
// for ever: see there. The file stays open; [File.Close] still closes it.
//
// # What is a file
//
// Regular files, directories, block devices and [os.DevNull]. Pipes, FIFOs,
// sockets, terminals and other character devices are refused with [ErrNotFile]:
// an operation on one may take for ever, and a poller tells when it would not. They
// are for [Loop.Open] and [Loop.AddReader].
//
// All methods are for the loop's owner. Those that take a done panic if it is nil,
// except Close, and if the loop is closed.
type File struct {
	loop *Loop
	os   *os.File
	fd   int

	// See fileRing.learn.
	direct bool
	punted int

	asked   int     // operations that have not ended
	moving  bool    // one of them uses the file's position now
	turns   bool    // takeTurns runs
	waiting opQueue // those that will after it
	closed  bool
	closing *FileOp // the Close that waits for asked to be zero, or nil
}

// ErrNotFile is matched by the errors of [Loop.OpenFile] and [Loop.NewFile] for
// what can be polled instead: see [File].
var ErrNotFile = errors.New("netpoll: a pipe, a socket or a character device, not a file")

// OpenFile opens a file like [os.OpenFile] and calls done with it, or with nil and
// an [*fs.PathError], which may match [ErrNotFile]. The opening itself does not
// block the loop either.
func (l *Loop) OpenFile(name string, flag int, perm fs.FileMode, done func(f *File, err error)) *FileOp {
	op := l.newFileOp("OpenFile", opCall, done == nil)
	op.name, op.verb = name, "open"
	var file *os.File
	op.call = func() (err error) {
		// A FIFO would block for as long as nobody opens the other end.
		if info, err := os.Stat(name); err == nil && !isFile(info) {
			return &fs.PathError{Op: "open", Path: name, Err: ErrNotFile}
		}
		file, err = os.OpenFile(name, flag, perm)
		return err
	}
	op.tell = func(err error) {
		if err != nil {
			done(nil, err)
			return
		}
		f, err := l.newFile("open", file)
		if err != nil {
			_ = file.Close()
		}
		done(f, err)
	}
	op.dispatch()
	return op
}

// NewFile makes a [File] of one that is open. The os.File belongs to it from then
// on: do not close it, nor read or write at its position. The error is
// [ErrClosed], or an [*fs.PathError] which may match [ErrNotFile] or [os.ErrClosed];
// [os.ErrInvalid] if f is nil.
//
// Budget: two system calls, fstat and fcntl.
func (l *Loop) NewFile(f *os.File) (*File, error) {
	if l.closed {
		return nil, ErrClosed
	}
	return l.newFile("new", f)
}

func (l *Loop) newFile(verb string, file *os.File) (*File, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !isFile(info) {
		return nil, &fs.PathError{Op: verb, Path: file.Name(), Err: ErrNotFile}
	}
	return l.adopt(file)
}

// adopt is newFile for whatever file.
func (l *Loop) adopt(file *os.File) (*File, error) {
	conn, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	f := &File{loop: l, os: file}
	if err := conn.Control(func(fd uintptr) {
		f.fd = int(fd)
		f.direct = uring.Direct(f.fd)
	}); err != nil {
		return nil, err
	}
	return f, nil
}

// isFile reports whether operations on a file end by themselves.
func isFile(info fs.FileInfo) bool {
	if info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeCharDevice) == 0 {
		return true
	}
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(info, null)
}

// Name is the name with which the file was opened.
func (f *File) Name() string { return f.os.Name() }

// OSFile is the file itself, for calls that [File] has not, such as Chmod and
// ReadDir. It belongs to f: see [Loop.NewFile].
func (f *File) OSFile() *os.File { return f.os }

// ReadAt reads into p what is in the file from off on, and calls done with the
// number of bytes: len(p), or less and an error, which is [io.EOF] at the end of
// the file. It mirrors [os.File.ReadAt].
//
// Budget: one allocation, the FileOp; a share of a system call. See
// BenchmarkFileRead.
func (f *File) ReadAt(p []byte, off int64, done func(n int, err error)) *FileOp {
	_, refusal := f.os.ReadAt(nil, off) // of a negative offset; it makes no system call
	return f.transfer("ReadAt", opRead, p, off, done).start(refusal)
}

// WriteAt writes p into the file from off on, and calls done with the number of
// bytes: len(p), or less and an error. A file that was opened with O_APPEND is
// refused. It mirrors [os.File.WriteAt].
func (f *File) WriteAt(p []byte, off int64, done func(n int, err error)) *FileOp {
	_, refusal := f.os.WriteAt(nil, off) // also of append mode; it makes no system call
	return f.transfer("WriteAt", opWrite, p, off, done).start(refusal)
}

// Read reads from the file's position on and moves it: after the Reads, Writes and
// SeekTos that were asked for before. It fills p unless the file ends, and calls done
// with the number of bytes, and with [io.EOF] if there were none. It mirrors
// [os.File.Read].
func (f *File) Read(p []byte, done func(n int, err error)) *FileOp {
	return f.transfer("Read", opRead, p, uring.CurrentPos, done).start(nil)
}

// Write writes p at the file's position, or at its end if it was opened with
// O_APPEND, and moves the position: after the Reads, Writes and SeekTos that were asked
// for before. It calls done with the number of bytes: len(p), or less and an error.
// An empty p makes no system call, and so finds no error. At the end of a file, more
// than a megabyte may take several writes, between which another process may append.
// It mirrors [os.File.Write].
func (f *File) Write(p []byte, done func(n int, err error)) *FileOp {
	return f.transfer("Write", opWrite, p, uring.CurrentPos, done).start(nil)
}

// SeekTo sets the file's position, after the Reads, Writes and SeekTos that were asked
// for before, and calls done with it. It mirrors [os.File.Seek].
func (f *File) SeekTo(offset int64, whence int, done func(pos int64, err error)) *FileOp {
	op := f.newOp("SeekTo", "seek", opSeek, done == nil)
	var pos int64
	op.call = func() (err error) {
		pos, err = f.os.Seek(offset, whence)
		return err
	}
	op.tell = func(err error) { done(pos, err) }
	return op.start(nil)
}

// Sync brings to the disk what was written by operations whose done was called,
// and by others perhaps. It mirrors [os.File.Sync].
func (f *File) Sync(done func(err error)) *FileOp {
	op := f.newOp("Sync", "sync", opSync, done == nil)
	op.tell = done
	return op.start(nil)
}

// Truncate changes the size of the file. It mirrors [os.File.Truncate].
func (f *File) Truncate(size int64, done func(err error)) *FileOp {
	op := f.newOp("Truncate", "truncate", opCall, done == nil)
	op.call = func() error { return f.os.Truncate(size) }
	op.tell = done
	return op.start(nil)
}

// Stat calls done with what the system knows of the file. It mirrors
// [os.File.Stat].
func (f *File) Stat(done func(info fs.FileInfo, err error)) *FileOp {
	op := f.newOp("Stat", "stat", opCall, done == nil)
	var info fs.FileInfo
	op.call = func() (err error) {
		info, err = f.os.Stat()
		return err
	}
	op.tell = func(err error) { done(info, err) }
	return op.start(nil)
}

// Close closes the file when the operations that were asked for before have
// ended, and calls done, unless that is nil. Operations that are asked for
// afterwards, and a second Close, get [os.ErrClosed]. It mirrors [os.File.Close].
//
// When the loop is closed, Close closes the file at once and calls done within
// the call.
func (f *File) Close(done func(err error)) {
	if f.loop.closed {
		if err := f.os.Close(); done != nil {
			done(err)
		}
		return
	}
	op := f.loop.newFileOp("Close", opClose, false)
	op.file, op.name, op.verb = f, f.os.Name(), "close"
	op.call, op.tell = f.os.Close, done
	switch {
	case f.closed:
		op.end(op.wrap(os.ErrClosed))
	case f.asked > 0:
		f.closed, f.closing = true, op
		op.stage = opWaiting
	default:
		f.closed = true
		op.dispatch()
	}
}

// newOp makes an operation on the file, which start begins.
func (f *File) newOp(function, verb string, kind opKind, noDone bool) *FileOp {
	op := f.loop.newFileOp(function, kind, noDone)
	op.file, op.name, op.verb = f, f.os.Name(), verb
	f.asked++
	return op
}

func (f *File) transfer(function string, kind opKind, p []byte, off int64, done func(int, error)) *FileOp {
	op := f.newOp(function, kind.String(), kind, done == nil)
	op.buf, op.off, op.done = p, off, done
	return op
}

// proceed begins an operation that uses the file's position, or lets it wait for
// its turn.
func (f *File) proceed(op *FileOp) {
	if f.moving {
		op.stage = opWaiting
		f.waiting.push(op)
		return
	}
	f.moving, op.moving = true, true
	op.dispatch()
}

// ended notes the end of an operation and begins what waited for it.
func (f *File) ended(op *FileOp) {
	f.asked--
	if op.moving {
		f.moving = false
		f.takeTurns()
	}
	if f.asked == 0 && f.closing != nil {
		last := f.closing
		f.closing = nil
		last.dispatch()
	}
}

// takeTurns begins the operations that wait for the file's position, up to one that
// does not end at once. It is a loop, since those that do get here from within it:
// there may be millions.
func (f *File) takeTurns() {
	if f.turns {
		return
	}
	f.turns = true
	for !f.moving {
		next := f.waiting.pop()
		if next == nil {
			break
		}
		if next.stage == opWaiting { // it was not cancelled
			f.proceed(next)
		}
	}
	f.turns = false
}
