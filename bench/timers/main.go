// Timers arms very many timers and lets them fire, cancels them or arms them
// again: on a Loop, and with package time. It prints, as a Markdown table, what
// each way costs for one timer, and the ratio to time.AfterFunc.
//
// Every measurement has a process of its own, so that the peak of the memory is
// its own as well. The ways take turns, and the least of all rounds counts.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"time"
)

func main() {
	if spec := os.Getenv(jobVariable); spec != "" {
		os.Exit(child(spec, os.Stdout, os.Stderr))
	}
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "timers:", err)
		}
		os.Exit(2)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("timers", flag.ContinueOnError)
	flags.SetOutput(stderr)
	n := flags.Int("n", 1_000_000, "how `many` timers")
	hold := flags.Duration("hold", 3*time.Second, "when the first one is due, counted from the start; all must be armed by then")
	spread := flags.Duration("spread", 100*time.Millisecond, "over how long a time they are due; short, so that the work is measured and not the waiting")
	rounds := flags.Int("rounds", 3, "how many `rounds` each measurement gets")
	only := flags.String("only", "", "measure only the scenarios whose name matches this `regexp`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *n < 1 || *rounds < 1 {
		return fmt.Errorf("-n is %d and -rounds is %d; both must be 1 or more", *n, *rounds)
	}
	if *spread < 1 {
		return fmt.Errorf("-spread is %v; it must be longer than nothing", *spread)
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}

	var chosen []string
	for _, s := range scenarios {
		if wanted.MatchString(s) {
			chosen = append(chosen, s)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("-only: no scenario's name matches %q; the names are %s", *only, strings.Join(scenarios, ", "))
	}

	fmt.Fprintf(stdout, "%s %s/%s, GOMAXPROCS %d; %d timers, the least of %d rounds; ratios are to %s\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), *n, *rounds, reference)
	fmt.Fprintln(stdout, "| scenario | way | first ns | then ns | ratio | CPU ns | ratio | peak MiB | ratio | heap MiB | result |")
	fmt.Fprintln(stdout, "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---|")
	for _, s := range chosen {
		best := make([]result, len(ways))
		for round := range *rounds {
			for i, w := range ways {
				r, err := inChild(job{s, w.name, *n, *hold, *spread})
				if err != nil {
					return fmt.Errorf("%s, %s: %w", s, w.name, err)
				}
				if round == 0 {
					best[i] = r
				}
				best[i] = best[i].least(r)
			}
		}
		var base result
		for i, w := range ways {
			if w.name == reference {
				base = best[i]
			}
		}
		for i, w := range ways {
			fmt.Fprintln(stdout, row(s, w, *n, best[i], base))
		}
	}
	return nil
}

// jobVariable is the environment's variable that makes the process a child.
const jobVariable = "BATON_BENCH_TIMERS_JOB"

// inChild measures in a process of its own.
func inChild(j job) (r result, err error) {
	spec, err := json.Marshal(j)
	if err != nil {
		return r, err
	}
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), jobVariable+"="+string(spec))
	out, err := c.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return r, fmt.Errorf("%w: %s", err, failed.Stderr)
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return r, fmt.Errorf("the child's answer %q: %w", out, err)
	}
	r.CPU = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	return r, nil
}

// child is what a child does; it returns its exit status.
func child(spec string, stdout, stderr io.Writer) int {
	var j job
	err := json.Unmarshal([]byte(spec), &j)
	if err == nil {
		var r result
		if r, err = j.measure(); err == nil {
			err = json.NewEncoder(stdout).Encode(r)
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// least is the lesser of each figure.
func (r result) least(o result) result {
	return result{
		First: min(r.First, o.First),
		Then:  min(r.Then, o.Then),
		CPU:   min(r.CPU, o.CPU),
		Peak:  min(r.Peak, o.Peak),
		Heap:  min(r.Heap, o.Heap),
	}
}

// The budgets of what fires, in units of the reference.
const (
	timeBudget = 0.5
	peakBudget = 0.7
)

// row is the table's line.
func row(scenario string, w way, n int, r, base result) string {
	per := func(d time.Duration) float64 { return float64(d) / float64(n) }
	elapsed := ratio(r.First+r.Then, base.First+base.Then)
	peak := ratio(r.Peak, base.Peak)
	verdict := "-"
	if w.ours && scenario == fire {
		verdict = "pass"
		if elapsed > timeBudget || peak > peakBudget {
			verdict = "**miss**"
		}
	}
	return fmt.Sprintf("| %s | %s | %.0f | %.0f | %.2f | %.0f | %.2f | %d | %.2f | %d | %s |",
		scenario, w.name, per(r.First), per(r.Then), elapsed,
		per(r.CPU), ratio(r.CPU, base.CPU), r.Peak>>20, peak, r.Heap>>20, verdict)
}

// ratio is a/b; of unknown figures, which are zero, it is zero.
func ratio[T ~int64](a, b T) float64 { return float64(a) / float64(cmp.Or(b, 1)) }
