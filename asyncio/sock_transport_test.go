//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// sockBytes returns n bytes that do not repeat.
func sockBytes(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// sockBuffered is a sockProto that reads into a buffer of its own.
type sockBuffered struct {
	*sockProto
	buf     []byte
	hints   []int
	get     func()
	updated func()
}

func (p *sockBuffered) GetBuffer(hint int) []byte {
	p.hints = append(p.hints, hint)
	if p.get != nil {
		p.get()
	}
	return p.buf
}

func (p *sockBuffered) BufferUpdated(n int) {
	p.note("updated ", n)
	p.got = append(p.got, p.buf[:n]...)
	if p.updated != nil {
		p.updated()
	}
}

func (p *sockBuffered) DataReceived([]byte) { p.note("never") }

func TestTR01ATransportBeginsInThreeHops(t *testing.T) {
	var o trace
	sockRun(t, nil, func(c ctx) error {
		l := asyncio.RunningLoop(c)
		fd, peer := sockEnds(t)
		_, err := peer.Write([]byte("x"))
		require.NoError(t, err)
		p := sockNew(c, "", &o)
		p.made = func(asyncio.Transport) {
			// What it schedules comes after reading has begun, and before any data.
			l.CallSoon(func() { o.add("soon") })
		}
		l.CallSoon(func() {
			o.add("1")
			l.CallSoon(func() {
				o.add("2")
				l.CallSoon(func() { o.add("3") })
			})
		})
		tr, _, err := asyncio.CreateConnection(c, func() *sockProto { return p }, "", "", asyncio.WithFD(fd))
		require.NoError(t, err)
		o.add("connected")
		sockUntil(t, c, "data", func() bool { return len(p.got) > 0 })
		tr.Close()
		_, err = p.lost.Await(c)
		return err
	})
	require.Equal(t, "1 made 2 soon connected data x 3 lost nil", strings.Join(o, " "))
}

func TestTR02WhatIsWrittenIsTheWritersAgain(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		p := sockNew(c, "", nil)
		tr, peer := sockPair(t, c, p)
		want := sockBytes(2 << 20)
		mine := bytes.Clone(want)
		n, err := tr.Write(mine)
		require.NoError(t, err)
		require.Equal(t, len(mine), n)
		require.Positive(t, tr.WriteBufferSize())
		clear(mine)
		n, err = tr.Write(nil)
		require.NoError(t, err)
		require.Zero(t, n)
		tr.Close()
		require.True(t, sockRead(t, c, peer, len(want)) == string(want))
		_, err = p.lost.Await(c)
		require.NoError(t, err)
		n, err = tr.Write(nil)
		require.NoError(t, err, "nothing is no write")
		require.Zero(t, n)
		return nil
	})
}

// TR-03, TR-04 and TR-07: whatever the system takes of each call, everything arrives
// once and in order.
func TestTR03PartialWritesKeepTheOrder(t *testing.T) {
	for seed := range uint64(8) {
		sockRun(t, nil, func(c ctx) error {
			p := sockNew(c, "", nil)
			tr, peer := sockPair(t, c, p)
			r := rand.New(rand.NewPCG(seed, 1))
			require.NoError(t, tr.ExtraInfo("socket").(syscall.RawConn).Control(func(fd uintptr) {
				require.NoError(t, syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 4096<<r.IntN(6)))
			}))
			want := sockBytes(1 << 20)
			got := make(chan string, 1)
			l := asyncio.RunningLoop(c)
			l.Ref()
			go func() {
				b := make([]byte, len(want)+1)
				n, _ := io.ReadFull(peer, b)
				got <- string(b[:n])
				_, _ = l.CallSoonThreadsafe(l.Unref)
			}()
			for left := want; len(left) > 0; {
				n := min(1+r.IntN(60<<10), len(left))
				if r.IntN(2) == 0 {
					_, err := tr.Write(left[:n])
					require.NoError(t, err)
				} else {
					lines := [][]byte{nil}
					for rest := left[:n]; len(rest) > 0; {
						m := min(r.IntN(40), len(rest))
						lines = append(lines, rest[:m])
						rest = rest[m:]
					}
					require.NoError(t, tr.WriteLines(lines))
				}
				left = left[n:]
				if r.IntN(3) == 0 {
					require.NoError(t, asyncio.Sleep(c, 0))
				}
			}
			require.NoError(t, tr.WriteLines(nil))
			require.NoError(t, tr.WriteEOF(), "after all of it")
			var all string
			sockElsewhere(t, c, func() { all = <-got })
			require.True(t, all == string(want), "seed %d", seed)
			tr.Close()
			_, err := p.lost.Await(c)
			return err
		})
	}
}

func TestTR05AWriteThatFailsEndsTheConnection(t *testing.T) {
	var o trace
	sockRun(t, nil, func(c ctx) error {
		p := sockNew(c, "", &o)
		tr, peer := sockPair(t, c, p)
		tr.PauseReading()
		require.NoError(t, peer.Close())
		n, err := tr.Write([]byte("abc"))
		require.NoError(t, err, "ConnectionLost tells")
		require.Equal(t, 3, n)
		require.True(t, tr.IsClosing())
		_, err = tr.Write([]byte("abc"))
		require.ErrorIs(t, err, net.ErrClosed)
		lost, err := p.lost.Await(c)
		require.ErrorIs(t, lost, syscall.EPIPE)
		var op *net.OpError
		require.ErrorAs(t, lost, &op)
		require.Equal(t, "write", op.Op)
		// TR-06
		_, err2 := tr.Write([]byte("abc"))
		require.ErrorIs(t, err2, net.ErrClosed)
		require.ErrorIs(t, tr.WriteLines([][]byte{[]byte("abc")}), net.ErrClosed)
		require.Zero(t, tr.WriteBufferSize())
		return err
	})
	require.Equal(t, trace{"made", "lost broken pipe"}, o, "an error of the system is not reported")
}

func TestTR07AWriteThatFailsLaterDropsWhatWaits(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		p := sockNew(c, "", nil)
		tr, peer := sockPair(t, c, p)
		tr.PauseReading()
		_, err := tr.Write(make([]byte, 1<<20))
		require.NoError(t, err)
		require.Positive(t, tr.WriteBufferSize())
		require.NoError(t, peer.Close())
		lost, err := p.lost.Await(c)
		require.Error(t, lost)
		require.Zero(t, tr.WriteBufferSize())
		return err
	})
}

func TestTR08ResumeWritingMayWriteAndCloseStillSendsIt(t *testing.T) {
	var o trace
	sockRun(t, nil, func(c ctx) error {
		p := sockNew(c, "", &o)
		tr, peer := sockPair(t, c, p)
		p.resume = func() {
			n, err := tr.Write([]byte("the end"))
			require.NoError(t, err)
			require.Equal(t, 7, n)
		}
		_, err := tr.Write(make([]byte, 1<<20))
		require.NoError(t, err)
		tr.Close()
		require.NoError(t, tr.WriteEOF(), "no effect")
		all := sockRead(t, c, peer, 2<<20)
		require.Len(t, all, 1<<20+7)
		require.True(t, strings.HasSuffix(all, "the end"))
		_, err = p.lost.Await(c)
		return err
	})
	require.Equal(t, trace{"made", "pause", "resume", "lost nil"}, o)
}

func TestTR08WhatIsLeftIsSentBeforeTheEndOfTheWritingSide(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		p := sockNew(c, "", nil)
		tr, peer := sockPair(t, c, p)
		_, err := tr.Write(make([]byte, 1<<20))
		require.NoError(t, err)
		require.NoError(t, tr.WriteEOF())
		require.NoError(t, tr.WriteEOF())
		require.Len(t, sockRead(t, c, peer, 2<<20), 1<<20, "and then the end")
		require.False(t, tr.IsClosing())
		tr.Close()
		_, err = p.lost.Await(c)
		return err
	})
}

func TestTR10HowAConnectionEndsForTheReader(t *testing.T) {
	t.Run("a reset", func(t *testing.T) {
		var o trace
		sockRun(t, nil, func(c ctx) error {
			p := sockNew(c, "", &o)
			tr, peer := sockTCP(t, c, p)
			require.NoError(t, peer.SetLinger(0))
			require.NoError(t, peer.Close())
			lost, err := p.lost.Await(c)
			require.ErrorIs(t, lost, syscall.ECONNRESET)
			var op *net.OpError
			require.ErrorAs(t, lost, &op)
			require.Equal(t, "read", op.Op)
			require.Equal(t, tr.RemoteAddr(), op.Addr)
			return err
		})
		require.Equal(t, trace{"made", "lost connection reset by peer"}, o)
	})
	t.Run("EOFReceived panics", func(t *testing.T) {
		var o trace
		sockRun(t, &o, func(c ctx) error {
			p := sockNew(c, "", &o)
			p.eof = func() { panic("oops") }
			_, peer := sockPair(t, c, p)
			require.NoError(t, peer.Close())
			_, err := p.lost.Await(c)
			return err
		})
		require.Equal(t, trace{"made", "eof",
			"handler: Fatal error: protocol.eof_received() call failed. transport protocol: panic: oops", "lost panic: oops"}, o)
	})
}

// sockTCP connects p over TCP with a plain connection.
func sockTCP(t testing.TB, c ctx, p asyncio.Protocol) (asyncio.Transport, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	tr, _, err := asyncio.CreateConnection(c, func() asyncio.Protocol { return p }, "tcp", l.Addr().String())
	require.NoError(t, err)
	peer, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { peer.Close() })
	require.NoError(t, peer.SetDeadline(time.Now().Add(time.Minute)))
	return tr, peer.(*net.TCPConn)
}

func TestTR11ABufferedProtocolHasItsOwnBuffer(t *testing.T) {
	t.Run("it gets the data", func(t *testing.T) {
		var o trace
		sockRun(t, nil, func(c ctx) error {
			p := &sockBuffered{sockProto: sockNew(c, "", &o), buf: make([]byte, 4)}
			_, peer := sockPair(t, c, p)
			_, err := peer.Write([]byte("0123456789"))
			require.NoError(t, err)
			sockUntil(t, c, "data", func() bool { return len(p.got) == 10 })
			require.Equal(t, "0123456789", string(p.got))
			require.NoError(t, peer.Close())
			_, err = p.lost.Await(c)
			for _, h := range p.hints {
				require.Equal(t, -1, h)
			}
			return err
		})
		require.Equal(t, trace{"made", "updated 4", "updated 4", "updated 2", "eof", "lost nil"}, o)
	})
	t.Run("the kind of protocol is switched at run time", func(t *testing.T) {
		var o trace
		sockRun(t, nil, func(c ctx) error {
			plain := sockNew(c, "p ", &o)
			tr, peer := sockPair(t, c, plain)
			buffered := &sockBuffered{sockProto: sockNew(c, "b ", &o), buf: make([]byte, 100)}
			buffered.lost = plain.lost
			step := func(text string, p *sockProto) {
				_, err := peer.Write([]byte(text))
				require.NoError(t, err)
				sockUntil(t, c, text, func() bool { return strings.HasSuffix(string(p.got), text) })
			}
			step("one", plain)
			tr.SetProtocol(buffered)
			require.Same(t, buffered, tr.Protocol())
			step("two", buffered.sockProto)
			tr.SetProtocol(plain)
			step("three", plain)
			panicSays(t, "the protocol is nil", func() { tr.SetProtocol(nil) })
			tr.Close()
			_, err := plain.lost.Await(c)
			return err
		})
		require.Equal(t, trace{"p made", "p data one", "b updated 3", "p data three", "p lost nil"}, o)
	})
	for _, bad := range []struct {
		name   string
		change func(*sockBuffered)
		want   string
	}{
		{"an empty buffer", func(p *sockBuffered) { p.buf = nil }, "get_buffer() call failed. transport protocol: asyncio: GetBuffer returned an empty buffer"},
		{"GetBuffer panics", func(p *sockBuffered) { p.get = func() { panic("oops") } }, "get_buffer() call failed. transport protocol: panic: oops"},
		{"BufferUpdated panics", func(p *sockBuffered) { p.updated = func() { panic("oops") } }, "buffer_updated() call failed. transport protocol: panic: oops"},
	} {
		t.Run(bad.name, func(t *testing.T) {
			var o trace
			sockRun(t, &o, func(c ctx) error {
				p := &sockBuffered{sockProto: sockNew(c, "", nil), buf: make([]byte, 10)}
				bad.change(p)
				_, peer := sockPair(t, c, p)
				_, err := peer.Write([]byte("x"))
				require.NoError(t, err)
				lost, err := p.lost.Await(c)
				require.Error(t, lost)
				return err
			})
			require.Equal(t, trace{"handler: Fatal error: protocol." + bad.want}, o)
		})
	}
	t.Run("GetBuffer closes the transport", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			p := &sockBuffered{sockProto: sockNew(c, "", nil), buf: make([]byte, 10)}
			p.get = func() { p.t.Close() }
			_, peer := sockPair(t, c, p)
			_, err := peer.Write([]byte("x"))
			require.NoError(t, err)
			lost, err := p.lost.Await(c)
			require.NoError(t, lost)
			require.Empty(t, p.got)
			return err
		})
	})
}

func TestTR12AfterTheEndATransportHoldsNothing(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		p := sockNew(c, "", nil)
		tr, peer := sockTCP(t, c, p)
		require.Equal(t, peer.RemoteAddr().String(), tr.LocalAddr().String())
		require.Equal(t, tr.LocalAddr(), tr.ExtraInfo("sockname"))
		require.Equal(t, tr.RemoteAddr(), tr.ExtraInfo("peername"))
		require.Nil(t, tr.ExtraInfo("no such"))
		raw := tr.ExtraInfo("socket").(syscall.RawConn)
		require.NoError(t, raw.Control(func(fd uintptr) {
			on, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
			require.NoError(t, err)
			require.NotZero(t, on)
		}))
		require.ErrorIs(t, raw.Read(nil), syscall.EINVAL)
		require.ErrorIs(t, raw.Write(nil), syscall.EINVAL)
		require.Same(t, p, tr.Protocol())
		tr.Close()
		tr.Close()
		_, err := p.lost.Await(c)
		require.NoError(t, asyncio.Sleep(c, 0))
		require.Nil(t, tr.Protocol())
		require.ErrorIs(t, raw.Control(func(uintptr) {}), net.ErrClosed)
		require.Equal(t, peer.LocalAddr().String(), tr.RemoteAddr().String())
		tr.Abort()
		tr.SetProtocol(p)
		require.Nil(t, tr.Protocol())
		require.NoError(t, tr.SetWriteBufferLimits(0, 0))
		return err
	})
}

func TestAProtocolThatFailsElsewhereIsReportedOnly(t *testing.T) {
	var o trace
	sockRun(t, &o, func(c ctx) error {
		p := sockNew(c, "", &o)
		fail := func() { panic("oops") }
		p.made = func(asyncio.Transport) { fail() }
		p.pause, p.resume, p.gone = fail, fail, fail
		tr, peer := sockPair(t, c, p)
		_, err := tr.Write(make([]byte, 1<<20))
		require.NoError(t, err)
		require.Len(t, sockRead(t, c, peer, 1<<20), 1<<20)
		sockUntil(t, c, "resume", func() bool { return len(o) == 6 })
		tr.Close()
		sockUntil(t, c, "end", func() bool { return len(o) == 8 })
		require.NoError(t, asyncio.Sleep(c, 0))
		require.Nil(t, tr.Protocol())
		return nil
	})
	require.Equal(t, trace{
		"made", "handler: Exception in callback transport protocol: panic: oops",
		"pause", "handler: protocol.pause_writing() failed transport protocol: panic: oops",
		"resume", "handler: protocol.resume_writing() failed transport protocol: panic: oops",
		"lost nil", "handler: Exception in callback transport protocol: panic: oops",
	}, o)
}

func TestConnectionsTakeTurns(t *testing.T) {
	const reads = 20
	var o, want trace
	sockRun(t, nil, func(c ctx) error {
		var ps [2]*sockBuffered
		for i := range ps {
			p := &sockBuffered{sockProto: sockNew(c, "", nil), buf: make([]byte, 100)}
			p.updated = func() { o.add(i) }
			ps[i] = p
			tr, peer := sockPair(t, c, p)
			tr.PauseReading()
			_, err := peer.Write(make([]byte, reads*len(p.buf))) // the system takes all of it
			require.NoError(t, err)
		}
		require.NoError(t, asyncio.Sleep(c, time.Millisecond))
		for _, p := range ps {
			p.t.ResumeReading()
		}
		sockUntil(t, c, "data", func() bool { return len(o) == 2*reads })
		for _, p := range ps {
			p.t.Close()
			if _, err := p.lost.Await(c); err != nil {
				return err
			}
		}
		return nil
	})
	for range reads {
		want.add(0)
		want.add(1)
	}
	require.Equal(t, want, o, "one read in each iteration")
}

func TestAReadThatWasDueWhenReadingStoppedIsNotMade(t *testing.T) {
	var o trace
	sockRun(t, nil, func(c ctx) error {
		p := sockNew(c, "", &o)
		tr, peer := sockPair(t, c, p)
		require.NoError(t, asyncio.Sleep(c, 0))
		l := asyncio.RunningLoop(c)
		_, err := peer.Write([]byte("x"))
		require.NoError(t, err)
		// In the next iteration this comes before the reading.
		l.CallSoon(func() {
			tr.PauseReading()
			tr.ResumeReading()
			tr.PauseReading()
			tr.ResumeReading()
			l.CallSoon(func() { o.add("next") })
		})
		sockUntil(t, c, "data", func() bool { return len(p.got) > 0 })
		tr.Close()
		_, err = p.lost.Await(c)
		return err
	})
	require.Equal(t, trace{"made", "next", "data x", "lost nil"}, o)
}

func TestTransportsAreForTheirThread(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		p := sockNew(c, "", nil)
		tr, _ := sockPair(t, c, p)
		for name, f := range map[string]func(){
			"Write":                func() { _, _ = tr.Write([]byte("x")) },
			"WriteLines":           func() { _ = tr.WriteLines(nil) },
			"WriteEOF":             func() { _ = tr.WriteEOF() },
			"Close":                tr.Close,
			"Abort":                tr.Abort,
			"PauseReading":         tr.PauseReading,
			"ResumeReading":        tr.ResumeReading,
			"SetProtocol":          func() { tr.SetProtocol(p) },
			"SetWriteBufferLimits": func() { _ = tr.SetWriteBufferLimits(0, 0) },
		} {
			refused := make(chan any)
			go func() {
				defer func() { refused <- recover() }()
				f()
			}()
			require.Contains(t, <-refused, "asyncio.Transport."+name+": the caller is not in the thread that runs the loop")
		}
		tr.Abort()
		_, err := p.lost.Await(c)
		return err
	})
}

func TestATransportThatIsNotClosedClosesWithItsLoop(t *testing.T) {
	before := sockOpen(t)
	t.Run("and is reported", func(t *testing.T) {
		var o trace
		var peers [3]net.Conn
		sockRun(t, &o, func(c ctx) error {
			for i := range peers {
				var tr asyncio.Transport
				p := sockNew(c, fmt.Sprint(i), nil)
				tr, peers[i] = sockPair(t, c, p)
				if i == 1 {
					_, err := tr.Write(make([]byte, 1<<20)) // which nobody reads
					require.NoError(t, err)
					tr.Close()
				}
				if i == 2 {
					tr.Close()
				}
			}
			return nil
		})
		require.Equal(t, trace{"handler: unclosed transport transport protocol"}, o, "of the one that nobody closed")
		for _, peer := range peers {
			_, err := io.Copy(io.Discard, peer)
			require.NoError(t, err)
			require.NoError(t, peer.Close())
		}
	})
	t.Run("in a thread of gevent", func(t *testing.T) {
		var o trace
		err := gevent.Run(func() error {
			l, err := asyncio.NewLoop(asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) { o.add(e.Message) }))
			require.NoError(t, err)
			var tr asyncio.Transport
			var peer net.Conn
			_, err = asyncio.RunUntilComplete(l, proc(func(c ctx) error {
				tr, peer = sockPair(t, c, sockNew(c, "", nil))
				return nil
			}))
			require.NoError(t, err)
			require.NoError(t, l.Close())
			require.True(t, tr.IsClosing())
			_, err = tr.Write([]byte("x"))
			require.ErrorIs(t, err, net.ErrClosed)
			tr.Close()
			tr.PauseReading()
			tr.ResumeReading()
			gevent.Sleep(0)
			gevent.Sleep(0)
			return peer.Close()
		})
		require.NoError(t, err)
		require.Equal(t, trace{"unclosed transport"}, o)
	})
	sockNoMore(t, before)
}

func TestASilentEchoAllocatesNothing(t *testing.T) {
	t.Setenv("BATON_ASYNCIO_DEBUG", "") // debug mode allocates
	if testing.AllocsPerRun(10, func() { gevent.Current() }) > 0 {
		t.Skip("allocations cannot be counted here")
	}
	sockRun(t, nil, func(c ctx) error {
		left := 0
		client, server := sockNew(c, "", nil), &sockEcho{}
		s, err := asyncio.CreateServer(c, func() asyncio.Protocol { return server }, "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		ping := []byte("ping")
		pinger := &sockPinger{sockProto: client, ping: ping, left: &left}
		tr, _, err := asyncio.CreateConnection(c, func() *sockPinger { return pinger }, "tcp", s.Addrs()[0].String())
		require.NoError(t, err)
		rounds := func(n int) func() {
			return func() {
				left = n
				_, _ = tr.Write(ping)
				for left > 0 {
					_ = asyncio.Sleep(c, 0)
				}
			}
		}
		rounds(100)()
		require.Less(t, testing.AllocsPerRun(5, rounds(200)), 20.0, "200 requests")
		tr.Close()
		s.Close()
		return s.WaitClosed(c)
	})
}

type sockEcho struct {
	asyncio.BaseProtocol
	t asyncio.Transport
}

func (e *sockEcho) ConnectionMade(t asyncio.Transport) { e.t = t }
func (e *sockEcho) DataReceived(b []byte)              { _, _ = e.t.Write(b) }

type sockPinger struct {
	*sockProto
	ping []byte
	left *int
}

func (p *sockPinger) DataReceived(b []byte) {
	if *p.left--; *p.left > 0 {
		_, _ = p.t.Write(p.ping)
	}
}

func TestALibraryMayPanicForTheLoopsRunner(t *testing.T) {
	l, err := asyncio.NewLoop()
	require.NoError(t, err)
	var p *sockProto
	_, err = asyncio.RunUntilComplete(l, proc(func(c ctx) error {
		p = sockNew(c, "", nil)
		p.data = func([]byte) { panic(asyncio.ErrKeyboardInterrupt) }
		_, peer := sockPair(t, c, p)
		_, err := peer.Write([]byte("x"))
		require.NoError(t, err)
		return asyncio.Sleep(c, time.Minute)
	}))
	require.ErrorIs(t, err, asyncio.ErrKeyboardInterrupt)
	require.False(t, p.t.IsClosing())
	p.t.Close()
	_, err = asyncio.RunUntilComplete(l, func(c ctx) (error, error) { return p.lost.Await(c) })
	require.NoError(t, err)
	for _, task := range l.AllTasks() {
		task.Cancel()
		_, _ = asyncio.RunUntilComplete(l, proc(func(c ctx) error { return asyncio.Sleep(c, 0) }))
	}
	require.NoError(t, l.Close())
}
