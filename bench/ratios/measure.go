package main

import (
	"runtime"
	"slices"
	"time"

	"github.com/baton-go/baton/bench/internal/cases"
)

// A result is what a case came to: nanoseconds for one operation of each side,
// and allocations in one of ours.
type result struct {
	ours, other, allocs float64
}

func (r result) ratio() float64 { return r.ours / r.other }

// tolerance is what allocations may exceed their budget by: preparations whose
// share in one operation is small, such as a slice for a thousand of them.
const tolerance = 0.05

func (r result) within(c cases.Case) bool {
	return r.ratio() <= c.Budget && r.allocs <= c.Allocs+tolerance && (c.Nanos == 0 || r.ours <= c.Nanos)
}

// multiple divides the number of operations of every round, so that bodies that
// work in groups have no incomplete one.
const multiple = 1000

// portion is how many rounds a pair gets at a time. The pairs take turns too, so
// that each has its share of the times when the machine is fast.
const portion = 10

// measure measures all of the cases.
func measure(all []cases.Case, rounds int, length time.Duration, of statistic) []result {
	pairs := make([]*pair, len(all))
	for i, c := range all {
		pairs[i] = &pair{ours: newSide(c.Ours, c.Least, length), other: newSide(c.Other, c.Least, length)}
	}
	for ; rounds > 0; rounds -= portion {
		for _, p := range pairs {
			runtime.GC() // what the pair before left behind
			p.run(min(rounds, portion))
		}
	}
	results := make([]result, len(all))
	for i, p := range pairs {
		results[i] = result{of(p.ours.rounds), of(p.other.rounds), allocations(p.ours.body, p.ours.n)}
	}
	return results
}

// A statistic makes one figure of those of all rounds.
type statistic func([]float64) float64

func fastest(rounds []float64) float64 { return slices.Min(rounds) }

func median(rounds []float64) float64 {
	sorted := slices.Sorted(slices.Values(rounds))
	return sorted[len(sorted)/2]
}

// A pair is the two sides of a case.
type pair struct {
	ours, other *side
}

// run lets the sides take turns. Who goes first changes, so that neither always
// runs in the wake of the other.
func (p *pair) run(rounds int) {
	for i := range rounds {
		if i%2 == 0 {
			p.ours.round()
			p.other.round()
		} else {
			p.other.round()
			p.ours.round()
		}
	}
}

// A side is one body of a case.
type side struct {
	body   cases.Body
	n      int       // operations of a round
	rounds []float64 // nanoseconds for an operation in each round
}

// newSide finds out how many operations a round must have to last that long, and
// to be no fewer than least. It warms up by that, too.
func newSide(body cases.Body, least int, length time.Duration) *side {
	s := &side{body: body, n: max(least, multiple)}
	for {
		took := timed(body, s.n)
		if took >= length {
			return s
		}
		// Aim a little higher, but do not trust a first run that was very short.
		factor := min(1.2*float64(length)/float64(max(took, 1)), 20)
		s.n = (int(float64(s.n)*factor)/multiple + 1) * multiple
	}
}

// round runs the body once more.
func (s *side) round() {
	s.rounds = append(s.rounds, float64(timed(s.body, s.n))/float64(s.n))
}

// A stopwatch is a Meter of time.
type stopwatch struct {
	start   time.Time
	elapsed time.Duration
}

func (w *stopwatch) Start() { w.start = time.Now() }
func (w *stopwatch) Stop()  { w.elapsed = time.Since(w.start) }

func timed(body cases.Body, n int) time.Duration {
	var w stopwatch
	body(&w, n)
	return w.elapsed
}

// A counter is a Meter of allocations.
type counter struct {
	stats  runtime.MemStats
	before uint64
	count  uint64
}

func (c *counter) Start() {
	runtime.ReadMemStats(&c.stats)
	c.before = c.stats.Mallocs
}

func (c *counter) Stop() {
	runtime.ReadMemStats(&c.stats)
	c.count = c.stats.Mallocs - c.before
}

// allocations is how often the body allocates in one operation. It takes the
// best of three, since the runtime also allocates for itself now and then.
func allocations(body cases.Body, n int) float64 {
	best := -1.0
	for range 3 {
		var c counter
		body(&c, n)
		if per := float64(c.count) / float64(n); best < 0 || per < best {
			best = per
		}
	}
	return best
}
