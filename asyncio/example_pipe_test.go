//go:build unix

package asyncio_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"

	"github.com/baton-go/baton/asyncio"
)

// A process that is given input, and whose output is collected.
func ExampleProcess_Communicate() {
	_, err := asyncio.Run(func(ctx context.Context) (int, error) {
		p, err := asyncio.CreateSubprocessShell(ctx, "sort", asyncio.WithStdin(asyncio.PIPE), asyncio.WithStdout(asyncio.PIPE))
		if err != nil {
			return 0, err
		}
		sorted, _, err := p.Communicate(ctx, []byte("b\nc\na\n"))
		if err != nil {
			return 0, err
		}
		fmt.Printf("%s", sorted)
		code, err := p.Wait(ctx)
		fmt.Println("code", code)
		return code, err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// a
	// b
	// c
	// code 0
}

// What a process writes, line by line.
func ExampleCreateSubprocessExec() {
	_, err := asyncio.Run(func(ctx context.Context) (int, error) {
		p, err := asyncio.CreateSubprocessExec(ctx, "sh", []string{"-c", "echo one; echo two; exit 3"}, asyncio.WithStdout(asyncio.PIPE))
		if err != nil {
			return 0, err
		}
		for line, err := range p.Stdout.Lines(ctx) {
			if err != nil {
				return 0, err
			}
			fmt.Printf("%q\n", line)
		}
		code, err := p.Wait(ctx)
		fmt.Println("code", code)
		return code, err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// "one\n"
	// "two\n"
	// code 3
}

// An echo answers each datagram.
type datagramEcho struct {
	asyncio.BaseDatagramProtocol
	transport asyncio.DatagramTransport
}

func (e *datagramEcho) ConnectionMade(t asyncio.DatagramTransport) { e.transport = t }

func (e *datagramEcho) DatagramReceived(data []byte, addr net.Addr) {
	if err := e.transport.SendTo(data, addr); err != nil {
		log.Print(err)
	}
}

// An answer is a future that the first datagram settles.
type datagramAnswer struct {
	asyncio.BaseDatagramProtocol
	text *asyncio.Future[string]
}

func (a *datagramAnswer) DatagramReceived(data []byte, _ net.Addr) {
	if !a.text.Done() {
		_ = a.text.SetResult(string(data))
	}
}

func ExampleCreateDatagramEndpoint() {
	answer, err := asyncio.Run(func(ctx context.Context) (string, error) {
		server, _, err := asyncio.CreateDatagramEndpoint(ctx, func() *datagramEcho { return &datagramEcho{} },
			"udp", asyncio.WithDatagramLocal("127.0.0.1:0"))
		if err != nil {
			return "", err
		}
		defer server.Close()
		client, a, err := asyncio.CreateDatagramEndpoint(ctx, func() *datagramAnswer {
			return &datagramAnswer{text: asyncio.NewFuture[string](asyncio.RunningLoop(ctx))}
		}, "udp", asyncio.WithDatagramRemote(server.LocalAddr().String()))
		if err != nil {
			return "", err
		}
		defer client.Close()
		if err := client.SendTo([]byte("hello"), nil); err != nil {
			return "", err
		}
		return a.text.Await(ctx)
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer)
	// Output: hello
}

// A gatherer collects what comes through a pipe.
type gatherer struct {
	asyncio.BaseProtocol
	data []byte
	end  *asyncio.Future[string]
}

func (g *gatherer) DataReceived(data []byte) { g.data = append(g.data, data...) }
func (g *gatherer) ConnectionLost(error)     { _ = g.end.SetResult(string(g.data)) }

func ExampleConnectReadPipe() {
	text, err := asyncio.Run(func(ctx context.Context) (string, error) {
		r, w, err := os.Pipe()
		if err != nil {
			return "", err
		}
		in, g, err := asyncio.ConnectReadPipe(ctx, func() *gatherer {
			return &gatherer{end: asyncio.NewFuture[string](asyncio.RunningLoop(ctx))}
		}, r)
		if err != nil {
			return "", err
		}
		defer in.Close()
		out, _, err := asyncio.ConnectWritePipe(ctx, func() *asyncio.BaseProtocol { return &asyncio.BaseProtocol{} }, w)
		if err != nil {
			return "", err
		}
		fmt.Fprint(out, "through the pipe")
		out.Close()
		return g.end.Await(ctx)
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(text)
	// Output: through the pipe
}
