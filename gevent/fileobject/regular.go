package fileobject

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

// regular is a file that the operating system reads and writes in its own time.
type regular struct {
	hub     *hub.Hub
	name    string
	file    *netpoll.File
	keep    bool              // not to be closed
	pending []*netpoll.FileOp // that greenlets wait for
	closed  bool
}

// String returns the name, for dumps.
func (r *regular) String() string { return r.name }

// start is a method of netpoll.File that lacks its function.
type start func(done func(n int, err error)) *netpoll.FileOp

// An outcome is that of one operation, for which p waits. With its method told it is
// two allocations; the FileOp is the third.
type outcome struct {
	p     *hub.Proc
	ended bool
	n     int
	err   error
}

func (o *outcome) told(n int, err error) {
	o.ended, o.n, o.err = true, n, err
	o.p.Wake()
}

// await parks p until the operation has ended. Its buffer is in use until then, so
// an interrupt cancels it first. If it was done nevertheless, or, of a Read, which
// has moved the position, a part of it, await returns that, and the interrupt comes
// with the next call.
func (r *regular) await(self *baton.Fiber, p *hub.Proc, name string, moves bool, begin start) (int, error) {
	if p == nil {
		hub.Require(name)
	}
	var interrupts []error
	o := &outcome{p: p}
	op := begin(o.told)
	r.pending = append(r.pending, op)
	for !o.ended {
		if _, interrupt := p.Park(self, hub.Wait{Op: name, On: r}); interrupt != nil {
			interrupts = append(interrupts, interrupt)
			op.Cancel()
		}
	}
	i := slices.Index(r.pending, op)
	r.pending = slices.Delete(r.pending, i, i+1)
	n, err := o.n, o.err
	cut := errors.Is(err, netpoll.ErrCancelled)
	if cut && moves && n > 0 {
		cut, err = false, nil
	}
	if cut && len(interrupts) > 0 {
		for _, later := range interrupts[1:] {
			p.Interrupt(later)
		}
		hub.Unwind(interrupts[0])
	}
	for _, later := range interrupts {
		p.Interrupt(later)
	}
	if pe, ok := err.(*fs.PathError); ok && cut {
		err = &fs.PathError{Op: pe.Op, Path: r.name, Err: os.ErrClosed}
	}
	return n, err
}

// refused is the error of an operation after Close, or nil.
func (r *regular) refused(verb string) error {
	if r.closed {
		return &fs.PathError{Op: verb, Path: r.name, Err: os.ErrClosed}
	}
	return nil
}

func (r *regular) read(f *baton.Fiber, p *hub.Proc, b []byte) (int, error) {
	if err := r.refused("read"); err != nil {
		return 0, err
	}
	return r.await(f, p, "fileobject.Read", true, func(done func(int, error)) *netpoll.FileOp {
		return r.file.Read(b, done)
	})
}

func (r *regular) write(f *baton.Fiber, p *hub.Proc, b []byte) (int, error) {
	if err := r.refused("write"); err != nil {
		return 0, err
	}
	return r.await(f, p, "fileobject.Write", false, func(done func(int, error)) *netpoll.FileOp {
		return r.file.Write(b, done)
	})
}

func (r *regular) readAt(f *baton.Fiber, p *hub.Proc, b []byte, off int64) (int, error) {
	if err := r.refused("read"); err != nil {
		return 0, err
	}
	return r.await(f, p, "fileobject.ReadAt", false, func(done func(int, error)) *netpoll.FileOp {
		return r.file.ReadAt(b, off, done)
	})
}

func (r *regular) writeAt(f *baton.Fiber, p *hub.Proc, b []byte, off int64) (int, error) {
	if err := r.refused("write"); err != nil {
		return 0, err
	}
	return r.await(f, p, "fileobject.WriteAt", false, func(done func(int, error)) *netpoll.FileOp {
		return r.file.WriteAt(b, off, done)
	})
}

func (r *regular) seek(f *baton.Fiber, p *hub.Proc, off int64, whence int) (pos int64, err error) {
	if err := r.refused("seek"); err != nil {
		return 0, err
	}
	_, err = r.await(f, p, "fileobject.Seek", false, func(done func(int, error)) *netpoll.FileOp {
		return r.file.SeekTo(off, whence, func(at int64, err error) {
			pos = at
			done(0, err)
		})
	})
	return pos, err
}

func (r *regular) sync(f *baton.Fiber, p *hub.Proc) error {
	if err := r.refused("sync"); err != nil {
		return err
	}
	_, err := r.await(f, p, "fileobject.Sync", false, func(done func(int, error)) *netpoll.FileOp {
		return r.file.Sync(func(err error) { done(0, err) })
	})
	return err
}

func (r *regular) truncate(f *baton.Fiber, p *hub.Proc, size int64) error {
	if err := r.refused("truncate"); err != nil {
		return err
	}
	_, err := r.await(f, p, "fileobject.Truncate", false, func(done func(int, error)) *netpoll.FileOp {
		return r.file.Truncate(size, func(err error) { done(0, err) })
	})
	return err
}

func (r *regular) stat(f *baton.Fiber, p *hub.Proc) (info fs.FileInfo, err error) {
	if err := r.refused("stat"); err != nil {
		return nil, err
	}
	_, err = r.await(f, p, "fileobject.Stat", false, func(done func(int, error)) *netpoll.FileOp {
		return r.file.Stat(func(i fs.FileInfo, err error) {
			info = i
			done(0, err)
		})
	})
	return info, err
}

// setDeadline says what package os says.
func (r *regular) setDeadline(time.Time, bool, bool) error {
	if err := r.refused("set"); err != nil {
		return err
	}
	return os.ErrNoDeadline
}

// close cuts short what is under way, as far as that is possible, and closes the
// file after it.
func (r *regular) close(f *baton.Fiber, p *hub.Proc) error {
	if err := r.refused("close"); err != nil {
		return err
	}
	r.closed = true
	for _, op := range r.pending {
		op.Cancel()
	}
	if r.keep {
		return nil
	}
	var err error
	finished := false
	r.file.Close(func(e error) {
		finished, err = true, e
		if p != nil {
			p.Wake()
		}
	})
	for p != nil && !finished {
		if _, interrupt := p.Park(f, hub.Wait{Op: "fileobject.Close", On: r}); interrupt != nil {
			p = nil // it is closed all the same, and nobody is to be told
			hub.Unwind(interrupt)
		}
	}
	return err
}

// abandon closes the file when no greenlet uses it any more.
func (r *regular) abandon() {
	r.closed = true
	if !r.keep {
		_ = r.file.OSFile().Close()
	}
}
