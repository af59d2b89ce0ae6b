//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"context"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// What a protocol panics with is never taken for an error of the connection.
func TestTR12APanicIsReportedAlsoIfItsValueIsAnErrorOfTheSystem(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	for where, set := range map[string]func(*sockProto){
		"data_received": func(p *sockProto) { p.data = func([]byte) { panic(refused) } },
		"eof_received":  func(p *sockProto) { p.eof = func() { panic(refused) } },
	} {
		var o trace
		sockRun(t, &o, func(c ctx) error {
			p := sockNew(c, "p ", nil)
			set(p)
			_, peer := sockPair(t, c, p)
			_, err := peer.Write([]byte("x"))
			require.NoError(t, err)
			require.NoError(t, peer.Close())
			lost, err := p.lost.Await(c)
			require.ErrorIs(t, lost, syscall.ECONNREFUSED)
			return err
		})
		require.Len(t, o, 1)
		require.True(t, strings.HasPrefix(o[0], "handler: Fatal error: protocol."+where+"() call failed. transport protocol"), o[0])
	}
}

func TestADescriptorThatTheLoopUsesIsNotTakenOver(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		l := asyncio.RunningLoop(c)
		fd, peer := sockEnds(t)
		again := func() error {
			_, _, err := asyncio.CreateConnection(c, func() asyncio.Protocol { return sockNew(c, "", nil) }, "", "", asyncio.WithFD(fd))
			return err
		}
		require.NoError(t, l.AddReader(fd, func() {}))
		require.ErrorIs(t, again(), asyncio.ErrFDUsed)
		require.True(t, l.RemoveReader(fd))
		p := sockNew(c, "", nil)
		tr, _, err := asyncio.CreateConnection(c, func() asyncio.Protocol { return p }, "", "", asyncio.WithFD(fd))
		require.NoError(t, err)
		require.ErrorIs(t, again(), asyncio.ErrFDUsed)
		_, err = tr.Write([]byte("still there"))
		require.NoError(t, err)
		require.Equal(t, "still there", sockRead(t, c, peer, 11))
		tr.Close()
		_, err = p.lost.Await(c)
		require.NoError(t, err)
		next, _ := sockEnds(t) // which has the number that is free now
		defer syscall.Close(next)
		require.NoError(t, l.AddReader(next, func() {}))
		require.True(t, l.RemoveReader(next))
		return nil
	})
}

func TestAFactoryOfAServerThatExitsLeavesNoConnection(t *testing.T) {
	before := sockOpen(t)
	done := make(chan none)
	go func() { // whom runtime.Goexit ends
		defer close(done)
		_, _ = asyncio.Run(proc(func(c ctx) error {
			s, err := asyncio.CreateServer(c, func() asyncio.Protocol { runtime.Goexit(); return nil }, "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			peer, err := net.Dial("tcp", s.Addrs()[0].String())
			require.NoError(t, err)
			defer peer.Close()
			return asyncio.Sleep(c, time.Minute)
		}), asyncio.WithExceptionHandler(func(*asyncio.Loop, asyncio.ExceptionContext) {}))
	}()
	<-done
	sockNoMore(t, before)
}

func TestRemovingTheCallbackOfAWaitEndsIt(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		fd, _ := sockEnds(t)
		defer syscall.Close(fd)
		require.NoError(t, syscall.SetNonblock(fd, true))
		task := spawn(c, func(c ctx) error {
			_, err := asyncio.SockRecv(c, fd, make([]byte, 1))
			return err
		})
		require.NoError(t, asyncio.Sleep(c, 0))
		require.True(t, asyncio.RunningLoop(c).RemoveReader(fd))
		_, err := task.Await(c)
		require.ErrorContains(t, err, "removed its callback")
		require.False(t, asyncio.RunningLoop(c).RemoveReader(fd))
		return nil
	}))
}

func TestAnInterruptInAProtocolOfAPipeEndsTheRun(t *testing.T) {
	for _, where := range []string{"data", "eof"} {
		l, err := asyncio.NewLoop(asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
			t.Errorf("unexpected: %v", e)
		}))
		require.NoError(t, err)
		rf, wf := pxPipe(t)
		var r *pxProtocol
		_, err = asyncio.RunUntilComplete(l, proc(func(c ctx) error {
			r = pxRead(t, c, nil, rf)
			stop := func() { panic(asyncio.ErrKeyboardInterrupt) }
			if where == "data" {
				r.got = func([]byte) { stop() }
				_, err := wf.Write([]byte("x"))
				require.NoError(t, err)
			} else {
				r.eof = stop
				require.NoError(t, wf.Close())
			}
			return asyncio.Sleep(c, time.Minute)
		}))
		require.ErrorIs(t, err, asyncio.ErrKeyboardInterrupt, where)
		// The task waits still, and the transport has another try.
		r.got, r.eof = nil, nil
		_, err = asyncio.RunUntilComplete(l, proc(func(c ctx) error {
			for _, task := range asyncio.RunningLoop(c).AllTasks() {
				if task.Name() != asyncio.CurrentTask(c).Name() {
					task.Cancel()
				}
			}
			r.t.Close()
			return r.lost(c)
		}))
		require.NoError(t, err)
		require.NoError(t, l.Close())
	}
}

// What a transport is told to read while a file is copied to it goes to its protocol.
func TestUX02DataThatComesWhileAFileIsCopiedIsNotLost(t *testing.T) {
	for _, buffered := range []bool{false, true} {
		sockRun(t, nil, func(c ctx) error {
			var p asyncio.Protocol
			plain := sockNew(c, "", nil)
			p = plain
			if buffered {
				p = &sockEndsBuffered{sockProto: plain}
			}
			tr, peer := sockPair(t, c, p)
			zero, err := os.Open("/dev/zero") // which has no end, and is not for sendfile
			require.NoError(t, err)
			defer zero.Close()
			task := asyncio.CreateTask(c, func(c ctx) (int64, error) { return asyncio.SendFile(c, tr, zero, 0, -1) })
			require.NoError(t, asyncio.Sleep(c, 0))
			_, err = peer.Write([]byte("hello"))
			require.NoError(t, err)
			sockUntil(t, c, "writing that is full", func() bool { return tr.WriteBufferSize() > 0 })
			require.False(t, tr.IsReading())
			tr.ResumeReading()
			sockUntil(t, c, "data", func() bool { return string(plain.got) == "hello" })
			task.Cancel()
			_, err = task.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			tr.Abort()
			_, err = plain.lost.Await(c)
			return err
		})
	}
}

// A sockEndsBuffered reads two bytes at a time.
type sockEndsBuffered struct {
	*sockProto
	buf [2]byte
}

func (b *sockEndsBuffered) GetBuffer(int) []byte { return b.buf[:] }
func (b *sockEndsBuffered) BufferUpdated(n int)  { b.got = append(b.got, b.buf[:n]...) }

// A greenlet that is killed leaves none of its attempts, also of those that succeed
// afterwards, or in that very moment.
func TestNT03KillingWhoConnectsLeavesNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	stuck, err := net.ResolveTCPAddr("tcp", sockStuck(t))
	require.NoError(t, err)
	before := sockOpen(t)
	require.NoError(t, gevent.Run(func() error {
		for hops := range 15 {
			g := gevent.Spawn(func() error {
				_, err := asyncio.Reach(context.Background(), "tcp", []net.Addr{stuck, l.Addr(), l.Addr()}, asyncio.WithHappyEyeballs(0))
				return err
			})
			for range hops {
				gevent.Sleep(0)
			}
			g.Kill()
		}
		for range 20 {
			gevent.Sleep(time.Millisecond)
		}
		require.LessOrEqual(t, sockOpen(t), before+sockLoopDescriptors)
		return nil
	}))
}

// sockLoopDescriptors is how many descriptors a loop has of its own, at most.
const sockLoopDescriptors = 3

func TestWhatIsNoSocketNorTransport(t *testing.T) {
	t.Setenv("BATON_ASYNCIO_DEBUG", "") // debug mode has more to say
	require.NoError(t, run(t, func(c ctx) error {
		panicSays(t, "asyncio.SockConnect: the address is nil", func() { _ = asyncio.SockConnect(c, 0, nil) })
		panicSays(t, "asyncio.SendFile: the transport or the file is nil", func() { _, _ = asyncio.SendFile(c, nil, os.Stdin, 0, 1) })
		return nil
	}))
}

// A process is not started without a stream that it was to have.
func TestAClosedFileIsNoStreamOfAProcess(t *testing.T) {
	leavesNothingE(t)
	require.NoError(t, run(t, func(c ctx) error {
		f, err := os.Open(os.DevNull)
		require.NoError(t, err)
		closed := asyncio.RedirectFile(f)
		require.NoError(t, f.Close())
		_, err = asyncio.CreateSubprocessExec(c, "true", nil, asyncio.WithStdin(asyncio.PIPE), asyncio.WithStderr(closed))
		require.ErrorIs(t, err, os.ErrClosed)
		return nil
	}))
}

// Two threads may pass on the same options.
func TestOptionsAreTheCallers(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		opts := make([]asyncio.ConnectOption, 0, 1)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		peer, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		defer peer.Close()
		conn, err := l.Accept()
		require.NoError(t, err)
		tr, p, err := asyncio.ConnectAcceptedSocket(c, func() *sockProto { return sockNew(c, "", nil) }, conn, opts...)
		require.NoError(t, err)
		require.Nil(t, opts[:1][0])
		tr.Close()
		_, err = p.lost.Await(c)
		return err
	})
}

// ConnectionLost comes once, and never out of a call of the protocol's own.
func TestTR07AbortInResumeWriting(t *testing.T) {
	var o trace
	sockRun(t, nil, func(c ctx) error {
		l := asyncio.RunningLoop(c)
		p := sockNew(c, "", &o)
		tr, peer := sockPair(t, c, p)
		p.resume = func() {
			l.CallSoon(func() { o.add("soon") })
			tr.Abort()
		}
		_, err := tr.Write(make([]byte, 1<<20))
		require.NoError(t, err)
		sockRead(t, c, peer, 2<<20)
		_, err = p.lost.Await(c)
		require.NoError(t, err)
		return asyncio.Sleep(c, 0)
	})
	require.Equal(t, trace{"made", "pause", "resume", "soon", "lost nil"}, o)
}

// A peer that sends much is read in larger pieces, but for the first.
func TestTR10ReadsGrowWithWhatComes(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		p := sockNew(c, "", nil)
		var sizes []int
		p.data = func(b []byte) { sizes = append(sizes, len(b)) }
		p.made = func(tr asyncio.Transport) { tr.PauseReading() }
		tr, peer := sockPair(t, c, p)
		require.NoError(t, peer.(*net.UnixConn).SetWriteBuffer(1<<20))
		require.NoError(t, peer.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
		sent := 0
		for n, err := 0, error(nil); err == nil; sent += n { // until it is full
			n, err = peer.Write(make([]byte, 16<<10))
		}
		tr.ResumeReading()
		sockUntil(t, c, "all of it", func() bool { return len(p.got) == sent })
		require.Equal(t, 64<<10, sizes[0])
		if sent > 256<<10 { // as far as the system lets it
			require.Greater(t, sizes[1], 64<<10)
			require.LessOrEqual(t, sizes[1], 256<<10)
		}
		tr.Close()
		_, err := p.lost.Await(c)
		return err
	})
}

// Both sides become ready at once, and the reader's callback ends the connection.
func TestTR07AbortWhenWritingWasDue(t *testing.T) {
	var o trace
	sockRun(t, nil, func(c ctx) error {
		p := sockNew(c, "", &o)
		tr, peer := sockPair(t, c, p)
		p.data = func([]byte) { tr.Abort() }
		_, err := tr.Write(make([]byte, 1<<20))
		require.NoError(t, err)
		_, err = io.ReadFull(peer, make([]byte, 1<<20-tr.WriteBufferSize()))
		require.NoError(t, err)
		_, err = peer.Write([]byte("x"))
		require.NoError(t, err)
		_, err = p.lost.Await(c)
		require.NoError(t, err)
		return asyncio.Sleep(c, 0)
	})
	require.Equal(t, trace{"made", "pause", "data x", "lost nil"}, o)
}
