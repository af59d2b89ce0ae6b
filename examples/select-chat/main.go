// Select-chat is a chat between terminals, by select. The server waits for several
// listening sockets, for its clients and for its own standard input in one call,
// relays the lines of each client to all others, and what the operator types to
// everybody. The client waits for the keyboard and for the server in one call:
// with a read of either that blocks, the other one would have to wait.
//
//	select-chat -listen 127.0.0.1:8020,127.0.0.1:8021    in one terminal
//	select-chat -connect 127.0.0.1:8020                  in others; so does nc
//
// Standard input may be a terminal, a pipe or a regular file. Select and poll take
// all of them; a file is always readable. Epoll would refuse a file, with EPERM, as
// it only takes what can become ready: a program that uses epoll has to read a file
// without asking. What does not work is what the program never tells the kernel of,
// such as a bufio.Reader that has read ahead: select knows nothing of its buffer.
// So the program cuts lines itself, and reads only when select says so.
//
// Without flags it plays a short conversation between terminals that are pipes,
// and prints what appears on each.
package main

import (
	"context"
	"flag"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	log.SetFlags(0)
	addresses := flag.String("listen", "", "serve at these `addresses`, with commas between them")
	server := flag.String("connect", "", "be a client of the server at this `address`")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case *addresses != "":
		err = serve(ctx, strings.Split(*addresses, ","), int(os.Stdin.Fd()), os.Stdout)
	case *server != "":
		err = connect(ctx, *server, int(os.Stdin.Fd()), os.Stdout)
	default:
		err = run(os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// run plays a conversation. Each line of it is what somebody types, and what then
// appears on the terminals.
func run(w io.Writer) error {
	return play(w, []string{"ann", "bob", "eve"}, []remark{
		{"ann", "hello"},
		{"bob", "hi ann"},
		{operator, "we close in a minute"},
		{"eve", leaves},
		{"ann", "see you, bob"},
	})
}
