//go:build linux

package netpoll_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

var (
	seeds = flag.Int("seeds", 150, "number of random programs that the test of descriptors runs")
	seed  = flag.Uint64("seed", 1, "seed of the first one")
	ops   = flag.Int("ops", 1000, "number of operations of each")
)

// Files of all kinds are made, registered, waited for, used, duplicated, closed
// too early and replaced under the same number at random, by the program and by
// the loop's entries and Wakers: see world. Nobody who waits is forgotten, nobody
// is woken without cause, and nothing is left. Run it longer with -seeds and -ops.
func TestDescriptorsAndCallbacksAgainstAModel(t *testing.T) {
	programs := *seeds
	if testing.Short() {
		programs = min(programs, 10)
	}
	for s := *seed; s < *seed+uint64(programs); s++ {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			requireDescriptors(t)
			rng := rand.New(rand.NewPCG(s, 3))
			w := newWorld(t, s%2 == 0, 10+rng.IntN(40), rng.IntN, func() bool { return false })
			for range *ops {
				if rng.IntN(8) == 0 {
					w.turn()
					continue
				}
				w.operate()
				w.compare()
			}
			w.end()
		})
	}
}

// The same with 10,000 descriptors at once.
func TestTenThousandDescriptorsAgainstAModel(t *testing.T) {
	many, operations := 10_000, 20_000
	if testing.Short() {
		many, operations = 2_000, 5_000
	}
	requireDescriptors(t)
	if room := descriptorLimit(t) - countFDs(t) - 100; room < many {
		t.Logf("the limit of descriptors (ulimit -Hn) leaves room for %d instead of %d", room, many)
		many = room
	}
	rng := rand.New(rand.NewPCG(*seed, 4))
	w := newWorld(t, true, many, rng.IntN, func() bool { return false })
	for len(w.at)+3 <= many {
		w.create()
	}
	for _, f := range w.files {
		switch rng.IntN(3) {
		case 0:
			w.open(f.fds[0])
		case 1:
			w.addCallback(f.fds[0], read)
		case 2:
			w.addCallback(f.fds[0], write)
		}
	}
	for i := range operations {
		w.operate()
		if i%400 == 0 {
			w.turn()
		}
	}
	w.over = func() bool { return true }
	for range 20 {
		w.turn()
	}
	w.end()
}

// FuzzDescriptors is the same with programs that the fuzzer makes: each byte is a
// choice.
func FuzzDescriptors(f *testing.F) {
	for s := range uint64(4) {
		rng := rand.New(rand.NewPCG(s, 5))
		program := make([]byte, 600)
		for i := range program {
			program[i] = byte(rng.Uint32())
		}
		f.Add(program)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		requireDescriptors(t)
		if len(program) > 10_000 {
			return
		}
		pick := func(n int) int {
			if len(program) == 0 {
				return 0
			}
			b := program[0]
			program = program[1:]
			return int(b) % n
		}
		over := func() bool { return len(program) == 0 }
		w := newWorld(t, true, 40, pick, over)
		for !over() {
			if pick(8) == 0 {
				w.turn()
				continue
			}
			w.operate()
			w.compare()
		}
		w.end()
	})
}

// requireDescriptors checks at the end of the test that no more descriptors are
// open than now. There may be fewer, if an earlier test closed its late.
func requireDescriptors(t *testing.T) {
	r, w, err := os.Pipe() // the Go runtime opens its own with the first
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
	before := countFDs(t)
	t.Cleanup(func() {
		if !t.Failed() {
			require.LessOrEqual(t, countFDs(t), before, "open descriptors")
		}
	})
}

// descriptorLimit raises the limit of open descriptors as far as it goes, and
// returns it.
func descriptorLimit(t *testing.T) int {
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	if limit.Cur < limit.Max {
		old := limit
		limit.Cur = limit.Max
		require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
		t.Cleanup(func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &old)) })
	}
	return int(min(limit.Cur, 1<<30))
}
