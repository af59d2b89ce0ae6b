package asyncio_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

func TestTasksKeepTheirBudgets(t *testing.T) {
	t.Setenv("BATON_ASYNCIO_DEBUG", "") // debug mode allocates
	if testing.AllocsPerRun(10, func() { gevent.Current() }) > 0 {
		t.Skip("here it allocates to find out who calls")
	}
	_, err := asyncio.Run(proc(func(c ctx) error {
		l := asyncio.RunningLoop(c)
		nothing := func(ctx) error { return nil }
		one := func(ctx) (int, error) { return 1, nil }
		done := asyncio.NewFuture[int](l)
		require.NoError(t, done.SetResult(1))
		for _, b := range []struct {
			name string
			most float64
			f    func()
		}{
			{"CreateTask and Await", 1, func() { _, _ = asyncio.CreateTask(c, one).Await(c) }},
			{"Sleep(0)", 0, func() { _ = asyncio.Sleep(c, 0) }},
			{"Sleep", 0, func() { _ = asyncio.Sleep(c, time.Microsecond) }},
			{"a Timeout", 1, func() { _ = asyncio.WithTimeout(c, time.Hour, nothing) }},
			{"a Timeout in a Timeout", 3, func() { // the third is the closure
				_ = asyncio.WithTimeout(c, time.Hour, func(c ctx) error { return asyncio.WithTimeout(c, time.Hour, nothing) })
			}},
			{"a Timeout around a task and a sleep", 3, func() {
				_ = asyncio.WithTimeout(c, time.Hour, func(c ctx) error {
					_, err := asyncio.CreateTask(c, one).Await(c)
					_ = asyncio.Sleep(c, 0)
					return err
				})
			}},
			{"WaitFor", 4, func() { _, _ = asyncio.WaitFor(c, asyncio.CreateTask(c, one), time.Hour) }},
			{"a TaskGroup", 1, func() { _ = asyncio.NewTaskGroup().Do(c, nothing) }},
			{"ShieldFuture", 2, func() { asyncio.ShieldFuture[int](asyncio.NewFuture[int](l)) }},
		} {
			b.f() // the first time may make room
			require.LessOrEqual(t, testing.AllocsPerRun(100, b.f), b.most, b.name)
		}
		return nil
	}))
	require.NoError(t, err)
}

// A scope costs no context until somebody asks for its channel.
func BenchmarkTimeout(b *testing.B) {
	bench(b, func(c ctx) error {
		f := func(c ctx) error { return asyncio.Sleep(c, 0) }
		for b.Loop() {
			if err := asyncio.WithTimeout(c, time.Hour, f); err != nil {
				return err
			}
		}
		return nil
	})
}

// The same with package context, for comparison.
func BenchmarkContextTimeout(b *testing.B) {
	bench(b, func(c ctx) error {
		for b.Loop() {
			short, cancel := context.WithTimeout(c, time.Hour)
			err := asyncio.Sleep(short, 0)
			cancel()
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// One operation is a group of ten tasks.
func BenchmarkTaskGroup10(b *testing.B) {
	bench(b, func(c ctx) error {
		f := func(ctx) error { return nil }
		for b.Loop() {
			g := asyncio.NewTaskGroup()
			err := g.Do(c, func(ctx) error {
				for range 10 {
					_ = g.Go(f)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
