// Blocking is the plain server: it accepts a client, answers what it says in
// upper case until it leaves, and accepts the next one. Each call blocks until it
// has something to return, so that the server waits for one thing at a time: while
// it waits for the first client's next words, nobody accepts the second client.
// That one does not notice. The kernel completes its connection and takes its
// question; only the answer does not come until the first has left.
//
// Without flags it shows that with two clients of its own, and when each was
// answered. With -goroutines each client has a goroutine that blocks for it: the
// oldest of the cures, and what Go does best. The other lessons on I/O models do
// with one.
//
// With -listen it serves until it is interrupted, for example nc localhost 8080
// in two windows.
package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	address := flag.String("listen", "", "serve at this `address` until interrupted")
	goroutines := flag.Bool("goroutines", false, "serve each client in a goroutine of its own")
	pause := flag.Duration("pause", 300*time.Millisecond, "how long the first client thinks before a question")
	flag.Parse()

	var err error
	if *address != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = listen(ctx, os.Stdout, *address, *goroutines)
	} else {
		err = run(os.Stdout, *pause, *goroutines)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// listen serves at the address until ctx ends.
func listen(ctx context.Context, w io.Writer, address string, goroutines bool) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "blocking: listening on", l.Addr())
	return serve(ctx, l, goroutines)
}

// serve is the lesson.
func serve(ctx context.Context, l net.Listener, goroutines bool) error {
	defer context.AfterFunc(ctx, func() { l.Close() })() // ends Accept
	defer l.Close()
	var running sync.WaitGroup
	defer running.Wait()
	for {
		c, err := l.Accept() // blocks until somebody connects
		switch {
		case ctx.Err() != nil:
			if err == nil {
				c.Close()
			}
			return nil
		case err != nil:
			return err
		case goroutines:
			running.Go(func() { answer(ctx, c) })
		default:
			answer(ctx, c)
		}
	}
}

// answer serves one client until it leaves.
func answer(ctx context.Context, c net.Conn) {
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })() // ends Read and Write
	buf := make([]byte, 1024)
	for {
		n, err := c.Read(buf) // blocks until this client says something
		if err != nil {
			return // the end, or the client has reset the connection
		}
		if _, err := c.Write(bytes.ToUpper(buf[:n])); err != nil {
			return
		}
	}
}

// run lets two clients ask the server at the same time.
func run(w io.Writer, pause time.Duration, goroutines bool) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, l, goroutines) }()
	err = ask(w, l.Addr().String(), pause)
	cancel()
	if err := <-ended; err != nil {
		return err
	}
	return err
}

// ask is the two clients: the first asks three times, and the second once,
// meanwhile.
func ask(w io.Writer, address string, pause time.Duration) error {
	begin := time.Now()
	lines := log.New(w, "", 0) // two goroutines write
	say := func(who, what string) {
		lines.Printf("%4d ms  %s: %s", time.Since(begin).Milliseconds(), who, what)
	}
	first, err := connect(address)
	if err != nil {
		return err
	}
	defer first.Close()
	question := func(q string) error {
		answer, err := first.ask(q)
		if err == nil {
			say("first", "asked "+q+", was answered "+answer)
		}
		return err
	}
	if err := question("one"); err != nil { // from now on the server serves the first
		return err
	}

	second, err := connect(address)
	if err != nil {
		return err
	}
	defer second.Close()
	say("second", "is connected, and asks hello")
	answered := make(chan error, 1)
	go func() {
		answer, err := second.ask("hello")
		if err == nil {
			say("second", "was answered "+answer)
		}
		answered <- err
	}()
	defer second.Close()

	for _, q := range []string{"two", "three"} {
		time.Sleep(pause)
		if err := question(q); err != nil {
			return err
		}
	}
	say("first", "leaves")
	first.Close()
	return <-answered
}

// A client asks a line and waits for the answer.
type client struct {
	net.Conn
	answers *bufio.Reader
}

func connect(address string) (client, error) {
	c, err := net.Dial("tcp", address)
	return client{c, bufio.NewReader(c)}, err
}

func (c client) ask(question string) (answer string, err error) {
	if _, err := io.WriteString(c, question+"\n"); err != nil {
		return "", err
	}
	answer, err = c.answers.ReadString('\n')
	return strings.TrimSpace(answer), err
}
