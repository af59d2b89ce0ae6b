// Echoes compares the echo servers among the examples: how much processor time each
// of them uses for a request. It builds them, runs each as it is run by hand, which
// is with a second process that drives it, in turns and many times, and takes the
// lowest figure of each: what else the machine does can only make it higher.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// servers are the examples, the one first with which the others are compared.
var servers = []string{"echo", "asyncio-echo-streams", "asyncio-echo-protocol"}

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "echoes:", err)
		}
		os.Exit(2)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("echoes", flag.ContinueOnError)
	flags.SetOutput(stderr)
	rounds := flags.Int("rounds", 10, "how many `rounds` each server gets")
	conns := flags.Int("conns", 500, "how many connections")
	requests := flags.Int("requests", 200, "how many requests on each")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < 1 || *conns < 1 || *requests < 1 {
		return errors.New("-rounds, -conns and -requests must be 1 or more")
	}
	dir, err := os.MkdirTemp("", "echoes")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, s := range servers {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, s), "github.com/baton-go/baton/examples/"+s)
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", s, err, out)
		}
	}
	least := make(map[string]time.Duration)
	for range *rounds {
		for _, s := range servers {
			used, err := measure(filepath.Join(dir, s), *conns, *requests)
			if err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
			if best, ok := least[s]; !ok || used < best {
				least[s] = used
			}
		}
	}
	fmt.Fprintf(stdout, "%d connections, %d requests each, the lowest of %d rounds\n\n", *conns, *requests, *rounds)
	fmt.Fprintln(stdout, "| server | CPU time for a request | ratio |\n|---|---:|---:|")
	for _, s := range servers {
		fmt.Fprintf(stdout, "| `%s` | %v | %.2f |\n", s, least[s], float64(least[s])/float64(least[servers[0]]))
	}
	return nil
}

// used finds the figure in what a server prints.
var used = regexp.MustCompile(`requests/s, (\S+) of the server's CPU time for each`)

// measure runs a server once.
func measure(program string, conns, requests int) (time.Duration, error) {
	out, err := exec.Command(program, "-conns", strconv.Itoa(conns), "-requests", strconv.Itoa(requests)).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%w\n%s", err, out)
	}
	m := used.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("it did not say what it used:\n%s", out)
	}
	return time.ParseDuration(string(m[1]))
}
