//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// The traces of CPython for transports.
func TestGoldenTransports(t *testing.T) {
	t.Run("N01 data that is there already comes after the creator", func(t *testing.T) {
		var o trace
		sockRun(t, nil, func(c ctx) error {
			fd, peer := sockEnds(t)
			_, err := peer.Write([]byte("early"))
			require.NoError(t, err)
			require.NoError(t, peer.Close())
			p := sockNew(c, "", &o)
			asyncio.RunningLoop(c).CallSoon(func() { o.add("cs-before") })
			_, _, err = asyncio.CreateConnection(c, func() *sockProto { return p }, "", "", asyncio.WithFD(fd))
			require.NoError(t, err)
			o.add("connected")
			_, err = p.lost.Await(c)
			return err
		})
		require.Equal(t, "cs-before made connected data early eof lost nil", strings.Join(o, " "))
	})
	t.Run("N02 what was written is sent before the end", func(t *testing.T) {
		var o trace
		sockRun(t, nil, func(c ctx) error {
			p := sockNew(c, "", &o)
			tr, peer := sockPair(t, c, p)
			for _, s := range []string{"x", "y"} {
				n, err := tr.Write([]byte(s))
				require.NoError(t, err)
				require.Equal(t, 1, n)
			}
			tr.Close()
			o.add("closed called")
			_, err := tr.Write([]byte("zz"))
			require.ErrorIs(t, err, net.ErrClosed)
			require.True(t, tr.IsClosing())
			_, err = p.lost.Await(c)
			require.Equal(t, "xy", sockRead(t, c, peer, 10))
			return err
		})
		require.Equal(t, trace{"made", "closed called", "lost nil"}, o)
	})
	t.Run("N03 abort drops what waits", func(t *testing.T) {
		var o trace
		sockRun(t, nil, func(c ctx) error {
			p := sockNew(c, "", &o)
			tr, _ := sockPair(t, c, p)
			_, err := tr.Write(make([]byte, 10<<20))
			require.NoError(t, err)
			require.Positive(t, tr.WriteBufferSize())
			tr.Abort()
			require.Zero(t, tr.WriteBufferSize())
			_, err = p.lost.Await(c)
			return err
		})
		require.Equal(t, trace{"made", "pause", "lost nil"}, o)
	})
	t.Run("N04 flow control, TR-13 its limits", func(t *testing.T) {
		var o trace
		sockRun(t, nil, func(c ctx) error {
			p := sockNew(c, "", &o)
			tr, peer := sockPair(t, c, p)
			limits := func(want string) {
				low, high := tr.WriteBufferLimits()
				require.Equal(t, want, fmt.Sprint(low, " ", high))
			}
			limits("16384 65536")
			require.NoError(t, tr.SetWriteBufferLimits(0, -1))
			limits("0 0")
			_, err := tr.Write(make([]byte, 3<<20))
			require.NoError(t, err)
			require.Equal(t, trace{"made", "pause"}, o, "within Write")
			_, err = tr.Write(make([]byte, 1))
			require.NoError(t, err)
			require.Len(t, sockRead(t, c, peer, 3<<20+1), 3<<20+1)
			sockUntil(t, c, "resume", func() bool { return len(o) == 3 })
			require.Equal(t, trace{"made", "pause", "resume"}, o)
			require.NoError(t, tr.SetWriteBufferLimits(-1, 100))
			limits("100 400")
			require.NoError(t, tr.SetWriteBufferLimits(1000, 10))
			limits("10 1000")
			require.NoError(t, tr.SetWriteBufferLimits(1024, 128))
			limits("128 1024")
			require.NoError(t, tr.SetWriteBufferLimits(1024, -1))
			limits("256 1024")
			require.NoError(t, tr.SetWriteBufferLimits(-1, -1))
			limits("16384 65536")
			err = tr.SetWriteBufferLimits(1, 2)
			require.ErrorIs(t, err, asyncio.ErrWriteBufferLimits)
			require.ErrorContains(t, err, "high (1) must be >= low (2) must be >= 0")
			limits("16384 65536")
			tr.Close()
			_, err = p.lost.Await(c)
			return err
		})
	})
	t.Run("N05 after the peer's end one may go on writing", func(t *testing.T) {
		var o trace
		sockRun(t, nil, func(c ctx) error {
			p := sockNew(c, "", &o)
			p.keepOpen = true
			tr, peer := sockPair(t, c, p)
			require.NoError(t, peer.(*net.UnixConn).CloseWrite())
			sockUntil(t, c, "eof", func() bool { return len(o) == 2 })
			require.False(t, tr.IsClosing())
			_, err := tr.Write([]byte("reply"))
			require.NoError(t, err)
			require.Equal(t, "reply", sockRead(t, c, peer, 5))
			tr.PauseReading()
			tr.ResumeReading() // which does not read the end again
			require.NoError(t, asyncio.Sleep(c, 2*time.Millisecond))
			tr.Close()
			_, err = p.lost.Await(c)
			return err
		})
		require.Equal(t, trace{"made", "eof", "lost nil"}, o)
	})
	t.Run("N06 after WriteEOF one cannot write, TR-08", func(t *testing.T) {
		var o trace
		sockRun(t, nil, func(c ctx) error {
			p := sockNew(c, "", &o)
			tr, peer := sockPair(t, c, p)
			require.True(t, tr.CanWriteEOF())
			_, err := tr.Write([]byte("q"))
			require.NoError(t, err)
			require.NoError(t, tr.WriteEOF())
			_, err = tr.Write([]byte("more"))
			require.ErrorIs(t, err, asyncio.ErrEOFWritten)
			require.ErrorIs(t, tr.WriteLines([][]byte{[]byte("more")}), asyncio.ErrEOFWritten)
			require.NoError(t, tr.WriteEOF())
			require.Equal(t, "q", sockRead(t, c, peer, 10))
			_, err = peer.Write([]byte("back"))
			require.NoError(t, err)
			sockUntil(t, c, "data", func() bool { return len(p.got) == 4 })
			tr.Close()
			require.NoError(t, tr.WriteEOF())
			_, err = p.lost.Await(c)
			return err
		})
		require.Equal(t, trace{"made", "data back", "lost nil"}, o)
	})
	t.Run("N07 a paused transport reads nothing, TR-09", func(t *testing.T) {
		var o trace
		sockRun(t, nil, func(c ctx) error {
			p := sockNew(c, "", &o)
			p.made = func(tr asyncio.Transport) { tr.PauseReading() } // before reading begins
			tr, peer := sockPair(t, c, p)
			require.False(t, tr.IsReading())
			tr.PauseReading()
			_, err := peer.Write([]byte("while paused"))
			require.NoError(t, err)
			require.NoError(t, asyncio.Sleep(c, 5*time.Millisecond))
			o.add("resuming")
			tr.ResumeReading()
			tr.ResumeReading()
			require.True(t, tr.IsReading())
			sockUntil(t, c, "data", func() bool { return len(p.got) > 0 })
			tr.Close()
			require.False(t, tr.IsReading())
			tr.ResumeReading()
			tr.PauseReading()
			require.False(t, tr.IsReading())
			_, err = p.lost.Await(c)
			return err
		})
		require.Equal(t, trace{"made", "resuming", "data while paused", "lost nil"}, o)
	})
	t.Run("N08 a protocol that fails loses its connection, TR-10", func(t *testing.T) {
		var o trace
		sockRun(t, &o, func(c ctx) error {
			p := sockNew(c, "", &o)
			p.data = func([]byte) { panic("ValueError") }
			_, peer := sockPair(t, c, p)
			_, err := peer.Write([]byte("x"))
			require.NoError(t, err)
			lost, err := p.lost.Await(c)
			var panicked *asyncio.PanicError
			require.ErrorAs(t, lost, &panicked)
			require.Equal(t, "ValueError", panicked.Value)
			return err
		})
		require.Equal(t, trace{"made", "data x",
			"handler: Fatal error: protocol.data_received() call failed. transport protocol: panic: ValueError",
			"lost panic: ValueError"}, o)
	})
	t.Run("N09 a server closes, and its connection lives, SV-04", func(t *testing.T) {
		var o trace
		sockRun(t, nil, func(c ctx) error {
			var served *sockProto
			s, err := asyncio.CreateServer(c, func() asyncio.Protocol { served = sockNew(c, "s ", &o); return served }, "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			address := s.Addrs()[0].String()
			require.True(t, s.IsServing())
			cp := sockNew(c, "c ", nil)
			tr, _, err := asyncio.CreateConnection(c, func() *sockProto { return cp }, "tcp", address)
			require.NoError(t, err)
			sockUntil(t, c, "connection", func() bool { return served != nil && served.t != nil })
			s.Close()
			require.False(t, s.IsServing())
			require.Empty(t, s.Addrs())
			waiting := spawn(c, s.WaitClosed)
			_, err = tr.Write([]byte("still"))
			require.NoError(t, err)
			sockUntil(t, c, "data", func() bool { return len(served.got) > 0 })
			require.False(t, waiting.Done())
			_, _, err = asyncio.CreateConnection(c, func() *sockProto { return sockNew(c, "", nil) }, "tcp", address)
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			require.ErrorIs(t, s.StartServing(c), asyncio.ErrServerClosed)
			require.ErrorIs(t, s.ServeForever(c), asyncio.ErrServerClosed)
			tr.Close()
			_, err = waiting.Await(c)
			require.NoError(t, err)
			require.NoError(t, s.WaitClosed(c))
			return nil
		})
		require.Equal(t, trace{"s made", "s data still", "s eof", "s lost nil"}, o)
	})
	t.Run("N10 CloseClients", func(t *testing.T) {
		var o trace
		sockRun(t, nil, func(c ctx) error {
			s, err := asyncio.CreateServer(c, func() asyncio.Protocol { return sockNew(c, "s ", &o) }, "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			cp := sockNew(c, "c ", &o)
			_, _, err = asyncio.CreateConnection(c, func() *sockProto { return cp }, "tcp", s.Addrs()[0].String())
			require.NoError(t, err)
			sockUntil(t, c, "connection", func() bool { return len(o) == 2 })
			s.Close()
			s.CloseClients()
			require.NoError(t, s.WaitClosed(c))
			o.add("closed")
			_, err = cp.lost.Await(c)
			return err
		})
		require.ElementsMatch(t, trace{"c made", "s made", "s lost nil", "closed", "c eof", "c lost nil"}, o)
		require.Equal(t, "s lost nil", o[2])
	})
	t.Run("N31 a refused connection", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			address := l.Addr().String()
			require.NoError(t, l.Close())
			factory := func() asyncio.Protocol { return asyncio.BaseProtocol{} }
			_, _, err = asyncio.CreateConnection(c, factory, "tcp", address)
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			var op *net.OpError
			require.ErrorAs(t, err, &op)
			require.Equal(t, "dial", op.Op)
			require.Equal(t, address, op.Addr.String())
			require.False(t, errors.As(err, new(*asyncio.ConnectError)))
			_, _, err = asyncio.CreateConnection(c, factory, "tcp", address, asyncio.WithAllErrors())
			var group *asyncio.ConnectError
			require.ErrorAs(t, err, &group)
			require.Len(t, group.Errs, 1)
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			return nil
		})
	})
}
