package net_test

import (
	"bufio"
	"fmt"
	"io"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/net"
)

// An echo server, and three clients at the same time, in one thread.
func Example() {
	err := gevent.Run(func() error {
		l, err := net.Listen("tcp", "localhost:0")
		if err != nil {
			return err
		}
		gevent.Spawn(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return // l was closed
				}
				gevent.Spawn(func() {
					defer c.Close()
					io.Copy(c, c)
				})
			}
		})

		var clients []gevent.Joinable
		answers := map[int]string{} // no lock: greenlets of one thread share it
		for i := range 3 {
			clients = append(clients, gevent.Spawn(func() error {
				c, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					return err
				}
				defer c.Close()
				fmt.Fprintf(c, "hello %d\n", i)
				answers[i], err = bufio.NewReader(c).ReadString('\n')
				return err
			}))
		}
		gevent.JoinAll(clients...)
		fmt.Print(answers[0], answers[1], answers[2])
		return l.Close()
	})
	fmt.Println(err)
	// Output:
	// hello 0
	// hello 1
	// hello 2
	// <nil>
}

// The writing side is shut down, the reading side still gives the answer.
func ExampleTCPConn_CloseWrite() {
	gevent.Run(func() {
		l, _ := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		gevent.Spawn(func() {
			c, _ := l.Accept()
			defer c.Close()
			request, _ := io.ReadAll(c)
			fmt.Fprintf(c, "%d bytes", len(request))
		})

		c, _ := net.DialTCP("tcp", nil, l.Addr().(*net.TCPAddr))
		defer c.Close()
		io.WriteString(c, "half-close")
		c.CloseWrite()
		answer, _ := io.ReadAll(c)
		fmt.Printf("%s\n", answer)
	})
	// Output: 10 bytes
}

// A deadline ends a Read that waits. The other greenlets run meanwhile.
func ExampleTCPConn_SetReadDeadline() {
	gevent.Run(func() {
		l, _ := net.Listen("tcp", "localhost:0")
		c, _ := net.Dial("tcp", l.Addr().String())
		gevent.Spawn(func() { fmt.Println("the others run") })

		c.SetReadDeadline(time.Now().Add(time.Millisecond))
		_, err := c.Read(make([]byte, 1))
		fmt.Println(err.(net.Error).Timeout())
	})
	// Output:
	// the others run
	// true
}
