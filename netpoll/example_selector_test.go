//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package netpoll_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"syscall"

	"github.com/baton-go/baton/netpoll"
)

// The echo server of the documentation of Python's selectors: what is registered
// with a descriptor is the function that takes care of it.
func ExampleSelector() {
	sel, err := netpoll.NewSelector()
	if err != nil {
		log.Fatal(err)
	}
	defer sel.Close()

	running := true
	read := func(conn int, _ netpoll.Events) {
		buf := make([]byte, 1000)
		n, err := syscall.Read(conn, buf)
		if n > 0 {
			fmt.Printf("echoing %q\n", buf[:n])
			syscall.Write(conn, buf[:n]) // hope that it does not block
			return
		}
		fmt.Println("closing, error:", err)
		sel.Unregister(conn)
		syscall.Close(conn)
		running = false // one client is enough for an example
	}
	accept := func(sock int, _ netpoll.Events) {
		conn, _, err := syscall.Accept(sock) // should be ready
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("accepted")
		syscall.SetNonblock(conn, true)
		if _, err := sel.Register(conn, netpoll.Read, read); err != nil {
			log.Fatal(err)
		}
	}

	sock, port := listen()
	defer syscall.Close(sock)
	if _, err := sel.Register(sock, netpoll.Read, accept); err != nil {
		log.Fatal(err)
	}
	go client(port)

	for running {
		ready, err := sel.Select(-1)
		if err != nil {
			log.Fatal(err)
		}
		for _, r := range ready {
			if r.Ready == 0 {
				continue // an earlier callback unregistered it
			}
			callback := r.Data.(func(int, netpoll.Events))
			callback(r.Fd, r.Ready)
		}
	}
	// Output:
	// accepted
	// echoing "hello"
	// closing, error: <nil>
}

// listen opens a listening socket.
func listen() (fd, port int) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		log.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		log.Fatal(err)
	}
	if err := syscall.Listen(fd, 100); err != nil {
		log.Fatal(err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		log.Fatal(err)
	}
	addr, err := syscall.Getsockname(fd)
	if err != nil {
		log.Fatal(err)
	}
	return fd, addr.(*syscall.SockaddrInet4).Port
}

// client sends hello, reads it back, and ends.
func client(port int) {
	conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
	if err != nil {
		log.Fatal(err)
	}
	io.WriteString(conn, "hello")
	io.ReadFull(conn, make([]byte, 5))
	conn.Close()
}

// A connection of package net lends its number for the length of a call. It stays
// its owner: read from the connection, not from the number, keep it referred to,
// and unregister before it is closed.
func ExampleSelector_Register() {
	sel, err := netpoll.NewSelector()
	if err != nil {
		log.Fatal(err)
	}
	defer sel.Close()

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer peer.Close()
	conn, err := l.Accept()
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		log.Fatal(err)
	}
	var key netpoll.Key
	if cerr := raw.Control(func(fd uintptr) { key, err = sel.Register(int(fd), netpoll.Read, conn) }); cerr != nil {
		err = cerr
	}
	if err != nil {
		log.Fatal(err)
	}
	defer sel.Unregister(key.Fd)

	io.WriteString(peer, "hello")
	ready, err := sel.Select(-1)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range ready {
		buf := make([]byte, 100)
		n, _ := r.Data.(net.Conn).Read(buf)
		fmt.Printf("%v: %s\n", r.Ready, buf[:n])
	}
	// Output:
	// read: hello
}

// A server that never blocks: a connection is watched for reading, or, while it
// has an answer that is not sent, for writing. Its state is its data.
func ExampleSelector_Modify() {
	sel, err := netpoll.NewSelector()
	if err != nil {
		log.Fatal(err)
	}
	defer sel.Close()

	type state struct{ answer []byte }
	serve := func(conn int, s *state, ready netpoll.Events) error {
		if ready.Has(netpoll.Read) {
			buf := make([]byte, 1000)
			n, err := syscall.Read(conn, buf)
			if err != nil {
				return err
			}
			s.answer = bytes.ToUpper(buf[:n])
		}
		if ready.Has(netpoll.Write) {
			n, err := syscall.Write(conn, s.answer)
			if err != nil {
				return err
			}
			s.answer = s.answer[n:]
		}
		next := netpoll.Read
		if len(s.answer) > 0 {
			next = netpoll.Write
		}
		_, err := sel.Modify(conn, next, s)
		return err
	}

	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		log.Fatal(err)
	}
	conn, peer := pair[0], pair[1]
	defer syscall.Close(conn)
	defer syscall.Close(peer)
	sel.Register(conn, netpoll.Read, new(state))
	syscall.Write(peer, []byte("hello"))

	for range 2 {
		ready, err := sel.Select(-1)
		if err != nil {
			log.Fatal(err)
		}
		for _, r := range ready {
			fmt.Println("ready to", r.Ready)
			if err := serve(r.Fd, r.Data.(*state), r.Ready); err != nil {
				log.Fatal(err)
			}
		}
	}
	answer := make([]byte, 5)
	syscall.Read(peer, answer)
	fmt.Printf("%s\n", answer)
	// Output:
	// ready to read
	// ready to write
	// HELLO
}

// Any goroutine may wake the one that selects.
func ExampleSelector_Wake() {
	sel, err := netpoll.NewSelector()
	if err != nil {
		log.Fatal(err)
	}
	defer sel.Close()

	results := make(chan int, 1)
	go func() {
		results <- 42
		sel.Wake()
	}()
	ready, err := sel.Select(-1)
	fmt.Println(len(ready), err, <-results)
	// Output:
	// 0 <nil> 42
}
