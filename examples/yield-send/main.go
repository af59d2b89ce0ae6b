// Yield-send is a producer that sends numbers to a consumer and gets an answer
// for each. The consumer is a generator: it stops at each yield until the
// producer sends the next number, so that the two need neither a queue nor a
// lock.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/baton-go/baton/coro"
)

func main() {
	unit := flag.Duration("unit", time.Second, "how long the consumer works on a number")
	flag.Parse()
	if err := produce(os.Stdout, consumer(os.Stdout, *unit)); err != nil {
		log.Fatal(err)
	}
}

// A consumerOf numbers gets an int with each resumption and yields a string.
type consumerOf = coro.Coroutine[int, string, struct{}]

func consumer(w io.Writer, work time.Duration) *consumerOf {
	return coro.New(func(yield func(string) (int, error)) (struct{}, error) {
		answer := ""
		for {
			n, err := yield(answer) // waits for the next number
			if err != nil {
				return struct{}{}, err // the producer has closed us
			}
			fmt.Fprintf(w, "consumer <--%d..\n", n)
			time.Sleep(work)
			answer = "200 ok"
		}
	})
}

func produce(w io.Writer, c *consumerOf) error {
	if _, err := c.Next(); err != nil { // runs the consumer to its first yield
		return err
	}
	for n := 1; n <= 5; n++ {
		fmt.Fprintf(w, "produer-->%d..\n", n)
		answer, err := c.Send(n)
		if err != nil {
			return err
		}
		fmt.Fprintln(w, "consumer return :", answer)
	}
	return c.Close()
}
