package asyncio

import (
	"context"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// await parks the caller until f is done. It returns an error only if it was not
// f that ended the wait.
func (f *future) await(ctx context.Context, op string) error {
	if f.state != pending {
		return nil
	}
	self, p := hub.Require(op)
	t := taskOf(p)
	switch {
	case p.Hub() != f.loop.hub:
		misuse(op, "it belongs to the loop of another thread", "await it there, and send this thread the result with CallSoonThreadsafe")
	case t != nil && f == &t.future:
		misuse(op, t.Name()+" awaits itself", "await it in another task")
	}
	other, err := others(ctx, t)
	if err != nil {
		return err
	}
	o := watch(other, p)
	f.listen((*waker)(p))
	if t != nil {
		// A request that is due is for what the task awaits, as in asyncio.
		t.awaits = f
		if e := t.takeRequest(); e != nil {
			if !t.pass(e) {
				t.request = e
			}
			if f.state != pending || t.adrift {
				err = p.Yield(self) // p was told already, but not parked yet
			}
		}
	}
	for err == nil && f.state == pending && !o.fired() && (t == nil || !t.adrift) {
		_, err = p.Park(self, hub.Wait{Op: op, On: f})
	}
	o.close()
	if f.state == pending {
		f.ignore((*waker)(p))
	}
	if t != nil {
		t.awaits, t.adrift = nil, false
	}
	if err != nil {
		hub.Unwind(err) // it is gevent's: asyncio's come by way of f
	}
	if t != nil {
		if e := t.takeRequest(); e != nil && f.state != cancelled {
			return e
		}
	}
	if f.state == pending {
		return reason(other)
	}
	return nil
}

// Sleep parks the calling task or greenlet for d. If d is not positive it yields
// once: everything that is ready runs first. It mirrors asyncio.sleep.
//
// It returns nil; a [*CancelledError] as soon as the calling task is cancelled;
// or ctx.Err() as soon as ctx ends, if that is not just the calling task's own. A
// kill of gevent unwinds. It panics in a callback and in a foreign
// goroutine.
//
// Budget: no allocation; one switch if d is not positive, else two, a reading of
// the clock and a place in the timer heap.
func Sleep(ctx context.Context, d time.Duration) error {
	const op = "asyncio.Sleep"
	self, p := hub.Require(op)
	t := taskOf(p)
	other, err := others(ctx, t)
	if err != nil {
		return err
	}
	var due *CancelledError
	if t != nil {
		due = t.takeRequest()
	}
	if due != nil || d <= 0 {
		// A cancellation that is due takes one hop to be delivered, too.
		if err := p.Yield(self); err != nil {
			hub.Unwind(err)
		}
		if t != nil {
			if later := t.takeRequest(); due == nil {
				due = later
			}
		}
		if due != nil {
			return due
		}
		return nil
	}
	o := watch(other, p)
	if t == nil {
		err = sleepGreenlet(op, self, p, d, o)
	} else {
		err = t.sleep(op, self, d, o)
	}
	o.close()
	if err != nil {
		if t == nil || !isOwn(err) {
			hub.Unwind(err)
		}
		return err
	}
	if o.fired() {
		return reason(other)
	}
	return nil
}

// isOwn reports whether an interrupt is a request to cancel.
func isOwn(err error) bool {
	_, own := err.(*CancelledError)
	return own
}

// sleep is Sleep in a task. As in asyncio the end of the time is an entry of the
// FIFO, and the task goes on one hop later.
func (t *task) sleep(op string, self *baton.Fiber, d time.Duration, o *outside) error {
	l := t.proc.Hub().Loop
	t.awake = false
	l.Arm(&t.timer, l.Deadline(d), (*alarm)(t))
	var err error
	for err == nil && !t.awake && !o.fired() {
		_, err = t.proc.Park(self, hub.Wait{Op: op})
	}
	l.Disarm(&t.timer)
	if err == nil {
		if e := t.takeRequest(); e != nil {
			return e
		}
	} else if isOwn(err) {
		t.request, t.interrupting = nil, false
	}
	return err
}

// alarm is a task as the entry that ends its sleep.
type alarm task

// RunReady wakes the task. It is for the loop only.
func (a *alarm) RunReady() {
	a.awake = true
	a.proc.Wake()
}

// sleepGreenlet is Sleep in a greenlet that is no task.
func sleepGreenlet(op string, self *baton.Fiber, p *hub.Proc, d time.Duration, o *outside) error {
	l := p.Hub().Loop
	for until := l.Deadline(d); !o.fired(); {
		cause, err := p.ParkFor(self, hub.Wait{Op: op}, until-l.Time())
		if err != nil || cause == hub.TimedOut {
			return err
		}
	}
	return nil
}
