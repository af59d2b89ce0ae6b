package fileobject

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

// A FileObject is an open file that belongs to a thread: see [Open] and [New].
//
// # Who may call
//
// Greenlets of its thread, several at a time. Reads are done one after the other in
// the order of the calls, and so are writes; of a regular file, reads, writes and
// seeks together, since they share its position. ReadAt and WriteAt run at the same
// time as all others. A foreign goroutine may call every method too: it is blocked
// until a greenlet that is made for it in the thread has made the call; when the
// thread is over it gets [os.ErrClosed]. A call in another thread, which it would
// block, panics with [gevent.ErrWrongThread]. So does a callback of the loop when it
// would have to wait.
//
// # Being killed
//
// A greenlet that is killed, or whose time is up, while it reads or writes is
// unwound, and what was not read yet is still there. On a regular file that is after
// the operating system has let go of the buffer, which on a broken disk may take as
// long as it likes. What was read by then is returned, and the kill comes with the
// next call.
//
// It mirrors gevent's FileObjectPosix and FileObjectThread. It must not be copied.
type FileObject struct {
	hub  *hub.Hub
	name string
	kind kind
}

// A kind is a regular file or a stream: how a FileObject does its work. The Proc is
// nil in a callback. All methods belong to the thread.
type kind interface {
	read(f *baton.Fiber, p *hub.Proc, b []byte) (int, error)
	write(f *baton.Fiber, p *hub.Proc, b []byte) (int, error)
	readAt(f *baton.Fiber, p *hub.Proc, b []byte, off int64) (int, error)
	writeAt(f *baton.Fiber, p *hub.Proc, b []byte, off int64) (int, error)
	seek(f *baton.Fiber, p *hub.Proc, off int64, whence int) (int64, error)
	sync(f *baton.Fiber, p *hub.Proc) error
	truncate(f *baton.Fiber, p *hub.Proc, size int64) error
	stat(f *baton.Fiber, p *hub.Proc) (fs.FileInfo, error)
	setDeadline(t time.Time, read, write bool) error
	close(f *baton.Fiber, p *hub.Proc) error
	abandon()
}

var (
	_ io.ReadWriteCloser = (*FileObject)(nil)
	_ io.ReaderAt        = (*FileObject)(nil)
	_ io.WriterAt        = (*FileObject)(nil)
	_ io.Seeker          = (*FileObject)(nil)
	_ io.StringWriter    = (*FileObject)(nil)
	_ io.ReaderFrom      = (*FileObject)(nil)
	_ io.WriterTo        = (*FileObject)(nil)
	_ fs.File            = (*FileObject)(nil)
)

// newFileObject makes one of the thread, which closes it at its end.
func newFileObject(h *hub.Hub, name string, k kind) *FileObject {
	f := &FileObject{hub: h, name: name, kind: k}
	h.Hold(f)
	return f
}

// Abandon closes the file at the end of its thread.
func (f *FileObject) Abandon() { f.kind.abandon() }

// Name returns the name with which the file was opened; also after Close. Any
// goroutine may call it.
func (f *FileObject) Name() string { return f.name }

// String returns the name, for dumps.
func (f *FileObject) String() string { return f.name }

// here returns the calling fiber and Proc, which is nil in a callback, and whether
// the call comes from the file's thread.
func (f *FileObject) here(op string) (*baton.Fiber, *hub.Proc, bool) {
	self, p := hub.Here()
	switch hub.Current() {
	case f.hub:
		return self, p, true
	case nil:
		return nil, nil, false
	}
	panic(f.hub.WrongThread(op, f, hub.Current()))
}

// do makes a call in the file's thread: see FileObject.
func (f *FileObject) do(op string, call func(self *baton.Fiber, p *hub.Proc) error) error {
	if self, p, here := f.here(op); here {
		return call(self, p)
	}
	var result error
	err := f.hub.Do(op, func() {
		self, p := hub.Require(op)
		result = call(self, p)
	})
	switch {
	case err == nil:
		return result
	case errors.Is(err, netpoll.ErrClosed):
		err = os.ErrClosed
	}
	return &fs.PathError{Op: strings.ToLower(strings.TrimPrefix(op, "fileobject.")), Path: f.name, Err: err}
}

// Read reads up to len(b) bytes. Of a regular file it reads all of them unless that
// ends before; of any other what is there, and at least one byte, for which it
// parks. At the end it returns io.EOF.
//
// Budget: on a pipe that has something one system call and no allocation; on a
// regular file a switch, three allocations, two more where goroutines do the work, and
// a share of a system call: see BenchmarkRead.
func (f *FileObject) Read(b []byte) (int, error) {
	const op = "fileobject.Read"
	if self, p, here := f.here(op); here {
		return f.kind.read(self, p, b)
	}
	return f.readOutside(op, b)
}

// readOutside and its like are apart so that results are on the heap only here.
func (f *FileObject) readOutside(op string, b []byte) (n int, err error) {
	err = f.do(op, func(self *baton.Fiber, p *hub.Proc) (err error) {
		n, err = f.kind.read(self, p, b)
		return err
	})
	return n, err
}

// Write writes all of b; if it returns fewer bytes the error is not nil. It parks
// the calling greenlet until that is done.
func (f *FileObject) Write(b []byte) (int, error) {
	const op = "fileobject.Write"
	if self, p, here := f.here(op); here {
		return f.kind.write(self, p, b)
	}
	return f.writeOutside(op, b)
}

func (f *FileObject) writeOutside(op string, b []byte) (n int, err error) {
	err = f.do(op, func(self *baton.Fiber, p *hub.Proc) (err error) {
		n, err = f.kind.write(self, p, b)
		return err
	})
	return n, err
}

// WriteString is Write of a string.
func (f *FileObject) WriteString(s string) (n int, err error) { return f.Write([]byte(s)) }

// ReadAt reads len(b) bytes from off on, and does not move the file's position.
// With fewer bytes the error is not nil; io.EOF at the end. What has no positions,
// such as a pipe, gives ESPIPE.
func (f *FileObject) ReadAt(b []byte, off int64) (int, error) {
	const op = "fileobject.ReadAt"
	if self, p, here := f.here(op); here {
		return f.kind.readAt(self, p, b, off)
	}
	return f.readAtOutside(op, b, off)
}

func (f *FileObject) readAtOutside(op string, b []byte, off int64) (n int, err error) {
	err = f.do(op, func(self *baton.Fiber, p *hub.Proc) (err error) {
		n, err = f.kind.readAt(self, p, b, off)
		return err
	})
	return n, err
}

// WriteAt writes len(b) bytes from off on, and does not move the file's position. A
// file that was opened with os.O_APPEND is refused, and what has no positions gives
// ESPIPE.
func (f *FileObject) WriteAt(b []byte, off int64) (int, error) {
	const op = "fileobject.WriteAt"
	if self, p, here := f.here(op); here {
		return f.kind.writeAt(self, p, b, off)
	}
	return f.writeAtOutside(op, b, off)
}

func (f *FileObject) writeAtOutside(op string, b []byte, off int64) (n int, err error) {
	err = f.do(op, func(self *baton.Fiber, p *hub.Proc) (err error) {
		n, err = f.kind.writeAt(self, p, b, off)
		return err
	})
	return n, err
}

// Seek sets the position for the next Read or Write, after those that were called
// before, and returns it: see [os.File.Seek].
func (f *FileObject) Seek(off int64, whence int) (pos int64, err error) {
	err = f.do("fileobject.Seek", func(self *baton.Fiber, p *hub.Proc) (err error) {
		pos, err = f.kind.seek(self, p, off, whence)
		return err
	})
	return pos, err
}

// Sync brings to the disk what was written: see [os.File.Sync].
func (f *FileObject) Sync() error { return f.do("fileobject.Sync", f.kind.sync) }

// Truncate changes the size of the file: see [os.File.Truncate].
func (f *FileObject) Truncate(size int64) error {
	return f.do("fileobject.Truncate", func(self *baton.Fiber, p *hub.Proc) error {
		return f.kind.truncate(self, p, size)
	})
}

// Stat returns what the system knows of the file.
func (f *FileObject) Stat() (info fs.FileInfo, err error) {
	err = f.do("fileobject.Stat", func(self *baton.Fiber, p *hub.Proc) (err error) {
		info, err = f.kind.stat(self, p)
		return err
	})
	return info, err
}

// SetDeadline sets the time at which reading and writing fail with an error that is
// [os.ErrDeadlineExceeded], also for calls that are waiting. The zero time means
// never. A regular file has none: the error is [os.ErrNoDeadline]. It does not
// park.
func (f *FileObject) SetDeadline(t time.Time) error { return f.setDeadline(t, true, true) }

// SetReadDeadline is SetDeadline for reading only.
func (f *FileObject) SetReadDeadline(t time.Time) error { return f.setDeadline(t, true, false) }

// SetWriteDeadline is SetDeadline for writing only. A Write that fails may have
// written a part.
func (f *FileObject) SetWriteDeadline(t time.Time) error { return f.setDeadline(t, false, true) }

func (f *FileObject) setDeadline(t time.Time, read, write bool) error {
	return f.do("fileobject.SetDeadline", func(*baton.Fiber, *hub.Proc) error {
		return f.kind.setDeadline(t, read, write)
	})
}

// Close closes the file. Calls on it that are waiting, or are in line, end with an
// error that is [os.ErrClosed], as do later ones and a second Close. Operations on a
// regular file that the operating system is at work on are waited for, and may
// succeed. Who is killed meanwhile does not wait any more, but the file is closed all
// the same. In a callback Close does not wait.
func (f *FileObject) Close() error {
	return f.do("fileobject.Close", func(self *baton.Fiber, p *hub.Proc) error {
		f.hub.Drop(f)
		return f.kind.close(self, p)
	})
}
