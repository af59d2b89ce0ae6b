// Million makes very many greenlets that all sleep at the same time, waits until
// they have woken and ended, and prints what that took. With -goroutines it does
// the same with goroutines, for comparison; run the two one after the other,
// since the peak of the memory is the process's.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "million:", err)
		}
		os.Exit(2)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("million", flag.ContinueOnError)
	flags.SetOutput(stderr)
	n := flags.Int("n", 1_000_000, "how `many` sleep")
	hold := flags.Duration("hold", 30*time.Second, "when the first one wakes, counted from the start; creation should be over by then")
	spread := flags.Duration("spread", time.Second, "over how long a time they wake")
	goroutines := flags.Bool("goroutines", false, "use goroutines and time.Sleep")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *n < 1 {
		return fmt.Errorf("-n is %d; it must be 1 or more", *n)
	}

	kind, sleep := "greenlets", greenletsAsleep
	if *goroutines {
		kind, sleep = "goroutines", goroutinesAsleep
	}
	before := runtime.NumGoroutine()
	r, err := sleep(*n, *hold, *spread)
	if err != nil {
		return err
	}
	print(stdout, kind, *n, before, r)
	return nil
}

// print prints a report.
func print(w io.Writer, kind string, n, before int, r report) {
	per := func(d time.Duration) time.Duration { return d / time.Duration(n) }
	fmt.Fprintf(w, "%s %s/%s, GOMAXPROCS %d, %d %s\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), n, kind)
	line := func(what string, format string, args ...any) {
		fmt.Fprintf(w, "%-19s %s\n", what+":", fmt.Sprintf(format, args...))
	}
	line("created and asleep", "after %v (%v each)", ms(r.created), per(r.created))
	line("asleep then", "%d", r.asleep)
	line("last one due", "after %v", ms(r.due))
	line("all woken", "after %v (%v late)", ms(r.woken), ms(r.woken-r.due))
	line("all gone", "after %v (%v later)", ms(r.returned), ms(r.returned-r.woken))
	line("peak RSS", "%s", peakRSS(n))
	line("goroutines", "%d before, %d while asleep, %d after", before, r.goroutines, runtime.NumGoroutine())
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
