package bench_test

import (
	"testing"

	"github.com/baton-go/baton/bench/internal/cases"
)

// Benchmark runs both sides of every pair, as Benchmark/NAME/ours and
// Benchmark/NAME/other. For ratios prefer the command, in which the two take
// turns.
func Benchmark(b *testing.B) {
	for _, c := range cases.All {
		b.Run(c.Name, func(b *testing.B) {
			b.Run("ours", func(b *testing.B) { measure(b, c.Ours) })
			b.Run("other", func(b *testing.B) { measure(b, c.Other) })
		})
	}
}

func measure(b *testing.B, body cases.Body) {
	b.ReportAllocs()
	body(meter{b}, b.N)
}

// A meter measures with the benchmark's timer.
type meter struct{ b *testing.B }

func (m meter) Start() { m.b.ResetTimer() }
func (m meter) Stop()  { m.b.StopTimer() }
