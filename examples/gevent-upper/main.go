// Gevent-upper is a server that returns in upper case what it is sent, and 500
// clients of many requests each in another process. One thread serves them all,
// with a greenlet for each, and counts their requests without a lock.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	stdnet "net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/net"
)

func main() {
	log.SetFlags(0)
	clients := flag.Int("clients", 500, "number of clients")
	requests := flag.Int("requests", 100, "requests of each client")
	address := flag.String("client", "", "be the other process, with a server at this `address`")
	flag.Parse()
	if *address != "" {
		ask(*address, *clients, *requests)
	} else if err := serve(*clients, *requests); err != nil {
		log.Fatal(err)
	}
}

// serve answers the clients of a second process until that ends.
func serve(clients, requests int) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return gevent.Run(func() error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		served := 0 // all greenlets count in it
		gevent.Spawn(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return // the listener is closed
				}
				gevent.Spawn(func() { upper(c, &served) })
			}
		})
		other := exec.Command(program, "-client", l.Addr().String(),
			"-clients", fmt.Sprint(clients), "-requests", fmt.Sprint(requests))
		other.Stdout, other.Stderr = os.Stdout, os.Stderr
		_, err = gevent.OffloadValue(func() (any, error) { return nil, other.Run() })
		fmt.Printf("server: %d requests in one thread\n", served)
		return err
	})
}

// upper answers one client until it has no more to ask.
func upper(c net.Conn, served *int) {
	defer c.Close()
	buf := make([]byte, 1024)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(bytes.ToUpper(buf[:n])); err != nil {
			return
		}
		*served++
	}
}

// ask is the other process: ordinary goroutines with the standard package net.
func ask(address string, clients, requests int) {
	var right atomic.Int64
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			c, err := stdnet.Dial("tcp", address)
			if err != nil {
				log.Print(err)
				return
			}
			defer c.Close()
			for n := range requests {
				question, want := fmt.Sprintf("client %d asks %d", i, n), fmt.Sprintf("CLIENT %d ASKS %d", i, n)
				answer := make([]byte, len(want))
				if _, err := io.WriteString(c, question); err != nil {
					log.Print(err)
					return
				}
				if _, err := io.ReadFull(c, answer); err != nil || string(answer) != want {
					log.Printf("%q was answered with %q, %v", question, answer, err)
					return
				}
				right.Add(1)
			}
		})
	}
	wg.Wait()
	fmt.Printf("clients: %d of %d answers right\n", right.Load(), clients*requests)
	if right.Load() != int64(clients*requests) {
		os.Exit(1)
	}
}
