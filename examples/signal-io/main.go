// Signal-io is signal-driven I/O: the kernel sends the process SIGIO when something
// arrives at a socket, and the program, which may do anything meanwhile, reads it
// in the signal's handler. Nobody asks, and nobody waits for the socket.
//
// Signals coalesce: while one SIGIO is pending, another one of the same kind leaves
// no trace. Ten datagrams may be ten signals or one, and nothing tells how many. So
// the handler takes no signal for a datagram: it reads until EAGAIN, all that is
// there. A signal that then finds nothing is the other side of it: its datagram was
// read on behalf of an earlier one. The program counts both.
//
// That is one reason why little is written in this way. Another is that SIGIO does
// not say which socket it is for; and that a handler runs in the middle of anything,
// where next to nothing is allowed. The last is not so here: netpoll.Loop.AddSignal
// has the handler run on the loop, between two callbacks.
//
// Without flags it sends datagrams to itself. With -listen it receives until it is
// interrupted, for example from nc -u localhost 8080.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/baton-go/baton/examples/internal/rawnet"
	"github.com/baton-go/baton/netpoll"
)

func main() {
	log.SetFlags(0)
	address := flag.String("listen", "", "receive at this `address` until interrupted")
	flag.Parse()
	var err error
	if *address != "" {
		err = receive(os.Stdout, *address, func(actual string, loop *netpoll.Loop, _ *receiver) error {
			fmt.Println("signal-io: listening on", actual)
			_, err := loop.AddSignal(os.Interrupt, func(os.Signal) { loop.Stop() })
			if err == nil {
				_, err = loop.AddSignal(syscall.SIGTERM, func(os.Signal) { loop.Stop() })
			}
			return err
		})
	} else {
		err = run(os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// A receiver reads a socket whenever it is told to.
type receiver struct {
	fd        int
	w         io.Writer
	buf       [64 << 10]byte
	signals   int // that were handled
	vain      int // of them those that found nothing
	datagrams int
	arrived   func() // is called after each datagram, if not nil
	broken    error
}

// onSignal is the handler of SIGIO.
func (r *receiver) onSignal() {
	r.signals++
	before := r.datagrams
	r.drain()
	if r.datagrams == before {
		r.vain++
	}
}

// drain reads all datagrams that are there.
func (r *receiver) drain() {
	for {
		n, err := rawnet.Read(r.fd, r.buf[:])
		if err == syscall.EAGAIN {
			return
		} else if err != nil {
			r.broken = err
			return
		}
		r.datagrams++
		fmt.Fprintf(r.w, "received %q\n", r.buf[:n])
		if r.arrived != nil {
			r.arrived()
		}
	}
}

// receive runs a loop that reads datagrams at the address when SIGIO says so,
// until the loop is stopped. Begin is called before the loop runs.
func receive(w io.Writer, address string, begin func(actual string, loop *netpoll.Loop, r *receiver) error) error {
	loop, err := netpoll.NewLoop()
	if err != nil {
		return err
	}
	defer loop.Close()
	fd, actual, err := rawnet.ListenUDP(address)
	if err != nil {
		return err
	}
	r := &receiver{fd: fd, w: w}
	// First the handler and then the signals; at the end first the signals, with the
	// socket, and then the handler.
	handler, err := loop.AddSignal(sigio, func(os.Signal) {
		if r.onSignal(); r.broken != nil {
			loop.Stop()
		}
	})
	if err != nil {
		return errors.Join(err, rawnet.Close(fd))
	}
	defer handler.Remove()
	defer rawnet.Close(fd)
	if err := signalsFor(fd); err != nil {
		return err
	}
	r.drain() // what came before the signals
	if err := begin(actual, loop, r); err != nil {
		return err
	}
	if err := errors.Join(loop.Run(), r.broken); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%d datagrams, %d signals, of which %d found nothing\n", r.datagrams, r.signals, r.vain)
	return err
}

// run receives a datagram, and then ten that come at once.
func run(w io.Writer) error {
	const burst = 10
	return receive(w, "127.0.0.1:0", func(address string, loop *netpoll.Loop, r *receiver) error {
		c, err := net.Dial("udp", address)
		if err != nil {
			return err
		}
		send := func(text string) {
			if _, err := io.WriteString(c, text); err != nil {
				r.broken = err
				loop.Stop()
			}
		}
		r.arrived = func() {
			switch r.datagrams {
			case 1:
				for i := range burst { // while the handler runs: their signals coalesce
					send(fmt.Sprintf("number %d of %d", i+1, burst))
				}
			case 1 + burst:
				c.Close()
				loop.CallLater(50*time.Millisecond, loop.Stop) // for signals that find nothing
			}
		}
		fmt.Fprintln(w, "the loop has no descriptor to wait for; a datagram is sent")
		loop.CallSoon(func() { send("hello") })
		return nil
	})
}
