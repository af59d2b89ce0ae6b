//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// A dgProtocol notes what it is told.
type dgProtocol struct {
	name  string
	o     *trace
	t     asyncio.DatagramTransport
	got   func(data []byte, addr net.Addr)
	fail  func(err error)
	flow  func(paused bool)
	lost  bool
	woken *asyncio.Future[none] // settled by the next call
}

func (p *dgProtocol) note(v ...any) {
	if p.o != nil {
		p.o.add(append([]any{p.name, "."}, v...)...)
	}
	if f := p.woken; f != nil {
		p.woken = nil
		_ = f.SetResult(none{})
	}
}

func (p *dgProtocol) ConnectionMade(t asyncio.DatagramTransport) {
	p.t = t
	p.note("made")
}

func (p *dgProtocol) DatagramReceived(data []byte, addr net.Addr) {
	if p.got != nil {
		p.got(data, addr)
	}
	p.note(fmt.Sprintf("dg %q", data))
}

func (p *dgProtocol) ErrorReceived(err error) {
	if p.fail != nil {
		p.fail(err)
	}
	var errno syscall.Errno
	errors.As(err, &errno)
	p.note("err ", errno)
}

func (p *dgProtocol) PauseWriting() {
	p.note("pause")
	if p.flow != nil {
		p.flow(true)
	}
}

func (p *dgProtocol) ResumeWriting() {
	p.note("resume")
	if p.flow != nil {
		p.flow(false)
	}
}

func (p *dgProtocol) ConnectionLost(err error) {
	p.lost = true
	p.note("lost ", err)
}

// wait waits until something has been called.
func (p *dgProtocol) wait(c ctx, until func() bool) error {
	for !until() {
		p.woken = asyncio.NewFuture[none](asyncio.RunningLoop(c))
		if _, err := p.woken.Await(c); err != nil {
			return err
		}
	}
	return nil
}

// closed closes the transport and waits for its end.
func (p *dgProtocol) closed(c ctx) error {
	p.t.Close()
	return p.wait(c, func() bool { return p.lost })
}

// dgOpen makes an endpoint whose protocol notes in o.
func dgOpen(t testing.TB, c ctx, name string, o *trace, network string, opts ...asyncio.DatagramOption) (asyncio.DatagramTransport, *dgProtocol) {
	t.Helper()
	tr, p, err := asyncio.CreateDatagramEndpoint(c, func() *dgProtocol { return &dgProtocol{name: name, o: o} }, network, opts...)
	require.NoError(t, err)
	require.Equal(t, tr, p.t)
	return tr, p
}

// dgPair returns two endpoints of which the second is connected to the first.
func dgPair(t testing.TB, c ctx, o *trace) (server, client *dgProtocol) {
	t.Helper()
	_, server = dgOpen(t, c, "s", o, "udp", asyncio.WithDatagramLocal("127.0.0.1:0"))
	_, client = dgOpen(t, c, "c", o, "udp", asyncio.WithDatagramRemote(server.t.LocalAddr().String()))
	return server, client
}

// dgUnixPair is dgPair with sockets in the file system, which may be full.
func dgUnixPair(t testing.TB, c ctx, o *trace) (server, client *dgProtocol) {
	t.Helper()
	path := filepath.Join(dgTempDir(t), "s")
	_, server = dgOpen(t, c, "s", o, "unixgram", asyncio.WithDatagramLocal(path))
	_, client = dgOpen(t, c, "c", o, "unixgram", asyncio.WithDatagramRemote(path))
	return server, client
}

// dgTempDir is a directory whose path is short enough for a socket.
func dgTempDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "dg")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestDatagramEndpoints(t *testing.T) {
	t.Run("N24 send what may be empty, report errors, and end", func(t *testing.T) {
		var o trace
		require.NoError(t, run(t, func(c ctx) error {
			server, client := dgPair(t, c, &o)
			o.add("created")
			for _, s := range []string{"a", "", "b"} {
				require.NoError(t, client.t.SendTo([]byte(s), nil))
			}
			require.NoError(t, server.wait(c, func() bool { return o[len(o)-1] == `s.dg "b"` }))
			err := client.t.SendTo([]byte("x"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1})
			require.ErrorIs(t, err, net.ErrWriteToConnected)
			require.ErrorContains(t, err, "invalid address: must be nil or "+server.t.LocalAddr().String())
			require.NoError(t, client.t.SendTo([]byte("again"), server.t.LocalAddr()))
			require.NoError(t, server.wait(c, func() bool { return o[len(o)-1] == `s.dg "again"` }))
			require.NoError(t, server.closed(c))
			for range 2 {
				n := len(o)
				require.NoError(t, client.t.SendTo([]byte("y"), nil))
				require.NoError(t, client.wait(c, func() bool { return len(o) > n }))
			}
			return client.closed(c)
		}))
		require.Equal(t, trace{"s.made", "c.made", "created", `s.dg "a"`, `s.dg ""`, `s.dg "b"`, `s.dg "again"`, "s.lost <nil>",
			"c.err connection refused", "c.err connection refused", "c.lost <nil>"}, o)
	})
	t.Run("NT-09 go on after nobody has listened", func(t *testing.T) {
		var o trace
		require.NoError(t, run(t, func(c ctx) error {
			server, client := dgPair(t, c, &o)
			gone, _ := dgOpen(t, c, "g", nil, "udp4", asyncio.WithDatagramLocal("127.0.0.1:0"))
			_, free := dgOpen(t, c, "f", &o, "udp4", asyncio.WithDatagramLocal("127.0.0.1:0"))
			nobody := gone.LocalAddr()
			gone.Close()
			require.NoError(t, yield(c, 3))
			// A socket that is not connected is told nothing.
			require.NoError(t, free.t.SendTo([]byte("lost"), nobody))
			require.NoError(t, free.t.SendTo([]byte("found"), server.t.LocalAddr()))
			require.NoError(t, server.wait(c, func() bool { return o[len(o)-1] == `s.dg "found"` }))
			require.NoError(t, free.closed(c))
			require.NoError(t, client.closed(c))
			return server.closed(c)
		}))
		require.NotContains(t, strings.Join(o, "\n"), "err")
	})
	t.Run("NT-09 echo 4096 bytes", func(t *testing.T) {
		require.NoError(t, run(t, func(c ctx) error {
			server, client := dgPair(t, c, nil)
			server.got = func(data []byte, addr net.Addr) {
				require.Equal(t, client.t.LocalAddr(), addr)
				require.NoError(t, server.t.SendTo(data, addr))
			}
			var back []byte
			client.got = func(data []byte, addr net.Addr) {
				require.Equal(t, server.t.LocalAddr().String(), addr.String())
				back = append(back, data...)
			}
			data := make([]byte, 4096)
			for i := range data {
				data[i] = byte(i)
			}
			require.NoError(t, client.t.SendTo(data, nil))
			require.NoError(t, client.wait(c, func() bool { return back != nil }))
			require.Equal(t, data, back)
			require.NoError(t, client.closed(c))
			return server.closed(c)
		}))
	})
	t.Run("DG-02 queue what the socket does not take, in order", func(t *testing.T) {
		var o trace
		require.NoError(t, run(t, func(c ctx) error {
			server, client := dgUnixPair(t, c, nil)
			var got []string
			server.got = func(data []byte, addr net.Addr) {
				require.Nil(t, addr, "the sender is not bound")
				got = append(got, string(data))
			}
			tr := client.t
			require.NoError(t, tr.SetWriteBufferLimits(20, 10))
			client.name, client.o = "c", &o
			var want []string
			buf := make([]byte, 3)
			for i := 0; tr.WriteBufferSize() < 3*(3+8); i++ {
				copy(buf, fmt.Sprintf("%03d", i))
				want = append(want, string(buf))
				require.NoError(t, tr.SendTo(buf, nil))
			}
			copy(buf, "xxx") // what is queued is a copy
			size := tr.WriteBufferSize()
			require.NoError(t, tr.SendTo(nil, nil)) // an empty one is queued too
			want = append(want, "")
			require.Equal(t, size+8, tr.WriteBufferSize())
			require.Equal(t, trace{"c.pause"}, o)
			require.NoError(t, server.wait(c, func() bool { return len(got) == len(want) }))
			require.Equal(t, want, got)
			require.Zero(t, tr.WriteBufferSize())
			require.Equal(t, trace{"c.pause", "c.resume"}, o)
			require.NoError(t, client.closed(c))
			return server.closed(c)
		}))
	})
	t.Run("DG-02 stop sending at an error, and go on with the rest", func(t *testing.T) {
		var o trace
		require.NoError(t, run(t, func(c ctx) error {
			server, client := dgUnixPair(t, c, nil)
			for client.t.WriteBufferSize() == 0 {
				require.NoError(t, client.t.SendTo([]byte("1"), nil))
			}
			require.NoError(t, client.t.SendTo([]byte("2"), nil))
			client.o = &o
			server.t.Abort()
			require.NoError(t, client.wait(c, func() bool { return len(o) == 2 }))
			require.Zero(t, client.t.WriteBufferSize())
			return client.closed(c)
		}))
		require.Equal(t, "c.lost <nil>", o[2])
		for _, told := range o[:2] { // each of the two datagrams; in which words, depends on the system
			require.Contains(t, told, "c.err ")
		}
	})
	t.Run("DG-01 send what is queued before they close, unless they are aborted", func(t *testing.T) {
		for _, abort := range []bool{false, true} {
			var o trace
			require.NoError(t, run(t, func(c ctx) error {
				server, client := dgUnixPair(t, c, nil)
				n, queued := 0, 0
				for client.t.WriteBufferSize() < 30 {
					require.NoError(t, client.t.SendTo([]byte("1234567"), nil))
					n++
				}
				queued = client.t.WriteBufferSize() / 15
				client.o = &o
				if abort {
					client.t.Abort()
					require.Zero(t, client.t.WriteBufferSize())
					n -= queued
				} else {
					client.t.Close()
					require.NotZero(t, client.t.WriteBufferSize())
				}
				require.Empty(t, o, "not before the next iteration")
				require.True(t, client.t.IsClosing())
				require.ErrorIs(t, client.t.SendTo([]byte("x"), nil), net.ErrClosed)
				got := 0
				server.got = func([]byte, net.Addr) { got++ }
				require.NoError(t, server.wait(c, func() bool { return got == n }))
				require.NoError(t, client.wait(c, func() bool { return client.lost }))
				client.t.Abort()
				client.t.Close()
				require.NoError(t, server.closed(c))
				require.Equal(t, n, got)
				return nil
			}))
			require.Equal(t, trace{"c.lost <nil>"}, o)
		}
	})
	t.Run("receive one datagram in each iteration that finds some", func(t *testing.T) {
		var o trace
		require.NoError(t, run(t, func(c ctx) error {
			s1, c1 := dgPair(t, c, nil)
			s2, c2 := dgPair(t, c, nil)
			n := 0
			for _, s := range []*dgProtocol{s1, s2} {
				s.got = func(data []byte, _ net.Addr) { o.add(string(data)); n++ }
			}
			for _, s := range []string{"1", "2", "3"} {
				require.NoError(t, c1.t.SendTo([]byte("a"+s), nil))
				require.NoError(t, c2.t.SendTo([]byte("b"+s), nil))
			}
			for n < 6 {
				require.NoError(t, asyncio.Sleep(c, 0))
			}
			for _, p := range []*dgProtocol{s1, s2, c1, c2} {
				require.NoError(t, p.closed(c))
			}
			return nil
		}))
		for i := 0; i < 6; i += 2 {
			require.Equal(t, o[i][1], o[i+1][1], "they take turns: %v", o)
		}
	})
	t.Run("report panics of the protocol, and go on", func(t *testing.T) {
		var messages trace
		var o trace
		require.NoError(t, run(t, func(c ctx) error {
			server, client := dgPair(t, c, &o)
			server.got = func(data []byte, _ net.Addr) {
				if string(data) == "bad" {
					panic("no")
				}
			}
			require.NoError(t, client.t.SendTo([]byte("bad"), nil))
			require.NoError(t, client.t.SendTo([]byte("good"), nil))
			require.NoError(t, server.wait(c, func() bool { return o[len(o)-1] == `s.dg "good"` }))
			require.NoError(t, client.closed(c))
			return server.closed(c)
		}, asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
			messages.add(e.Message, " ", e.Err, " ", e.Transport != nil, " ", e.Protocol != nil)
		})))
		require.Len(t, messages, 1)
		require.Contains(t, messages[0], "Exception in callback")
		require.Contains(t, messages[0], "no")
		require.Contains(t, messages[0], "true true")
	})
	t.Run("are for one loop, and closed with it", func(t *testing.T) {
		leavesNothingE(t)
		var messages trace
		l, err := asyncio.NewLoop(asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
			messages.add(e.Message, " ", e.Transport)
		}))
		require.NoError(t, err)
		var p *dgProtocol
		_, err = asyncio.RunUntilComplete(l, proc(func(c ctx) error {
			_, p = dgOpen(t, c, "s", nil, "udp4", asyncio.WithDatagramLocal("127.0.0.1:0"))
			return nil
		}))
		require.NoError(t, err)
		require.NoError(t, l.Close())
		require.Equal(t, trace{"unclosed transport udp4 " + p.t.LocalAddr().String()}, messages)
		require.ErrorIs(t, p.t.ExtraInfo("socket").(syscall.RawConn).Control(func(uintptr) {}), net.ErrClosed)
		p.t.Close()
		require.ErrorIs(t, p.t.SendTo(nil, nil), net.ErrClosed)
	})
	t.Run("work in a thread of gevent", func(t *testing.T) {
		leavesNothingE(t)
		require.NoError(t, gevent.Run(func() {
			c := context.Background()
			var o trace
			server, client := dgPair(t, c, &o)
			require.NoError(t, client.t.SendTo([]byte("a"), nil))
			require.NoError(t, server.wait(c, func() bool { return o[len(o)-1] == `s.dg "a"` }))
			require.NoError(t, client.closed(c))
			require.NoError(t, server.closed(c))
		}))
	})
}
