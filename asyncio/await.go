package asyncio

import (
	"context"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

// await parks the caller until f is done. It returns an error only if it was not
// f that ended the wait.
func (f *future) await(ctx context.Context, op string) error {
	if f.state != pending {
		return nil
	}
	self, p := mustPark(op)
	t := callingTask(ctx, p)
	f.mustBeAwaitable(op, p, t)
	other, err := others(ctx, t)
	if err != nil {
		return err
	}
	return f.wait(op, self, p, t, other)
}

// mustBeAwaitable panics if p, which runs t or no task, cannot wait for f.
func (f *future) mustBeAwaitable(op string, p *hub.Proc, t *task) {
	switch {
	case f.loop == nil:
		misuse(op, "it belongs to no loop", "make it with CreateTask or NewFuture")
	case p.Hub() != f.loop.hub:
		misuse(op, "it belongs to the loop of another thread", "await it there, and send this thread the result with CallSoonThreadsafe")
	case t != nil && f == &t.future:
		misuse(op, t.Name()+" awaits itself", "await it in another task")
	}
}

// wait is await for an f that is pending, once it is known what other context may
// end the wait; nil for none.
func (f *future) wait(op string, self *baton.Fiber, p *hub.Proc, t *task, other context.Context) (err error) {
	o := watch(other, p)
	f.listen((*waker)(p))
	if t != nil {
		// A request that is due is for what the task awaits, as in asyncio.
		t.awaits = f
		if c := t.cancellation(); c != nil {
			c.passed = nil
		}
		if e := t.takeRequest(); e != nil {
			if !t.pass(e) {
				t.cancellation().request = e
			}
			if f.state != pending || t.adrift() {
				err = p.Yield(self) // p was told already, but not parked yet
			}
		}
	}
	for err == nil && f.state == pending && !o.fired() && (t == nil || !t.adrift()) {
		_, err = p.Park(self, hub.Wait{Op: op, On: f})
	}
	o.close()
	if f.state == pending {
		f.ignore((*waker)(p))
	}
	if t != nil {
		t.awaits = nil
		if c := t.cancellation(); c != nil {
			c.adrift = false
		}
	}
	if err != nil {
		f.left(t, err)
		hub.Unwind(err) // it is gevent's: asyncio's come by way of f
	}
	if t != nil {
		if e := t.takeRequest(); e != nil && f.state != cancelled {
			return e
		}
	}
	if f.state == pending {
		err = reason(other)
	}
	f.left(t, err)
	return err
}

// left is the end of the wait of t, which may be nil, for f. If err ended it, a request
// to cancel t that was passed on to f would be lost: so the next awaiting call delivers
// it, unless it is err itself, or was taken back.
func (f *future) left(t *task, err error) {
	if t == nil || t.cancellation() == nil {
		return
	}
	c := t.cancellation()
	if e := c.passed; e != nil && f.state == pending && c.request == nil && c.requests > 0 && err != error(e) {
		t.note(e)
	}
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
	self, p := mustPark("asyncio.Sleep")
	own, ok := ctx.(*ownContext)
	if !ok || d > 0 || &own.proc != p || !(*task)(own).unbothered() {
		return sleep(ctx, d, self, p)
	}
	// The usual case is written out flat.
	if to := p.LeaveReady(self); to != self {
		if s := self.Take(to); s.Pulling {
			s.Next()
		} else {
			s.Yield(struct{}{})
		}
		if self.Signalled() {
			self.Obey()
		}
	}
	if _, err := p.Back(); err != nil {
		hub.Unwind(err)
	}
	if e := (*task)(own).takeRequest(); e != nil {
		return e
	}
	return nil
}

// unbothered reports whether there is nothing that could end an awaiting call of t
// with t's own context before it has parked.
func (t *task) unbothered() bool {
	return t.proc.Flags&bound == 0 && t.rare == nil && !t.proc.Interrupted()
}

// sleep is Sleep in every other case.
func sleep(ctx context.Context, d time.Duration, self *baton.Fiber, p *hub.Proc) error {
	const op = "asyncio.Sleep"
	t := callingTask(ctx, p)
	other, err := others(ctx, t)
	if err != nil {
		return err
	}
	var due *CancelledError
	if t != nil {
		due = t.takeRequest()
	}
	if due != nil || d <= 0 {
		// A cancellation that is due takes one hop to be delivered, too. In a call that
		// only yields Uncancel may take it back until then.
		if due != nil && d <= 0 {
			t.cancellation().request, due = due, nil
		}
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
	a := t.loop.newAlarm(t)
	l.Arm(&a.timer, l.Deadline(d), a)
	var err error
	for err == nil && !a.rung && !o.fired() {
		_, err = t.proc.Park(self, hub.Wait{Op: op})
	}
	l.Disarm(&a.timer)
	if a.rung {
		t.loop.keepAlarm(a)
	} else {
		a.task = nil // an entry may still be on its way, and is not to wake another wait
	}
	if err == nil {
		if e := t.takeRequest(); e != nil {
			return e
		}
	} else if isOwn(err) {
		c := t.cancellation()
		c.request, c.interrupting = nil, false
	}
	return err
}

// An alarm is the entry that ends the sleep of a task. It is no part of the task,
// since most tasks are small and do not sleep.
type alarm struct {
	task  *task
	timer netpoll.Timer
	rung  bool
	next  *alarm // in loop.alarms
}

// RunReady wakes the task, if that still sleeps. It is for the loop only.
func (a *alarm) RunReady() {
	if a.task != nil {
		a.rung = true
		a.task.proc.Wake()
	}
}

// newAlarm returns one for t, which may have been another's.
func (l *Loop) newAlarm(t *task) *alarm {
	a := l.alarms
	if a == nil {
		return &alarm{task: t}
	}
	l.alarms, a.next = a.next, nil
	a.task, a.rung = t, false
	return a
}

// keepAlarm keeps a, which has rung, for reuse.
func (l *Loop) keepAlarm(a *alarm) {
	a.task, a.next = nil, l.alarms
	l.alarms = a
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
