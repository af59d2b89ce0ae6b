// Ratios measures Baton next to plain Go and prints, as a Markdown table, how
// much time each operation takes in units of the other's, with the project's
// budget for it.
//
// The two sides of a pair take turns in many short rounds, and the fastest round
// of each counts: what else the machine does can only make a round slower, and
// most rounds are too short for the garbage collector to come by. Processors are
// used as GOMAXPROCS says.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/baton-go/baton/bench/internal/cases"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "ratios:", err)
		}
		os.Exit(2)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("ratios", flag.ContinueOnError)
	flags.SetOutput(stderr)
	rounds := flags.Int("rounds", 100, "how many `rounds` each side of a pair gets")
	length := flags.Duration("time", 2*time.Millisecond, "how long a round lasts at least")
	only := flags.String("only", "", "measure only the pairs whose name matches this `regexp`")
	medians := flags.Bool("median", false, "compare the medians of the rounds, not the fastest ones")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < 1 {
		return fmt.Errorf("-rounds is %d; it must be 1 or more", *rounds)
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	var chosen []cases.Case
	for _, c := range cases.All {
		if wanted.MatchString(c.Name) {
			chosen = append(chosen, c)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("-only: no pair's name matches %q; the names are %s", *only, names())
	}

	of, which := fastest, "fastest"
	if *medians {
		of, which = median, "median"
	}
	fmt.Fprintf(stdout, "%s %s/%s, GOMAXPROCS %d, %s; the %s of %d rounds of %v or more\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), cpu(), which, *rounds, *length)
	fmt.Fprintln(stdout, "| what | ours ns | other ns | ratio | budget | allocs | result |")
	fmt.Fprintln(stdout, "|---|---:|---:|---:|---:|---:|---|")
	for i, r := range measure(chosen, *rounds, *length, of) {
		fmt.Fprintln(stdout, row(chosen[i], r))
	}
	return nil
}

func names() string {
	var all []string
	for _, c := range cases.All {
		all = append(all, c.Name)
	}
	return strings.Join(all, ", ")
}

// row is the table's line for a case.
func row(c cases.Case, r result) string {
	budget, allocs, verdict := "-", fmt.Sprintf("%.2f", r.allocs), "-"
	if c.Budget > 0 {
		budget = fmt.Sprintf("%.2f", c.Budget)
		if c.Nanos > 0 {
			budget += fmt.Sprintf(", %.0f ns", c.Nanos)
		}
		allocs += fmt.Sprintf(" of %g", c.Allocs)
		verdict = "pass"
		if !r.within(c) {
			verdict = "**miss**"
		}
	}
	return fmt.Sprintf("| %s: %s | %.1f | %.1f | %.3f | %s | %s | %s |",
		c.Name, c.What, r.ours, r.other, r.ratio(), budget, allocs, verdict)
}

// cpu is the processor's name, where the system tells it as Linux does.
func cpu() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(info)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return "unknown CPU"
}
