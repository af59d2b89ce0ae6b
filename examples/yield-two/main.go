// Yield-two is one producer that feeds two consumers. Only one of the three runs
// at a time, and the program says which: whoever is sent something.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/baton-go/baton/coro"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer) error {
	c1, c2 := consumer(w, "c1"), consumer(w, "c2")
	err := produce(w, c1, c2)
	// The consumers still wait for more. A suspended generator keeps a goroutine
	// until it is closed.
	return errors.Join(err, c1.Close(), c2.Close())
}

// An eater gets the number of a bun with each resumption and yields nothing.
type eater = coro.Coroutine[int, struct{}, struct{}]

func consumer(w io.Writer, name string) *eater {
	return coro.New(func(yield func(struct{}) (int, error)) (struct{}, error) {
		fmt.Fprintf(w, "[%s] is hungry\n", name)
		for {
			baozi, err := yield(struct{}{})
			if err != nil {
				return struct{}{}, err
			}
			fmt.Fprintf(w, "[%s] is eating baozi %d\n", name, baozi)
		}
	})
}

func produce(w io.Writer, consumers ...*eater) error {
	for _, c := range consumers {
		if _, err := c.Next(); err != nil { // runs it to its first yield
			return err
		}
	}
	for n := 1; n <= 5; n++ {
		for _, c := range consumers {
			if _, err := c.Send(n); err != nil {
				return err
			}
		}
		fmt.Fprintf(w, "[producer] is making baozi %d\n", n)
	}
	return nil
}
