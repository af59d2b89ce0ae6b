// Asyncio-run runs a coroutine that awaits another one, on a loop that is made,
// run and closed by hand. Awaiting a coroutine is calling it: its lines come in
// the middle of the caller's.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/baton-go/baton/asyncio"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer) error {
	cor2 := func(context.Context) (int, error) {
		fmt.Fprintln(w, "COR2")
		return 2, nil
	}
	cor1 := func(ctx context.Context) (int, error) {
		fmt.Fprintln(w, "COR1 start")
		n, err := cor2(ctx) // await cor2()
		if err != nil {
			return 0, err
		}
		fmt.Fprintln(w, "COR1 end")
		return n, nil
	}

	// The next lines are what matters. asyncio.Run does the same in one call.
	loop, err := asyncio.NewLoop()
	if err != nil {
		return err
	}
	_, err = asyncio.RunUntilComplete(loop, cor1)
	return errors.Join(err, loop.Close())
}
