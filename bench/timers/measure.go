package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// The scenarios. Each has two parts, of which the first is that all are armed.
const (
	fire   = "fire"   // due at random times, and fire
	equal  = "equal"  // due at the same time, and fire
	cancel = "cancel" // due at random times far away, and cancelled in random order
	reset  = "reset"  // the same, and each is armed again in random order, for later
)

var scenarios = []string{fire, equal, cancel, reset}

// A job is one measurement.
type job struct {
	Scenario, Way string
	N             int
	Hold, Spread  time.Duration
}

// A result is what came out of it.
type result struct {
	First time.Duration // until all were armed
	Then  time.Duration // from when the first was due until the last had fired; or the cancelling, or the arming again
	CPU   time.Duration // user and system time of the process
	Peak  int64         // the process's peak RSS; zero if the system does not tell it
	Heap  int64         // bytes of heap in use when all were armed
}

// far is when timers are due that are never to fire.
const far = 24 * time.Hour

// measure does the job, and returns an error unless each timer did what it was
// to do.
func (j job) measure() (r result, err error) {
	w, err := wayNamed(j.Way)
	if err != nil {
		return r, err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	order := make([]uint32, j.N)
	for i := range order {
		order[i] = uint32(i)
	}
	rng.Shuffle(j.N, func(a, b int) { order[a], order[b] = order[b], order[a] })

	c := newCounter(j.N)
	t := w.make(c)
	c.start = time.Now()
	switch j.Scenario {
	case fire:
		for i := range j.N {
			t.arm(i, j.Hold+time.Duration(rng.Int64N(int64(j.Spread))))
		}
	case equal:
		for i := range j.N {
			t.arm(i, j.Hold)
		}
	case cancel, reset:
		for i := range j.N {
			t.arm(i, far+time.Duration(rng.Int64N(int64(j.Spread))))
		}
	default:
		return r, fmt.Errorf("there is no scenario %q", j.Scenario)
	}
	r.First = time.Since(c.start)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r.Heap = int64(m.HeapInuse)

	switch j.Scenario {
	case fire, equal:
		if gone := time.Since(c.start); gone > j.Hold {
			return r, fmt.Errorf("the first was due before all were armed, which took %v: hold longer", gone)
		}
		t.wait()
		r.Then = c.last - j.Hold
		err = c.eachFired(1)
	case cancel:
		begin := time.Now()
		for _, i := range order {
			t.cancel(int(i))
		}
		r.Then = time.Since(begin)
		err = c.allStopped(t, 0)
	case reset:
		begin := time.Now()
		for _, i := range order {
			t.reset(int(i), 2*far+time.Duration(rng.Int64N(int64(j.Spread))))
		}
		r.Then = time.Since(begin)
		err = c.allStopped(t, j.N)
	}
	r.Peak = peakRSS()
	return r, err
}

// peakRSS is the most memory that the process has had; zero if the system does
// not tell it as Linux does.
func peakRSS() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err == nil {
		for line := range strings.Lines(string(status)) {
			if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				if kB, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64); err == nil {
					return kB << 10
				}
			}
		}
	}
	return 0
}
