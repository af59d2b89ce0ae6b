package net_test

import (
	"fmt"
	"io"
	stdnet "net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/net"
	"github.com/baton-go/baton/internal/hub"
)

func TestAGoroutineOutsideIsBlockedAloneAndTheThreadRunsOn(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		read := make(chan string)
		go func() {
			b := make([]byte, 5)
			_, err := io.ReadFull(c, b)
			read <- fmt.Sprint(string(b), err)
		}()
		gevent.Sleep(5 * time.Millisecond)
		_, err := s.Write([]byte("hello"))
		require.NoError(t, err)
		var got string
		gevent.Offload(func() { got = <-read })
		require.Equal(t, "hello<nil>", got)
	})
}

func TestEveryMethodMayBeCalledFromOutside(t *testing.T) {
	run(t, func() {
		l := listen(t)
		gevent.Offload(func() {
			c, err := net.DialTCP("tcp", nil, l.Addr().(*net.TCPAddr))
			require.NoError(t, err)
			defer c.Close()
			s, err := l.AcceptTCP()
			require.NoError(t, err)
			require.Equal(t, c.LocalAddr().String(), s.RemoteAddr().String())
			require.NoError(t, s.SetNoDelay(false))
			require.NoError(t, s.SetLinger(-1))
			require.NoError(t, s.SetKeepAlive(true))
			require.NoError(t, s.SetKeepAlivePeriod(time.Second))
			require.NoError(t, s.SetReadBuffer(1<<16))
			require.NoError(t, s.SetWriteBuffer(1<<16))
			require.NoError(t, s.SetDeadline(time.Now().Add(time.Minute)))
			f, err := s.File()
			require.NoError(t, err)
			require.NoError(t, f.Close())
			raw, err := s.SyscallConn()
			require.NoError(t, err)
			called := false
			require.NoError(t, raw.Control(func(uintptr) { called = true }))
			require.True(t, called)
			_, err = c.ReadFrom(io.LimitReader(zeros{}, 1000))
			require.NoError(t, err)
			require.NoError(t, c.CloseWrite())
			n, err := s.WriteTo(io.Discard)
			require.NoError(t, err)
			require.EqualValues(t, 1000, n)
			require.NoError(t, s.CloseRead())
			require.NoError(t, s.Close())
			require.NoError(t, l.SetDeadline(time.Now()))
			require.NoError(t, l.Close())
		})
	})
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestAConnMayBeUsedByGreenletsOfAnotherThread(t *testing.T) {
	c, s := elsewhere(t)
	run(t, func() {
		g := gevent.Spawn(func() { echo(s) })
		steps := 0
		ticker := gevent.Spawn(func() {
			for {
				gevent.Sleep(0)
				steps++
			}
		})
		b := make([]byte, 4)
		for range 100 {
			_, err := c.Write([]byte("ping"))
			require.NoError(t, err)
			_, err = io.ReadFull(c, b)
			require.NoError(t, err)
			require.Equal(t, "ping", string(b))
		}
		require.Greater(t, steps, 100, "the thread stood still")
		ticker.Kill()
		require.NoError(t, c.CloseWrite())
		g.Join()
	})
}

// A thread that ends closes its sockets under those who wait for them elsewhere.
func TestTheEndOfItsThreadEndsWhatWaitsForASocketElsewhere(t *testing.T) {
	conns, quit, ended := make(chan *net.TCPConn, 1), make(chan bool), make(chan error)
	go func() {
		ended <- gevent.Run(func() {
			c, _ := pair(t)
			conns <- c
			gevent.Offload(func() { <-quit })
		})
	}()
	c := <-conns
	outside := make(chan error)
	go func() { outside <- readOne(c)() }()
	run(t, func() {
		result := waiting(readOne(c))
		close(quit)
		require.ErrorIs(t, result(), net.ErrClosed)
	})
	require.ErrorIs(t, <-outside, net.ErrClosed)
	require.NoError(t, <-ended)
}

// Conns that were made outside, by greenlets of several threads and goroutines
// at once, of which some are killed.
func TestAConnMadeOutsideServesEverybody(t *testing.T) {
	c, s := pair(t)
	defer c.Close()
	go echo(s)
	var wg sync.WaitGroup
	written := make(chan int, 100)
	for range 3 {
		wg.Go(func() {
			run(t, func() {
				victim := gevent.Spawn(func() {
					for {
						_, _ = c.Read(nil)
						_, _ = c.Read(make([]byte, 0))
						gevent.Sleep(0)
					}
				})
				var gs []gevent.Joinable
				for range 5 {
					gs = append(gs, gevent.Spawn(func() error {
						n, err := c.Write(make([]byte, 100))
						written <- n
						return err
					}))
				}
				gevent.JoinAll(gs...)
				victim.Kill()
			})
		})
	}
	wg.Wait()
	close(written)
	sum := 0
	for n := range written {
		sum += n
	}
	require.Equal(t, 1500, sum)
	_, err := io.ReadFull(c, make([]byte, sum))
	require.NoError(t, err)
}

// A greenlet's Read of a conn that was made outside is ended by moving the
// deadline for a moment. A goroutine that reads too must not notice, and no byte
// may be lost.
func TestAKillDisturbsNobodyElse(t *testing.T) {
	c, s := pair(t)
	defer c.Close()
	var outside, inside int
	ended := make(chan error)
	go func() {
		for {
			n, err := c.Read(make([]byte, 1))
			outside += n
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	run(t, func() {
		for range 20 {
			g := gevent.Spawn(func() {
				n, _ := c.Read(make([]byte, 1))
				inside += n
			})
			settle()
			g.Kill()
			_, err := s.Write([]byte("x"))
			require.NoError(t, err)
		}
	})
	require.NoError(t, s.Close())
	require.Equal(t, io.EOF, <-ended)
	require.Equal(t, 20, outside+inside)
	t.Logf("%d bytes read outside, %d inside", outside, inside)
}

// inCallback runs f in a callback of the loop and returns what it panicked with.
func inCallback(f func()) (panicked any) {
	g := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
	hub.Current().Loop.CallSoon(func() {
		defer func() {
			panicked = recover()
			g.KillAsync(nil)
		}()
		f()
	})
	g.Join()
	return panicked
}

func TestACallbackMayDoWhatNeedNotWait(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		_, err := s.Write([]byte("x"))
		require.NoError(t, err)
		require.Nil(t, inCallback(func() {
			require.NoError(t, readOne(c)())
			_, err := c.Write([]byte("y"))
			require.NoError(t, err)
			require.NoError(t, c.SetDeadline(time.Now().Add(time.Hour)))
			require.NoError(t, c.SetNoDelay(true))
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			require.NoError(t, l.Close())
			require.NoError(t, c.Close())
		}))
		require.NoError(t, readOne(s)())
	})
}

func TestACallbackThatWouldHaveToWaitPanics(t *testing.T) {
	const message = "a callback of the loop must not block; spawn a greenlet in it, and block there"
	run(t, func() {
		c, s := pair(t)
		l := listen(t)
		var plain *net.TCPConn
		gevent.Offload(func() {
			var peer *net.TCPConn
			plain, peer = pair(t)
			t.Cleanup(func() { plain.Close(); peer.Close() })
		})
		for op, f := range map[string]func(){
			"net.Read":   func() { _ = readOne(c)() },
			"net.Accept": func() { _, _ = l.Accept() },
			"net.Dial":   func() { _, _ = net.Dial("tcp", l.Addr().String()) },
		} {
			require.Equal(t, op+": "+message, inCallback(f))
		}
		require.Equal(t, "net.Read: "+message, inCallback(func() { _ = readOne(plain)() }))
		fill(t, c)
		require.Equal(t, "net.Write: "+message, inCallback(func() { _, _ = c.Write(make([]byte, 8<<20)) }))
		// Nor may it come between a greenlet and its turn.
		g := gevent.Spawn(readOne(c))
		settle()
		require.Equal(t, "net.Read: "+message, inCallback(func() { _ = readOne(c)() }))
		_, err := s.Write([]byte("x"))
		require.NoError(t, err)
		require.NoError(t, g.Get())
	})
}

// Networks of package net work in greenlets, by other goroutines.
func TestUnixAndUDPAreThoseOfPackageNet(t *testing.T) {
	run(t, func() {
		l, err := net.Listen("unix", t.TempDir()+"/socket")
		require.NoError(t, err)
		defer l.Close()
		g := gevent.Spawn(func() error {
			c, err := l.Accept()
			if err == nil {
				echo(c)
			}
			return err
		})
		c, err := net.Dial("unix", l.Addr().String())
		require.NoError(t, err)
		passes(t, c, c)
		require.NoError(t, c.Close())
		require.NoError(t, g.Get())

		server, err := stdnet.ListenPacket("udp", "127.0.0.1:0")
		require.NoError(t, err)
		defer server.Close()
		u, err := net.Dial("udp", server.LocalAddr().String())
		require.NoError(t, err)
		defer u.Close()
		require.NoError(t, u.SetReadDeadline(time.Now().Add(5*time.Millisecond)))
		isTimeout(t, readOne(u)())
	})
}

func TestACallOutsideIsEndedWithTheThread(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	ended := false
	require.NoError(t, gevent.Run(func() error {
		l, err := net.Listen("unix", path)
		if err != nil {
			return err
		}
		gevent.Spawn(func() {
			defer func() { ended = true }()
			c, err := l.Accept()
			if err == nil {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}
		})
		c, err := net.Dial("unix", path)
		if err != nil {
			return err
		}
		defer c.Close()
		gevent.Sleep(10 * time.Millisecond)
		return nil
	}))
	require.True(t, ended)
}
