package netpoll_test

import (
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/baton-go/baton/netpoll"
)

type nothing struct{}

func (*nothing) RunReady() {}

func BenchmarkEnqueueNext(b *testing.B) {
	l := newLoop(b)
	r := new(nothing)
	b.ReportAllocs()
	for b.Loop() {
		l.Enqueue(r)
		if l.Next() == nil {
			l.Turn()
			l.Next()
		}
	}
}

// A batch of 64, so that the share of Next's usual path shows.
func BenchmarkEnqueueNextBatch(b *testing.B) {
	l := newLoop(b)
	r := new(nothing)
	b.ReportAllocs()
	for i := 0; i < b.N; i += 64 {
		for range 64 {
			l.Enqueue(r)
		}
		l.Turn()
		for range 64 {
			l.Next()
		}
	}
}

func BenchmarkCallSoon(b *testing.B) {
	l := newLoop(b)
	f := func() {}
	b.ReportAllocs()
	for b.Loop() {
		l.CallSoon(f)
		l.RunOnce()
	}
}

// rearm is a timer that arms itself again, at a random time, when it fires.
type rearm struct {
	netpoll.Timer
	loop *netpoll.Loop
	seed uint32
}

func (t *rearm) RunReady() { t.arm() }

func (t *rearm) arm() {
	t.seed = t.seed*1664525 + 1013904223
	t.loop.Arm(&t.Timer, t.loop.Time()+time.Duration(t.seed>>8), t)
}

// Among 10,000 timers one fires, and is armed again. A Turn, which fires about
// one, is part of it.
func BenchmarkTimerFireArm10k(b *testing.B) {
	l, _ := newVirtual(b)
	timers := make([]rearm, 10_000)
	for i := range timers {
		timers[i] = rearm{loop: l, seed: uint32(i)}
		timers[i].arm()
	}
	b.ReportAllocs()
	for b.Loop() {
		l.RunOnce()
	}
}

// Among 10,000 timers one is disarmed and armed again, as timeouts mostly are.
func BenchmarkTimerDisarmArm10k(b *testing.B) {
	l, _ := newVirtual(b)
	timers := make([]rearm, 10_000)
	for i := range timers {
		timers[i] = rearm{loop: l, seed: uint32(i)}
		timers[i].arm()
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		l.Disarm(&timers[i].Timer)
		timers[i].arm()
		if i++; i == len(timers) {
			i = 0
		}
	}
}

// The loop sends to a goroutine, which posts back.
func BenchmarkPostRoundTrip(b *testing.B) {
	l := newLoop(b)
	c := make(chan bool, 1)
	defer close(c)
	back := func() {}
	go func() {
		for range c {
			l.Post(back)
		}
	}()
	l.Ref()
	b.ReportAllocs()
	for b.Loop() {
		c <- true
		l.RunOnce()
	}
}

// Posting to a loop that is awake.
func BenchmarkPostAwake(b *testing.B) {
	l := newLoop(b)
	f := func() {}
	b.ReportAllocs()
	for b.Loop() {
		l.Post(f)
		l.RunOnce()
	}
}

// What the budget costs: an iteration of 65,536 entries that do nothing, in a loop
// that has a timer and a descriptor.
func BenchmarkBudget(b *testing.B) {
	for _, budget := range []int{64, 256, 1024, 4096, 1 << 20} {
		b.Run(strconv.Itoa(budget), func(b *testing.B) {
			l := newLoop(b, netpoll.WithBudget(budget))
			a, other, err := os.Pipe()
			if err != nil {
				b.Fatal(err)
			}
			defer a.Close()
			defer other.Close()
			if err := l.AddReader(int(a.Fd()), func() {}); err != nil && !errors.Is(err, netpoll.ErrNoPoller) {
				b.Fatal(err)
			}
			defer l.RemoveReader(int(a.Fd()))
			l.CallLater(time.Hour, func() {})
			const entries = 1 << 16
			r := new(nothing)
			b.ReportAllocs()
			for i := 0; i < b.N; i += entries {
				for range entries {
					l.Enqueue(r)
				}
				l.RunOnce()
			}
		})
	}
}
