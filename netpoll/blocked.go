package netpoll

// CallWhenBlocked calls f when the loop has nothing else to do: when it would wait
// for a time, a descriptor, a [File] or a [Loop.Post], or end. The poller has been asked
// then and nothing was there. On a virtual clock this comes before the jump to the
// next timer. It is for tests that need to know that everything which was to
// happen has happened:
//
//	loop.CallSoon(start)
//	loop.CallWhenBlocked(func() { check(); loop.Stop() })
//	loop.Run()
//
// If there are several such calls, all run one after the other, in the order of
// the calls; what one of them begins is not waited for by the others. Idle hooks
// do not count as something to do. It mirrors trio's wait_all_tasks_blocked with
// no cushion, for which a task parks until f. From outside of the loop use
// [Loop.RunUntilBlocked].
//
// Only the owner may call CallWhenBlocked; it panics if f is nil or the loop is
// closed. [Handle.Cancel] takes the call back.
func (l *Loop) CallWhenBlocked(f func()) *Handle {
	l.mustHave("CallWhenBlocked", f)
	h := &Handle{f: f}
	if d := l.debug; d != nil {
		d.scheduled(&h.timer)
	}
	l.blocked = append(l.blocked, h)
	return h
}

// unblock makes ready what waited for the loop to be blocked, and reports whether
// there was anything.
func (l *Loop) unblock() (any bool) {
	all := l.blocked
	l.blocked = nil
	for _, h := range all {
		if d := l.debug; d != nil {
			d.fires(&h.timer)
		}
		if !h.Cancelled() {
			any = true
			l.Enqueue(h)
		}
	}
	return any
}

// RunUntilBlocked runs the loop until it would wait, or end: until nothing is
// ready, and nothing can become so without the passing of time, a descriptor, a
// [File] or a [Loop.Post] that has not come yet. A virtual clock does not jump.
// Functions of [Loop.CallWhenBlocked] have been called, and what they began is done
// as far as it can be. [Loop.Stop] makes it return as it does Run.
//
//	clock.Advance(time.Second)
//	loop.RunUntilBlocked() // what was armed for this second has happened, at its end
//
// If entries always make others ready, RunUntilBlocked does not return. It returns
// [ErrClosed] if the loop is closed; a panic of an entry passes through. Only the
// owner may call it, and not from an entry that the loop is running. It mirrors
// trio's wait_all_tasks_blocked, called by whoever runs the loop.
func (l *Loop) RunUntilBlocked() error {
	if l.closed {
		return ErrClosed
	}
	l.enter("RunUntilBlocked")
	defer l.leave()
	for l.iterate(false) && !l.stopping {
	}
	return nil
}

// see makes the next poll ask the poller, even if the sentry is relied upon to
// tell: it may need time to do so.
func (p *parking) see() { p.blind = blindTurns }
