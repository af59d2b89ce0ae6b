package greenlet_test

import (
	"sync"
	"testing"
	"time"

	"github.com/baton-go/baton/greenlet"
)

// Each operation that has a budget is a function that does it n times, so that
// it can be a benchmark of its own and a part of BenchmarkRatios.

// switches makes n symmetric switches between two greenlets.
func switches(n int) {
	main := greenlet.Current()
	g := greenlet.New(func() {
		for {
			if _, err := main.Switch(); err != nil {
				return
			}
		}
	})
	for i := 0; i < n; i += 2 {
		g.Switch()
	}
	g.Throw(nil)
}

// valueSwitches is switches with a value each way.
func valueSwitches(n int) {
	main := greenlet.Current()
	g := greenlet.New(func() {
		for {
			if _, err := main.Switch(main); err != nil {
				return
			}
		}
	})
	for i := 0; i < n; i += 2 {
		g.Switch(g)
	}
	g.Throw(nil)
}

// ringSwitches makes n switches around a ring of eight greenlets.
func ringSwitches(n int) {
	var ring [8]*greenlet.Greenlet
	for i := range ring {
		ring[i] = greenlet.New(func() {
			for {
				if _, err := ring[(i+1)%len(ring)].Switch(); err != nil {
					return
				}
			}
		})
	}
	ring[0] = greenlet.Current()
	for i := 0; i < n; i += len(ring) {
		ring[1].Switch()
	}
	for _, g := range ring[1:] {
		g.Throw(nil)
	}
}

// channelTransfers passes n values between two goroutines over unbuffered
// channels.
func channelTransfers(n int) {
	there, back := make(chan struct{}), make(chan struct{})
	go func() {
		for range there {
			back <- struct{}{}
		}
		close(back)
	}()
	for i := 0; i < n; i += 2 {
		there <- struct{}{}
		<-back
	}
	close(there)
	<-back
}

// spawns makes, starts and finishes n greenlets, one after the other.
func spawns(n int) {
	f := func() {}
	for range n {
		greenlet.New(f).Switch()
	}
}

// goAndWaits starts and awaits n goroutines, one after the other.
func goAndWaits(n int) {
	var wg sync.WaitGroup
	f := func() { wg.Done() }
	for range n {
		wg.Add(1)
		go f()
		wg.Wait()
	}
}

func benchmark(b *testing.B, f func(int)) {
	b.ReportAllocs()
	greenlet.Run(func() { f(b.N) })
}

func BenchmarkSwitch(b *testing.B)          { benchmark(b, switches) }
func BenchmarkSwitchWithValue(b *testing.B) { benchmark(b, valueSwitches) }
func BenchmarkSwitchInRing(b *testing.B)    { benchmark(b, ringSwitches) }
func BenchmarkSpawn(b *testing.B)           { benchmark(b, spawns) }
func BenchmarkChannelTransfer(b *testing.B) { benchmark(b, channelTransfers) }
func BenchmarkGoAndWait(b *testing.B)       { benchmark(b, goAndWaits) }

// BenchmarkRatios reports what a switch costs in channel transfers, and a
// greenlet in goroutines. The operations take turns in many short runs, of which
// the fastest counts, so that a busy machine disturbs the ratios little.
//
// Budget: switch/transfer 0.33, spawn/go 0.47. The bare Fiber.Resume is at 0.29,
// and a pooled carrier with one allocation at 0.33, so little is left to gain.
func BenchmarkRatios(b *testing.B) {
	operations := []func(int){switches, valueSwitches, ringSwitches, spawns, channelTransfers, goAndWaits}
	const length = 2000
	best := make([]float64, len(operations))
	greenlet.Run(func() {
		for range 100 * b.N {
			for i, f := range operations {
				start := time.Now()
				f(length)
				ns := float64(time.Since(start).Nanoseconds()) / length
				if best[i] == 0 || ns < best[i] {
					best[i] = ns
				}
			}
		}
	})
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(best[0], "ns/switch")
	b.ReportMetric(best[3], "ns/spawn")
	b.ReportMetric(best[0]/best[4], "switch/transfer")
	b.ReportMetric(best[1]/best[4], "valueswitch/transfer")
	b.ReportMetric(best[2]/best[4], "ringswitch/transfer")
	b.ReportMetric(best[3]/best[5], "spawn/go")
}
