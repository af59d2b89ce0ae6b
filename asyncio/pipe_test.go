//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// A pxProtocol notes what it is told.
type pxProtocol struct {
	name  string
	o     *trace
	t     asyncio.Transport
	data  []byte
	got   func(data []byte)
	eof   func()
	flow  func(paused bool)
	ended bool
	err   error
	woken *asyncio.Future[none]
}

func (p *pxProtocol) note(v ...any) {
	if p.o != nil {
		p.o.add(append([]any{p.name, "."}, v...)...)
	}
	if f := p.woken; f != nil {
		p.woken = nil
		_ = f.SetResult(none{})
	}
}

func (p *pxProtocol) ConnectionMade(t asyncio.Transport) {
	p.t = t
	p.note("made")
}

func (p *pxProtocol) DataReceived(data []byte) {
	p.data = append(p.data, data...)
	if p.got != nil {
		p.got(data)
	}
	p.note("data")
}

func (p *pxProtocol) EOFReceived() bool {
	p.note("eof")
	if p.eof != nil {
		p.eof()
	}
	return true // which does not matter
}

func (p *pxProtocol) PauseWriting() {
	p.note("pause")
	if p.flow != nil {
		p.flow(true)
	}
}

func (p *pxProtocol) ResumeWriting() {
	p.note("resume")
	if p.flow != nil {
		p.flow(false)
	}
}

func (p *pxProtocol) ConnectionLost(err error) {
	p.ended, p.err = true, err
	p.note("lost ", err)
}

// wait waits until something is so, which it looks at after each call.
func (p *pxProtocol) wait(c ctx, until func() bool) error {
	for !until() {
		p.woken = asyncio.NewFuture[none](asyncio.RunningLoop(c))
		if _, err := p.woken.Await(c); err != nil {
			return err
		}
	}
	return nil
}

// lost waits for the end.
func (p *pxProtocol) lost(c ctx) error { return p.wait(c, func() bool { return p.ended }) }

// pxRead makes a transport that reads f.
func pxRead(t testing.TB, c ctx, o *trace, f *os.File) *pxProtocol {
	t.Helper()
	tr, p, err := asyncio.ConnectReadPipe(c, func() *pxProtocol { return &pxProtocol{name: "r", o: o} }, f)
	require.NoError(t, err)
	require.Equal(t, tr, p.t)
	return p
}

// pxWrite makes a transport that writes to f.
func pxWrite(t testing.TB, c ctx, o *trace, f *os.File) *pxProtocol {
	t.Helper()
	tr, p, err := asyncio.ConnectWritePipe(c, func() *pxProtocol { return &pxProtocol{name: "w", o: o} }, f)
	require.NoError(t, err)
	require.Equal(t, tr, p.t)
	return p
}

// pxPipe returns both ends of a pipe, of which the test closes what is left open.
func pxPipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

// pxTest is a sub-test in a task, which leaves no descriptor.
func pxTest(t *testing.T, name string, f func(t *testing.T, c ctx)) {
	t.Run(name, func(t *testing.T) {
		leavesNothingE(t)
		require.NoError(t, run(t, func(c ctx) error { f(t, c); return nil }))
	})
}

// pxReports is an option that notes what the exception handler is told.
func pxReports(o *trace) asyncio.Option {
	return asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
		o.add(e.Message, ": ", errors.Unwrap(e.Err), " ", e.Transport != nil, " ", e.Protocol != nil)
	})
}

func TestPipes(t *testing.T) {
	pxTest(t, "N25 read and write until the end", func(t *testing.T, c ctx) {
		var o trace
		rf, wf := pxPipe(t)
		r := pxRead(t, c, &o, rf)
		w := pxWrite(t, c, &o, wf)
		require.ErrorIs(t, rf.Close(), os.ErrClosed, "it is the transport's")
		n, err := w.t.Write([]byte("hello"))
		require.NoError(t, err)
		require.Equal(t, 5, n)
		require.NoError(t, r.wait(c, func() bool { return len(r.data) == 5 }))
		require.True(t, w.t.CanWriteEOF())
		w.t.Close()
		require.NoError(t, r.lost(c))
		require.Equal(t, trace{"r.made", "w.made", "r.data", "w.lost <nil>", "r.eof", "r.lost <nil>"}, o)
		require.True(t, r.t.IsClosing())
		require.False(t, r.t.IsReading())
		require.Nil(t, r.t.Protocol())
	})
	pxTest(t, "UX-01 know where they are", func(t *testing.T, c ctx) {
		rf, wf := pxPipe(t)
		r, w := pxRead(t, c, nil, rf), pxWrite(t, c, nil, wf)
		require.Nil(t, r.t.LocalAddr())
		require.Nil(t, r.t.RemoteAddr())
		require.Nil(t, r.t.ExtraInfo("socket"))
		require.Equal(t, "pipe |0", fmt.Sprint(r.t))
		pipe := r.t.ExtraInfo("pipe").(syscall.RawConn)
		require.NoError(t, pipe.Control(func(fd uintptr) {
			require.ErrorIs(t, asyncio.RunningLoop(c).AddReader(int(fd), func() {}), asyncio.ErrFDUsed)
			flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
			require.NoError(t, err)
			require.NotZero(t, flags&unix.O_NONBLOCK)
			flags, err = unix.FcntlInt(fd, unix.F_GETFD, 0)
			require.NoError(t, err)
			require.NotZero(t, flags&unix.FD_CLOEXEC)
		}))
		require.ErrorIs(t, pipe.Read(nil), syscall.EINVAL)
		require.ErrorIs(t, pipe.Write(nil), syscall.EINVAL)
		// Each has the other direction's methods.
		_, err := r.t.Write([]byte("x"))
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.ErrorIs(t, r.t.WriteLines([][]byte{nil}), errors.ErrUnsupported)
		require.ErrorIs(t, r.t.WriteEOF(), errors.ErrUnsupported)
		require.False(t, r.t.CanWriteEOF())
		w.t.PauseReading()
		w.t.ResumeReading()
		require.False(t, w.t.IsReading())
		r.t.Close()
		w.t.Close()
		require.NoError(t, r.lost(c))
		require.ErrorIs(t, pipe.Control(func(uintptr) {}), net.ErrClosed)
	})
	pxTest(t, "UX-01 pause and resume reading", func(t *testing.T, c ctx) {
		var o trace
		rf, wf := pxPipe(t)
		r, w := pxRead(t, c, &o, rf), pxWrite(t, c, nil, wf)
		r.t.PauseReading()
		r.t.PauseReading()
		require.False(t, r.t.IsReading())
		_, err := w.t.Write([]byte("x"))
		require.NoError(t, err)
		require.NoError(t, yield(c, 5))
		require.Equal(t, trace{"r.made"}, o)
		r.t.ResumeReading()
		r.t.ResumeReading()
		require.NoError(t, r.wait(c, func() bool { return len(r.data) > 0 }))
		r.t.PauseReading()
		r.t.Close()
		r.t.ResumeReading()
		require.False(t, r.t.IsReading())
		require.NoError(t, r.lost(c))
		w.t.Close()
		require.NoError(t, w.lost(c))
	})
	pxTest(t, "UX-01 keep what the pipe does not take, and write it later", func(t *testing.T, c ctx) {
		var o trace
		rf, wf := pxPipe(t)
		w := pxWrite(t, c, &o, wf)
		low, high := w.t.WriteBufferLimits()
		require.Equal(t, [2]int{16 << 10, 64 << 10}, [2]int{low, high})
		require.ErrorIs(t, w.t.SetWriteBufferLimits(1, 2), asyncio.ErrWriteBufferLimits)
		require.NoError(t, w.t.SetWriteBufferLimits(100_000, 10))
		data := bytes.Repeat([]byte("0123456789"), 30_000)
		mine := bytes.Clone(data)
		_, err := w.t.Write(mine[:len(mine)-20])
		require.NoError(t, err)
		require.Equal(t, trace{"w.made", "w.pause"}, o)
		require.NoError(t, w.t.WriteLines([][]byte{mine[len(mine)-20 : len(mine)-10], nil, mine[len(mine)-10:]}))
		clear(mine) // what waits is a copy
		waiting := w.t.WriteBufferSize()
		require.Greater(t, waiting, 100_000)
		require.NoError(t, w.t.WriteEOF())
		require.NoError(t, w.t.WriteEOF())
		require.True(t, w.t.IsClosing())
		_, err = w.t.Write([]byte("x"))
		require.ErrorIs(t, err, asyncio.ErrEOFWritten)
		require.Equal(t, waiting, w.t.WriteBufferSize())
		r := pxRead(t, c, &o, rf)
		require.NoError(t, r.lost(c))
		require.Equal(t, data, r.data)
		require.Subset(t, o, trace{"w.resume", "w.lost <nil>"})
	})
	pxTest(t, "UX-01 notice that nobody reads any more", func(t *testing.T, c ctx) {
		for _, buffered := range []bool{false, true} {
			var o trace
			rf, wf := pxPipe(t)
			w := pxWrite(t, c, &o, wf)
			if buffered {
				_, err := w.t.Write(make([]byte, 200_000))
				require.NoError(t, err)
			}
			require.NoError(t, yield(c, 3))
			require.False(t, w.t.IsClosing())
			require.NoError(t, rf.Close())
			require.NoError(t, w.lost(c))
			if buffered {
				require.ErrorIs(t, w.err, syscall.EPIPE)
				require.Zero(t, w.t.WriteBufferSize())
			} else {
				require.NoError(t, w.err)
			}
			_, err := w.t.Write([]byte("x"))
			require.ErrorIs(t, err, net.ErrClosed)
			n, err := w.t.Write(nil)
			require.NoError(t, err)
			require.Zero(t, n)
		}
	})
	pxTest(t, "UX-01 break when they write to nobody", func(t *testing.T, c ctx) {
		rf, wf := pxPipe(t)
		w := pxWrite(t, c, nil, wf)
		require.NoError(t, rf.Close())
		n, err := w.t.Write([]byte("xyz")) // before the loop has noticed
		require.NoError(t, err, "ConnectionLost tells")
		require.Equal(t, 3, n)
		require.NoError(t, w.lost(c))
		require.ErrorIs(t, w.err, syscall.EPIPE)
		var pe *os.PathError
		require.ErrorAs(t, w.err, &pe)
	})
	pxTest(t, "UX-01 drop what waits when they are aborted", func(t *testing.T, c ctx) {
		var o trace
		rf, wf := pxPipe(t)
		w := pxWrite(t, c, &o, wf)
		_, err := w.t.Write(make([]byte, 200_000))
		require.NoError(t, err)
		w.t.Close()
		w.t.Abort()
		w.t.Abort()
		w.t.Close()
		require.Zero(t, w.t.WriteBufferSize())
		require.NoError(t, w.lost(c))
		require.NoError(t, w.err)
		r := pxRead(t, c, &o, rf)
		require.NoError(t, r.lost(c))
		require.Less(t, len(r.data), 200_000)
		require.Equal(t, trace{"w.made", "w.pause", "w.lost <nil>"}, o[:3])
	})
	pxTest(t, "UX-01 are closed by their protocol in the midst", func(t *testing.T, c ctx) {
		rf, wf := pxPipe(t)
		r, w := pxRead(t, c, nil, rf), pxWrite(t, c, nil, wf)
		r.got = func([]byte) { r.t.Close() }
		_, err := w.t.Write([]byte("x"))
		require.NoError(t, err)
		require.NoError(t, r.lost(c))
		require.NoError(t, w.lost(c))
		require.Equal(t, "x", string(r.data))
	})
	pxTest(t, "read into a protocol's own buffer, and change protocols", func(t *testing.T, c ctx) {
		rf, wf := pxPipe(t)
		r, w := pxRead(t, c, nil, rf), pxWrite(t, c, nil, wf)
		b := &pxBuffered{pxProtocol: r, buf: make([]byte, 3)}
		r.t.SetProtocol(b)
		require.Equal(t, b, r.t.Protocol())
		_, err := w.t.Write([]byte("abcde"))
		require.NoError(t, err)
		require.NoError(t, r.wait(c, func() bool { return len(b.read) == 2 }))
		require.Equal(t, []string{"abc", "de"}, b.read)
		r.t.SetProtocol(r)
		_, err = w.t.Write([]byte("f"))
		require.NoError(t, err)
		require.NoError(t, r.wait(c, func() bool { return string(r.data) == "f" }))
		require.Panics(t, func() { r.t.SetProtocol(nil) })
		w.t.Close()
		require.NoError(t, r.lost(c))
	})
	t.Run("UX-01 end when the protocol panics, and say so", func(t *testing.T) {
		for _, where := range []string{"data_received", "get_buffer", "buffer_updated", "eof_received"} {
			leavesNothingE(t)
			var reports trace
			var lost error
			require.NoError(t, run(t, func(c ctx) error {
				rf, wf := pxPipe(t)
				r, w := pxRead(t, c, nil, rf), pxWrite(t, c, nil, wf)
				b := &pxBuffered{pxProtocol: r, buf: make([]byte, 3), fail: where}
				switch where {
				case "data_received":
					r.got = func([]byte) { panic(io.ErrNoProgress) }
				case "eof_received":
					r.eof = func() { panic(io.ErrNoProgress) }
				default:
					r.t.SetProtocol(b)
				}
				_, err := w.t.Write([]byte("x"))
				require.NoError(t, err)
				w.t.Close()
				err = r.lost(c)
				lost = r.err
				return err
			}, pxReports(&reports)))
			require.Equal(t, trace{"Fatal error: protocol." + where + "() call failed.: multiple Read calls return no data or error true true"}, reports)
			require.ErrorIs(t, lost, io.ErrNoProgress)
			var p *asyncio.PanicError
			require.ErrorAs(t, lost, &p)
		}
	})
	t.Run("UX-01 end when a buffer is empty", func(t *testing.T) {
		var reports trace
		require.NoError(t, run(t, func(c ctx) error {
			rf, wf := pxPipe(t)
			r, w := pxRead(t, c, nil, rf), pxWrite(t, c, nil, wf)
			r.t.SetProtocol(&pxBuffered{pxProtocol: r})
			_, err := w.t.Write([]byte("x"))
			require.NoError(t, err)
			require.NoError(t, r.lost(c))
			require.ErrorContains(t, r.err, "empty buffer")
			return w.lost(c)
		}, pxReports(&reports)))
		require.Len(t, reports, 1)
	})
	t.Run("UX-01 report an error of reading that is none of a terminal", func(t *testing.T) {
		leavesNothingE(t)
		var reports trace
		require.NoError(t, run(t, func(c ctx) error {
			fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			require.NoError(t, err)
			r := pxRead(t, c, nil, os.NewFile(uintptr(fds[0]), "socket"))
			// The peer has not read what we have sent it: that is a reset.
			require.NoError(t, r.t.ExtraInfo("pipe").(syscall.RawConn).Control(func(fd uintptr) {
				_, err := unix.Write(int(fd), []byte("x"))
				require.NoError(t, err)
			}))
			require.NoError(t, unix.Close(fds[1]))
			require.NoError(t, r.lost(c))
			if r.err != nil { // not everywhere
				require.ErrorIs(t, r.err, syscall.ECONNRESET)
				require.Len(t, reports, 1)
				require.Contains(t, reports[0], "Fatal read error on pipe transport")
			}
			return nil
		}, pxReports(&reports)))
	})
	t.Run("are closed with their loop", func(t *testing.T) {
		leavesNothingE(t)
		var reports trace
		l, err := asyncio.NewLoop(pxReports(&reports))
		require.NoError(t, err)
		rf, wf := pxPipe(t)
		_, err = asyncio.RunUntilComplete(l, proc(func(c ctx) error {
			pxRead(t, c, nil, rf)
			_, err := pxWrite(t, c, nil, wf).t.Write(make([]byte, 200_000))
			require.NoError(t, err)
			unread, wf := pxPipe(t)
			t.Cleanup(func() { _ = unread.Close() })
			closing := pxWrite(t, c, nil, wf).t
			_, err = closing.Write(make([]byte, 200_000))
			closing.Close() // which is not reported
			return err
		}))
		require.NoError(t, err)
		require.NoError(t, l.Close())
		require.Equal(t, trace{"unclosed transport: <nil> true true", "unclosed transport: <nil> true true"}, reports)
	})
	t.Run("work in a thread of gevent", func(t *testing.T) {
		leavesNothingE(t)
		require.NoError(t, gevent.Run(func() {
			c := context.Background()
			rf, wf := pxPipe(t)
			r, w := pxRead(t, c, nil, rf), pxWrite(t, c, nil, wf)
			_, err := w.t.Write([]byte("abc"))
			require.NoError(t, err)
			w.t.Close()
			require.NoError(t, r.lost(c))
			require.Equal(t, "abc", string(r.data))
		}))
	})
}

// A pxBuffered is a pxProtocol that has a buffer of its own.
type pxBuffered struct {
	*pxProtocol
	buf  []byte
	read []string
	fail string
}

func (b *pxBuffered) GetBuffer(int) []byte {
	if b.fail == "get_buffer" {
		panic(io.ErrNoProgress)
	}
	return b.buf
}

func (b *pxBuffered) BufferUpdated(n int) {
	if b.fail == "buffer_updated" {
		panic(io.ErrNoProgress)
	}
	b.read = append(b.read, string(b.buf[:n]))
	b.note("updated")
}
