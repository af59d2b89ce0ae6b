//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"context"
	"fmt"
	"log"

	"github.com/baton-go/baton/asyncio"
)

// A server that greets, with a task for each connection, and a client.
func ExampleStartServer() {
	_, err := asyncio.Run(func(ctx context.Context) (int, error) {
		server, err := asyncio.StartServer(ctx, func(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			defer w.Close()
			name, err := r.ReadLine(ctx)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "hello, %s", name)
			return w.Drain(ctx)
		}, "tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		r, w, err := asyncio.OpenConnection(ctx, "tcp", server.Addrs()[0].String())
		if err != nil {
			return 0, err
		}
		defer w.Close()
		fmt.Fprintln(w, "world")
		answer, err := r.ReadLine(ctx)
		fmt.Print(string(answer))
		server.Close()
		return 0, err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: hello, world
}
