package net_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/net"
)

// These are the tests of nettest.TestConn, by greenlets of one thread.

func TestWhatOneGreenletWritesAnotherReads(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		want := make([]byte, 8<<20)
		rand.NewChaCha8([32]byte{1}).Read(want)
		w := gevent.Spawn(func() error {
			_, err := io.Copy(c, bytes.NewReader(want))
			c.Close()
			return err
		})
		e := gevent.Spawn(func() { echo(s) })
		c2, s2 := pair(t)
		back := gevent.SpawnValue(func() ([]byte, error) { return io.ReadAll(s2) })
		_, err := c2.Write(want)
		require.NoError(t, err)
		require.NoError(t, c2.CloseWrite())
		got, err := back.Get()
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got))
		w.Kill() // it waits for room: nobody reads the echo
		c.Close()
		e.Join()
	})
}

func TestPingPongByGreenlets(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		g := gevent.Spawn(func() { echo(s) })
		buf := make([]byte, 8)
		for i := range 1000 {
			msg := []byte{byte(i), byte(i >> 8), 3, 4, 5, 6, 7, 8}
			_, err := c.Write(msg)
			require.NoError(t, err)
			_, err = io.ReadFull(c, buf)
			require.NoError(t, err)
			require.Equal(t, msg, buf)
		}
		require.NoError(t, c.CloseWrite())
		n, err := c.Read(buf)
		require.Zero(t, n)
		require.Equal(t, io.EOF, err)
		g.Join()
	})
}

func TestManyGreenletsMayReadOneConnWithDeadlinesThatPass(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		feeder := gevent.Spawn(func() {
			for {
				if _, err := s.Write(make([]byte, 1024)); err != nil {
					return
				}
				gevent.Sleep(100 * time.Microsecond)
			}
		})
		var gs []gevent.Joinable
		for range 10 {
			gs = append(gs, gevent.Spawn(func() {
				b := make([]byte, 1024)
				for range 10 {
					if _, err := c.Read(b); err != nil {
						isTimeout(t, err)
					}
					require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Millisecond)))
				}
			}))
		}
		gevent.JoinAll(gs...)
		for _, g := range gs {
			require.NoError(t, g.(*gevent.Greenlet).Err())
		}
		feeder.Kill()
	})
}

func TestManyGreenletsMayWriteOneConnWithDeadlinesThatPass(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		sink := gevent.Spawn(func() { _, _ = io.Copy(io.Discard, s) })
		var gs []gevent.Joinable
		for range 10 {
			gs = append(gs, gevent.Spawn(func() {
				b := make([]byte, 1<<20)
				for range 10 {
					if _, err := c.Write(b); err != nil {
						isTimeout(t, err)
					}
					require.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Millisecond)))
				}
			}))
		}
		gevent.JoinAll(gs...)
		for _, g := range gs {
			require.NoError(t, g.(*gevent.Greenlet).Err())
		}
		c.Close()
		sink.Join()
	})
}

func TestAllMethodsOfAConnMayBeCalledAtTheSameTime(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		g := gevent.Spawn(func() { echo(s) })
		require.NoError(t, c.SetDeadline(time.Now().Add(50*time.Millisecond)))
		var gs []gevent.Joinable
		for range 100 {
			for _, f := range []func(){
				func() { _, _ = c.Read(make([]byte, 1024)) },
				func() { _, _ = c.Write(make([]byte, 1024)) },
				func() { _ = c.SetDeadline(time.Now().Add(10 * time.Millisecond)) },
				func() { _ = c.SetReadDeadline(time.Now().Add(5 * time.Millisecond)) },
				func() { _ = c.SetWriteDeadline(time.Now().Add(5 * time.Millisecond)) },
				func() { _, _ = c.LocalAddr(), c.RemoteAddr() },
			} {
				gs = append(gs, gevent.Spawn(f))
			}
		}
		gevent.JoinAll(gs...)
		c.Close()
		g.Join()
	})
}

// Who waits to read gets what comes in the order in which they began to wait.
func TestReadersTakeTurnsFirstComeFirstServed(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		var order []int
		var gs []gevent.Joinable
		for i := range 5 {
			gs = append(gs, gevent.Spawn(func() {
				b := make([]byte, 1)
				for round := range 3 {
					_, err := c.Read(b)
					require.NoError(t, err)
					order = append(order, i+10*round)
					require.Equal(t, byte(len(order)-1), b[0])
				}
			}))
		}
		settle()
		for i := range 15 {
			_, err := s.Write([]byte{byte(i)})
			require.NoError(t, err)
			settle()
		}
		gevent.JoinAll(gs...)
		require.Equal(t, []int{0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24}, order)
	})
}

func TestOneWriteIsNotMixedWithAnothers(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		const size, writers = 3 << 20, 4
		var gs []gevent.Joinable
		for i := range writers {
			gs = append(gs, gevent.Spawn(func() error {
				_, err := c.Write(bytes.Repeat([]byte{byte(i)}, size))
				return err
			}))
		}
		settle()
		for i := range writers {
			b := make([]byte, size)
			_, err := io.ReadFull(s, b)
			require.NoError(t, err)
			require.True(t, bytes.Equal(bytes.Repeat([]byte{byte(i)}, size), b), "write %d came in pieces", i)
		}
		gevent.JoinAll(gs...)
	})
}

func TestHalfClose(t *testing.T) {
	run(t, func() {
		c, s := pair(t)
		g := gevent.SpawnValue(func() ([]byte, error) {
			all, err := io.ReadAll(s)
			if err == nil {
				_, err = s.Write(append(all, '!'))
			}
			return all, err
		})
		_, err := io.WriteString(c, "request")
		require.NoError(t, err)
		settle() // the server has read it and waits
		require.NoError(t, c.CloseWrite())
		_, err = g.Get()
		require.NoError(t, err)
		require.NoError(t, s.Close())
		answer, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, "request!", string(answer))
	})
}

// The end may come with the last bytes, in one edge: a Read that is content with
// the bytes must not make the next one wait for an edge that has been.
func TestAnEndThatComesWithTheLastBytesIsRead(t *testing.T) {
	run(t, func() {
		for range 200 {
			c, peer := mixedPair(t)
			settleKernel := make(chan bool)
			b := make([]byte, 64)
			require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Millisecond)))
			_, err := c.Read(b) // the loop knows that there is nothing
			isTimeout(t, err)
			require.NoError(t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
			go func() {
				_, _ = io.WriteString(peer, "last")
				_ = peer.Close()
				close(settleKernel)
			}()
			<-settleKernel
			n, err := c.Read(b)
			require.NoError(t, err)
			require.Equal(t, "last", string(b[:n]))
			_, err = c.Read(b)
			require.Equal(t, io.EOF, err)
			_, err = c.Read(b)
			require.Equal(t, io.EOF, err)
			c.Close()
		}
	})
}

func TestSixtyFourMegabytesArriveUnchangedAgainstBackPressure(t *testing.T) {
	const size = 64 << 20
	transfer := func(t *testing.T, w io.WriteCloser, r io.Reader, spawn func(func()), wait func()) {
		sent, received := sha256.New(), sha256.New()
		spawn(func() {
			source := io.LimitReader(rand.NewChaCha8([32]byte{2}), size)
			_, err := io.Copy(w, io.TeeReader(source, sent))
			require.NoError(t, err)
			require.NoError(t, w.Close())
		})
		n, err := io.Copy(received, r)
		require.NoError(t, err)
		require.EqualValues(t, size, n)
		wait()
		require.Equal(t, sent.Sum(nil), received.Sum(nil))
	}
	t.Run("greenlet to greenlet", func(t *testing.T) {
		run(t, func() {
			c, s := pair(t)
			var g *gevent.Greenlet
			transfer(t, c, s, func(f func()) { g = gevent.Spawn(f) }, func() { g.Join() })
		})
	})
	t.Run("goroutine to greenlet", func(t *testing.T) {
		run(t, func() {
			c, peer := mixedPair(t)
			done := make(chan bool)
			transfer(t, peer, c, func(f func()) { go func() { defer close(done); f() }() }, func() { <-done })
		})
	})
	t.Run("in one Write", func(t *testing.T) {
		run(t, func() {
			c, peer := mixedPair(t)
			sum := make(chan [32]byte)
			go func() {
				all, _ := io.ReadAll(peer)
				peer.Close()
				sum <- sha256.Sum256(all)
			}()
			data := make([]byte, size)
			rand.NewChaCha8([32]byte{3}).Read(data)
			n, err := c.Write(data)
			require.NoError(t, err)
			require.Equal(t, size, n)
			require.NoError(t, c.CloseWrite())
			var got [32]byte
			gevent.Offload(func() { got = <-sum })
			require.Equal(t, sha256.Sum256(data), got)
		})
	})
}

func TestAThousandConnections(t *testing.T) {
	keepsDescriptors(t)
	run(t, func() {
		const n = 1000
		l := listen(t)
		gevent.Spawn(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				gevent.Spawn(func() { echo(c) })
			}
		})
		var gs []gevent.Joinable
		for i := range n {
			gs = append(gs, gevent.Spawn(func() error {
				c, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					return err
				}
				defer c.Close()
				for j := range 5 {
					msg := []byte{byte(i), byte(i >> 8), byte(j)}
					if _, err := c.Write(msg); err != nil {
						return err
					}
					got := make([]byte, 3)
					if _, err := io.ReadFull(c, got); err != nil {
						return err
					}
					if !bytes.Equal(msg, got) {
						return os.ErrInvalid
					}
					gevent.Sleep(0)
				}
				return nil
			}))
		}
		for _, g := range gevent.JoinAll(gs...) {
			require.NoError(t, g.(*gevent.Greenlet).Err())
		}
		require.NoError(t, l.Close())
	})
}

// A peer that always has more to send must not keep the thread to itself.
func TestASocketThatIsAlwaysReadyLetsOthersRun(t *testing.T) {
	run(t, func() {
		c, peer := mixedPair(t)
		done := make(chan bool)
		go func() {
			defer close(done)
			b := make([]byte, 1<<16)
			for {
				if _, err := peer.Write(b); err != nil {
					peer.Close()
					return
				}
			}
		}()
		steps := 0
		other := gevent.Spawn(func() {
			for {
				gevent.Sleep(0)
				steps++
			}
		})
		reads := 0
		for b := make([]byte, 1); reads < 10_000; reads++ {
			_, err := c.Read(b)
			require.NoError(t, err)
		}
		require.Greater(t, steps, 100)
		other.Kill()
		c.Close()
		<-done
	})
}
