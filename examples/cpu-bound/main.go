// Cpu-bound runs jobs that only calculate. Greenlets do not help here: they all run
// in one thread, one after the other, and hold up everything else that lives there.
// Offloaded, each runs on a goroutine of its own, on whatever core is free, while
// its greenlet waits and the thread goes on. Offloaded to a pool, no more of them
// run at a time than there are cores, so that the thread need not wait as long for
// its turn on one, and they need less memory at once.
//
// The program prints how much processor time was used in how much time, which is
// the number of cores that were busy; and how often a heart beat meanwhile, which
// is another greenlet of the thread.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/baton-go/baton/examples/internal/cputime"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/threadpool"
)

func main() {
	log.SetFlags(0)
	jobs := flag.Int("jobs", 8, "number of jobs")
	size := flag.Int("size", 1_000_000, "below which number a job counts the primes")
	flag.Parse()
	if err := run(os.Stdout, *jobs, func(int) int { return primes(*size) }); err != nil {
		log.Fatal(err)
	}
}

// primes counts the prime numbers below n, by dividing.
func primes(n int) (count int) {
	for i := 2; i < n; i++ {
		if isPrime(i) {
			count++
		}
	}
	return count
}

func isPrime(n int) bool {
	for d := 2; d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return true
}

// run has the jobs done in three ways.
func run(w io.Writer, jobs int, job func(i int) int) error {
	fmt.Fprintf(w, "%d jobs, %d cores\n", jobs, runtime.GOMAXPROCS(0))
	return gevent.Run(func() error {
		plain := measure(w, "in greenlets", jobs, job)
		offloaded := measure(w, "offloaded", jobs, func(i int) int {
			result, err := gevent.OffloadValue(func() (int, error) { return job(i), nil })
			if err != nil {
				panic(err) // it is always nil
			}
			return result
		})
		pool := threadpool.New(runtime.GOMAXPROCS(0))
		pooled := measure(w, "offloaded to a pool", jobs, func(i int) int {
			result, err := threadpool.Apply(pool, func() (int, error) { return job(i), nil })
			if err != nil {
				panic(err) // which only a panic in the job can be
			}
			return result
		})
		if !slices.Equal(plain, offloaded) || !slices.Equal(plain, pooled) {
			return fmt.Errorf("cpu-bound: the results differ: %v, %v, %v", plain, offloaded, pooled)
		}
		fmt.Fprintf(w, "the results are the same, %v\n", plain)
		return nil
	})
}

// measure does each job in a greenlet, and returns their results.
func measure(w io.Writer, how string, jobs int, job func(i int) int) []int {
	beats := 0
	heart := gevent.Spawn(func() {
		for {
			gevent.Sleep(time.Millisecond)
			beats++
		}
	})
	start, cpu := time.Now(), cputime.Used()
	results := make([]int, jobs)
	all := make([]*gevent.Greenlet, jobs)
	for i := range all {
		all[i] = gevent.Spawn(func() { results[i] = job(i) })
	}
	gevent.JoinAll(all...)
	took, used := time.Since(start), cputime.Used()-cpu
	heart.Kill()
	fmt.Fprintf(w, "%s: %v of processor time in %v, %.1f cores, %d beats\n", how,
		used.Round(time.Millisecond), took.Round(time.Millisecond), used.Seconds()/took.Seconds(), beats)
	return results
}
