package asynciotest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/asyncio/asynciotest"
)

func TestStreams(t *testing.T) {
	t.Run("carry bytes both ways, in random pieces", func(t *testing.T) {
		for seed := range uint64(20) {
			rng := rand.New(rand.NewPCG(seed, 1))
			pipe := asynciotest.Pipe{Buffer: 1 + rng.IntN(5000), Lockstep: seed%2 == 1, Chunk: func(n int) int { return 1 + rng.IntN(n) }}
			asynciotest.Run(t, func(c ctx) error {
				a, b := asynciotest.Streams(c, 100, pipe)
				send := func(s *asynciotest.Stream, data []byte) *asyncio.Task[struct{}] {
					return spawn(c, func(c ctx) error {
						for rest := data; len(rest) > 0; {
							n := 1 + rng.IntN(len(rest))
							if _, err := s.Writer.Writer(c).Write(rest[:n]); err != nil {
								return err
							}
							rest = rest[n:]
						}
						return s.Writer.WriteEOF()
					})
				}
				data := make([]byte, 20_000)
				for i := range data {
					data[i] = byte(rng.Uint32())
				}
				sa, sb := send(a, data), send(b, data[1000:])
				var got [2][]byte
				ra := spawn(c, func(c ctx) (err error) { got[0], err = a.Reader.ReadAll(c); return err })
				rb := spawn(c, func(c ctx) (err error) { got[1], err = b.Reader.ReadAll(c); return err })
				_, err := asyncio.Gather[asyncio.AwaitableOf[struct{}]](c, sa, sb, ra, rb)
				require.NoError(t, err)
				require.True(t, bytes.Equal(data[1000:], got[0]), "seed %d", seed)
				require.True(t, bytes.Equal(data, got[1]), "seed %d", seed)
				return errors.Join(a.Close(c), b.Close(c))
			})
		}
	})
	t.Run("wait for each other in lockstep", func(t *testing.T) {
		asynciotest.Run(t, func(c ctx) error {
			a, b := asynciotest.Streams(c, 0, asynciotest.Pipe{Lockstep: true})
			drained := false
			w := spawn(c, func(c ctx) error {
				_, _ = a.Writer.Write([]byte("x"))
				err := a.Writer.Drain(c)
				drained = true
				return err
			})
			require.NoError(t, asynciotest.WaitAllBlocked(c))
			require.False(t, drained, "nobody reads")
			got, err := b.Reader.ReadExactly(c, 1)
			require.Equal(t, "x", string(got))
			require.NoError(t, err)
			_, err = w.Await(c)
			require.NoError(t, err)
			// One that waits, and gives up, reads nothing afterwards.
			r := spawn(c, func(c ctx) error { _, err := b.Reader.ReadExactly(c, 1); return err })
			require.NoError(t, asynciotest.WaitAllBlocked(c))
			require.True(t, b.Transport.IsReading())
			r.Cancel()
			_, err = r.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			require.False(t, b.Transport.IsReading())
			_, _ = a.Writer.Write([]byte("lines\nand the rest"))
			require.NoError(t, a.Writer.WriteEOF())
			require.NoError(t, asynciotest.WaitAllBlocked(c))
			require.Equal(t, 18, a.Transport.WriteBufferSize())
			line, err := b.Reader.ReadLine(c)
			require.Equal(t, "lines\n", string(line))
			require.NoError(t, err)
			rest, err := b.Reader.ReadAll(c)
			require.Equal(t, "and the rest", string(rest))
			return err
		})
	})
	t.Run("show that two ends write before they read", func(t *testing.T) {
		d := failing(t, func(t testing.TB) {
			asynciotest.Run(t, func(c ctx) error {
				a, b := asynciotest.Streams(c, 0, asynciotest.Pipe{Lockstep: true})
				var tasks []asyncio.AwaitableOf[struct{}]
				for _, s := range []*asynciotest.Stream{a, b} {
					tasks = append(tasks, spawn(c, func(c ctx) error {
						_, _ = s.Writer.Write([]byte("x"))
						if err := s.Writer.Drain(c); err != nil {
							return err
						}
						_, err := s.Reader.ReadExactly(c, 1)
						return err
					}))
				}
				_, err := asyncio.Gather(c, tasks...)
				return err
			})
		})
		require.Contains(t, d.fatal, "asyncio.StreamWriter.Drain")
	})
	t.Run("break when a test wants them to", func(t *testing.T) {
		asynciotest.Run(t, func(c ctx) error {
			a, b := asynciotest.Streams(c, 0, asynciotest.Pipe{})
			r := spawn(c, func(c ctx) error { _, err := a.Reader.ReadExactly(c, 1); return err })
			asyncio.RunningLoop(c).CallLater(time.Hour, func() { a.Transport.Break(errOops) })
			_, err := r.Await(c)
			require.ErrorIs(t, err, errOops)
			require.Equal(t, time.Hour, asyncio.RunningLoop(c).Time())
			require.ErrorIs(t, b.Writer.WaitClosed(c), errOops)
			_, err = b.Writer.Write([]byte("x"))
			require.ErrorIs(t, err, net.ErrClosed)
			return nil
		})
	})
	t.Run("lose nothing wherever a reader is cancelled", func(t *testing.T) {
		for _, lockstep := range []bool{false, true} {
			var got []byte
			asynciotest.CancelEverywhere(t, func(c ctx) error {
				got = nil
				a, b := asynciotest.Streams(c, 4, asynciotest.Pipe{Lockstep: lockstep, Buffer: 3, Chunk: func(int) int { return 2 }})
				w := spawn(c, func(c ctx) error {
					_, _ = a.Writer.Write([]byte("0123456789"))
					return a.Close(c)
				})
				take := func(c ctx) error {
					for {
						p, err := b.Reader.ReadSome(c, 3)
						got = append(got, p...)
						if err != nil {
							return err
						}
					}
				}
				end := take(c)
				if !errors.Is(end, asyncio.ErrCancelled) {
					require.Equal(t, io.EOF, end)
					end = nil
				} else if err := take(c); err != io.EOF { // the rest
					return err
				}
				if _, err := w.Await(c); err != nil {
					return err
				}
				return end
			}, func(n int, err error) {
				if err == nil || len(got) > 0 {
					require.Equal(t, "0123456789", string(got), "iteration %d", n)
				}
			})
		}
	})
}

// shout answers each line in upper case.
func shout(c ctx, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
	defer w.Close()
	for line, err := range r.Lines(c) {
		if err != nil {
			return err
		}
		if _, err := w.Writer(c).Write(bytes.ToUpper(line)); err != nil {
			return err
		}
	}
	return nil
}

func TestNetwork(t *testing.T) {
	t.Run("connects by address", func(t *testing.T) {
		asynciotest.Run(t, func(c ctx) error {
			var n asynciotest.Network
			open := asyncio.OpenConnection
			open = n.OpenConnection // it has the same type
			l, err := n.StartServer(c, shout, "tcp", "example.org:7", asyncio.WithLimit(100))
			require.NoError(t, err)
			require.Equal(t, "example.org:7", l.Addrs()[0].String())
			require.True(t, l.IsServing())
			r, w, err := open(c, "tcp", "example.org:7", asyncio.WithLimit(100))
			require.NoError(t, err)
			require.Equal(t, "example.org:7", w.RemoteAddr().String())
			require.Equal(t, w.LocalAddr(), l.Clients()[0].RemoteAddr())
			_, _ = w.Write([]byte("hello\n"))
			line, err := r.ReadLine(c)
			require.Equal(t, "HELLO\n", string(line))
			require.NoError(t, err)

			l.Close()
			l.Close()
			require.Empty(t, l.Addrs())
			_, _, err = open(c, "tcp", "example.org:7")
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			gone := spawn(c, l.WaitClosed)
			require.NoError(t, asynciotest.WaitAllBlocked(c))
			require.False(t, gone.Done(), "a connection is left")
			_ = w.Close()
			_, err = gone.Await(c)
			require.NoError(t, err)
			require.Empty(t, l.Clients())
			require.NoError(t, l.WaitClosed(c))
			return w.WaitClosed(c)
		})
	})
	t.Run("gives away addresses once", func(t *testing.T) {
		asynciotest.Run(t, func(c ctx) error {
			var n, other asynciotest.Network
			l, err := n.StartServer(c, shout, "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			address := l.Addrs()[0].String()
			_, err = n.StartServer(c, shout, "tcp", address)
			require.ErrorIs(t, err, syscall.EADDRINUSE)
			_, err = n.StartServer(c, shout, "unix", address)
			require.NoError(t, err)
			m, err := n.StartServer(c, shout, "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			require.NotEqual(t, address, m.Addrs()[0].String())
			_, _, err = other.OpenConnection(c, "tcp", address)
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			var failed *net.OpError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, "dial", failed.Op)
			l.Close()
			_, err = n.StartServer(c, shout, "tcp", address)
			require.Panics(t, func() { _, _ = n.StartServer(c, nil, "tcp", "x:1") })
			return err
		})
	})
	t.Run("takes as long to connect, or fails, as a test wants", func(t *testing.T) {
		asynciotest.Run(t, func(c ctx) error {
			n := asynciotest.Network{OnConnect: func(c ctx, network, address string) error {
				if address == "bad:1" {
					return fmt.Errorf("%s %s: %w", network, address, errOops)
				}
				return asyncio.Sleep(c, time.Minute)
			}}
			_, err := n.StartServer(c, shout, "tcp", "slow:1")
			require.NoError(t, err)
			_, _, err = n.OpenConnection(c, "tcp", "bad:1")
			require.EqualError(t, err, "tcp bad:1: oops")
			err = asyncio.WithTimeout(c, time.Second, func(c ctx) error {
				_, _, err := n.OpenConnection(c, "tcp", "slow:1")
				return err
			})
			require.ErrorIs(t, err, asyncio.ErrTimeout)
			_, w, err := n.OpenConnection(c, "tcp", "slow:1")
			require.Equal(t, time.Minute+time.Second, asyncio.RunningLoop(c).Time())
			_ = w.Close()
			return err
		})
	})
	t.Run("serves protocols", func(t *testing.T) {
		asynciotest.Run(t, func(c ctx) error {
			var n asynciotest.Network
			server, client := new(side), new(side)
			l, err := n.CreateServer(c, func() asyncio.Protocol { return server }, "unix", "/run/x")
			require.NoError(t, err)
			tr, p, err := n.CreateConnection(c, func() asyncio.Protocol { return client }, "unix", "/run/x")
			require.NoError(t, err)
			require.Same(t, client, p)
			require.Equal(t, []string{"made"}, client.events)
			_, _ = tr.Write([]byte("hi"))
			require.NoError(t, asynciotest.WaitAllBlocked(c))
			require.Equal(t, []string{"made", "hi"}, server.events)
			forever := spawn(c, l.ServeForever)
			require.NoError(t, asynciotest.WaitAllBlocked(c))
			l.Close()
			l.CloseClients()
			_, err = forever.Await(c)
			require.ErrorIs(t, err, asyncio.ErrServerClosed)
			require.NoError(t, l.WaitClosed(c))
			require.Equal(t, []string{"made", "hi", "lost <nil>"}, server.events)
			require.ErrorIs(t, l.ServeForever(c), asyncio.ErrServerClosed)
			_, _, err = n.CreateConnection(c, func() asyncio.Protocol { return client }, "unix", "/run/x")
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			return nil
		})
	})
	t.Run("ends when who serves is cancelled", func(t *testing.T) {
		asynciotest.Run(t, func(c ctx) error {
			var n asynciotest.Network
			l, err := n.StartServer(c, shout, "tcp", "x:1")
			require.NoError(t, err)
			_, w, err := n.OpenConnection(c, "tcp", "x:1")
			require.NoError(t, err)
			forever := spawn(c, l.ServeForever)
			require.NoError(t, asynciotest.WaitAllBlocked(c))
			forever.Cancel()
			require.NoError(t, asynciotest.WaitAllBlocked(c))
			require.False(t, l.IsServing())
			require.False(t, forever.Done(), "a connection is left")
			l.AbortClients()
			_, err = forever.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			_ = w.Close()
			return nil
		})
	})
	t.Run("ends the connection of a factory that fails", func(t *testing.T) {
		var told []asyncio.ExceptionContext
		asynciotest.Run(t, func(c ctx) error {
			var n asynciotest.Network
			_, err := n.CreateServer(c, func() asyncio.Protocol { panic(errOops) }, "tcp", "x:1")
			require.NoError(t, err)
			r, w, err := n.OpenConnection(c, "tcp", "x:1")
			require.NoError(t, err)
			rest, err := r.ReadAll(c)
			require.Empty(t, rest)
			_ = w.Close()
			return err
		}, asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) { told = append(told, e) }))
		require.Len(t, told, 1)
		require.ErrorIs(t, told[0].Err, errOops)
	})
	t.Run("leaves nothing wherever a client is cancelled", func(t *testing.T) {
		var clients int
		asynciotest.CancelEverywhere(t, func(c ctx) error {
			clients = 0
			var n asynciotest.Network
			l, err := n.StartServer(c, shout, "tcp", "x:1")
			if err != nil {
				return err
			}
			defer func() {
				l.Close()
				if asyncio.Sleep(c, time.Second) == nil {
					clients = len(l.Clients())
				}
			}()
			_, w, err := n.OpenConnection(c, "tcp", "x:1")
			if err != nil {
				return err
			}
			defer w.Close()
			return asyncio.Sleep(c, 0)
		}, func(n int, _ error) { require.Zero(t, clients, "iteration %d", n) })
	})
}

func TestAssertYields(t *testing.T) {
	nothing := func() error { return nil }
	asynciotest.Run(t, func(c ctx) error {
		sleep := func() error { return asyncio.Sleep(c, 0) }
		done := spawn(c, func(ctx) error { return nil })
		await := func() error { _, err := done.Await(c); return err }
		require.NoError(t, asynciotest.AssertYields(t, await))
		require.NoError(t, asynciotest.AssertNoYield(t, await)) // it has ended
		require.NoError(t, asynciotest.AssertYields(t, sleep))
		require.Equal(t, errOops, asynciotest.AssertYields(t, func() error { return errOops }))
		require.Equal(t, errOops, asynciotest.AssertNoYield(t, func() error { return errOops }))
		d := failing(t, func(t testing.TB) {
			require.NoError(t, asynciotest.AssertYields(t, nothing))
			require.NoError(t, asynciotest.AssertNoYield(t, sleep))
		})
		require.Len(t, d.errors, 2)
		require.Contains(t, d.errors[0], "did not give way")
		require.Contains(t, d.errors[1], "gave way")
		return nil
	})
	require.Panics(t, func() { _ = asynciotest.AssertYields(t, nothing) }, "in no task")
}
