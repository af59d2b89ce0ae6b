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
	p := &Proc{hub: h, task: t.Current, state: running}
	h.names++
	p.number = h.names
	t.Current.Proc = p
	return f, p
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
	panic(op + ": the calling goroutine belongs to no hub; call it inside gevent.Run or asyncio.Run, in the function itself or in a greenlet spawned there")
}

// Park parks p, which is current on fiber f, until something makes it ready, and
// returns what it was; with Interrupted, err is the reason. An interrupt that
// came while p ran is taken at once.
//
// Budget: one switch, no allocation, no system call unless nothing is ready.
func (p *Proc) Park(f *baton.Fiber, w Wait) (Cause, error) {
	if p.pending != nil {
		return Interrupted, p.takePending()
	}
	p.waits = w
	p.state = parked
	return p.pass(f)
}

// ParkFor is Park for no longer than d. A d that is not positive still lets
// everything run that is ready.
func (p *Proc) ParkFor(f *baton.Fiber, w Wait, d time.Duration) (Cause, error) {
	if p.pending != nil {
		return Interrupted, p.takePending()
	}
	p.arm(d)
	p.waits = w
	p.state = parked
	return p.pass(f)
}

// Yield lets what is ready run first.
func (p *Proc) Yield(f *baton.Fiber) error {
	if p.pending != nil {
		return p.takePending()
	}
	p.waits = Wait{Op: "yield"}
	p.cause = Woken
	p.state = ready
	p.hub.Loop.Enqueue(p)
	_, err := p.pass(f)
	return err
}

// pass gives the baton to whatever is next, and returns when p has it again.
func (p *Proc) pass(f *baton.Fiber) (Cause, error) {
	p.task.Fiber = f
	p.since = p.hub.Loop.Time()
	if to := p.hub.next(f); to != f {
		f.Resume(to)
	}
	if p.state != ready {
		p.intruded()
	}
	p.state = running
	if p.timed {
		p.timed = false
		p.hub.Loop.Disarm(&p.timer)
	}
	if p.cause == Interrupted {
		return Interrupted, p.takePending()
	}
	return p.cause, nil
}

// intruded is called when p was resumed without having been made ready: somebody
// switched to it by hand, with package greenlet, while it waited for the hub.
func (p *Proc) intruded() {
	p.forget()
	panic("hub: " + p.Name() + " was switched to by hand while it waited (" + p.waits.String() + "); wake it through what it waits for")
}

// forget takes back what p registered for its park.
func (p *Proc) forget() {
	if p.timed {
		p.timed = false
		p.hub.Loop.Disarm(&p.timer)
	}
	p.state = running
}

func (p *Proc) takePending() error {
	err := p.pending[0]
	p.pending = p.pending[1:]
	if len(p.pending) == 0 {
		p.pending = nil
	}
	return err
}

// Wake makes a parked p ready and reports whether it did: false means that
// something else came first, or that p is not parked at all.
//
// Budget: no allocation, a few ns.
func (p *Proc) Wake() bool { return p.rouse(Woken) }

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
// Interrupted with err. It must not be used on a Proc that has not started: see
// [Proc.Cancel].
func (p *Proc) Interrupt(err error) {
	if p.state == done {
		return
	}
	p.pending = append(p.pending, err)
	p.rouse(Interrupted)
}

// Withdraw takes back an Interrupt with this very error that has not been taken
// yet, and reports whether it could: not if it has made p ready already.
func (p *Proc) Withdraw(err error) bool {
	i := slices.Index(p.pending, err)
	if i < 0 || len(p.pending) == 1 && p.state == ready && p.cause == Interrupted {
		return false
	}
	p.pending = slices.Delete(p.pending, i, i+1)
	if len(p.pending) == 0 {
		p.pending = nil
	}
	return true
}

// arm sets p's timer.
func (p *Proc) arm(d time.Duration) {
	l := p.hub.Loop
	p.timed = true
	l.Arm(&p.timer, l.UpdateTime()+max(d, 0), (*timeWaker)(p))
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
	if p.pending != nil {
		return Interrupted, p.takePending()
	}
	if !d.Wait(s, (*sideWaker)(p)) {
		return IO, nil
	}
	if deadline != 0 {
		p.timed = true
		p.hub.Loop.Arm(&p.timer, deadline, (*timeWaker)(p))
	}
	p.waits = w
	p.state = parked
	c, err := p.pass(f)
	if c != IO && d.Waiter(s) == (*sideWaker)(p) {
		d.Forget(s)
	}
	return c, err
}
