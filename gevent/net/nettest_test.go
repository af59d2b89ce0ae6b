package net_test

import (
	"testing"

	"golang.org/x/net/nettest"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/net"
)

// pipe returns the ends of a connection to goroutines outside any thread. In the
// one thread, or in two, the ends belong to greenlets' hubs, which run until stop
// is called.
func pipe(threads int) nettest.MakePipe {
	return func() (c1, c2 net.Conn, stop func(), err error) {
		quit := make(chan struct{})
		ended := make(chan error, 2)
		addr := make(chan string)
		accepted := make(chan net.Conn)
		dialled := make(chan net.Conn)
		go func() {
			ended <- gevent.Run(func() error {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					return err
				}
				defer l.Close()
				if threads == 1 {
					g := gevent.Spawn(func() { gevent.Offload(func() { addr <- l.Addr().String() }) })
					h := gevent.Spawn(func() error {
						var s string
						gevent.Offload(func() { s = <-addr })
						c, err := net.Dial("tcp", s)
						gevent.Offload(func() { dialled <- c })
						return err
					})
					defer gevent.JoinAll(g, h)
				} else {
					gevent.Offload(func() { addr <- l.Addr().String() })
				}
				c, err := l.Accept()
				if err != nil {
					return err
				}
				gevent.Offload(func() { accepted <- c; <-quit })
				return nil
			})
		}()
		if threads == 2 {
			go func() {
				ended <- gevent.Run(func() error {
					c, err := net.Dial("tcp", <-addr)
					dialled <- c
					gevent.Offload(func() { <-quit })
					return err
				})
			}()
		}
		c1, c2 = <-dialled, <-accepted
		stop = func() {
			c1.Close()
			c2.Close()
			close(quit)
			for range threads {
				if err := <-ended; err != nil {
					panic(err)
				}
			}
		}
		return c1, c2, stop, nil
	}
}

func TestConnsOfOneThreadUsedFromOutsidePassNettest(t *testing.T) { nettest.TestConn(t, pipe(1)) }

func TestConnsOfTwoThreadsUsedFromOutsidePassNettest(t *testing.T) { nettest.TestConn(t, pipe(2)) }

func TestConnsMadeOutsidePassNettest(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, nil, nil, err
		}
		defer l.Close()
		if c1, err = net.Dial("tcp", l.Addr().String()); err != nil {
			return nil, nil, nil, err
		}
		if c2, err = l.Accept(); err != nil {
			return nil, nil, nil, err
		}
		return c1, c2, func() { c1.Close(); c2.Close() }, nil
	})
}
