package fileobject

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

// Open opens a file for reading: see [OpenFile].
func Open(name string) (*FileObject, error) {
	return openFile("fileobject.Open", name, os.O_RDONLY, 0)
}

// Create makes a file, or empties one that is there, and opens it for reading and
// writing: see [os.Create] and [OpenFile].
func Create(name string) (*FileObject, error) {
	return openFile("fileobject.Create", name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
}

// OpenFile opens a file as [os.OpenFile] does, with the same errors. It parks the
// calling greenlet while the system is at it; for a FIFO that is until somebody
// opens the other end.
//
// The file belongs to the calling thread, at whose end it is closed. A foreign
// goroutine that calls OpenFile panics.
func OpenFile(name string, flag int, perm fs.FileMode) (*FileObject, error) {
	return openFile("fileobject.OpenFile", name, flag, perm)
}

func openFile(op, name string, flag int, perm fs.FileMode) (*FileObject, error) {
	self, p := hub.Require(op)
	h := p.Hub()
	r := &regular{name: name, hub: h}
	_, err := r.await(self, p, op, false, func(done func(n int, err error)) *netpoll.FileOp {
		return h.Loop.OpenFile(name, flag, perm, func(f *netpoll.File, err error) {
			r.file = f
			done(0, err)
		})
	})
	switch {
	case err == nil:
		return newFileObject(h, name, r), nil
	case !errors.Is(err, netpoll.ErrNotFile):
		return nil, err
	}
	f, err := openStream(self, p, op, name, flag, perm)
	if err != nil {
		return nil, err
	}
	o, err := newStream(h, f, false)
	if err != nil {
		_ = f.Close()
	}
	return o, err
}

// openStream opens what is no regular file, on a goroutine of its own, since a FIFO
// keeps whoever opens it until the other end is opened too.
func openStream(self *baton.Fiber, p *hub.Proc, op, name string, flag int, perm fs.FileMode) (*os.File, error) {
	if !sysStreams {
		return nil, &fs.PathError{Op: "open", Path: name, Err: netpoll.ErrNoPoller}
	}
	var (
		mu        sync.Mutex
		abandoned bool
		file      *os.File
		err       error
		opened    = make(chan struct{})
	)
	interrupt := p.Offload(self, hub.Wait{Op: op, On: name}, func() {
		defer close(opened)
		f, e := os.OpenFile(name, flag, perm)
		mu.Lock()
		defer mu.Unlock()
		if file, err = f, e; abandoned && e == nil {
			_ = f.Close()
		}
	})
	if interrupt == nil {
		return file, err
	}
	mu.Lock()
	abandoned = true
	if file != nil {
		_ = file.Close()
	}
	mu.Unlock()
	// The FIFO may be about to be removed, and then nobody could do this any more.
	released := make(chan struct{})
	go func() {
		defer close(released)
		sysReleaseOpener(name, opened)
	}()
	var more []error
	for !over(released) {
		if err := p.Offload(self, hub.Wait{Op: op, On: name}, func() { <-released }); err != nil {
			more = append(more, err)
		}
	}
	for _, err := range more {
		p.Interrupt(err)
	}
	hub.Unwind(interrupt)
	return nil, interrupt
}

// over reports whether c is closed.
func over(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// An Option changes what [New] makes.
type Option func(*options)

type options struct{ keep bool }

// KeepOpen leaves the [os.File] open when the [FileObject] is closed. It mirrors
// closefd=False.
func KeepOpen() Option { return func(o *options) { o.keep = true } }

// New makes a FileObject of a file that is open. Without [KeepOpen] the os.File is
// the FileObject's from then on, or is closed already, and must not be used any
// more.
//
// What is no regular file is put into non-blocking mode, together with all
// descriptors that were duplicated from it or that it was duplicated from, in
// whatever process: this is how it is with [os.Stdin] of a shell. Closing puts it
// back.
//
// The error is an [*fs.PathError], of [os.ErrClosed] for example; [os.ErrInvalid] if f
// is nil. The file is the caller's still then. New does not park. A foreign
// goroutine that calls it panics; a callback may call it.
func New(f *os.File, opts ...Option) (*FileObject, error) {
	h := hub.Current()
	if h == nil {
		hub.Require("fileobject.New")
	}
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	nf, err := h.Loop.NewFile(f)
	switch {
	case err == nil:
		return newFileObject(h, f.Name(), &regular{name: f.Name(), hub: h, file: nf, keep: o.keep}), nil
	case errors.Is(err, netpoll.ErrNotFile):
		return newStream(h, f, o.keep)
	}
	return nil, err
}

// ReadFile returns what is in the named file, without blocking the thread: see
// [os.ReadFile].
func ReadFile(name string) ([]byte, error) {
	f, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size := int64(0)
	if info, err := f.Stat(); err == nil {
		size = info.Size()
	}
	const more = 512 // than it is said to be: files in /proc say 0
	data := make([]byte, 0, max(size, 0)+more)
	for {
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err != nil {
			if isEOF(err) {
				err = nil
			}
			return data, err
		}
		data = slices.Grow(data, more)
	}
}

// WriteFile writes data to the named file, which is made or emptied before, without
// blocking the thread: see [os.WriteFile]. Who is killed meanwhile may leave a part.
func WriteFile(name string, data []byte, perm fs.FileMode) error {
	f, err := OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Close()
}
