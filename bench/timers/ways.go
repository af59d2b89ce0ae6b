package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/baton-go/baton/netpoll"
)

// Timers are numbered timers of one kind. Times count from the counter's start.
type timers interface {
	arm(i int, when time.Duration)
	reset(i int, when time.Duration) // of one that is armed
	cancel(i int)
	wait()      // until all have fired
	armed() int // how many are armed, at the end
}

// A way is one kind of timers.
type way struct {
	name string
	ours bool
	make func(c *counter) timers
}

const reference = "time.AfterFunc"

var ways = []way{
	{"Loop.CallLater", true, func(c *counter) timers {
		return &callLater{counter: c, loop: newLoop(), handles: make([]*netpoll.Handle, c.n)}
	}},
	{"Loop.Arm", true, newEmbedded},
	{reference, false, func(c *counter) timers {
		return &afterFunc{counter: c, timers: make([]*time.Timer, c.n), done: make(chan struct{})}
	}},
	{"time.NewTimer", false, func(c *counter) timers {
		return &newTimer{counter: c, timers: make([]*time.Timer, c.n)}
	}},
}

func wayNamed(name string) (way, error) {
	for _, w := range ways {
		if w.name == name {
			return w, nil
		}
	}
	return way{}, fmt.Errorf("there is no way %q", name)
}

// A counter knows which timers have fired how often.
type counter struct {
	n     int
	start time.Time
	fired []uint8       // how often each fired
	last  time.Duration // when the last one fired
}

func newCounter(n int) *counter { return &counter{n: n, fired: make([]uint8, n)} }

// left is how long it is until when.
func (c *counter) left(when time.Duration) time.Duration { return when - time.Since(c.start) }

// eachFired returns an error unless each timer fired so often.
func (c *counter) eachFired(times uint8) error {
	for i, f := range c.fired {
		if f != times {
			return fmt.Errorf("timer %d fired %d times, not %d", i, f, times)
		}
	}
	return nil
}

// allStopped returns an error unless so many are armed and none has fired.
func (c *counter) allStopped(t timers, armed int) error {
	if n := t.armed(); n != armed {
		return fmt.Errorf("%d timers are armed, not %d", n, armed)
	}
	return c.eachFired(0)
}

func newLoop() *netpoll.Loop {
	l, err := netpoll.NewLoop()
	if err != nil {
		panic(err)
	}
	return l
}

// callLater has callbacks of a loop. They cannot be armed again: as in asyncio
// the old one is cancelled and a new one made.
type callLater struct {
	*counter
	loop    *netpoll.Loop
	handles []*netpoll.Handle
	count   int
}

func (t *callLater) arm(i int, when time.Duration) {
	t.handles[i] = t.loop.CallLater(t.left(when), func() {
		t.fired[i]++
		if t.count++; t.count == t.n {
			t.last = time.Since(t.start)
		}
	})
}

func (t *callLater) reset(i int, when time.Duration) { t.cancel(i); t.arm(i, when) }
func (t *callLater) cancel(i int)                    { t.handles[i].Cancel() }
func (t *callLater) wait()                           { mustRun(t.loop) }
func (t *callLater) armed() int                      { return t.loop.Stats().Timers }

// embedded has Timers within what they wake.
type embedded struct {
	*counter
	loop   *netpoll.Loop
	base   time.Duration // the loop's time at the start
	timers []sleeper
	count  int
}

type sleeper struct {
	netpoll.Timer
	all *embedded
	i   int
}

func newEmbedded(c *counter) timers {
	t := &embedded{counter: c, loop: newLoop(), timers: make([]sleeper, c.n)}
	t.base = t.loop.UpdateTime()
	return t
}

func (s *sleeper) RunReady() {
	t := s.all
	t.fired[s.i]++
	if t.count++; t.count == t.n {
		t.last = time.Since(t.start)
	}
}

func (t *embedded) arm(i int, when time.Duration) {
	s := &t.timers[i]
	s.all, s.i = t, i
	t.loop.Arm(&s.Timer, t.base+when, s)
}

func (t *embedded) reset(i int, when time.Duration) {
	s := &t.timers[i]
	t.loop.Arm(&s.Timer, t.base+when, s)
}

func (t *embedded) cancel(i int) { t.loop.Disarm(&t.timers[i].Timer) }
func (t *embedded) wait()        { mustRun(t.loop) }
func (t *embedded) armed() int   { return t.loop.Stats().Timers }

func mustRun(l *netpoll.Loop) {
	if err := l.Run(); err != nil {
		panic(err)
	}
}

// afterFunc has functions that package time calls, each on a goroutine.
type afterFunc struct {
	*counter
	timers []*time.Timer
	count  atomic.Int64
	done   chan struct{}
}

func (t *afterFunc) arm(i int, when time.Duration) {
	t.timers[i] = time.AfterFunc(t.left(when), func() {
		t.fired[i]++
		if t.count.Add(1) == int64(t.n) {
			t.last = time.Since(t.start)
			close(t.done)
		}
	})
}

func (t *afterFunc) reset(i int, when time.Duration) { t.timers[i].Reset(t.left(when)) }
func (t *afterFunc) cancel(i int)                    { t.timers[i].Stop() }
func (t *afterFunc) wait()                           { <-t.done }
func (t *afterFunc) armed() int                      { return stopAll(t.timers) }

// newTimer has timers with channels. They cost little until somebody receives.
type newTimer struct {
	*counter
	timers []*time.Timer
}

func (t *newTimer) arm(i int, when time.Duration)   { t.timers[i] = time.NewTimer(t.left(when)) }
func (t *newTimer) reset(i int, when time.Duration) { t.timers[i].Reset(t.left(when)) }
func (t *newTimer) cancel(i int)                    { t.timers[i].Stop() }

func (t *newTimer) wait() {
	for i := range t.timers {
		<-t.timers[i].C
		t.fired[i]++
	}
	t.last = time.Since(t.start)
}

func (t *newTimer) armed() int { return stopAll(t.timers) }

// stopAll stops timers and returns how many were armed.
func stopAll(timers []*time.Timer) (armed int) {
	for _, t := range timers {
		if t.Stop() {
			armed++
		}
	}
	return armed
}
