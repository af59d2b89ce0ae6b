//go:build unix

// Events measures what one event costs while other descriptors are watched and
// idle, and prints a Markdown table: a byte is written into a pipe, the selector
// or the loop finds the pipe readable, and the byte is read. Of that the write and
// the read are the same for all; what differs is how long it takes to find one
// descriptor among many.
//
// The ways take turns in many short rounds, and the fastest round of each counts:
// what else the machine does can only make a round slower.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "events:", err)
		}
		os.Exit(2)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("events", flag.ContinueOnError)
	flags.SetOutput(stderr)
	rounds := flags.Int("rounds", 100, "how many `rounds` each way gets")
	length := flags.Duration("time", 2*time.Millisecond, "how long a round lasts at least")
	list := flags.String("idle", "10,1000,10000", "how many descriptors are idle: a `list` of numbers")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < 1 {
		return fmt.Errorf("-rounds is %d; it must be 1 or more", *rounds)
	}
	idle, err := numbers(*list)
	if err != nil {
		return err
	}
	if err := raiseLimit(); err != nil {
		return err
	}

	columns := make([]column, len(idle))
	for i, n := range idle {
		if columns[i], err = measure(n, *rounds, *length); err != nil {
			return fmt.Errorf("with %d idle descriptors: %w", n, err)
		}
	}
	fmt.Fprintf(stdout, "%s %s/%s, GOMAXPROCS %d; the fastest of %d rounds of %v or more\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), *rounds, *length)
	print(stdout, idle, columns)
	return nil
}

// numbers reads a list such as "10,1000".
func numbers(list string) ([]int, error) {
	var all []int
	for _, field := range strings.Split(list, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("-idle is %q; it must be a list of numbers of 0 or more, such as 10,1000", list)
		}
		all = append(all, n)
	}
	return all, nil
}

// print prints the table, and below it why a figure is missing.
func print(w io.Writer, idle []int, columns []column) {
	fmt.Fprint(w, "| ns for one event, among idle descriptors |")
	for _, n := range idle {
		fmt.Fprintf(w, " %s |", thousands(n))
	}
	fmt.Fprint(w, "\n|---|")
	for range idle {
		fmt.Fprint(w, "---:|")
	}
	fmt.Fprintln(w)
	var reasons []string
	for _, way := range ways() {
		fmt.Fprintf(w, "| %s |", way.name)
		for i, c := range columns {
			cell := c[way.name]
			if cell.err == nil {
				fmt.Fprintf(w, " %s |", thousands(int(cell.ns)))
				continue
			}
			fmt.Fprint(w, " - |")
			reasons = append(reasons, fmt.Sprintf("-: %s with %s idle descriptors: %v", way.name, thousands(idle[i]), cell.err))
		}
		fmt.Fprintln(w)
	}
	if reasons != nil {
		fmt.Fprintf(w, "\n%s\n", strings.Join(reasons, "\n"))
	}
}

// thousands is n with commas.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
