package asyncio_test

import (
	"crypto/tls"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/asyncio/asynciotest"
	"github.com/baton-go/baton/coro"
	"github.com/baton-go/baton/gevent"
)

func TestALoopThatEndsLeavesNothingOfItsTLS(t *testing.T) {
	before := coro.Live()
	sc, cc := tlsConfigs()
	for hops := range 12 {
		require.NoError(t, run(t, func(c ctx) error {
			a, b := streamPair(c, 64, neverCalled, asynciotest.Pipe{Chunk: func(int) int { return 100 }})
			spawn(c, func(c ctx) error { return b.w.StartTLS(c, sc) })
			upgraded := spawn(c, func(c ctx) error { return a.w.StartTLS(c, cc) })
			if hops < 11 {
				return yield(c, hops)
			}
			_, err := upgraded.Await(c)
			require.NoError(t, err)
			_, _ = a.w.Write(make([]byte, 1000))
			return yield(c, 3)
		}, asyncio.WithExceptionHandler(func(*asyncio.Loop, asyncio.ExceptionContext) {})))
		require.Equal(t, before, coro.Live())
	}
	// In a thread of gevent, the thread's end is the end of it.
	require.NoError(t, green(t, func() error {
		_, _ = tlsPair(t, t.Context(), 64, asynciotest.Pipe{}, nil)
		return nil
	}))
	require.Equal(t, before, coro.Live())
}

// TestTLSEndsWhereverItIsCancelled cancels, closes, aborts and breaks at every hop of a
// conversation: nobody hangs, and nothing is left.
func TestTLSEndsWhereverItIsCancelled(t *testing.T) {
	before := coro.Live()
	for _, version := range versions {
		for what, end := range map[string]func(a, b streamEnd, client *task){
			"the client's task is cancelled": func(_, _ streamEnd, client *task) { client.Cancel() },
			"the client closes":              func(a, _ streamEnd, _ *task) { _ = a.w.Close() },
			"the server closes":              func(_, b streamEnd, _ *task) { _ = b.w.Close() },
			"the client aborts":              func(a, _ streamEnd, _ *task) { a.w.Transport().Abort() },
			"the server aborts":              func(_, b streamEnd, _ *task) { b.w.Transport().Abort() },
			"below, the client closes":       func(a, _ streamEnd, _ *task) { a.t.Close() },
			"below, the server aborts":       func(_, b streamEnd, _ *task) { b.t.Abort() },
			"the connection breaks":          func(a, _ streamEnd, _ *task) { a.t.Break(errBad) },
		} {
			t.Run(what, func(t *testing.T) {
				for hops := 1; hops < 25; hops++ {
					require.NoError(t, run(t, func(c ctx) error {
						sc, cc := tlsConfigs()
						cc.MaxVersion = version
						a, b := streamPair(c, 64, neverCalled, asynciotest.Pipe{Buffer: 700})
						server := spawn(c, func(c ctx) error {
							defer b.w.Close()
							if err := b.w.StartTLS(c, sc); err != nil {
								return nil
							}
							for line, err := range b.r.Lines(c) {
								if err != nil {
									return nil
								}
								if _, err := b.w.Writer(c).Write(line); err != nil {
									return nil
								}
							}
							return nil
						})
						client := spawn(c, func(c ctx) error {
							defer a.w.Close()
							if err := a.w.StartTLS(c, cc); err != nil {
								return nil
							}
							for range 3 {
								if _, err := a.w.Write([]byte("line\n")); err != nil {
									return nil
								}
								if _, err := a.r.ReadLine(c); err != nil {
									return nil
								}
							}
							return nil
						})
						_ = yield(c, hops)
						end(a, b, client)
						l := asyncio.RunningLoop(c)
						begin := l.Time()
						_, _ = client.Await(c)
						_, _ = server.Await(c)
						_ = a.w.WaitClosed(c)
						_ = b.w.WaitClosed(c)
						require.Less(t, l.Time()-begin, time.Second, "it took a time-out to end, after %d hops", hops)
						return nil
					}), "%d hops", hops)
					require.Equal(t, before, coro.Live())
				}
			})
		}
	}
}

// TestTLSKeepsItsThreadMoving would hang if a mutex of crypto/tls were held across a
// park: many greenlets write while others read, all on one thread.
func TestTLSKeepsItsThreadMoving(t *testing.T) {
	require.NoError(t, green(t, func() error {
		c := t.Context()
		a, b := tlsPair(t, c, 1<<20, asynciotest.Pipe{Buffer: 1000}, nil)
		var all []gevent.Joinable
		rng := rand.New(rand.NewPCG(1, 1))
		const each, pieces = 20, 100
		for _, e := range []streamEnd{a, b} {
			for range each {
				all = append(all, gevent.Spawn(func() error {
					for range pieces {
						if _, err := e.w.Writer(c).Write(make([]byte, 100)); err != nil {
							return err
						}
						if rng.IntN(3) == 0 {
							gevent.Sleep(0)
						}
						require.IsType(t, tls.ConnectionState{}, e.w.ExtraInfo("ssl_object"))
					}
					return nil
				}))
			}
			all = append(all, gevent.Spawn(func() error {
				_, err := e.r.ReadExactly(c, each*pieces*100)
				return err
			}))
		}
		gevent.JoinAll(all...)
		for _, g := range all {
			require.NoError(t, g.(*gevent.Greenlet).Get())
		}
		_, _ = a.w.Close(), b.w.Close()
		_ = a.w.WaitClosed(c)
		return b.w.WaitClosed(c)
	}))
}

func TestTLSAllocatesLittle(t *testing.T) {
	t.Setenv("BATON_ASYNCIO_DEBUG", "") // debug mode allocates
	_ = gevent.Run(func() {
		if testing.AllocsPerRun(10, func() { gevent.Current() }) > 0 {
			t.Skip("finding out who calls allocates here")
		}
	})
	require.NoError(t, run(t, func(c ctx) error {
		a, b := tlsPair(t, c, 64<<10, asynciotest.Pipe{}, nil)
		p := make([]byte, 64)
		round := func() {
			if _, err := a.w.Write(p); err != nil {
				t.Error(err)
			}
			if n, err := b.r.Read(c, p); n != 64 || err != nil {
				t.Error(n, err)
			}
		}
		round()
		// The connection in memory allocates too: an entry of the loop, and the pipe.
		require.LessOrEqual(t, testing.AllocsPerRun(200, round), 6.0)
		_, _ = a.w.Close(), b.w.Close()
		_ = a.w.WaitClosed(c)
		return b.w.WaitClosed(c)
	}))
}
