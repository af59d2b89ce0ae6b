package netpoll

import (
	"runtime"
	"sync/atomic"
	"time"
)

// How the loop sleeps when it has nothing to do. There are two ways.
//
// In the poller: a system call that blocks. A descriptor wakes the thread
// straight away, and the time is exact to some 60 µs. But the Go scheduler learns
// only after 20 µs or more that the processor is free for other goroutines, and
// then has to find the loop another one; and a Post has to make a system call.
//
// Parked: as a goroutine that waits for a bell, which is a channel. The processor
// is free at once and a Post is a channel operation. The bell is rung by Post, by
// an alarm, which is a timer of package time, or by the sentry, a goroutine that
// watches the poller: see sentry_linux.go.
//
// Measured, a round trip by Post with two processors: 1.4 µs in the poller
// (with one processor 3.5), 0.4 parked (0.4), where a round trip over two channels
// takes 0.27. An echo when the server has gone to sleep in between: 25 µs of
// processor time in the poller, 35 parked with a sentry.
//
// So the loop parks if it has no descriptors, and if it has, when it expects to be
// woken by a Post: somebody took a Ref since it slept last, or its last sleeps
// ended that way.
//
// The alarm would be up to a millisecond late, so it is set to be a millisecond
// early, and the rest is slept in the poller.
type parking struct {
	bell     chan struct{} // with room for one, so that whoever rings never waits
	sentry   sentry
	expected int8 // how often of late a Post ended the sleep, less how often a descriptor did
	promised bool // Ref was called since the last sleep
	standing bool // the clock stands still while the loop is in the poller
	blind    int  // times that the poller was not asked, in a row

	alarm   *time.Timer
	alarmAt time.Duration // the loop's time for which it was set last
	rung    atomic.Bool   // it went off since then
}

const (
	// fine is the longest wait that is left to the poller for its exactness.
	fine = 2 * time.Millisecond
	// early is how long before its time the alarm goes off.
	early = time.Millisecond
	// habit bounds parking.expected, and so how long it takes to learn anew.
	habit = 3
	// blindTurns is how many times the poller may be left alone while the sentry
	// watches it: with one processor, which the loop keeps busy, the sentry does
	// not get to say anything.
	blindTurns = 16
)

func (p *parking) init() { p.bell = make(chan struct{}, 1) }

// close ends the sentry and the alarm. If the alarm is going off meanwhile it
// rings a bell that nobody hears.
func (p *parking) close() {
	if p.alarm != nil {
		p.alarm.Stop()
	}
	p.sentry.close()
}

// sleep waits in the poller for wait at most, or if that is negative until
// something happens, and returns the number of the poller's events.
func (l *Loop) sleep(wait time.Duration) (n int) {
	// Let others run before the kernel has this goroutine and, for a while, its
	// processor: one of them may be about to post.
	runtime.Gosched()
	l.state.Store(polling)
	posted := l.posted.Load() != nil
	if !posted {
		l.stats.Waits++
		n = l.poller.poll(wait)
		if posted = l.state.Load() == awake; posted {
			l.stats.Wakeups++
		}
	}
	l.state.Store(awake)
	switch {
	case posted:
		l.parking.learn(+1)
	case n > 0:
		l.parking.learn(-1)
	case wait > 0 && l.clock == nil && time.Since(l.epoch) == l.now:
		// Time stands still in a bubble of testing/synctest until every goroutine
		// in it is parked.
		l.parking.standing = true
	}
	return n
}

// prefersPark says which way to sleep.
func (l *Loop) prefersPark(wait time.Duration) bool {
	p := &l.parking
	promised := p.promised
	p.promised = false
	switch {
	case wait >= 0 && wait < fine && !p.standing:
		return false
	case l.sources.count == 0:
		return true
	}
	return (promised || p.expected > 0) && p.sentry.start(l)
}

// lieDown prepares for parking. It reports false if there is no need any more;
// otherwise the caller waits for the bell, which may ring too early, and calls
// getUp.
func (l *Loop) lieDown(wait time.Duration) bool {
	p := &l.parking
	if wait >= 0 {
		l.setAlarm(wait)
	}
	watched := l.sources.count > 0
	if watched {
		p.sentry.watch()
	}
	// Let others run first: one of them may be about to post, and that is cheaper
	// while the loop is awake.
	runtime.Gosched()
	l.state.Store(parked)
	switch {
	case l.posted.Load() != nil:
		p.learn(+1)
	case watched && !p.sentry.watching():
		p.learn(-1)
	case wait < 0 || !p.rung.Load():
		l.stats.Waits++
		l.stats.Parks++
		return true
	}
	l.state.Store(awake)
	return false
}

// getUp is what follows the bell.
func (l *Loop) getUp() {
	p := &l.parking
	if l.state.Load() != awake { // or whoever rang has stored it
		l.state.Store(awake)
	}
	if l.posted.Load() != nil {
		l.stats.Wakeups++
		p.learn(+1)
	} else if l.sources.count > 0 && !p.sentry.watching() {
		p.learn(-1)
	}
}

// learn notes what ended a sleep.
func (p *parking) learn(by int8) {
	p.expected = max(-habit, min(habit, p.expected+by))
}

// setAlarm makes sure that the alarm goes off in time for a wait from now. It may
// go off too early if it was set for something that has been called off: setting
// it costs more than waking once.
func (l *Loop) setAlarm(wait time.Duration) {
	p := &l.parking
	if !p.standing {
		wait -= early
	}
	when := l.now + wait
	switch {
	case p.alarm == nil:
		p.alarmAt = when
		p.alarm = time.AfterFunc(wait, func() {
			p.rung.Store(true)
			if l.state.CompareAndSwap(parked, awake) {
				p.ring()
			}
		})
	case p.rung.Load() || when < p.alarmAt:
		p.alarmAt = when
		p.rung.Store(false)
		p.alarm.Reset(wait)
	}
}

// ring wakes the loop, for whoever changed its state from parked to awake. A bell
// that is still ringing, for a loop that woke by itself, serves as well.
func (p *parking) ring() {
	select {
	case p.bell <- struct{}{}:
	default:
	}
}

// blind reports whether the poller need not be asked what is there, because the
// sentry would have said so. With a virtual clock it is asked, so that the clock
// does not jump past a descriptor of which the sentry has yet to hear.
func (l *Loop) blind() bool {
	p := &l.parking
	if !p.sentry.watching() || l.clock != nil {
		return false
	}
	if p.blind++; p.blind <= blindTurns {
		return true
	}
	p.blind = 0
	return false
}
