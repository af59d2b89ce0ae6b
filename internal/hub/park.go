package hub

import (
	"slices"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/netpoll"
)

// Here returns the calling fiber and its Proc, or nil, nil for a goroutine that
// belongs to no hub. A greenlet made with package greenlet in a hub's thread
// gets a Proc when it first comes here.
//
// Budget: 5-6 ns, no allocation but that Proc's.
func Here() (*baton.Fiber, *Proc) {
	f := baton.Self()
	if f == nil {
		return nil, nil
	}
	t := f.Thread()
	if p, ok := t.Current.Proc.(*Proc); ok {
		return f, p
	}
	h, ok := t.Hub.(*Hub)
	if !ok {
		return f, nil
	}
	if t.Current == &h.task {
		return f, nil
	}
	return f, h.adopt(t.Current)
}

// adopt makes a Proc for a greenlet of package greenlet. The hub is not told of
// the end of such a one, so it forgets those that have ended now and then.
func (h *Hub) adopt(task *baton.Task) *Proc {
	h.names++
	p := &Proc{hub: h, task: task, state: running, number: h.names}
	p.link.to = p
	task.Proc = p
	if len(h.raw) == cap(h.raw) {
		h.raw = slices.DeleteFunc(h.raw, func(p *Proc) bool { return p.task.Ended })
	}
	h.raw = append(h.raw, p)
	return p
}

// Current returns the hub of the calling goroutine's thread, or nil. It also
// finds the hub from one of its callbacks.
func Current() *Hub {
	f := baton.Self()
	if f == nil {
		return nil
	}
	h, _ := f.Thread().Hub.(*Hub)
	return h
}

// Require is Here for calls that must park: it panics where that cannot be.
func Require(op string) (*baton.Fiber, *Proc) {
	f, p := Here()
	if p == nil {
		refuse(op)
	}
	return f, p
}

func refuse(op string) {
	if Current() != nil {
		panic(op + ": a callback of the loop must not block; spawn a greenlet in it, and block there")
	}
	panic(NoThread(op))
}

// NoThread is what a call panics with that was made by a goroutine that belongs to no
// thread.
func NoThread(op string) string {
	return op + ": the calling goroutine belongs to no thread (it was started by go, time.AfterFunc, net/http, iter.Pull, t.Run ...); " +
		"call it inside gevent.Run or asyncio.Run, in the function itself or in a greenlet spawned there; " +
		"from elsewhere use Hub.Do or Hub.Post of the hub that gevent.CurrentHub returns there"
}

// Park parks p, which is current on fiber f, until something makes it ready, and
// returns what it was; with Interrupted, err is the reason. An interrupt that
// came while p ran is taken at once.
//
// Budget: one switch, no allocation, no system call unless nothing is ready.
func (p *Proc) Park(f *baton.Fiber, w Wait) (Cause, error) {
	if p.interrupted {
		return Interrupted, p.takePending()
	}
	p.waits = w
	p.state = parked
	if to := p.leave(f); to != f {
		if s := f.Take(to); s.Pulling {
			s.Next()
		} else {
			s.Yield(struct{}{})
		}
		if f.Signalled() {
			f.Obey()
		}
	}
	return p.back()
}

// ParkFor is Park for no longer than d. A d that is not positive still lets
// everything run that is ready. Next to a timer, or to the system calls around a
// ParkIO, Park's frame does not matter.
func (p *Proc) ParkFor(f *baton.Fiber, w Wait, d time.Duration) (Cause, error) {
	if p.interrupted {
		return Interrupted, p.takePending()
	}
	p.arm(d)
	return p.Park(f, w)
}

// ParkUntil is Park until the loop's time reaches when at the latest. If that is
// past it still lets everything run that is ready.
func (p *Proc) ParkUntil(f *baton.Fiber, w Wait, when time.Duration) (Cause, error) {
	if p.interrupted {
		return Interrupted, p.takePending()
	}
	p.armAt(when)
	return p.Park(f, w)
}

// Yield lets what is ready run first.
func (p *Proc) Yield(f *baton.Fiber) error {
	if p.interrupted {
		return p.takePending()
	}
	p.cause = Woken
	p.state = ready
	p.hub.Loop.Enqueue(p)
	if to := p.leave(f); to != f {
		if s := f.Take(to); s.Pulling {
			s.Next()
		} else {
			s.Yield(struct{}{})
		}
		if f.Signalled() {
			f.Obey()
		}
	}
	_, err := p.back()
	return err
}

// leave notes where p is parked and returns the fiber that gets the baton, which
// may be f itself. It is apart from back so that the switch between them is made
// by the call that parks: each frame between a switch and the user's code costs
// a mispredicted return.
func (p *Proc) leave(f *baton.Fiber) *baton.Fiber {
	p.task.Fiber = f
	p.since = p.hub.Loop.Time()
	return p.hub.next()
}

// back is the rest of a park, when p has the baton again.
func (p *Proc) back() (Cause, error) {
	if p.state != running {
		return p.intruded()
	}
	if p.timed {
		p.timed = false
		p.hub.Loop.Disarm(&p.timer)
	}
	if p.cause == Interrupted {
		return Interrupted, p.takePending()
	}
	return p.cause, nil
}

// intruded is the rest of a park when it was not the hub that resumed p: package
// greenlet switched to it by hand while it waited. What was thrown into it, or
// how a child died, ends its wait like an interrupt. A plain switch is a mistake,
// but for the root at the end, when greenlets of which it is the parent die.
func (p *Proc) intruded() (Cause, error) {
	p.forget()
	if h := &p.hub.Thread.Handover; h.To == p.task {
		left := *h
		*h = baton.Handover{}
		switch {
		case left.Mark&baton.MarkPanicked != 0:
			return Interrupted, left.Value.(error)
		case left.Err != nil:
			return Interrupted, left.Err
		case p == &p.hub.root && p.hub.ending != nil:
			return Woken, nil
		}
	}
	return Interrupted, baton.Recovered("hub: " + p.Name() + " was switched to by hand while it waited in " + p.waits.String() + "; wake it through what it waits for")
}

// forget takes back what p registered for its park.
func (p *Proc) forget() {
	if p.timed {
		p.timed = false
		p.hub.Loop.Disarm(&p.timer)
	}
	if p == &p.hub.root {
		p.forgetIO()
	}
	p.link.unlink()
	p.state = running
}

func (p *Proc) takePending() error {
	all := p.rare.Load().pending
	err := all[0]
	p.setPending(all[1:])
	return err
}

// Wake makes a parked p ready and reports whether it did: false means that
// something else came first, or that p is not parked at all.
//
// Budget: no allocation, a few ns.
func (p *Proc) Wake() bool { return p.rouse(Woken) }

// Notify is Wake by a list in which p stands until it runs again. It counts, and
// makes the cause Woken, also if p is ready already but not interrupted: its time
// was up, or something woke it that has nothing to do with the list.
//
// Budget: as Wake.
func (p *Proc) Notify() bool {
	if !p.Notifiable() {
		return false
	}
	if p.state == ready {
		p.cause = Woken
		return true
	}
	return p.rouse(Woken)
}

// Notifiable reports whether Notify would count.
func (p *Proc) Notifiable() bool {
	return p.state == parked || p.state == ready && p.cause != Interrupted
}

func (p *Proc) rouse(c Cause) bool {
	if p.state != parked {
		return false
	}
	p.cause = c
	p.state = ready
	p.hub.Loop.Enqueue(p)
	return true
}

// Interrupt makes p's parked call, or its next one if it is not parked, return
// Interrupted with err. If p has switched away by hand, err is thrown there. It
// must not be used on a Proc that has not started: see [Proc.Cancel].
func (p *Proc) Interrupt(err error) {
	if p.state == done {
		return
	}
	if p.away() {
		p.hub.Loop.CallSoon(func() { p.throw(err) })
		return
	}
	p.setPending(append(p.more().pending, err))
	p.rouse(Interrupted)
}

// PutBack makes err, which an interrupted call of p has returned, what p's next call
// returns: for a call that has done what it was to do. P is running. Interrupts that
// wait to be taken come after it.
func (p *Proc) PutBack(err error) {
	p.setPending(slices.Insert(p.more().pending, 0, err))
}

// away reports whether p has switched away by hand: it runs, and somebody else
// does.
func (p *Proc) away() bool {
	return p.state == running && p.task != p.hub.Thread.Current && p.task.Fiber != nil
}

// throw makes the switch in which p is parked return err. The caller is a
// callback on the hub, which goes on when it has the baton again.
func (p *Proc) throw(err error) {
	if !p.away() {
		p.Interrupt(err)
		return
	}
	if u, ok := err.(*baton.Unwind); ok {
		err = u.Err // it is returned there, not panicked with
	}
	h := p.hub
	h.task.Fiber = h.fiber
	h.Thread.Throw(p.task, err)
	h.Thread.Current = p.task
	h.fiber.Resume(p.task.Fiber)
}

// Withdraw takes back an Interrupt with this very error that has not been taken
// yet, and reports whether it could: not if it has made p ready already.
func (p *Proc) Withdraw(err error) bool {
	if !p.Pending(err) {
		return false
	}
	all := p.rare.Load().pending
	if len(all) == 1 && p.state == ready && p.cause == Interrupted {
		return false
	}
	i := slices.Index(all, err)
	p.setPending(slices.Delete(all, i, i+1))
	return true
}

// Pending reports whether an Interrupt with this very error has not been taken
// yet.
func (p *Proc) Pending(err error) bool {
	return p.interrupted && slices.Contains(p.rare.Load().pending, err)
}

// setPending notes which interrupts wait to be taken.
func (p *Proc) setPending(all []error) {
	p.rare.Load().pending = all
	p.interrupted = len(all) > 0
}

// clearPending forgets interrupts that nobody will take.
func (p *Proc) clearPending() {
	if p.interrupted {
		p.setPending(nil)
	}
}

// arm sets p's timer.
func (p *Proc) arm(d time.Duration) {
	p.armAt(p.hub.Loop.Deadline(max(d, 0)))
}

// armAt sets p's timer for a time of the loop.
func (p *Proc) armAt(when time.Duration) {
	p.timed = true
	p.hub.Loop.Arm(&p.timer, when, (*timeWaker)(p))
}

// The views of a Proc as what the loop wakes when a time is up or a descriptor
// ready. They are netpoll.Wakers, so that the first cause makes the Proc ready
// and a second one in the same turn finds it so.
type (
	timeWaker Proc
	sideWaker Proc
)

// Wake makes the Proc ready because its time is up.
func (w *timeWaker) Wake() { (*Proc)(w).rouse(TimedOut) }

// Wake makes the Proc ready because its descriptor is.
func (w *sideWaker) Wake() { (*Proc)(w).rouse(IO) }

// RunReady is never called: see netpoll.Waker.
func (w *timeWaker) RunReady() { (*Proc)(w).RunReady() }

// RunReady is never called: see netpoll.Waker.
func (w *sideWaker) RunReady() { (*Proc)(w).RunReady() }

// ParkIO parks p until the side of d is ready, which it may be already, or until
// the loop's time reaches deadline, if that is not zero.
func (p *Proc) ParkIO(f *baton.Fiber, w Wait, d *netpoll.Desc, s netpoll.Side, deadline time.Duration) (Cause, error) {
	if p.interrupted {
		return Interrupted, p.takePending()
	}
	if !d.Wait(s, (*sideWaker)(p)) {
		return IO, nil
	}
	if deadline != 0 {
		p.armAt(deadline)
	}
	if p == &p.hub.root {
		p.hub.rootIO = sideWait{d, s}
		c, err := p.Park(f, w)
		p.forgetIO()
		return c, err
	}
	c, err := p.Park(f, w)
	if c != IO && d.Waiter(s) == (*sideWaker)(p) {
		d.Forget(s)
	}
	return c, err
}

// A sideWait is what the root waits for in a ParkIO. The root may be made to exit
// there, which the others are not.
type sideWait struct {
	desc *netpoll.Desc
	side netpoll.Side
}

// forgetIO takes the root out of the side that it waits for, if any.
func (p *Proc) forgetIO() {
	w := p.hub.rootIO
	p.hub.rootIO = sideWait{}
	if w.desc != nil && w.desc.Waiter(w.side) == (*sideWaker)(p) {
		w.desc.Forget(w.side)
	}
}
