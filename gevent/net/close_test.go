package net_test

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/net"
)

// A blocker is a call that waits, and what it waits on.
type blocker struct {
	name string
	// block makes what is needed, and returns the call, what would close the
	// socket (nil if there is none), and a check that the socket is as good as
	// before (nil if there is nothing to check).
	block func(t *testing.T) (call, close func() error, check func())
}

var blockers = []blocker{
	{"Read", func(t *testing.T) (call, close func() error, check func()) {
		c, s := pair(t)
		return readOne(c), c.Close, func() { passes(t, s, c) }
	}},
	{"Read in line", func(t *testing.T) (call, close func() error, check func()) {
		c, s := pair(t)
		var first error
		g := gevent.Spawn(func() { first = readOne(c)() })
		settle()
		return readOne(c), c.Close, func() {
			_, err := s.Write([]byte("x"))
			require.NoError(t, err)
			g.Join()
			require.NoError(t, first)
			passes(t, s, c)
		}
	}},
	{"Write", func(t *testing.T) (call, close func() error, check func()) {
		c, s := pair(t)
		fill(t, c)
		call = func() error { _, err := c.Write(make([]byte, 8<<20)); return err }
		return call, c.Close, func() {
			g := gevent.Spawn(func() { _, _ = io.Copy(io.Discard, s) })
			_, err := c.Write([]byte("x"))
			require.NoError(t, err)
			c.Close()
			g.Join()
		}
	}},
	{"WriteTo", func(t *testing.T) (call, close func() error, check func()) {
		c, s := pair(t)
		call = func() error { _, err := c.WriteTo(io.Discard); return err }
		return call, c.Close, func() { passes(t, s, c) }
	}},
	{"Accept", func(t *testing.T) (call, close func() error, check func()) {
		l := listen(t)
		return func() error { _, err := l.Accept(); return err }, l.Close, func() { connect(t, l) }
	}},
	{"RawConn.Read", func(t *testing.T) (call, close func() error, check func()) {
		c, s := pair(t)
		raw, err := c.SyscallConn()
		require.NoError(t, err)
		call = func() error { return raw.Read(func(uintptr) bool { return false }) }
		return call, c.Close, func() { passes(t, s, c) }
	}},
	{"Dial", func(t *testing.T) (call, close func() error, check func()) {
		addr := busyListener(t)
		return func() error { _, err := net.Dial("tcp", addr); return err }, nil, nil
	}},
	{"Dial of a name", func(t *testing.T) (call, close func() error, check func()) {
		d := net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: slowDial}}
		return func() error { _, err := d.Dial("tcp", "some.name.invalid:80"); return err }, nil, nil
	}},
	{"Read of a conn made outside", func(t *testing.T) (call, close func() error, check func()) {
		var c, s *net.TCPConn
		gevent.Offload(func() { c, s = pair(t) })
		return readOne(c), c.Close, func() { passes(t, s, c); c.Close(); s.Close() }
	}},
	{"Write of a conn made outside", func(t *testing.T) (call, close func() error, check func()) {
		var c, s *net.TCPConn
		gevent.Offload(func() { c, s = pair(t); fill(t, c) })
		t.Cleanup(func() { c.Close(); s.Close() })
		return func() error { _, err := c.Write(make([]byte, 8<<20)); return err }, c.Close, nil
	}},
	{"Accept of a listener made outside", func(t *testing.T) (call, close func() error, check func()) {
		var l *net.TCPListener
		gevent.Offload(func() { l = listen(t) })
		t.Cleanup(func() { l.Close() })
		return func() error { _, err := l.Accept(); return err }, l.Close, nil
	}},
	{"Read of a conn of another thread", func(t *testing.T) (call, close func() error, check func()) {
		c, s := elsewhere(t)
		return readOne(c), c.Close, func() { passes(t, s, c) }
	}},
	{"Accept of a listener that is not TCP", func(t *testing.T) (call, close func() error, check func()) {
		l, err := net.Listen("unix", t.TempDir()+"/socket")
		require.NoError(t, err)
		t.Cleanup(func() { l.Close() })
		return func() error { _, err := l.Accept(); return err }, l.Close, nil
	}},
}

// slowDial is a resolver's dial that takes until it is cancelled.
func slowDial(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// passes checks that what s writes c reads.
func passes(t *testing.T, s, c net.Conn) {
	t.Helper()
	_, err := s.Write([]byte("after"))
	require.NoError(t, err)
	b := make([]byte, 5)
	_, err = io.ReadFull(c, b)
	require.NoError(t, err)
	require.Equal(t, "after", string(b))
}

// elsewhere returns a connection of another thread, which ends with the test.
func elsewhere(t *testing.T) (c, s *net.TCPConn) {
	t.Helper()
	quit, ready, ended := make(chan bool), make(chan bool), make(chan error, 1)
	go func() {
		ended <- gevent.Run(func() {
			c, s = pair(t)
			close(ready)
			gevent.Offload(func() { <-quit })
		})
	}()
	<-ready
	t.Cleanup(func() { close(quit); require.NoError(t, <-ended) })
	return c, s
}

func TestCloseEndsWhatWaits(t *testing.T) {
	keepsDescriptors(t)
	for _, b := range blockers {
		t.Run(b.name, func(t *testing.T) {
			run(t, func() {
				call, close, _ := b.block(t)
				if close == nil {
					return // there is nothing yet that could be closed
				}
				result := waiting(call)
				require.NoError(t, close())
				err := result()
				require.ErrorIs(t, err, net.ErrClosed)
				var op *net.OpError
				require.ErrorAs(t, err, &op)
				require.ErrorIs(t, close(), net.ErrClosed)
			})
		})
	}
}

func TestAKilledGreenletLeavesTheSocketAsItWas(t *testing.T) {
	keepsDescriptors(t)
	for _, b := range blockers {
		t.Run(b.name, func(t *testing.T) {
			run(t, func() {
				call, _, check := b.block(t)
				deferred := false
				g := gevent.Spawn(func() error {
					defer func() { deferred = true }()
					return call()
				})
				settle()
				require.False(t, g.Ready(), "%v", g.Err())
				g.Kill()
				require.True(t, deferred)
				require.ErrorIs(t, g.Get(), gevent.ErrGreenletExit)
				if check != nil {
					check()
				}
			})
		})
	}
}

// What is there and who is killed at the same time: the greenlet that had been
// woken for the bytes gets them; they are not lost.
func TestAKillLosesNothingThatWasRead(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		var got string
		g := gevent.Spawn(func() {
			b := make([]byte, 16)
			n, _ := c.Read(b)
			got += string(b[:n])
			gevent.Sleep(time.Hour)
		})
		settle()
		h := gevent.Spawn(func() { g.KillAsync(nil) })
		_, err := s.Write([]byte("bytes"))
		require.NoError(t, err)
		gevent.JoinAll(g, h)
		b := make([]byte, 16)
		if got == "" {
			n, err := c.Read(b)
			require.NoError(t, err)
			got = string(b[:n])
		}
		require.Equal(t, "bytes", got)
	})
}

func TestADialEndsWithItsContext(t *testing.T) {
	addr := busyListener(t)
	keepsDescriptors(t)
	run(t, func() {
		ctx, cancel := context.WithCancel(context.Background())
		result := waiting(func() error {
			_, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
			return err
		})
		cancel()
		err := result()
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "operation was canceled")
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	})
}

func TestADialEndsAtItsDeadline(t *testing.T) {
	addr := busyListener(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	closed := make(chan struct{})
	close(closed)
	for name, dial := range map[string]func() error{
		"DialTimeout": func() error { return second(net.DialTimeout("tcp", addr, 20*time.Millisecond)) },
		"Timeout":     func() error { return second((&net.Dialer{Timeout: 20 * time.Millisecond}).Dial("tcp", addr)) },
		"Deadline": func() error {
			return second((&net.Dialer{Deadline: time.Now().Add(20 * time.Millisecond)}).Dial("tcp", addr))
		},
		"context": func() error { return second(new(net.Dialer).DialContext(ctx, "tcp", addr)) },
		"a name": func() error {
			r := &net.Resolver{PreferGo: true, Dial: slowDial}
			return second((&net.Dialer{Timeout: 20 * time.Millisecond, Resolver: r}).Dial("tcp", "some.name.invalid:80"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func() {
				begin := time.Now()
				err := dial()
				var ne net.Error
				require.True(t, errors.As(err, &ne) && ne.Timeout(), "%v", err)
				require.Less(t, time.Since(begin), 5*time.Second)
			})
		})
	}
	t.Run("Cancel", func(t *testing.T) {
		run(t, func() {
			_, err := (&net.Dialer{Cancel: closed}).Dial("tcp", addr)
			require.ErrorIs(t, err, context.Canceled)
		})
	})
}

// The rest of what waits in line is woken too.
func TestCloseEndsEverybodyInLine(t *testing.T) {
	run(t, func() {
		c, _ := pair(t)
		var gs []gevent.Joinable
		for range 10 {
			gs = append(gs, gevent.Spawn(readOne(c)))
		}
		settle()
		require.NoError(t, c.Close())
		for _, g := range gevent.JoinAll(gs...) {
			require.ErrorIs(t, g.(*gevent.Greenlet).Err(), net.ErrClosed)
		}
	})
}

// Killing one in line, or the one whose turn it is, leaves the turn to the next.
func TestTheLineMovesOnWhenSomebodyInItIsKilled(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		var got []int
		var gs []*gevent.Greenlet
		for i := range 6 {
			gs = append(gs, gevent.Spawn(func() error {
				err := readOne(c)()
				got = append(got, i)
				return err
			}))
		}
		settle()
		gs[0].Kill()
		gs[3].Kill()
		gs[5].KillAsync(nil)
		for range 3 {
			_, err := s.Write([]byte("x"))
			require.NoError(t, err)
			settle()
		}
		require.Equal(t, []int{1, 2, 4}, got)
	})
}

func TestAGeventTimeoutEndsARead(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		g := gevent.Spawn(readOne(c))
		gevent.SpawnLater(5*time.Millisecond, func() { g.KillAsync(gevent.ErrTimeout) })
		require.ErrorIs(t, g.Get(), gevent.ErrTimeout)
		passes(t, s, c)
	})
}

// Close with SO_LINGER waits in the kernel, on a goroutine of its own. A signal that
// its thread gets, such as the one by which the Go runtime preempts, cuts the wait
// short, so more than one try may be needed.
func TestALingeringCloseLetsOthersRun(t *testing.T) {
	run(t, func() {
		steps := 0
		for try := 0; try < 10 && steps <= 20; try++ {
			c, _ := pair(t)
			fill(t, c)
			require.NoError(t, c.SetLinger(1))
			steps = 0
			g := gevent.Spawn(func() {
				for {
					gevent.Sleep(10 * time.Millisecond)
					steps++
				}
			})
			require.NoError(t, c.Close())
			g.Kill()
		}
		require.Greater(t, steps, 20)
	})
}

// Sockets that nobody closed are closed with their thread.
func TestSocketsEndWithTheirThread(t *testing.T) {
	keepsDescriptors(t)
	var c *net.TCPConn
	var l *net.TCPListener
	run(t, func() {
		l = listen(t)
		for range 10 {
			c, _ = connect(t, l)
		}
		gevent.Spawn(readOne(c))
		settle()
	})
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
	require.ErrorIs(t, c.Close(), net.ErrClosed)
	require.ErrorIs(t, c.SetDeadline(time.Now()), net.ErrClosed)
	_, err = l.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
	require.Equal(t, l.Addr().String(), c.RemoteAddr().String())
}
