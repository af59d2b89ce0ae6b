package asyncio

import (
	"errors"
	"fmt"

	"github.com/baton-go/baton/netpoll"
)

// ErrFDUsed is matched by the error of watching a file descriptor that a transport
// uses, or of making a transport of one that is used. It stands for asyncio's RuntimeError "File descriptor N is used by transport
// T".
var ErrFDUsed = errors.New("the file descriptor is used by a transport")

// errReplaced is what a call gets that waits for a descriptor when somebody else
// begins to watch the same side of it, or says that nobody shall.
var errReplaced = errors.New("asyncio: somebody else watches the file descriptor now, or has removed its callback; let one at a time wait for it")

// fdWatches is what a loop has of descriptors.
type fdWatches struct {
	watches map[int]*[2]*fdWatch
	owners  map[int]any
}

// An fdWatch is the callback of one side of a descriptor.
type fdWatch struct {
	loop *Loop
	f    func() // nil when it was removed or replaced
	// replaced is told that another one takes its place, or that its own is taken
	// away; may be nil.
	replaced func()
}

// run is called by the loop.
func (w *fdWatch) run() {
	if w.f != nil && !w.loop.closed.Load() {
		w.loop.call(w.f, nil)
	}
}

// AddReader has f called whenever fd can be read without blocking, once in each
// iteration that finds it so, until [Loop.RemoveReader]. An end of file and an error
// count as readable. In an iteration the callbacks of descriptors come after what was
// ready and before timers. A callback that fd has already is replaced, and does not
// run any more even if its turn had come. F must not wait; a panic in it goes to the
// exception handler. It mirrors add_reader.
//
// Fd is the number of the system. Whoever opened it keeps it open, and calls
// RemoveReader before closing it; it should be non-blocking. For that of a net.Conn or
// an os.File see package netpoll, and keep the object alive.
//
// The error matches [ErrLoopClosed]; [ErrFDUsed] if a transport of the loop uses fd;
// or is one of the system, such as EBADF, and EPERM for a regular file on Linux. It
// wraps errors.ErrUnsupported where there is no poller. It does not park, and may be
// called as [Loop.CallSoon] may.
func (l *Loop) AddReader(fd int, f func()) error {
	return l.addWatch("asyncio.Loop.AddReader", fd, netpoll.ReadSide, &fdWatch{loop: l, f: f})
}

// AddWriter has f called whenever fd can be written without blocking, until
// [Loop.RemoveWriter]; all else is as for [Loop.AddReader]. It mirrors add_writer.
func (l *Loop) AddWriter(fd int, f func()) error {
	return l.addWatch("asyncio.Loop.AddWriter", fd, netpoll.WriteSide, &fdWatch{loop: l, f: f})
}

// RemoveReader undoes [Loop.AddReader]: the callback does not run any more. It reports
// whether there was one; on a closed loop there is none. It panics if a transport of
// the loop uses fd. It mirrors remove_reader.
func (l *Loop) RemoveReader(fd int) bool {
	return l.removeWatch("asyncio.Loop.RemoveReader", fd, netpoll.ReadSide)
}

// RemoveWriter undoes [Loop.AddWriter], as RemoveReader does AddReader. It mirrors
// remove_writer.
func (l *Loop) RemoveWriter(fd int) bool {
	return l.removeWatch("asyncio.Loop.RemoveWriter", fd, netpoll.WriteSide)
}

func (l *Loop) addWatch(op string, fd int, s netpoll.Side, w *fdWatch) error {
	l.mustOwn(op)
	if w.f == nil {
		misuse(op, "the function is nil", "pass the callback")
	}
	if l.closed.Load() {
		return inOp(op, ErrLoopClosed)
	}
	if owner, used := l.fds.owners[fd]; used {
		return inOp(op, fmt.Errorf("%w: %d by %v", ErrFDUsed, fd, owner))
	}
	add := l.hub.Loop.AddReader
	if s == netpoll.WriteSide {
		add = l.hub.Loop.AddWriter
	}
	if err := add(fd, w.run); err != nil {
		return inOp(op, err)
	}
	sides := l.fds.watches[fd]
	if sides == nil {
		sides = new([2]*fdWatch)
		if l.fds.watches == nil {
			l.fds.watches = make(map[int]*[2]*fdWatch)
		}
		l.fds.watches[fd] = sides
	}
	old := sides[s]
	sides[s] = w
	if old != nil {
		old.f = nil
		if old.replaced != nil {
			old.replaced()
		}
	}
	return nil
}

func (l *Loop) removeWatch(op string, fd int, s netpoll.Side) bool {
	l.mustOwn(op)
	if l.closed.Load() {
		return false
	}
	if owner, used := l.fds.owners[fd]; used {
		misuse(op, fmt.Sprintf("file descriptor %d is used by %v", fd, owner), "use the transport")
	}
	var w *fdWatch
	if sides := l.fds.watches[fd]; sides != nil {
		w = sides[s]
	}
	removed := l.fds.remove(l, fd, s)
	if removed && w.replaced != nil {
		w.replaced()
	}
	return removed
}

// remove removes the callback of a side, and reports whether there was one.
func (x *fdWatches) remove(l *Loop, fd int, s netpoll.Side) bool {
	sides := x.watches[fd]
	if sides == nil || sides[s] == nil {
		return false
	}
	sides[s].f = nil
	sides[s] = nil
	if sides[netpoll.ReadSide] == nil && sides[netpoll.WriteSide] == nil {
		delete(x.watches, fd)
	}
	if s == netpoll.ReadSide {
		l.hub.Loop.RemoveReader(fd)
	} else {
		l.hub.Loop.RemoveWriter(fd)
	}
	return true
}

// close removes all callbacks.
func (x *fdWatches) close(l *Loop) {
	for fd := range x.watches {
		x.remove(l, fd, netpoll.ReadSide)
		x.remove(l, fd, netpoll.WriteSide)
	}
	*x = fdWatches{}
}

// fdUser returns what uses fd, if something does: a transport, or a callback.
func (l *Loop) fdUser(fd int) (user any, used bool) {
	if user, used = l.fds.owners[fd]; !used && l.fds.watches[fd] != nil {
		user, used = "a callback", true
	}
	return user, used
}

// ownFD notes that what, a transport, has fd to itself: nobody else may watch it
// until disownFD.
func (l *Loop) ownFD(fd int, what any) {
	if l.fds.owners == nil {
		l.fds.owners = make(map[int]any)
	}
	l.fds.owners[fd] = what
}

// disownFD undoes ownFD.
func (l *Loop) disownFD(fd int) { delete(l.fds.owners, fd) }
