package netpoll

import (
	"errors"
	"math"
	"syscall"
)

// A watcher is a descriptor that has callbacks: one for each side, or none.
//
// It is registered level-triggered, because the loop cannot know how much of what
// is there a callback takes. An event makes one entry for each side, and no other
// while that one is in the queue.
type watcher struct {
	loop  *Loop
	tag   tag
	sides [2]*watch
}

// A watch is the callback of one side, and its entry of the ready queue. It is
// replaced as a whole, so that an entry that is in the queue when the callback is
// removed or replaced does nothing.
type watch struct {
	f      func()
	queued bool
	own    bool // the loop's: whoever set it counts it in its own way
}

// RunReady calls the callback unless it was removed.
func (w *watch) RunReady() {
	w.queued = false
	if w.f != nil {
		w.f()
	}
}

// AddReader calls f whenever fd can be read without blocking: once in each
// iteration in which the loop polls and finds it so, until [Loop.RemoveReader].
// An end of file and an error count as readable. A callback that fd already has is
// replaced. While there are such callbacks every iteration polls, before its timers,
// even if the queue is never empty. fd need not be non-blocking, and whoever owns it
// must keep it open: see [Selector] on how to come by the number of something of the
// standard library.
// While fd has a callback, [Loop.Turn] does not return false. It mirrors asyncio's
// add_reader.
//
// Remove the callbacks before fd is closed. The kernel may otherwise go on
// reporting a file of which a duplicate exists, with no number left under which
// to stop it, and the loop finds no rest while that file is ready. Callbacks that
// are set when the number stands for another file are called for that one only.
//
// The error wraps an [os.SyscallError] of the platform's poller, such as EPERM for
// a regular file with epoll; EEXIST if fd was registered with [Loop.Open], or is the loop's own;
// [ErrClosed] or [ErrNoPoller]. Only the owner may call AddReader; it panics if f
// is nil.
func (l *Loop) AddReader(fd int, f func()) error {
	return l.addWatch("AddReader", fd, ReadSide, f)
}

// AddWriter calls f whenever fd can be written without blocking, until
// [Loop.RemoveWriter]; all else is as for [Loop.AddReader]. It mirrors asyncio's
// add_writer.
func (l *Loop) AddWriter(fd int, f func()) error {
	return l.addWatch("AddWriter", fd, WriteSide, f)
}

// RemoveReader removes the callback that [Loop.AddReader] set, which is not
// called any more, even if it was ready already. It reports whether there was
// one. Only the owner may call it. It mirrors asyncio's remove_reader.
func (l *Loop) RemoveReader(fd int) bool {
	// A number that was closed too early may be the loop's own by now.
	_, w := l.sources.lookup(fd)
	return !w.owned() && l.removeWatch(fd, ReadSide)
}

// RemoveWriter removes the callback that [Loop.AddWriter] set, as
// [Loop.RemoveReader] does. It mirrors asyncio's remove_writer.
func (l *Loop) RemoveWriter(fd int) bool { return l.removeWatch(fd, WriteSide) }

func (l *Loop) addWatch(function string, fd int, s Side, f func()) error {
	if f == nil {
		misuse(function, "nil function", "pass the callback, or remove it with "+"Remove"+function[len("Add"):])
	}
	if l.closed {
		return ErrClosed
	}
	if fd > math.MaxInt32 {
		return fdError(function, fd, syscall.EBADF) // the kernel would take it for another
	}
	d, w := l.sources.lookup(fd)
	if d != nil || w.owned() {
		return fdError(function, fd, syscall.EEXIST)
	}
	if w == nil {
		w = &watcher{loop: l}
	}
	old := w.interest()
	if err := w.arm(fd, old, old|s.ready()); err != nil {
		return fdError(function, fd, err)
	}
	w.stop(s)
	w.sides[s] = &watch{f: f}
	l.sources.watches++
	l.sources.waiting++
	l.pace()
	return nil
}

// watchOwn is AddReader for a process's descriptor, which is the loop's own: it is
// no reader callback as users know them and does not keep the loop from ending.
func (l *Loop) watchOwn(fd int, f func()) error {
	if err := l.addWatch("AddChild", fd, ReadSide, f); err != nil {
		return err
	}
	_, w := l.sources.lookup(fd)
	w.sides[ReadSide].own = true
	l.sources.watches--
	l.sources.waiting--
	l.pace()
	return nil
}

func (l *Loop) removeWatch(fd int, s Side) bool {
	_, w := l.sources.lookup(fd)
	if w == nil || w.sides[s] == nil {
		return false
	}
	// Errors mean that fd was closed too early, and with it the registration.
	old := w.interest()
	w.stop(s)
	if left := w.interest(); left != 0 {
		_ = w.arm(fd, old, left)
	} else {
		_ = l.poller.remove(fd, old)
		l.sources.unbind(fd, w.tag)
	}
	return true
}

// arm tells the poller which sides have a callback now, where those in old had
// one before. It does so even if nothing changes: the descriptor may have been
// closed without RemoveReader and its number opened again, which is a mistake, but
// should not make a callback silent. Then the watcher gets a new tag, because the
// callbacks are for the number's new file, while the old one may have an event
// under way, and has more of them if a duplicate of it exists.
func (w *watcher) arm(fd int, old, new event) error {
	l := w.loop
	if old != 0 {
		if err := l.poller.watch(fd, w.tag, old, new); !errors.Is(err, syscall.ENOENT) {
			return err
		}
	}
	t := l.sources.take()
	if err := l.poller.watch(fd, t, 0, new); err != nil {
		l.sources.vacate(t)
		return err
	}
	if old != 0 {
		l.sources.unbind(fd, w.tag)
	}
	w.tag = t
	l.sources.bind(fd, t, nil, w)
	return nil
}

// stop removes the callback of a side, if there is one.
func (w *watcher) stop(s Side) {
	if w.sides[s] != nil {
		if !w.sides[s].own {
			w.loop.sources.watches--
			w.loop.sources.waiting--
			w.loop.pace()
		}
		w.sides[s].f = nil
		w.sides[s] = nil
	}
}

// owned reports whether the descriptor is the loop's own: see watchOwn. A nil
// watcher is nobody's.
func (w *watcher) owned() bool {
	return w != nil && w.sides[ReadSide] != nil && w.sides[ReadSide].own
}

// interest is the set of sides that have a callback.
func (w *watcher) interest() (e event) {
	for s, c := range w.sides {
		if c != nil {
			e |= Side(s).ready()
		}
	}
	return e
}

// level makes ready the callbacks that the event concerns.
func (w *watcher) level(e event) {
	for s, c := range w.sides {
		if c != nil && e&Side(s).ready() != 0 && !c.queued {
			c.queued = true
			w.loop.Enqueue(c)
		}
	}
}
