package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/baton-go/baton/gevent"
)

// A report says how it went. Durations count from the start.
type report struct {
	created  time.Duration // all of them had begun
	due      time.Duration // the last one was to wake
	woken    time.Duration // the last one had woken, and whoever joined them knew
	returned time.Duration // all of them were gone, and Run had returned

	asleep     int // how many slept when all had begun
	woke       int // how many woke
	goroutines int // in the process while they slept
}

// alarms returns when the i-th of n is to wake: at random places, so that neither
// side gets its timers in order, of a time that begins after hold and is spread
// long.
func alarms(start time.Time, hold, spread time.Duration) func(i int) time.Time {
	return func(i int) time.Time {
		place := float64(uint32(i)*2654435761) / (1 << 32)
		return start.Add(hold + time.Duration(place*float64(spread)))
	}
}

// greenletsAsleep makes n greenlets in one thread.
func greenletsAsleep(n int, hold, spread time.Duration) (r report, err error) {
	start := time.Now()
	r.due = hold + spread
	alarm := alarms(start, hold, spread)
	err = gevent.Run(func() {
		asleep := 0
		all := make([]gevent.Joinable, n)
		for i := range all {
			all[i] = gevent.Spawn(func() {
				asleep++
				gevent.Sleep(time.Until(alarm(i)))
				asleep--
				r.woke++
			})
		}
		gevent.Sleep(0) // lets all of them begin
		r.created = time.Since(start)
		r.asleep = asleep
		r.goroutines = runtime.NumGoroutine()
		gevent.JoinAll(all...)
		r.woken = time.Since(start)
	})
	r.returned = time.Since(start)
	return r, err
}

// goroutinesAsleep makes n goroutines.
func goroutinesAsleep(n int, hold, spread time.Duration) (r report, err error) {
	before := runtime.NumGoroutine()
	start := time.Now()
	r.due = hold + spread
	alarm := alarms(start, hold, spread)
	var begun, ended sync.WaitGroup
	var asleep, woke atomic.Int64
	begun.Add(n)
	ended.Add(n)
	for i := range n {
		go func() {
			asleep.Add(1)
			begun.Done()
			time.Sleep(time.Until(alarm(i)))
			asleep.Add(-1)
			woke.Add(1)
			ended.Done()
		}()
	}
	begun.Wait()
	r.created = time.Since(start)
	r.asleep = int(asleep.Load())
	r.goroutines = runtime.NumGoroutine()
	ended.Wait()
	r.woken = time.Since(start)
	r.woke = int(woke.Load())
	// They have said so, but may still be on their way out.
	for runtime.NumGoroutine() > before {
		runtime.Gosched()
	}
	r.returned = time.Since(start)
	return r, nil
}

// peakRSS is the most memory that the process has had, in all and for each of n.
func peakRSS(n int) string {
	status, err := os.ReadFile("/proc/self/status")
	if err == nil {
		for line := range strings.Lines(string(status)) {
			if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				if kB, err := strconv.Atoi(strings.Fields(value)[0]); err == nil {
					return fmt.Sprintf("%d MiB (%d bytes each)", kB>>10, kB<<10/n)
				}
			}
		}
	}
	return "unknown on this system"
}
