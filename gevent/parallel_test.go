package gevent_test

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
)

func TestRunParallelRunsThreadsSideBySide(t *testing.T) {
	before := runtime.NumGoroutine()
	const n = 5
	var begun atomic.Int32
	var sums [n]int
	require.NoError(t, gevent.RunParallel(n, func(i int) error {
		begun.Add(1)
		for begun.Load() < n { // all of them are there at once
			gevent.Sleep(time.Millisecond)
		}
		var gs []*gevent.Greenlet
		for k := range 100 {
			gs = append(gs, gevent.Spawn(func() { gevent.Sleep(0); sums[i] += k }))
		}
		gevent.JoinAll(gs...)
		return nil
	}))
	for _, sum := range sums {
		require.Equal(t, 4950, sum)
	}
	requireGoroutines(t, before)
}

func TestTheFirstErrorOfRunParallelEndsTheOthers(t *testing.T) {
	boom := errors.New("boom")
	var cleaned atomic.Int32
	err := gevent.RunParallel(4, func(i int) error {
		if i == 2 {
			return boom
		}
		defer cleaned.Add(1)
		gevent.Spawn(func() { gevent.Sleep(time.Hour) })
		gevent.Sleep(time.Hour)
		t.Error("not reached")
		return nil
	})
	require.ErrorIs(t, err, boom)
	require.Equal(t, "thread 2: boom", err.Error(), "those that were killed for it are not mentioned")
	require.LessOrEqual(t, cleaned.Load(), int32(3))
}

func TestRunParallelJoinsErrors(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	err := gevent.RunParallel(2, func(i int) error {
		if i == 0 {
			return first
		}
		err := gevent.Try(func() error { gevent.Sleep(time.Hour); return nil })
		require.ErrorIs(t, err, gevent.ErrGreenletExit)
		return second
	})
	require.ErrorIs(t, err, first)
	if errors.Is(err, second) { // unless it was too late to begin
		require.Equal(t, "thread 0: first\nthread 1: second", err.Error())
	}
}

func TestAPanicInRunParallelGoesOnWhenAllHaveEnded(t *testing.T) {
	ended := false
	defer func() {
		err, _ := recover().(error)
		var p *gevent.PanicError
		require.ErrorAs(t, err, &p)
		require.Equal(t, "kaboom", p.Value)
		require.Contains(t, string(p.Stack), "TestAPanicInRunParallel")
		require.True(t, ended)
	}()
	begun := make(chan struct{})
	_ = gevent.RunParallel(2, func(i int) error {
		if i == 0 {
			<-begun
			panic("kaboom")
		}
		defer func() { ended = true }()
		close(begun)
		gevent.Sleep(time.Hour)
		return nil
	})
	t.Error("not reached")
}

func TestGoexitInRunParallelExitsTheCaller(t *testing.T) {
	exited := true
	onGoroutine(t, func() {
		_ = gevent.RunParallel(2, func(i int) error {
			if i == 0 {
				runtime.Goexit()
			}
			gevent.Sleep(time.Hour)
			return nil
		})
		exited = false
	})
	require.True(t, exited)
}

func TestRunParallelInAGreenlet(t *testing.T) {
	require.NoError(t, gevent.Run(func() {
		boom := errors.New("boom")
		others := 0
		gevent.Spawn(func() { others++ })
		require.ErrorIs(t, gevent.RunParallel(2, func(int) error { return boom }), boom)
		require.Equal(t, 1, others)
		require.Panics(t, func() { _ = gevent.RunParallel(2, func(int) error { panic("it goes on") }) })

		var begun, ended atomic.Int32
		g := gevent.Spawn(func() {
			_ = gevent.RunParallel(3, func(int) error {
				begun.Add(1)
				defer ended.Add(1)
				gevent.Sleep(time.Hour)
				return nil
			})
		})
		for begun.Load() < 3 {
			gevent.Sleep(time.Millisecond)
		}
		g.Kill()
		require.Equal(t, int32(3), ended.Load(), "they have ended before the greenlet has")
		require.True(t, g.Killed())
	}))
}

func TestMisuseOfRunParallel(t *testing.T) {
	require.Panics(t, func() { _ = gevent.RunParallel(0, func(int) error { return nil }) })
	require.Panics(t, func() { _ = gevent.RunParallel(1, nil) })
}
