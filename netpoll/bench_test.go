package netpoll_test

import (
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

// One timer is armed and one fires, among 10,000.
func BenchmarkTimerArmFire10k(b *testing.B) {
	l, c := newVirtual(b)
	timers := make([]netpoll.Timer, 10_000)
	r := new(nothing)
	seed := uint32(1)
	random := func() time.Duration {
		seed = seed*1664525 + 1013904223
		return time.Duration(seed >> 8)
	}
	owner := make(map[int]*netpoll.Timer, 1)
	_ = owner
	for i := range timers {
		l.Arm(&timers[i], random(), r)
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		l.Disarm(&timers[i])
		l.Arm(&timers[i], c.Now()+random(), r)
		if i++; i == len(timers) {
			i = 0
		}
	}
}
