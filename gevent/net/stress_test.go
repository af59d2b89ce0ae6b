package net_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/net"
)

func TestReadAndWriteAllocateNothing(t *testing.T) {
	if testing.AllocsPerRun(10, func() { gevent.Current() }) > 0 {
		t.Skip("here it costs allocations to find out which goroutine calls")
	}
	run(t, func() {
		c, s := pair(t)
		gevent.Spawn(func() { pong(s, make([]byte, 64)) })
		buf := make([]byte, 64)
		deadline := time.Now().Add(time.Hour)
		for name, f := range map[string]func(){
			"that waits": func() {
				_, _ = c.Write(buf)
				_, _ = io.ReadFull(c, buf)
			},
			"with a deadline": func() {
				_ = c.SetDeadline(deadline)
				_, _ = c.Write(buf)
				_, _ = io.ReadFull(c, buf)
			},
		} {
			f()
			require.Zero(t, testing.AllocsPerRun(200, f), name)
		}
	})
}

// Descriptor numbers are used again at once. An event of the socket that had the
// number before must not reach the one that has it now.
func TestANumberThatIsUsedAgainGetsNoEventOfTheOldSocket(t *testing.T) {
	keepsDescriptors(t)
	run(t, func() {
		l := listen(t)
		for range 300 {
			c, s := connect(t, l)
			_, err := s.Write([]byte("never read"))
			require.NoError(t, err)
			require.NoError(t, s.CloseWrite())
			require.NoError(t, c.Close()) // its events have not been polled
			require.NoError(t, s.Close())

			c, s = connect(t, l)
			g := gevent.Spawn(readOne(c))
			gevent.Sleep(0)
			gevent.Sleep(0)
			require.False(t, g.Ready())
			_, err = s.Write([]byte("x"))
			require.NoError(t, err)
			require.NoError(t, g.Get())
			require.NoError(t, c.Close())
			require.NoError(t, s.Close())
		}
	})
}

func TestPeersThatResetHurtNobodyElse(t *testing.T) {
	keepsDescriptors(t)
	run(t, func() {
		l := listen(t)
		var failures []error
		server := gevent.Spawn(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				gevent.Spawn(func() {
					defer c.Close()
					if _, err := io.Copy(c, c); err != nil {
						failures = append(failures, err)
					}
				})
			}
		})
		for i := range 50 {
			c, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			if i%2 == 0 {
				_, err = c.Write(make([]byte, 1000))
				require.NoError(t, err)
			}
			if i%3 == 0 {
				gevent.Sleep(0)
			}
			require.NoError(t, c.(*net.TCPConn).SetLinger(0))
			require.NoError(t, c.Close())
		}
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		passes(t, c, c)
		c.Close()
		l.Close()
		server.Join()
		require.NotEmpty(t, failures)
		for _, err := range failures {
			require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE), "%v", err)
		}
	})
}

// A stream of bytes that can be checked at any place: byte i is i mod 251.
func pattern(from, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte((from + i) % 251)
	}
	return b
}

// Greenlets write, read, set deadlines, are killed and close, at random. However
// it goes, what is read is what was written, in order and without a gap.
func TestWhatIsReadIsWhatWasWrittenWhateverElseHappens(t *testing.T) {
	keepsDescriptors(t)
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			run(t, func() {
				rng := rand.New(rand.NewPCG(seed, 7))
				l := listen(t)
				var gs []gevent.Joinable
				for range 20 {
					c, s := connect(t, l)
					w, r := gevent.Spawn(func() { writeAtRandom(rng, c) }), gevent.Spawn(func() { readAtRandom(t, rng, s) })
					gs = append(gs, r)
					gevent.Spawn(func() { harass(rng, c, s, w, r) })
				}
				gevent.JoinAll(gs...)
				for _, g := range gs {
					require.NoError(t, g.(*gevent.Greenlet).Err())
				}
			})
		})
	}
}

// writeAtRandom writes the pattern until something ends it.
func writeAtRandom(rng *rand.Rand, c *net.TCPConn) {
	for at := 0; at < 1<<20; {
		n, err := c.Write(pattern(at, 1+rng.IntN(1<<rng.IntN(18))))
		at += n
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			_ = c.SetWriteDeadline(time.Time{})
		case err != nil:
			return
		}
		if rng.IntN(4) == 0 {
			gevent.Sleep(time.Duration(rng.IntN(200)) * time.Microsecond)
		}
	}
	_ = c.CloseWrite()
}

// readAtRandom checks the pattern until something ends it.
func readAtRandom(t *testing.T, rng *rand.Rand, s *net.TCPConn) {
	b := make([]byte, 1<<16)
	for at := 0; ; {
		n, err := s.Read(b[:1+rng.IntN(1<<rng.IntN(17))])
		require.True(t, bytes.Equal(pattern(at, n), b[:n]), "wrong bytes at %d", at)
		at += n
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			_ = s.SetReadDeadline(time.Time{})
		case err != nil:
			return
		}
	}
}

// harass disturbs a connection, and then ends it.
func harass(rng *rand.Rand, c, s *net.TCPConn, w, r *gevent.Greenlet) {
	for range rng.IntN(20) {
		switch rng.IntN(3) {
		case 0:
			_ = c.SetWriteDeadline(time.Now().Add(time.Duration(rng.IntN(300)-50) * time.Microsecond))
		case 1:
			_ = s.SetReadDeadline(time.Now().Add(time.Duration(rng.IntN(300)-50) * time.Microsecond))
		case 2:
			gevent.Sleep(time.Duration(rng.IntN(300)) * time.Microsecond)
		}
	}
	switch rng.IntN(5) {
	case 0:
		w.Kill()
		_ = c.Close()
	case 1:
		_ = c.SetLinger(0)
		_ = c.Close()
	case 2:
		_ = s.Close()
	case 3:
		r.Kill()
		_ = s.Close()
	}
	// Else the writer ends by itself.
}
