package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net" // the standard one: the client is an ordinary Go program
	"strconv"
	"sync"
	"time"
)

// A load is what the second process does to the server.
type load struct {
	conns, requests, size int
}

// flags returns the flags that give a process this load.
func (l load) flags() []string {
	return []string{"-conns", strconv.Itoa(l.conns), "-requests", strconv.Itoa(l.requests), "-size", strconv.Itoa(l.size)}
}

// drive makes the connections, all at the same time, and returns what went wrong
// with any of them.
func (l load) drive(address string) error {
	begin := time.Now()
	errs := make([]error, l.conns)
	var wg sync.WaitGroup
	for i := range l.conns {
		wg.Go(func() { errs[i] = l.converse(address, uint64(i)) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	fmt.Printf("client: %d connections got %d answers of %d bytes in %v, every byte right\n",
		l.conns, l.conns*l.requests, l.size, time.Since(begin).Round(time.Millisecond))
	return nil
}

// converse sends the requests of one connection, which differ from those of all
// others, and compares the answers.
func (l load) converse(address string, seed uint64) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	request, answer := make([]byte, l.size), make([]byte, l.size)
	for n := range l.requests {
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
