package asyncio

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/baton-go/baton/internal/sys"
	"github.com/baton-go/baton/netpoll"
)

// ErrNotPipe is matched by the error of [ConnectReadPipe] and [ConnectWritePipe] for
// a file that is no pipe, FIFO, socket or character device, such as a regular file. It
// stands for asyncio's ValueError "Pipe transport is for pipes/sockets only."
var ErrNotPipe = errors.New("asyncio: Pipe transport is for pipes/sockets only")

// ConnectReadPipe makes a transport that reads a pipe, a FIFO, a socket or a character
// device such as a terminal, and returns it with the protocol that the factory made,
// whose ConnectionMade has been called. It mirrors connect_read_pipe.
//
// The file is the transport's from then on: the os.File is closed, and must not be
// used any more; what it stands for is closed with the transport. It is put into
// non-blocking mode, together with all descriptors that were duplicated from it or
// that it was duplicated from, in whatever process: this is how it is with os.Stdin of
// a shell. Closing puts it back.
//
// At the end of the data EOFReceived is called, whose result does not matter, and then
// ConnectionLost with nil. The error EIO, which is how a pseudo-terminal ends, goes to
// ConnectionLost only; others to the exception handler too. The transport that
// ConnectionMade gets has the methods for writing: they fail with an error that
// matches errors.ErrUnsupported.
//
// The error matches [ErrNotPipe], os.ErrClosed, or [netpoll.ErrNoPoller], and with it
// errors.ErrUnsupported, on a platform without a poller; then the file is the caller's
// still. It parks the calling task or greenlet for one hop. If the task is cancelled
// meanwhile, or ctx ends, which is not just the task's own, the transport is closed.
func ConnectReadPipe[P Protocol](ctx context.Context, factory func() P, f *os.File) (ReadTransport, P, error) {
	var p P
	t, err := connectPipe(ctx, "asyncio.ConnectReadPipe", f, false, factory == nil, func() Protocol { p = factory(); return p })
	if err != nil {
		return nil, p, err
	}
	return t, p, nil
}

// ConnectWritePipe makes a transport that writes to a pipe, a FIFO, a socket or a
// character device; all else is as for [ConnectReadPipe]. It mirrors
// connect_write_pipe.
//
// Its WriteEOF is Close. When nobody reads the other end any more it is closed:
// ConnectionLost gets an error that matches syscall.EPIPE if something was waiting to
// be written, else nil. Of a device, and of a FIFO that was opened for both directions,
// nobody can tell; of a socket on which data arrives that nobody reads, only a Write
// finds out.
func ConnectWritePipe[P Protocol](ctx context.Context, factory func() P, f *os.File) (WriteTransport, P, error) {
	var p P
	t, err := connectPipe(ctx, "asyncio.ConnectWritePipe", f, true, factory == nil, func() Protocol { p = factory(); return p })
	if err != nil {
		return nil, p, err
	}
	return t, p, nil
}

func connectPipe(ctx context.Context, op string, f *os.File, writes, noFactory bool, factory func() Protocol) (*pipeTransport, error) {
	if noFactory || f == nil {
		misuse(op, "the factory or the file is nil", "pass a function that makes the protocol, and the pipe")
	}
	mustPark(op) // before there is anything that a panic would leave behind
	l := loopOf(ctx, op)
	p := factory()
	if p == nil {
		misuse(op, "the factory returned nil", "return the protocol of the pipe")
	}
	x, err := takePipe(f)
	if err != nil {
		return nil, inOp(op, err)
	}
	waiter := &future{loop: l}
	t := newPipeTransport(l, x, writes, p, waiter)
	done := false
	defer func() {
		if !done {
			t.Close()
		}
	}()
	if err := waiter.await(ctx, op); err != nil {
		return nil, err
	}
	if err := waiter.take(); err != nil {
		return nil, err
	}
	done = true
	return t, nil
}

// A takenPipe is what a pipeTransport is made of.
type takenPipe struct {
	sys.Pipe
	name   string
	socket bool
	peer   bool // its other end can be seen to be closed
}

// close closes it.
func (x *takenPipe) close() { _ = sys.Close(x.FD) }

// takePipe takes the descriptor of f over, and closes f. With an error f is as it was.
func takePipe(f *os.File) (takenPipe, error) {
	fail := func(err error) (takenPipe, error) {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return takenPipe{}, &fs.PathError{Op: "open", Path: f.Name(), Err: err}
	}
	if !sys.Supported {
		return fail(netpoll.ErrNoPoller)
	}
	info, err := f.Stat()
	if err != nil {
		return fail(err)
	}
	if info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeCharDevice) == 0 {
		return fail(ErrNotPipe)
	}
	// Not Fd, which would make it blocking.
	conn, err := f.SyscallConn()
	if err != nil {
		return fail(err)
	}
	x := takenPipe{name: f.Name(), socket: info.Mode()&fs.ModeSocket != 0}
	if failed := conn.Control(func(fd uintptr) { x.Pipe, err = sys.TakePipe(int(fd)) }); failed != nil {
		err = failed
	}
	if err != nil {
		return fail(err)
	}
	x.peer = x.socket || info.Mode()&fs.ModeNamedPipe != 0 && !x.Both
	// Nothing was written to it that closing could lose.
	_ = f.Close()
	return x, nil
}
