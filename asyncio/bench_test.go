package asyncio_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// bench runs main on a loop with a real clock.
func bench(b *testing.B, main func(ctx) error) {
	b.Helper()
	b.ReportAllocs()
	_, err := asyncio.Run(proc(main))
	require.NoError(b, err)
}

func BenchmarkCreateAwait(b *testing.B) {
	bench(b, func(c ctx) error {
		f := func(ctx) (int, error) { return 1, nil }
		for b.Loop() {
			if _, err := asyncio.CreateTask(c, f).Await(c); err != nil {
				return err
			}
		}
		return nil
	})
}

// One operation is 100,000 tasks that are made, and then awaited.
func BenchmarkCreateAwait100000(b *testing.B) {
	bench(b, func(c ctx) error {
		f := func(ctx) (int, error) { return 1, nil }
		ts := make([]*asyncio.Task[int], 100_000)
		for b.Loop() {
			for i := range ts {
				ts[i] = asyncio.CreateTask(c, f)
			}
			for _, t := range ts {
				if _, err := t.Await(c); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func BenchmarkGather1000(b *testing.B) {
	bench(b, func(c ctx) error {
		f := func(ctx) (int, error) { return 1, nil }
		ts := make([]asyncio.AwaitableOf[int], 1000)
		for b.Loop() {
			for i := range ts {
				ts[i] = asyncio.CreateTask(c, f)
			}
			if _, err := asyncio.Gather(c, ts...); err != nil {
				return err
			}
		}
		return nil
	})
}

func BenchmarkSleepZeroAmong1000(b *testing.B) {
	bench(b, func(c ctx) error {
		left := b.N
		ts := make([]*task, 1000)
		for i := range ts {
			ts[i] = spawn(c, func(c ctx) (err error) {
				for ; left > 0 && err == nil; err = asyncio.Sleep(c, 0) {
					left--
				}
				return err
			})
		}
		b.ResetTimer()
		_, _, err := asyncio.Wait(c, ts)
		b.StopTimer()
		return err
	})
}

func BenchmarkCallSoon(b *testing.B) {
	bench(b, func(c ctx) error {
		l := asyncio.RunningLoop(c)
		f := asyncio.NewFuture[int](l)
		left := b.N
		var again func()
		again = func() {
			if left--; left <= 0 {
				_ = f.SetResult(1)
				return
			}
			l.CallSoon(again)
		}
		b.ResetTimer()
		l.CallSoon(again)
		_, err := f.Await(c)
		return err
	})
}

func BenchmarkRun(b *testing.B) {
	b.ReportAllocs()
	f := func(ctx) (int, error) { return 1, nil }
	for b.Loop() {
		if _, err := asyncio.Run(f); err != nil {
			b.Fatal(err)
		}
	}
}

// The same with goroutines, for comparison.
func BenchmarkGoWaitGroup100000(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var wg sync.WaitGroup
		for range 100_000 {
			wg.Go(func() {})
		}
		wg.Wait()
	}
}
