package netpoll

import "time"

// descDeadlines are the deadlines of a Desc that has had any.
type descDeadlines struct {
	sides [2]descDeadline
}

// A descDeadline is the deadline of one side. Its timer is armed while the side
// has a waiter.
type descDeadline struct {
	timer  Timer
	desc   *Desc
	side   Side
	set    bool
	passed bool
	when   time.Duration
}

// SetDeadline ends every wait for the side, the present one and later ones, when
// the loop's time reaches when, on the scale of [Loop.Time]: the waiter is made
// ready, and [Desc.TimedOut] says that it was for the time. With a time in the
// past a waiter is made ready in the next iteration; there is no third way, so a
// side that is ready is never kept from being used. [Loop.Deadline] computes when.
// It mirrors net.Conn's SetReadDeadline and SetWriteDeadline.
//
//	d.SetDeadline(netpoll.ReadSide, loop.Deadline(time.Minute))
//	…
//	d.Wait(netpoll.ReadSide, me)
//	… // when it has made me ready:
//	if d.TimedOut(netpoll.ReadSide) {
//		return os.ErrDeadlineExceeded
//	}
//
// It has no effect on a Desc that is released. Only the owner of the loop may call
// it.
//
// Budget: one allocation for the first deadline of a Desc; arming a timer for each
// wait of a side that has one. A Desc without deadlines pays one comparison.
func (d *Desc) SetDeadline(s Side, when time.Duration) {
	if d.released {
		return
	}
	if d.deadlines == nil {
		d.deadlines = new(descDeadlines)
	}
	e := &d.deadlines.sides[s]
	e.desc, e.side, e.when = d, s, when
	e.set, e.passed = true, false
	if d.waiters[s] != nil {
		d.loop.Arm(&e.timer, when, e)
	}
}

// ClearDeadline undoes [Desc.SetDeadline]: waits for the side have no end again.
func (d *Desc) ClearDeadline(s Side) {
	if d.deadlines == nil {
		return
	}
	e := &d.deadlines.sides[s]
	d.loop.Disarm(&e.timer)
	e.set, e.passed = false, false
}

// TimedOut reports whether the side's last waiter was made ready because the
// deadline had come. It is false again after the next Wait, or when the deadline is
// changed. If the deadline and an edge come in one [Loop.Turn], the edge is first.
func (d *Desc) TimedOut(s Side) bool {
	return d.deadlines != nil && d.deadlines.sides[s].passed
}

// arm begins a wait for the side.
func (t *descDeadlines) arm(s Side) {
	e := &t.sides[s]
	if e.passed = false; e.set {
		e.desc.loop.Arm(&e.timer, e.when, e)
	}
}

// disarm ends a wait for the side.
func (t *descDeadlines) disarm(s Side) {
	if e := &t.sides[s]; e.set {
		e.desc.loop.Disarm(&e.timer)
	}
}

// Wake ends the wait. It is a Waker's, so that no edge that comes in the same turn
// finds the waiter still waiting.
func (e *descDeadline) Wake() {
	d := e.desc
	if r := d.waiters[e.side]; r != nil {
		d.waiters[e.side] = nil
		d.loop.sources.waiting--
		e.passed = true
		d.loop.wake(r)
	}
}

// RunReady is never called: see Waker.
func (e *descDeadline) RunReady() { e.Wake() }
