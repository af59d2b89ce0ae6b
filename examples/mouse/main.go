// Mouse is the event-driven model, as every user interface has it: the hardware
// puts events into a queue, a loop takes them out, and calls the functions that
// were registered for that kind of event, one at a time and in the order of the
// registration.
//
// Compare it with a program that asks the mouse in a loop whether it was pressed.
// That one keeps a processor busy while nobody touches the mouse, has to ask the
// keyboard too, and is late if asking one of them takes its time. Here the queue is
// the one of a netpoll.Loop, and the hardware a goroutine that calls Post. While
// there is no event the loop sleeps in the kernel: the program prints how often
// it woke, and the processor time that was used.
//
// Without flags the hardware's events come from a random generator with a seed.
// With -stdin they are lines such as these, typed or piped:
//
//	move 10 20
//	down 10 20
//	up 10 20
//	key q
//
// Key q ends the program, as does the end of the events.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/baton-go/baton/examples/internal/cputime"
	"github.com/baton-go/baton/netpoll"
)

func main() {
	log.SetFlags(0)
	stdin := flag.Bool("stdin", false, "read events from standard input")
	seed := flag.Uint64("seed", 1, "seed of the events that are made up")
	clicks := flag.Int("clicks", 3, "number of clicks that are made up")
	pause := flag.Duration("pause", 100*time.Millisecond, "time between two events that are made up")
	flag.Parse()

	hardware := madeUp(*seed, *clicks, *pause)
	if *stdin {
		hardware = typed(os.Stdin)
	}
	if err := run(os.Stdout, hardware); err != nil {
		log.Fatal(err)
	}
}

// A kind of event.
type kind string

const (
	mouseMove kind = "move"
	mouseDown kind = "down"
	mouseUp   kind = "up"
	keyDown   kind = "key"
)

// An event says what happened.
type event struct {
	kind kind
	x, y int    // of the mouse
	key  string // of the keyboard
}

// A window has the handlers. Everything in it belongs to the loop, and needs no
// lock.
type window struct {
	loop     *netpoll.Loop
	handlers map[kind][]func(event)
	events   int // that were dispatched
	closed   bool
}

// on registers a handler for a kind of event, after those that are there.
func (w *window) on(k kind, handler func(event)) {
	w.handlers[k] = append(w.handlers[k], handler)
}

// dispatch calls the handlers of an event.
func (w *window) dispatch(e event) {
	if w.closed {
		return // e was in the queue already
	}
	w.events++
	for _, handler := range w.handlers[e.kind] {
		handler(e)
	}
}

// close ends the loop.
func (w *window) close() {
	w.closed = true
	w.loop.Stop()
}

// run shows the events of the hardware, which is a function that is called in a
// goroutine of its own and passes each event to post.
func run(out io.Writer, hardware func(post func(event)) error) error {
	loop, err := netpoll.NewLoop()
	if err != nil {
		return err
	}
	defer loop.Close()
	w := &window{loop: loop, handlers: map[kind][]func(event){}}
	draw(w, out)

	before, cpu, begin := loop.Stats(), cputime.Used(), time.Now()
	var broken error
	loop.Ref() // the loop waits for the hardware, as long as there is some
	go func() {
		err := hardware(func(e event) { loop.Post(func() { w.dispatch(e) }) })
		loop.Post(func() {
			broken = err
			loop.Unref()
		})
	}()
	if err := loop.Run(); err != nil {
		return err
	}
	after, used, took := loop.Stats(), cputime.Used()-cpu, time.Since(begin)
	fmt.Fprintf(out, "%d events, for which the loop slept %d times and was woken %d times\n",
		w.events, after.Waits-before.Waits, after.Wakeups-before.Wakeups)
	fmt.Fprintf(out, "%v of processor time in %v\n", used, took.Round(time.Millisecond))
	return broken
}

// draw registers the window's handlers.
func draw(w *window, out io.Writer) {
	at, pressed := event{}, false
	// Two parts of the program care for a press: a button, and a counter.
	w.on(mouseDown, func(e event) {
		pressed = true
		fmt.Fprintf(out, "onMouseDown: button pressed at %d,%d\n", e.x, e.y)
	})
	presses := 0
	w.on(mouseDown, func(event) {
		presses++
		fmt.Fprintf(out, "onMouseDown: press number %d\n", presses)
	})
	w.on(mouseUp, func(e event) {
		pressed = false
		fmt.Fprintf(out, "onMouseUp: button released at %d,%d\n", e.x, e.y)
	})
	w.on(mouseMove, func(e event) {
		what := "moved"
		if pressed {
			what = "dragged"
		}
		fmt.Fprintf(out, "onMouseMove: %s from %d,%d to %d,%d\n", what, at.x, at.y, e.x, e.y)
		at = e
	})
	w.on(keyDown, func(e event) { fmt.Fprintf(out, "onKeyDown: %s\n", e.key) })
	w.on(keyDown, func(e event) {
		if e.key == "q" {
			w.close()
		}
	})
}

// madeUp is hardware that a user moves and clicks a number of times, and who then
// presses q.
func madeUp(seed uint64, clicks int, pause time.Duration) func(post func(event)) error {
	return func(post func(event)) error {
		random := rand.New(rand.NewPCG(seed, 0))
		for range clicks {
			x, y := random.IntN(640), random.IntN(480)
			for _, k := range []kind{mouseMove, mouseDown, mouseUp} {
				time.Sleep(pause)
				post(event{kind: k, x: x, y: y})
			}
		}
		time.Sleep(pause)
		post(event{kind: keyDown, key: "q"})
		return nil
	}
}

// typed is hardware whose events are lines.
func typed(r io.Reader) func(post func(event)) error {
	return func(post func(event)) error {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			e, err := parse(lines.Text())
			if err != nil {
				return err
			}
			post(e)
		}
		return lines.Err()
	}
}

// parse reads the line of one event.
func parse(line string) (event, error) {
	var e event
	var err error
	what, _, _ := strings.Cut(line, " ")
	switch e.kind = kind(what); e.kind {
	case mouseMove, mouseDown, mouseUp:
		_, err = fmt.Sscan(line, &e.kind, &e.x, &e.y)
	case keyDown:
		_, err = fmt.Sscan(line, &e.kind, &e.key)
	default:
		return e, fmt.Errorf("mouse: %q is none of move, down, up and key", what)
	}
	if err != nil {
		return e, fmt.Errorf("mouse: %q: want move X Y, down X Y, up X Y or key NAME", line)
	}
	return e, nil
}
