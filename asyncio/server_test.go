//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/netpoll"
)

// sockServer is a server whose protocols echo and are kept.
type sockServer struct {
	*asyncio.Server
	protos []*sockProto
}

func sockServe(t testing.TB, c ctx, network, address string, opts ...asyncio.ServerOption) *sockServer {
	t.Helper()
	s := new(sockServer)
	var err error
	s.Server, err = asyncio.CreateServer(c, func() asyncio.Protocol {
		p := sockNew(c, "", nil)
		p.data = func(b []byte) { _, _ = p.t.Write(b) }
		s.protos = append(s.protos, p)
		return p
	}, network, address, opts...)
	require.NoError(t, err)
	return s
}

// sockDial connects to an address.
func sockDial(t testing.TB, c ctx, network, address string, opts ...asyncio.ConnectOption) *sockProto {
	t.Helper()
	_, p, err := asyncio.CreateConnection(c, func() *sockProto { return sockNew(c, "", nil) }, network, address, opts...)
	require.NoError(t, err)
	return p
}

// sockTalk checks that the other end echoes.
func sockTalk(t testing.TB, c ctx, p *sockProto) {
	t.Helper()
	p.got = nil
	_, err := p.t.Write([]byte("hello"))
	require.NoError(t, err)
	sockUntil(t, c, "echo", func() bool { return string(p.got) == "hello" })
}

func TestSV01WaitClosed(t *testing.T) {
	t.Run("waits for the close, then for the connections", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			s := sockServe(t, c, "tcp", "127.0.0.1:0")
			a := sockDial(t, c, "tcp", s.Addrs()[0].String())
			sockTalk(t, c, a)
			waiting := spawn(c, s.WaitClosed)
			_ = asyncio.Sleep(c, 0)
			s.Close()
			_ = asyncio.Sleep(c, 0)
			require.False(t, waiting.Done())
			a.t.Close()
			_, err := waiting.Await(c)
			return err
		})
	})
	t.Run("when the connections end first", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			s := sockServe(t, c, "tcp", "127.0.0.1:0")
			a := sockDial(t, c, "tcp", s.Addrs()[0].String())
			sockTalk(t, c, a)
			waiting := spawn(c, s.WaitClosed)
			a.t.Close()
			_, err := s.protos[0].lost.Await(c)
			require.NoError(t, err)
			require.False(t, waiting.Done())
			s.Close()
			s.Close()
			_, err = waiting.Await(c)
			require.NoError(t, err)
			return s.WaitClosed(c)
		})
	})
	t.Run("can be cancelled, and outlived by a ctx", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			s := sockServe(t, c, "tcp", "127.0.0.1:0")
			waiting := spawn(c, s.WaitClosed)
			_ = asyncio.Sleep(c, 0)
			waiting.Cancel()
			_, err := waiting.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			short, cancel := context.WithTimeout(c, time.Millisecond)
			defer cancel()
			require.ErrorIs(t, s.WaitClosed(short), context.DeadlineExceeded)
			s.Close()
			return s.WaitClosed(c)
		})
	})
}

func TestSV02ClientsAreClosedOrAborted(t *testing.T) {
	for _, abort := range []bool{false, true} {
		t.Run(fmt.Sprint("abort ", abort), func(t *testing.T) {
			sockRun(t, nil, func(c ctx) error {
				s := sockServe(t, c, "tcp", "127.0.0.1:0")
				a := sockDial(t, c, "tcp", s.Addrs()[0].String())
				sockTalk(t, c, a)
				if abort {
					a.t.PauseReading()
					_, err := s.protos[0].t.Write(make([]byte, 16<<20))
					require.NoError(t, err)
					require.Positive(t, s.protos[0].t.WriteBufferSize())
					s.Close()
					s.AbortClients()
				} else {
					s.Close()
					s.CloseClients()
				}
				waiting := spawn(c, s.WaitClosed)
				for range 3 {
					_ = asyncio.Sleep(c, 0)
				}
				require.True(t, waiting.Done(), "within two ticks")
				a.t.Abort()
				_, err := a.lost.Await(c)
				return err
			})
		})
	}
}

func TestSV03TheFileOfAUnixSocket(t *testing.T) {
	serve := func(t *testing.T, path string, f func(c ctx, s *sockServer), opts ...asyncio.ServerOption) {
		sockRun(t, nil, func(c ctx) error {
			s := sockServe(t, c, "unix", path, opts...)
			sockTalkOnce(t, c, "unix", path)
			f(c, s)
			s.Close()
			return s.WaitClosed(c)
		})
	}
	t.Run("is removed", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		serve(t, path, func(ctx, *sockServer) {})
		require.NoFileExists(t, path)
	})
	t.Run("is kept on demand, and replaced by the next server", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		serve(t, path, func(ctx, *sockServer) {}, asyncio.WithoutSocketCleanup())
		_, err := os.Lstat(path)
		require.NoError(t, err)
		serve(t, path, func(ctx, *sockServer) {})
		require.NoFileExists(t, path)
	})
	t.Run("is not removed if it is another one by now", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		serve(t, path, func(ctx, *sockServer) {
			require.NoError(t, os.Rename(path, path+"-old"))
			require.NoError(t, os.WriteFile(path, nil, 0o600))
		})
		require.FileExists(t, path)
	})
	t.Run("may have been removed already", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		serve(t, path, func(ctx, *sockServer) { require.NoError(t, os.Remove(path)) })
		require.NoFileExists(t, path)
	})
	t.Run("is no other file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		require.NoError(t, os.WriteFile(path, []byte("precious"), 0o600))
		sockRun(t, nil, func(c ctx) error {
			_, err := asyncio.CreateServer(c, func() asyncio.Protocol { return nil }, "unix", path)
			require.ErrorIs(t, err, syscall.EADDRINUSE)
			require.ErrorContains(t, err, path)
			return nil
		})
		require.FileExists(t, path)
	})
	t.Run("of a listener that exists", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		sockRun(t, nil, func(c ctx) error {
			l, err := net.Listen("unix", path)
			require.NoError(t, err)
			s := sockServe(t, c, "", "", asyncio.WithListener(l))
			require.Equal(t, path, s.Addrs()[0].String())
			sockTalkOnce(t, c, "unix", path)
			s.Close()
			return s.WaitClosed(c)
		})
		require.NoFileExists(t, path)
	})
}

// sockTalkOnce makes a connection, talks and closes it.
func sockTalkOnce(t testing.TB, c ctx, network, address string) {
	t.Helper()
	p := sockDial(t, c, network, address)
	sockTalk(t, c, p)
	p.t.Close()
	_, err := p.lost.Await(c)
	require.NoError(t, err)
}

func TestSV04ServeForever(t *testing.T) {
	t.Run("ends with the task, and closes the server", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			s := sockServe(t, c, "tcp", "127.0.0.1:0", asyncio.WithoutServing())
			address := s.Addrs()[0].String()
			require.False(t, s.IsServing())
			_, _, err := asyncio.CreateConnection(c, func() asyncio.Protocol { return asyncio.BaseProtocol{} }, "tcp", address)
			require.ErrorIs(t, err, syscall.ECONNREFUSED, "it does not listen yet")
			serving := spawn(c, s.ServeForever)
			_ = asyncio.Sleep(c, 0)
			require.True(t, s.IsServing())
			require.ErrorIs(t, s.ServeForever(c), asyncio.ErrServing)
			require.NoError(t, s.StartServing(c), "it does already")
			sockTalkOnce(t, c, "tcp", address)
			serving.Cancel()
			_, err = serving.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			require.Empty(t, s.Addrs())
			require.ErrorIs(t, s.ServeForever(c), asyncio.ErrServerClosed)
			require.ErrorContains(t, s.ServeForever(c), "the server is closed")
			return nil
		})
	})
	t.Run("ends with Close", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			s := sockServe(t, c, "tcp", "127.0.0.1:0")
			serving := spawn(c, func(c ctx) error {
				require.ErrorIs(t, s.ServeForever(c), asyncio.ErrServerClosed)
				return nil
			})
			_ = asyncio.Sleep(c, 0)
			s.Close()
			_, err := serving.Await(c)
			return err
		})
	})
	t.Run("ends with its ctx", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			s := sockServe(t, c, "tcp", "127.0.0.1:0")
			short, cancel := context.WithTimeout(c, time.Millisecond)
			defer cancel()
			require.ErrorIs(t, s.ServeForever(short), context.DeadlineExceeded)
			require.Empty(t, s.Addrs())
			return s.WaitClosed(c)
		})
	})
}

func TestShutdownDrainsAndThenAborts(t *testing.T) {
	t.Run("in time", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			s := sockServe(t, c, "tcp", "127.0.0.1:0")
			a := sockDial(t, c, "tcp", s.Addrs()[0].String())
			sockTalk(t, c, a)
			asyncio.RunningLoop(c).CallLater(time.Millisecond, func() { a.t.Close() })
			require.NoError(t, s.Shutdown(c))
			lost, err := s.protos[0].lost.Await(c)
			require.NoError(t, lost)
			return err
		})
	})
	t.Run("too late", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			s := sockServe(t, c, "tcp", "127.0.0.1:0")
			idle := sockDial(t, c, "tcp", s.Addrs()[0].String())
			sockTalk(t, c, idle)
			other := sockDial(t, c, "tcp", s.Addrs()[0].String())
			sockTalk(t, c, other)
			short, cancel := context.WithTimeout(c, 5*time.Millisecond)
			defer cancel()
			err := s.Shutdown(short)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorContains(t, err, "2 connections aborted")
			require.NoError(t, s.WaitClosed(c))
			_, err = idle.lost.Await(c)
			require.NoError(t, err)
			_, err = other.lost.Await(c)
			return err
		})
	})
	t.Run("cancelled", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			s := sockServe(t, c, "tcp", "127.0.0.1:0")
			idle := sockDial(t, c, "tcp", s.Addrs()[0].String())
			sockTalk(t, c, idle)
			down := spawn(c, s.Shutdown)
			_ = asyncio.Sleep(c, 0)
			down.Cancel()
			_, err := down.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			require.NoError(t, s.WaitClosed(c))
			_, err = idle.lost.Await(c)
			return err
		})
	})
}

func TestNT06WhereAServerListens(t *testing.T) {
	t.Run("several hosts, each once", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			s := sockServe(t, c, "tcp", "127.0.0.1:0", asyncio.WithHosts("127.0.0.2", "127.0.0.1"))
			require.Len(t, s.Addrs(), 2)
			for _, a := range s.Addrs() {
				sockTalkOnce(t, c, "tcp", a.String())
			}
			s.Close()
			return s.WaitClosed(c)
		})
	})
	t.Run("everywhere, in both families", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			free, err := net.Listen("tcp", ":0")
			require.NoError(t, err)
			_, port, _ := net.SplitHostPort(free.Addr().String())
			require.NoError(t, free.Close())
			s := sockServe(t, c, "tcp", ":"+port)
			sockTalkOnce(t, c, "tcp", "127.0.0.1:"+port)
			if len(s.Addrs()) == 2 {
				sockTalkOnce(t, c, "tcp", "[::1]:"+port)
			}
			s.Close()
			s = sockServe(t, c, "tcp4", ":"+port)
			require.Len(t, s.Addrs(), 1)
			sockTalkOnce(t, c, "tcp", "127.0.0.1:"+port)
			s.Close()
			return s.WaitClosed(c)
		})
	})
	t.Run("a port that is in use, and then nothing is left open", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			l, err := net.Listen("tcp", "127.0.0.2:0")
			require.NoError(t, err)
			defer l.Close()
			_, port, _ := net.SplitHostPort(l.Addr().String())
			before := sockOpen(t)
			_, err = asyncio.CreateServer(c, func() asyncio.Protocol { return nil }, "tcp", "127.0.0.1:"+port, asyncio.WithHosts("127.0.0.2"))
			require.ErrorIs(t, err, syscall.EADDRINUSE)
			require.ErrorContains(t, err, "127.0.0.2:"+port)
			sockNoMore(t, before)
			return nil
		})
	})
	t.Run("a port that is shared", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			a := sockServe(t, c, "tcp", "127.0.0.1:0", asyncio.WithReusePort(), asyncio.WithBacklog(5))
			b := sockServe(t, c, "tcp", a.Addrs()[0].String(), asyncio.WithReusePort(), asyncio.WithKeepAlive())
			require.Equal(t, a.Addrs()[0].String(), b.Addrs()[0].String())
			a.Close()
			sockTalkOnce(t, c, "tcp", b.Addrs()[0].String())
			b.Close()
			return b.WaitClosed(c)
		})
	})
	t.Run("what is no address", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			for _, bad := range []struct{ network, address, want string }{
				{"udp", "127.0.0.1:0", "unknown network udp"},
				{"tcp", "127.0.0.1", "missing port"},
				{"tcp6", "127.0.0.1:0", "no suitable address"},
				{"tcp4", "[::1]:0", "no suitable address"},
				{"tcp", "192.0.2.1:0", "assign requested address"},
				{"tcp", "127.0.0.1:no-such-service", "no-such-service"},
			} {
				_, err := asyncio.CreateServer(c, func() asyncio.Protocol { return nil }, bad.network, bad.address)
				require.ErrorContains(t, err, bad.want)
				var op *net.OpError
				require.ErrorAs(t, err, &op)
				require.Equal(t, "listen", op.Op)
			}
			return nil
		})
	})
	t.Run("an existing listener", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			s := sockServe(t, c, "", "", asyncio.WithListener(l))
			require.Equal(t, l.Addr().String(), s.Addrs()[0].String())
			require.Same(t, asyncio.RunningLoop(c), s.Loop())
			sockTalkOnce(t, c, "tcp", l.Addr().String())
			s.Close()
			require.NoError(t, s.WaitClosed(c))
			_, err = asyncio.CreateServer(c, func() asyncio.Protocol { return nil }, "", "", asyncio.WithListener(sockNoListener{}))
			require.ErrorIs(t, err, asyncio.ErrNoStreamSocket)
			return nil
		})
	})
}

type sockNoListener struct{ net.Listener }

func (sockNoListener) Close() error { return nil }

func TestNT02MisuseOfConnectionsAndServers(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		factory := func() asyncio.Protocol { return asyncio.BaseProtocol{} }
		conn := asyncio.WithConn(&net.TCPConn{})
		for want, f := range map[string]func(){
			"the factory is nil": func() {
				_, _, _ = asyncio.CreateConnection[asyncio.Protocol](c, nil, "tcp", "127.0.0.1:1")
			},
			"there are an address and an existing socket": func() { _, _, _ = asyncio.CreateConnection(c, factory, "tcp", "127.0.0.1:1", conn) },
			"there are two existing sockets":              func() { _, _, _ = asyncio.CreateConnection(c, factory, "", "", conn, asyncio.WithFD(99)) },
			"neither an address nor an existing socket":   func() { _, _, _ = asyncio.CreateConnection(c, factory, "", "") },
			"the factory or the connection is nil":        func() { _, _, _ = asyncio.ConnectAcceptedSocket(c, factory, nil) },
			"asyncio.CreateServer: the factory is nil":    func() { _, _ = asyncio.CreateServer(c, nil, "tcp", "127.0.0.1:0") },
			"an address and an existing listener": func() {
				_, _ = asyncio.CreateServer(c, factory, "tcp", "127.0.0.1:0", asyncio.WithListener(sockNoListener{}))
			},
			"neither an address nor an existing listener": func() { _, _ = asyncio.CreateServer(c, factory, "", "") },
			"asyncio.WithBacklog":                         func() { asyncio.WithBacklog(0) },
			"asyncio.WithTLS: the tls.Config is nil":      func() { asyncio.WithTLS(nil) },
		} {
			panicSays(t, want, f)
		}
		return nil
	})
	panicSays(t, "no event loop runs here", func() {
		_, _ = asyncio.CreateServer(t.Context(), func() asyncio.Protocol { return nil }, "tcp", "127.0.0.1:0")
	})
}

func TestNT07BothEndsOfAConnection(t *testing.T) {
	sockRun(t, nil, func(c ctx) error {
		s := sockServe(t, c, "tcp", "127.0.0.1:0")
		a := sockDial(t, c, "tcp", s.Addrs()[0].String())
		sockTalk(t, c, a)
		b := s.protos[0]
		require.Equal(t, a.t.LocalAddr().String(), b.t.RemoteAddr().String())
		require.Equal(t, a.t.RemoteAddr().String(), b.t.LocalAddr().String())
		require.Equal(t, a.t.ExtraInfo("peername"), a.t.RemoteAddr())
		require.Equal(t, fmt.Sprintf("tcp %v->%v", a.t.LocalAddr(), a.t.RemoteAddr()), fmt.Sprint(a.t))
		require.Equal(t, "server at tcp "+s.Addrs()[0].String(), fmt.Sprint(s.Server))
		s.Close()
		require.Equal(t, "server (closed)", fmt.Sprint(s.Server))
		a.t.Close()
		_, err := b.lost.Await(c)
		require.NoError(t, err)
		require.True(t, b.t.IsClosing())
		return s.WaitClosed(c)
	})
}

func TestAConnectionThatCannotBeMadeIsReportedAndClosed(t *testing.T) {
	for name, factory := range map[string]func() asyncio.Protocol{
		"panic: oops":                       func() asyncio.Protocol { panic("oops") },
		"asyncio: the factory returned nil": func() asyncio.Protocol { return nil },
	} {
		var o trace
		sockRun(t, &o, func(c ctx) error {
			s, err := asyncio.CreateServer(c, factory, "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			p := sockDial(t, c, "tcp", s.Addrs()[0].String())
			_, err = p.lost.Await(c)
			require.NoError(t, err)
			s.Close()
			return s.WaitClosed(c)
		})
		require.Equal(t, trace{"handler: Error on transport creation for incoming connection: " + name}, o)
	}
}

func TestAServerThatIsNotClosedClosesWithItsLoop(t *testing.T) {
	before := sockOpen(t)
	var o trace
	var waiting net.Conn
	sockRun(t, &o, func(c ctx) error {
		s := sockServe(t, c, "tcp", "127.0.0.1:0")
		var err error
		waiting, err = net.Dial("tcp", s.Addrs()[0].String()) // which nobody gets to accept
		return err
	})
	require.Len(t, o, 1)
	require.True(t, strings.HasPrefix(o[0], "handler: unclosed server at tcp 127.0.0.1:"), o[0])
	require.NoError(t, waiting.SetDeadline(time.Now().Add(time.Minute)))
	_, err := io.Copy(io.Discard, waiting)
	require.True(t, err == nil || errors.Is(err, syscall.ECONNRESET))
	require.NoError(t, waiting.Close())
	sockNoMore(t, before)
}

// LP-19: when there are no descriptors the server rests for a second, and says so
// once.
func TestLP19AServerWithoutDescriptorsRests(t *testing.T) {
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	restore := func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)) }
	defer restore()
	var o trace
	var times []time.Duration
	l, err := asyncio.NewLoop(asyncio.WithClock(netpoll.NewVirtualClock()),
		asyncio.WithExceptionHandler(func(l *asyncio.Loop, e asyncio.ExceptionContext) {
			require.NotNil(t, e.Socket)
			require.Contains(t, e.String(), "\nsocket: 127.0.0.1:")
			o.add(e.Message, ": ", sockErr(e.Err))
			if times = append(times, l.Time()); len(times) == 2 {
				restore()
			}
		}))
	require.NoError(t, err)
	_, err = asyncio.RunUntilComplete(l, proc(func(c ctx) error {
		s := sockServe(t, c, "tcp", "127.0.0.1:0")
		var clients []net.Conn
		for range 10 {
			n, err := net.Dial("tcp", s.Addrs()[0].String())
			require.NoError(t, err)
			clients = append(clients, n)
		}
		used, err := os.Open(os.DevNull)
		require.NoError(t, err)
		low := limit
		low.Cur = 3
		require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &low))
		require.NoError(t, asyncio.Sleep(c, 10*time.Second))
		require.NoError(t, used.Close())
		require.True(t, s.IsServing())
		require.Len(t, s.protos, 10)
		s.Close()
		for _, n := range clients {
			require.NoError(t, n.Close())
		}
		s.AbortClients()
		return s.WaitClosed(c)
	}))
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.Equal(t, trace{
		"socket.accept() out of system resource: too many open files",
		"socket.accept() out of system resource: too many open files",
	}, o)
	require.Equal(t, time.Second, (times[1] - times[0]).Round(time.Millisecond))
}

func TestAServerThatRestsCanBeClosed(t *testing.T) {
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	restore := func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)) }
	defer restore()
	var o trace
	sockRun(t, &o, func(c ctx) error {
		s := sockServe(t, c, "tcp", "127.0.0.1:0")
		n, err := net.Dial("tcp", s.Addrs()[0].String())
		require.NoError(t, err)
		low := limit
		low.Cur = 3
		require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &low))
		sockUntil(t, c, "report", func() bool { return len(o) > 0 })
		restore()
		s.Close()
		require.NoError(t, n.Close())
		return s.WaitClosed(c)
	})
	require.Len(t, o, 1)
}
