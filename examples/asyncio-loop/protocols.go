package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/baton-go/baton/asyncio"
)

// A greeter is the server's side of a connection. The loop calls its methods; nobody
// waits in them.
type greeter struct {
	asyncio.BaseProtocol // ends the connection when the client has
	transport            asyncio.Transport
	w                    io.Writer
}

func (g *greeter) ConnectionMade(t asyncio.Transport) { g.transport = t }

func (g *greeter) DataReceived(data []byte) {
	fmt.Fprintf(g.w, "   the server got %q\n", data)
	// A client that is gone by now misses its answer.
	_, _ = g.transport.Write(append([]byte("hello, "), data...))
}

// A visitor is the client's side. It says who it is, and ends the connection when it
// has an answer.
type visitor struct {
	asyncio.BaseProtocol
	name      string
	transport asyncio.Transport
	answer    []byte
	over      *asyncio.Future[string]
}

func (v *visitor) ConnectionMade(t asyncio.Transport) {
	v.transport = t
	_, _ = t.Write([]byte(v.name + "\n")) // if that fails the connection is lost
}

// DataReceived gets pieces, which need not be those that were written.
func (v *visitor) DataReceived(data []byte) {
	v.answer = append(v.answer, data...)
	if bytes.HasSuffix(v.answer, []byte("\n")) {
		v.transport.Close()
	}
}

func (v *visitor) ConnectionLost(err error) {
	if v.over.Done() {
		return // nobody waits any more
	}
	if err == nil && len(v.answer) == 0 {
		err = errors.New("there was no answer")
	}
	if err != nil {
		_ = v.over.SetError(err)
	} else {
		_ = v.over.SetResult(string(v.answer))
	}
}

// protocols serves two clients, one after the other.
func protocols(ctx context.Context, w io.Writer) error {
	server, err := asyncio.CreateServer(ctx, func() asyncio.Protocol { return &greeter{w: w} }, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer server.Close()
	for _, name := range []string{"Ann", "Ben"} {
		_, v, err := asyncio.CreateConnection(ctx, func() *visitor {
			return &visitor{name: name, over: asyncio.NewFuture[string](asyncio.RunningLoop(ctx))}
		}, "tcp", server.Addrs()[0].String())
		if err != nil {
			return err
		}
		answer, err := v.over.Await(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "   the client got %q\n", answer)
	}
	server.Close()
	return server.WaitClosed(ctx)
}
