// Asyncio measures package asyncio next to Python's asyncio, on its own loop and
// on uvloop, and prints as a Markdown table how much time each operation takes in
// units of theirs. The sides take turns, and the fastest round of each counts.
//
// It needs a python3, with uvloop for the whole table, and says so where one is
// missing.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/baton-go/baton/bench/internal/cases"
)

// budget is how much time ours may take for each unit of Python's.
const budget = 0.25

// A workload is a case of ours that workloads.py knows too.
type workload struct {
	name, what string
	n          int // operations of a round
}

var all = []workload{
	{"task-queue-handover", "item through a Queue to a task that waits", 20_000},
	{"task-lock-handover", "Lock passed to a task that waits", 20_000},
	{"task-sleep-zero", "Sleep(0) among 1,000 tasks", 50_000},
	{"task-life", "one of 100,000 tasks made and awaited", 100_000},
}

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr, pythons); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "asyncio:", err)
		}
		os.Exit(2)
	}
}

func run(args []string, stdout, stderr io.Writer, candidates []string) error {
	flags := flag.NewFlagSet("asyncio", flag.ContinueOnError)
	flags.SetOutput(stderr)
	rounds := flags.Int("rounds", 10, "how many `rounds` each side gets")
	part := flags.Int("part", 1, "make the rounds shorter by this `factor`")
	python := flags.String("python", "", "the `interpreter`; otherwise one that has uvloop is looked for")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < 1 || *part < 1 {
		return fmt.Errorf("-rounds is %d and -part %d; they must be 1 or more", *rounds, *part)
	}
	if *python != "" {
		candidates = []string{*python}
	}
	peers, err := startPeers(stdout, candidates)
	for _, p := range peers {
		defer p.close()
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s %s/%s, GOMAXPROCS %d", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
	if len(peers) > 0 {
		fmt.Fprintf(stdout, "; Python %s", peers[0].version)
	}
	fmt.Fprintf(stdout, "; the fastest of %d rounds\n\n", *rounds)
	fmt.Fprintln(stdout, "| what | ours ns | asyncio ns | ratio | uvloop ns | ratio | budget | result |")
	fmt.Fprintln(stdout, "|---|---:|---:|---:|---:|---:|---:|---|")
	for _, w := range all {
		r, err := measure(w, peers, *rounds, *part)
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, r.row(w))
	}
	return nil
}

// startPeers starts what there is of Python, and says what is missing.
func startPeers(stdout io.Writer, candidates []string) (peers []*peer, err error) {
	python, uvloop := findPython(candidates)
	if python == "" {
		fmt.Fprintln(stdout, "There is no python3 here: ours only. Install one, or name it with -python.")
		return nil, nil
	}
	loops := []string{"asyncio", "uvloop"}
	if !uvloop {
		fmt.Fprintf(stdout, "%s has no uvloop: asyncio's own loop only. Install it (pip install uvloop), or name another interpreter with -python.\n", python)
		loops = loops[:1]
	}
	for _, loop := range loops {
		p, err := startPeer(python, loop)
		if err != nil {
			return peers, err
		}
		peers = append(peers, p)
	}
	return peers, nil
}

// A result is what an operation takes on each side, in nanoseconds; 0 where a side
// is missing.
type result struct{ ours, asyncio, uvloop float64 }

// measure lets the sides take turns.
func measure(w workload, peers []*peer, rounds, part int) (r result, err error) {
	for range rounds {
		r.ours = faster(r.ours, ours(w.name, w.n/part))
		for _, p := range peers {
			took, err := p.measure(w.name, w.n/part)
			if err != nil {
				return r, fmt.Errorf("%s: %w", w.name, err)
			}
			if p.loop == "uvloop" {
				r.uvloop = faster(r.uvloop, took)
			} else {
				r.asyncio = faster(r.asyncio, took)
			}
		}
	}
	return r, nil
}

func faster(best, took float64) float64 {
	if best == 0 {
		return took
	}
	return min(best, took)
}

// ours returns the nanoseconds of one operation in a round of n of package
// asyncio.
func ours(name string, n int) float64 {
	for _, c := range cases.All {
		if c.Name == name {
			runtime.GC() // what the round before left behind
			var w stopwatch
			c.Ours(&w, n)
			return float64(w.elapsed) / float64(n)
		}
	}
	panic("asyncio: there is no case " + name)
}

// A stopwatch is a Meter of time.
type stopwatch struct {
	start   time.Time
	elapsed time.Duration
}

func (w *stopwatch) Start() { w.start = time.Now() }
func (w *stopwatch) Stop()  { w.elapsed = time.Since(w.start) }

// row is the table's line for a result.
func (r result) row(w workload) string {
	verdict := "-"
	side := func(took float64) string {
		if took == 0 {
			return "- | -"
		}
		ratio := r.ours / took
		switch {
		case ratio > budget:
			verdict = "**miss**"
		case verdict == "-":
			verdict = "pass"
		}
		return fmt.Sprintf("%.0f | %.3f", took, ratio)
	}
	return fmt.Sprintf("| %s: %s | %.1f | %s | %s | %.2f | %s |",
		w.name, w.what, r.ours, side(r.asyncio), side(r.uvloop), budget, verdict)
}
