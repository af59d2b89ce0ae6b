package netpoll

import (
	"math"
	"syscall"
)

// A Desc is a descriptor that the program owns: it opened it, made it
// non-blocking, and does all reading and writing through the one loop. The loop
// keeps track of whether each side is ready, so that a side is read or written
// first, and waited for only when that made no progress:
//
//	for {
//		n, err := syscall.Read(d.FD(), p)
//		switch {
//		case err == syscall.EAGAIN:
//			d.Drained(netpoll.ReadSide)
//			if d.Wait(netpoll.ReadSide, me) {
//				… // return to the loop; it makes me ready when the side is
//			}
//			continue
//		case n > 0 && n < len(p):
//			d.DrainedShort(netpoll.ReadSide) // spares the EAGAIN
//		}
//		return n, err
//	}
//
// Its methods are for the loop's owner.
//
// # Edges
//
// A Desc is registered once, for both sides and edge-triggered, which means that
// the kernel reports that a side became ready, and not that it still is. In
// return there is no system call per wait. Registering level-triggered instead
// would take one to begin and one to end each wait for a side that is not always
// of interest, and waking for every write-ready socket otherwise.
//
// So the loop must remember. A side is ready at first, becomes not ready when the
// owner says that it saw the side drained, and ready again with the next edge. An
// edge that comes while nobody waits is kept.
//
// # The end that comes with the last data
//
// After a read that did not fill the buffer nothing is left in the socket, and
// the next thing to happen to it is an edge. It is tempting to wait for that at
// once, without the read that would return EAGAIN. But if the peer sent its last
// bytes and closed before the loop looked, there was one edge for both, and it has
// been used up: the reader would wait for ever for an end of file that is already
// there. The same holds for an error, and for a short write to a peer that went
// away.
//
// The kernel does say so: the edge carries EPOLLRDHUP, EPOLLHUP or EPOLLERR (with
// kqueue, EV_EOF). The Desc keeps these as the side's end flag, and
// [Desc.DrainedShort] does nothing while the flag is set, so that the next read is
// tried and finds the end. An end that comes later makes an edge of its own. When
// an operation does return EAGAIN, then no end was there to be read, whatever was
// flagged, so [Desc.Drained] clears the flag as well.
//
// Urgent data of TCP is another reason for a read to be short: it stops where the
// urgent byte was, with more behind it. EPOLLPRI tells, and counts as an end flag.
// With kqueue nothing does, and what follows an urgent byte may wait there for the
// next data.
type Desc struct {
	loop      *Loop
	waiters   [2]Runner
	deadlines *descDeadlines // nil unless there was one: desc_deadline.go
	fd        int
	tag       tag
	state     event // evRead, evWrite: ready; evReadEnd, evWriteEnd: end flags
	released  bool
}

// Open registers fd, which must be non-blocking. The loop does not own it: the
// caller closes it, after [Desc.Release]. Open a socket after listen or connect
// was called, since an idle one counts as hung up.
//
// The error wraps an [os.SyscallError] of the platform's poller, such as EPERM for
// a regular file with epoll; EEXIST if fd is registered with the loop already, or is its own;
// [ErrClosed] or [ErrNoPoller]. If fd was closed without [Desc.Release] and stands
// for another file now, Open releases the earlier Desc, and makes its waiters ready
// to find that out. Only the owner may call Open.
//
// Budget: one system call.
func (l *Loop) Open(fd int) (*Desc, error) {
	if l.closed {
		return nil, ErrClosed
	}
	if fd > math.MaxInt32 {
		return nil, fdError("Open", fd, syscall.EBADF) // the kernel would take it for another
	}
	old, w := l.sources.lookup(fd)
	if w != nil {
		return nil, fdError("Open", fd, syscall.EEXIST)
	}
	d := &Desc{loop: l, fd: fd, tag: l.sources.take(), state: evBoth}
	if err := l.poller.add(fd, d.tag, old != nil); err != nil {
		l.sources.vacate(d.tag)
		return nil, fdError("Open", fd, err)
	}
	// The descriptor of old was closed without Release. Its waiters are made ready,
	// to find that out, as the last thing, since a [Waker] may do as it likes with d.
	var orphans [2]Runner
	if old != nil {
		orphans = old.waiters
		old.retire()
	}
	l.sources.bind(fd, d.tag, d, nil)
	for _, r := range orphans {
		if r != nil {
			l.wake(r)
		}
	}
	return d, nil
}

// FD is the descriptor's number.
func (d *Desc) FD() int { return d.fd }

// Ready reports whether an operation on the side may make progress, as far as the
// loop knows: it is true at first, after an edge, and after Release, and false
// after the side was drained.
func (d *Desc) Ready(s Side) bool { return d.state&s.ready() != 0 }

// Drained notes that an operation on the side returned EAGAIN: the side is not
// ready until the next edge.
func (d *Desc) Drained(s Side) {
	if !d.released {
		d.state &^= s.ready() | s.end()
	}
}

// DrainedShort notes that an operation on the side transferred something, but
// less than was asked for: the side is not ready until the next edge, unless the
// end or an error is known to be there: then the side stays ready so that the next
// operation reports it. See the type's comment.
//
// It is right for stream sockets, pipes and FIFOs. With datagrams, terminals and
// other devices a short read says nothing about what is left: use [Desc.Drained]
// only.
func (d *Desc) DrainedShort(s Side) {
	if !d.released && d.state&s.end() == 0 {
		d.state &^= s.ready()
	}
}

// Wait returns false if the side is ready: try again. Otherwise r becomes the
// side's waiter, and the next edge makes it ready, once. Wait panics if r is nil,
// if the side has a waiter, or if the Desc is released.
//
// Budget: no allocation, no system call.
func (d *Desc) Wait(s Side, r Runner) bool {
	if d.released || r == nil || d.waiters[s] != nil {
		d.refuse(s, r)
	}
	if d.Ready(s) {
		if d.deadlines != nil {
			d.deadlines.sides[s].passed = false
		}
		return false
	}
	d.waiters[s] = r
	d.loop.sources.waiting++
	if d.deadlines != nil {
		d.deadlines.arm(s)
	}
	return true
}

func (d *Desc) refuse(s Side, r Runner) {
	switch {
	case d.released:
		misuse("Wait", "the descriptor is released", "wake its waiters before Release, and do not use it afterwards")
	case r == nil:
		misuse("Wait", "nil Runner", "pass the entry that is to be made ready")
	default:
		misuse("Wait", "the "+s.String()+" side has a waiter", "let one at a time "+s.String())
	}
}

// Waiter returns the side's waiter, or nil.
func (d *Desc) Waiter(s Side) Runner { return d.waiters[s] }

// Forget drops the side's waiter, if there is one.
func (d *Desc) Forget(s Side) {
	if d.waiters[s] != nil {
		d.waiters[s] = nil
		d.loop.sources.waiting--
		if d.deadlines != nil {
			d.deadlines.disarm(s)
		}
	}
}

// Release deregisters the descriptor. The owner calls it before it closes the
// descriptor: afterwards the number may stand for another file, and if a duplicate
// exists, in a child process for example, the kernel would go on reporting the
// old one. Waiters are dropped: to let them know, get each with [Desc.Waiter] and
// hand it to [Loop.Enqueue] before.
//
// The error is [ErrClosed] if the Desc was released before or the loop is closed;
// an [os.SyscallError] means that the descriptor was closed too early. The Desc is
// released in any case.
//
// Budget: one system call.
func (d *Desc) Release() error {
	if d.released {
		return ErrClosed
	}
	d.retire()
	if err := d.loop.poller.remove(d.fd, evBoth); err != nil {
		return fdError("Release", d.fd, err)
	}
	return nil
}

// retire takes the Desc out of the loop.
func (d *Desc) retire() {
	d.Forget(ReadSide)
	d.Forget(WriteSide)
	d.released = true
	d.state = evBothEnded
	d.loop.sources.unbind(d.fd, d.tag)
}

// edge notes an event and makes ready who waited for it. A [Waker] may change the
// other side's waiter, or release d, so each is looked at when its turn comes.
func (d *Desc) edge(e event) {
	d.state |= e
	if e&evWriteEnd != 0 {
		d.state |= evWrite
	}
	for s := range d.waiters {
		if r := d.waiters[s]; r != nil && d.Ready(Side(s)) {
			d.waiters[s] = nil
			d.loop.sources.waiting--
			if d.deadlines != nil {
				d.deadlines.disarm(Side(s))
			}
			d.loop.wake(r)
		}
	}
}
