// Asyncio-loop shows what an event loop offers, in four parts: calls that are
// registered, run later, and cancelled; protocols for clients and servers; protocols
// for other programs, which run as subprocesses; and calls that are made on other
// threads. Everything but the last happens in one thread, a call at a time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/baton-go/baton/asyncio"
)

func main() {
	log.SetFlags(0)
	unit := flag.Duration("unit", 200*time.Millisecond, "how long a delay of 1 is")
	child := flag.Bool("child", false, "be the other program, of the third part")
	flag.Parse()
	if *child {
		if err := shout(os.Stdin, os.Stdout); err != nil {
			log.Fatal(err)
		}
		return
	}
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	if err := run(os.Stdout, *unit, self, "-child"); err != nil {
		log.Fatal(err)
	}
}

// run runs the four parts on one loop. Program is the other program, with its
// arguments.
func run(w io.Writer, unit time.Duration, program ...string) error {
	parts := []struct {
		title string
		run   func(context.Context) error
	}{
		{"1. delayed calls", func(ctx context.Context) error { return delayedCalls(ctx, w, unit) }},
		{"2. client and server protocols", func(ctx context.Context) error { return protocols(ctx, w) }},
		{"3. subprocesses", func(ctx context.Context) error { return subprocesses(ctx, w, program) }},
		{"4. calls on other threads", func(ctx context.Context) error { return threads(ctx, w) }},
	}
	loop, err := asyncio.NewLoop()
	if err != nil {
		return err
	}
	for _, p := range parts {
		fmt.Fprintln(w, p.title)
		_, e := asyncio.RunUntilComplete(loop, asyncio.NoResult(p.run))
		if errors.Is(e, errors.ErrUnsupported) {
			fmt.Fprintln(w, "   not on this platform:", e)
		} else if e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", p.title, e))
		}
	}
	return errors.Join(err, loop.Close())
}
