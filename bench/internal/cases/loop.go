package cases

import (
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
)

// withLoop calls f with a loop on the real clock.
func withLoop(f func(l *netpoll.Loop)) {
	l, err := netpoll.NewLoop()
	if err != nil {
		panic(err)
	}
	f(l)
	if err := l.Close(); err != nil {
		panic(err)
	}
}

// offload runs an empty function on another goroutine while its greenlet, the
// only one, is parked.
func offload(m Meter, n int) {
	inHub(func() {
		f := func() {}
		gevent.Offload(f)
		m.Start()
		for range n {
			gevent.Offload(f)
		}
		m.Stop()
	})
}

// goAndChannel runs an empty function on another goroutine and waits for it.
func goAndChannel(m Meter, n int) {
	f := func() {}
	m.Start()
	for range n {
		done := make(chan struct{})
		go func() {
			f()
			close(done)
		}()
		<-done
	}
	m.Stop()
}

// otherTimers is how many timers are armed, for later, beside the measured one.
const otherTimers = 10_000

// fired is what a timer makes ready.
type fired int

func (f *fired) RunReady() { *f++ }

// amongTimers calls f with a loop in which timers are armed.
func amongTimers(f func(l *netpoll.Loop)) {
	withLoop(func(l *netpoll.Loop) {
		others := make([]netpoll.Timer, otherTimers)
		for i := range others {
			l.Arm(&others[i], time.Hour+time.Duration(i), new(fired))
		}
		f(l)
	})
}

// timerFire arms a timer that is due at once and runs what it makes ready.
func timerFire(m Meter, n int) {
	amongTimers(func(l *netpoll.Loop) {
		var t netpoll.Timer
		count := new(fired)
		m.Start()
		for range n {
			l.Arm(&t, l.UpdateTime(), count)
			l.RunOnce()
		}
		m.Stop()
		if int(*count) != n {
			panic("a timer that was due did not fire")
		}
	})
}

// timerStop arms a timer and disarms it, as most timeouts are.
func timerStop(m Meter, n int) {
	amongTimers(func(l *netpoll.Loop) {
		var t netpoll.Timer
		r := new(fired)
		m.Start()
		for range n {
			l.Arm(&t, l.UpdateTime()+time.Minute, r)
			l.Disarm(&t)
		}
		m.Stop()
	})
}

// amongTimeTimers calls f while timers of package time are running.
func amongTimeTimers(f func()) {
	others := make([]*time.Timer, otherTimers)
	for i := range others {
		others[i] = time.AfterFunc(time.Hour+time.Duration(i), func() {})
	}
	f()
	for _, t := range others {
		t.Stop()
	}
}

// timeTimerFire resets a timer to be due at once and waits for it.
func timeTimerFire(m Meter, n int) {
	amongTimeTimers(func() {
		t := time.NewTimer(0)
		<-t.C
		m.Start()
		for range n {
			t.Reset(0)
			<-t.C
		}
		m.Stop()
	})
}

// timeTimerStop resets a timer and stops it. It is one with a function, since
// one with a channel costs nothing while nobody receives.
func timeTimerStop(m Meter, n int) {
	amongTimeTimers(func() {
		t := time.AfterFunc(time.Hour, func() {})
		m.Start()
		for range n {
			t.Reset(time.Minute)
			t.Stop()
		}
		m.Stop()
	})
}
