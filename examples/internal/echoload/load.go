// Package echoload has what the echo servers share: the client that
// drives them from a second process, with goroutines and package net, and the count
// of what was served.
package echoload

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

// A Load is what the second process does to the server.
type Load struct {
	Conns, Requests, Size int
}

// Flags defines the flags of a load.
func (l *Load) Flags() {
	flag.IntVar(&l.Conns, "conns", 500, "connections that the second process makes")
	flag.IntVar(&l.Requests, "requests", 200, "requests on each connection")
	flag.IntVar(&l.Size, "size", 64, "bytes in a request")
}

// Command returns the command that runs this very program with the flag -client,
// and this load, to drive a server.
func (l Load) Command(address string) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "-conns", strconv.Itoa(l.Conns), "-requests", strconv.Itoa(l.Requests),
		"-size", strconv.Itoa(l.Size), "-client", address)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd, nil
}

// Drive makes the connections, all at the same time, and returns what went wrong
// with any of them.
func (l Load) Drive(address string) error {
	begin := time.Now()
	errs := make([]error, l.Conns)
	var wg sync.WaitGroup
	for i := range l.Conns {
		wg.Go(func() { errs[i] = l.converse(address, uint64(i)) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	fmt.Printf("client: %d connections got %d answers of %d bytes in %v, every byte right\n",
		l.Conns, l.Conns*l.Requests, l.Size, time.Since(begin).Round(time.Millisecond))
	return nil
}

// converse sends the requests of one connection, which differ from those of all
// others, and compares the answers.
func (l Load) converse(address string, seed uint64) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	request, answer := make([]byte, l.Size), make([]byte, l.Size)
	for n := range l.Requests {
		random.Read(request)
		if _, err := c.Write(request); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, answer); err != nil {
			return fmt.Errorf("answer %d: %w", n, err)
		}
		if !bytes.Equal(request, answer) {
			return fmt.Errorf("answer %d of connection %d is wrong", n, seed)
		}
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	if n, err := c.Read(answer); n != 0 || err != io.EOF {
		return fmt.Errorf("after the last answer of connection %d: %d bytes and %v, not the end", seed, n, err)
	}
	return nil
}
