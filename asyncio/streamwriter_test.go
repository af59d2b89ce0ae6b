package asyncio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/asyncio/asynciotest"
	"github.com/baton-go/baton/gevent"
)

// A streamEnd is one end of a connection in memory, as streams.
type streamEnd struct {
	r *asyncio.StreamReader
	w *asyncio.StreamWriter
	p *asyncio.StreamReaderProtocol
	t *asynciotest.Transport
}

// streamPair returns both ends of a connection in memory. The second one is
// the server's: it runs the handler, if there is one.
func streamPair(c ctx, limit int, handler asyncio.StreamHandler, config asynciotest.Pipe) (client, server streamEnd) {
	for i, e := range []*streamEnd{&client, &server} {
		e.r = asyncio.NewStreamReader(limit)
		e.p = asyncio.NewStreamReaderProtocol(c, e.r, []asyncio.StreamHandler{nil, handler}[i])
	}
	client.t, server.t = asynciotest.Transports(c, client.p, server.p, config)
	client.w = asyncio.NewStreamWriter(client.t, client.p, client.r)
	server.w = asyncio.NewStreamWriter(server.t, server.p, server.r)
	_ = yield(c, 3)
	return client, server
}

func TestStreamsCarryBothWays(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		a, b := streamPair(c, 64, nil, asynciotest.Pipe{})
		n, err := fmt.Fprintf(a.w, "hello %d\n", 1)
		require.Equal(t, 8, n)
		require.NoError(t, err)
		require.NoError(t, a.w.WriteLines([][]byte{[]byte("two\n"), []byte("three\n")}))
		for _, want := range []string{"hello 1\n", "two\n", "three\n"} {
			line, err := b.r.ReadLine(c)
			require.Equal(t, want, said(line, err))
		}
		require.True(t, a.w.CanWriteEOF())
		require.NoError(t, a.w.WriteEOF())
		require.NoError(t, a.w.WriteEOF())
		_, err = a.w.Write([]byte("x"))
		require.ErrorIs(t, err, asyncio.ErrEOFWritten)
		require.Empty(t, rest(t, c, b.r))
		require.False(t, b.w.IsClosing(), "one side may end alone")
		_, err = b.w.Write([]byte("reply"))
		require.NoError(t, err)
		require.NoError(t, b.w.Close())
		require.NoError(t, b.w.WaitClosed(c))
		require.Equal(t, "reply", rest(t, c, a.r))
		require.NoError(t, a.w.Close())
		require.NoError(t, a.w.WaitClosed(c))
		require.NoError(t, a.w.WaitClosed(c), "once more")
		require.Equal(t, a.w.LocalAddr(), b.w.RemoteAddr())
		require.Equal(t, a.w.LocalAddr(), a.w.ExtraInfo("sockname"))
		require.Same(t, a.t, a.w.Transport())
		return nil
	}))
}

func TestST09Drain(t *testing.T) {
	chunk := make([]byte, 100<<10)
	for name, f := range map[string]func(t *testing.T, c ctx, a, b streamEnd){
		"it does not wait while there is room": func(t *testing.T, c ctx, a, _ streamEnd) {
			var o trace
			asyncio.RunningLoop(c).CallSoon(func() { o.add("another") })
			_, _ = a.w.Write(chunk[:64<<10])
			require.NoError(t, a.w.Drain(c))
			require.Empty(t, o)
		},
		"ten tasks drain at the same time": func(t *testing.T, c ctx, a, b streamEnd) {
			for range 3 {
				_, _ = a.w.Write(chunk)
			}
			var o trace
			var tasks []asyncio.AwaitableOf[none]
			for i := range 10 {
				tasks = append(tasks, spawn(c, func(c ctx) error {
					err := a.w.Drain(c)
					o.add(i)
					return err
				}))
			}
			_ = yield(c, 5)
			require.Empty(t, o)
			_, err := b.r.ReadExactly(c, 3*len(chunk))
			require.NoError(t, err)
			_, err = asyncio.Gather(c, tasks...)
			require.NoError(t, err)
			require.Equal(t, trace{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, o)
		},
		"a cancelled one leaves the others": func(t *testing.T, c ctx, a, b streamEnd) {
			for range 3 {
				_, _ = a.w.Write(chunk)
			}
			var tasks [3]*task
			for i := range tasks {
				tasks[i] = spawn(c, func(c ctx) error { return a.w.Drain(c) })
			}
			_ = yield(c, 2)
			tasks[0].Cancel()
			tasks[1].Cancel()
			_ = yield(c, 2)
			require.True(t, tasks[0].Cancelled())
			require.True(t, tasks[1].Cancelled())
			require.False(t, tasks[2].Done())
			_, _ = b.r.ReadExactly(c, 3*len(chunk))
			_, err := tasks[2].Await(c)
			require.NoError(t, err)
		},
		"after Close it fails": func(t *testing.T, c ctx, a, _ streamEnd) {
			require.NoError(t, a.w.Close())
			require.True(t, a.w.IsClosing())
			err := a.w.Drain(c)
			require.Equal(t, asyncio.ErrConnectionLost, err)
			require.ErrorIs(t, err, syscall.ECONNRESET)
			require.EqualError(t, err, "asyncio: connection lost")
			_, err = a.w.Write(chunk)
			require.ErrorIs(t, err, net.ErrClosed)
			require.ErrorIs(t, a.w.WriteLines([][]byte{chunk}), net.ErrClosed)
		},
		"N17 after the peer has aborted it fails": func(t *testing.T, c ctx, a, b streamEnd) {
			_, _ = a.w.Write(chunk[:10])
			b.t.PauseReading()
			_ = yield(c, 2)
			b.t.Abort()
			var err error
			for range 5 {
				if _, err = a.w.Write(chunk[:10]); err == nil {
					err = a.w.Drain(c)
				}
			}
			require.ErrorIs(t, err, net.ErrClosed)
			err = a.w.Drain(c)
			require.ErrorIs(t, err, asyncio.ErrConnectionLost)
			require.ErrorIs(t, err, syscall.ECONNRESET)
			require.ErrorIs(t, a.w.WaitClosed(c), syscall.ECONNRESET)
			_, err = a.r.ReadLine(c)
			require.ErrorIs(t, err, syscall.ECONNRESET)
		},
		"those that wait are told of the loss": func(t *testing.T, c ctx, a, _ streamEnd) {
			for range 3 {
				_, _ = a.w.Write(chunk)
			}
			lost := spawn(c, func(c ctx) error { return a.w.Drain(c) })
			closed := spawn(c, func(c ctx) error { return a.w.WaitClosed(c) })
			_ = yield(c, 2)
			a.t.Break(errBad)
			_, err := lost.Await(c)
			require.ErrorIs(t, err, asyncio.ErrConnectionLost)
			require.ErrorIs(t, err, errBad)
			_, err = closed.Await(c)
			require.Equal(t, errBad, err)
		},
		"those that wait are told of an abort": func(t *testing.T, c ctx, a, _ streamEnd) {
			for range 3 {
				_, _ = a.w.Write(chunk)
			}
			lost := spawn(c, func(c ctx) error { return a.w.Drain(c) })
			_ = yield(c, 2)
			a.t.Abort()
			_, err := lost.Await(c)
			require.Equal(t, asyncio.ErrConnectionLost, err)
			require.NoError(t, a.w.WaitClosed(c))
		},
		"an exception of the reader is that of Drain": func(t *testing.T, c ctx, a, _ streamEnd) {
			a.r.SetException(errBad)
			require.Equal(t, errBad, a.w.Drain(c))
		},
		"pain 19: who never has to wait lets others run all the same": func(t *testing.T, c ctx, a, _ streamEnd) {
			ran := false
			asyncio.RunningLoop(c).CallSoon(func() { ran = true })
			n := 0
			for ; !ran; n++ {
				require.NoError(t, a.w.Drain(c))
			}
			require.Equal(t, 64, n)
		},
		"a deadline ends a wait": func(t *testing.T, c ctx, a, _ streamEnd) {
			for range 3 {
				_, _ = a.w.Write(chunk)
			}
			outer, cancel := context.WithCancel(c)
			asyncio.RunningLoop(c).CallSoon(cancel)
			require.Equal(t, context.Canceled, a.w.Drain(outer))
			require.Equal(t, context.Canceled, a.w.WaitClosed(outer))
		},
		"Writer drains by itself": func(t *testing.T, c ctx, a, b streamEnd) {
			most := 0
			copying := spawn(c, func(c ctx) error {
				n, err := io.Copy(a.w.Writer(c), io.LimitReader(zeros{}, 1<<20))
				require.Equal(t, int64(1<<20), n)
				require.NoError(t, a.w.Close())
				return err
			})
			n, p := 0, make([]byte, 4096)
			for {
				k, err := b.r.Read(c, p)
				n += k
				most = max(most, a.t.WriteBufferSize())
				if err != nil {
					require.Equal(t, io.EOF, err)
					break
				}
			}
			require.Equal(t, 1<<20, n)
			require.Less(t, most, 64<<10+32<<10+1)
			_, err := copying.Await(c)
			require.NoError(t, err)
			w, err := a.w.Writer(c).Write(p)
			require.Zero(t, w)
			require.ErrorIs(t, err, net.ErrClosed)
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, run(t, func(c ctx) error {
				a, b := streamPair(c, 64<<10, nil, asynciotest.Pipe{Buffer: 32 << 10})
				f(t, c, a, b)
				a.t.Abort()
				b.t.Abort()
				return nil
			}))
		})
	}
}

// zeros is an endless reader.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestST10AHandlerThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		handler asyncio.StreamHandler
		want    string
	}{
		"returns an error": {func(ctx, *asyncio.StreamReader, *asyncio.StreamWriter) error { return errBad },
			"bad"},
		"panics": {func(ctx, *asyncio.StreamReader, *asyncio.StreamWriter) error { panic("kaboom") },
			"panic: kaboom"},
		"is cancelled": {func(c ctx, _ *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			asyncio.CurrentTask(c).Cancel()
			return asyncio.Sleep(c, 0)
		}, ""},
		"closes, and then cancels itself": {func(c ctx, _ *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			_ = w.Close()
			asyncio.CurrentTask(c).Cancel()
			return w.WaitClosed(c)
		}, ""},
		"closes": {func(c ctx, _ *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			_ = w.Close()
			return w.WaitClosed(c)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var reports []asyncio.ExceptionContext
			var server streamEnd
			require.NoError(t, run(t, func(ctx ctx) error {
				var client streamEnd
				client, server = streamPair(ctx, 64, c.handler, asynciotest.Pipe{})
				require.Empty(t, rest(t, ctx, client.r))
				return client.w.Close()
			}, asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) { reports = append(reports, e) })))
			if c.want == "" {
				require.Empty(t, reports)
				return
			}
			require.Len(t, reports, 1)
			require.Equal(t, "Unhandled exception in client_connected_cb", reports[0].Message)
			require.Equal(t, "Task-2", reports[0].Task)
			require.Same(t, server.t, reports[0].Transport)
			require.Same(t, server.p, reports[0].Protocol)
			require.ErrorContains(t, reports[0].Err, c.want)
		})
	}
}

func TestAHandlerOutlivesTheContextThatStartedIt(t *testing.T) {
	type key struct{}
	require.NoError(t, run(t, func(c ctx) error {
		outer, cancel := context.WithCancel(context.WithValue(c, key{}, "value"))
		client, _ := streamPair(outer, 64, func(c ctx, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			defer w.Close()
			line, err := r.ReadLine(c)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(w, "%v %s", c.Value(key{}), line)
			return err
		}, asynciotest.Pipe{})
		cancel()
		_, _ = client.w.Write([]byte("line\n"))
		require.Equal(t, "value line\n", rest(t, c, client.r))
		return client.w.Close()
	}))
}

func TestGreenletsUseStreams(t *testing.T) {
	require.NoError(t, green(t, func() error {
		bg := context.Background()
		a, b := streamPair(bg, 64, nil, asynciotest.Pipe{Buffer: 100})
		data := bytes.Repeat([]byte("0123456789"), 50_000)
		g := gevent.Spawn(func() error {
			for p := data; len(p) > 0; p = p[1000:] {
				if _, err := a.w.Writer(bg).Write(p[:1000]); err != nil {
					return err
				}
			}
			_ = a.w.Close()
			return a.w.WaitClosed(bg)
		})
		got, err := b.r.ReadAll(bg)
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, got))
		require.NoError(t, b.w.Close())
		require.NoError(t, b.w.WaitClosed(bg))
		return g.Get()
	}))
}

// TestAProtocolMayFeedAReaderOfItsOwn writes to a transport that has no reader.
func TestAWriterOverAFlowControlProtocol(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		p := new(asyncio.FlowControlProtocol)
		r := asyncio.NewStreamReader(64)
		a, _ := asynciotest.Transports(c, p, asyncio.NewStreamReaderProtocol(c, r, nil), asynciotest.Pipe{})
		w := asyncio.NewStreamWriter(a, p, nil)
		_ = yield(c, 2)
		_, err := w.Write([]byte("text"))
		require.NoError(t, err)
		require.NoError(t, w.Drain(c))
		require.NoError(t, w.Close())
		require.NoError(t, w.WaitClosed(c))
		require.Equal(t, "text", rest(t, c, r))
		panicSays(t, "the writer is not that of a connection", func() { _ = w.StartTLS(c, nil) })
		return nil
	}))
}

var errTimedOut = errors.New("timed out")

// within cancels f after d.
func within(c ctx, d time.Duration, f func(ctx) error) error {
	task := spawn(c, f)
	asyncio.RunningLoop(c).CallLater(d, func() { task.Cancel() })
	_, err := task.Await(c)
	if errors.Is(err, asyncio.ErrCancelled) {
		return errTimedOut
	}
	return err
}
