package net_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdnet "net"
	"os"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent/net"
)

// tcpConn and tcpListener are what package net's types and ours have in common.
type tcpConn interface {
	net.Conn
	syscall.Conn
	io.ReaderFrom
	io.WriterTo
	CloseRead() error
	CloseWrite() error
	File() (*os.File, error)
	SetKeepAlive(bool) error
	SetKeepAliveConfig(net.KeepAliveConfig) error
	SetKeepAlivePeriod(time.Duration) error
	SetLinger(int) error
	SetNoDelay(bool) error
	SetReadBuffer(int) error
	SetWriteBuffer(int) error
}

type tcpListener interface {
	net.Listener
	syscall.Conn
	File() (*os.File, error)
	SetDeadline(time.Time) error
}

var (
	_ tcpConn     = (*stdnet.TCPConn)(nil)
	_ tcpConn     = (*net.TCPConn)(nil)
	_ tcpListener = (*stdnet.TCPListener)(nil)
	_ tcpListener = (*net.TCPListener)(nil)
)

// library is package net, or ours, for a test that runs on both.
type library struct {
	dial     func(network, address string) (net.Conn, error)
	dialWith func(d stdnet.Dialer, ctx context.Context, network, address string) (net.Conn, error)
	dialTCP  func(network string, l, r *net.TCPAddr) (tcpConn, error)
	listen   func(network, address string) (net.Listener, error)
	zeroConn tcpConn
	zeroL    tcpListener
}

var standard = library{
	dial: stdnet.Dial,
	dialWith: func(d stdnet.Dialer, ctx context.Context, network, address string) (net.Conn, error) {
		return d.DialContext(ctx, network, address)
	},
	dialTCP: func(network string, l, r *net.TCPAddr) (tcpConn, error) {
		return stdnet.DialTCP(network, l, r)
	},
	listen:   stdnet.Listen,
	zeroConn: new(stdnet.TCPConn),
	zeroL:    new(stdnet.TCPListener),
}

var ours = library{
	dial: net.Dial,
	dialWith: func(d stdnet.Dialer, ctx context.Context, network, address string) (net.Conn, error) {
		o := net.Dialer{Timeout: d.Timeout, Deadline: d.Deadline, LocalAddr: d.LocalAddr, Resolver: d.Resolver,
			Control: d.Control,
			//lint:ignore SA1019 it is a field of both Dialers
			Cancel: d.Cancel}
		return o.DialContext(ctx, network, address)
	},
	dialTCP: func(network string, l, r *net.TCPAddr) (tcpConn, error) {
		return net.DialTCP(network, l, r)
	},
	listen:   net.Listen,
	zeroConn: new(net.TCPConn),
	zeroL:    new(net.TCPListener),
}

// pair returns two ends of a connection that are closed at the test's end.
func (lib library) pair(t *testing.T) (client, server tcpConn) {
	l, err := lib.listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	c, err := lib.dial("tcp", l.Addr().String())
	require.NoError(t, err)
	s, err := l.Accept()
	require.NoError(t, err)
	return c.(tcpConn), s.(tcpConn)
}

func (lib library) listener(t *testing.T) tcpListener {
	l, err := lib.listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l.(tcpListener)
}

// reset makes c's peer see a reset connection.
func reset(t *testing.T, c tcpConn) {
	require.NoError(t, c.SetLinger(0))
	require.NoError(t, c.Close())
	time.Sleep(5 * time.Millisecond) // it is the kernel's loopback that must run
}

var (
	loopback = stdnet.IPv4(127, 0, 0, 1)
	one      = make([]byte, 1)
)

// onConn makes a case of what is done to a conn.
func onConn(f func(t *testing.T, c, peer tcpConn) error) func(*testing.T, library) error {
	return func(t *testing.T, lib library) error {
		c, peer := lib.pair(t)
		defer c.Close()
		defer peer.Close()
		return f(t, c, peer)
	}
}

// onListener makes a case of what is done to a listener.
func onListener(f func(t *testing.T, l tcpListener) error) func(*testing.T, library) error {
	return func(t *testing.T, lib library) error {
		l := lib.listener(t)
		defer l.Close()
		return f(t, l)
	}
}

// dialling makes a case of a Dial.
func dialling(network, address string) func(*testing.T, library) error {
	return func(t *testing.T, lib library) error {
		_, err := lib.dial(network, address)
		return err
	}
}

func listening(network, address string) func(*testing.T, library) error {
	return func(t *testing.T, lib library) error {
		_, err := lib.listen(network, address)
		return err
	}
}

func diallingWith(d stdnet.Dialer, network, address string) func(*testing.T, library) error {
	return func(t *testing.T, lib library) error {
		_, err := lib.dialWith(d, context.Background(), network, address)
		return err
	}
}

// free returns an address on which nobody listens.
func free(t *testing.T) *net.TCPAddr {
	l, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr)
}

func second(_ any, err error) error { return err }

// misuses are run on package net and on ours.
var misuses = []struct {
	name string
	f    func(*testing.T, library) error
}{
	{"dial of an unknown network", dialling("bogus", "127.0.0.1:1")},
	{"dial of nothing", dialling("tcp", "")},
	{"dial without a port", dialling("tcp", "127.0.0.1")},
	{"dial of a port out of range", dialling("tcp", "127.0.0.1:65536")},
	{"dial of a negative port", dialling("tcp", "127.0.0.1:-1")},
	{"dial of an unknown service", dialling("tcp", "127.0.0.1:no-such-service")},
	{"dial of too many colons", dialling("tcp", "::1:80")},
	{"dial of an unclosed bracket", dialling("tcp", "[::1:80")},
	{"dial of an IPv6 address with tcp4", dialling("tcp4", "[::1]:1")},
	{"dial of an IPv4 address with tcp6", dialling("tcp6", "127.0.0.1:1")},
	{"dial refused", func(t *testing.T, lib library) error {
		return second(lib.dial("tcp", free(t).String()))
	}},
	{"dial refused by every address of a name", func(t *testing.T, lib library) error {
		return second(lib.dial("tcp4", fmt.Sprintf("localhost:%d", free(t).Port)))
	}},
	{"dial that took too long before it began", diallingWith(stdnet.Dialer{Timeout: -1}, "tcp", "127.0.0.1:1")},
	{"dial from an address of another kind", diallingWith(stdnet.Dialer{LocalAddr: &net.UDPAddr{}}, "tcp", "127.0.0.1:1")},
	{"dial from an address of another family", diallingWith(stdnet.Dialer{LocalAddr: &net.TCPAddr{IP: loopback}}, "tcp", "[::1]:1")},
	{"dial from an address of another machine", diallingWith(stdnet.Dialer{LocalAddr: &net.TCPAddr{IP: stdnet.IPv4(203, 0, 113, 1)}}, "tcp", "127.0.0.1:1")},
	{"dial of a name that cannot be looked up", diallingWith(stdnet.Dialer{Resolver: &net.Resolver{PreferGo: true,
		Dial: func(context.Context, string, string) (net.Conn, error) { return nil, syscall.EHOSTUNREACH }}}, "tcp", "no.such.name.invalid:1")},
	{"dial whose control function fails", diallingWith(stdnet.Dialer{Control: func(string, string, syscall.RawConn) error { return io.ErrNoProgress }}, "tcp", "127.0.0.1:1")},
	{"dial with a context that is cancelled", func(t *testing.T, lib library) error {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return second(lib.dialWith(stdnet.Dialer{}, ctx, "tcp", "127.0.0.1:1"))
	}},
	{"DialTCP of another network", func(t *testing.T, lib library) error {
		return second(lib.dialTCP("udp", nil, &net.TCPAddr{IP: loopback, Port: 1}))
	}},
	{"DialTCP of nil", func(t *testing.T, lib library) error { return second(lib.dialTCP("tcp", nil, nil)) }},
	{"DialTCP of an IPv6 address with tcp4", func(t *testing.T, lib library) error {
		return second(lib.dialTCP("tcp4", nil, &net.TCPAddr{IP: stdnet.IPv6loopback, Port: 1}))
	}},
	{"DialTCP of an address that is none", func(t *testing.T, lib library) error {
		return second(lib.dialTCP("tcp", nil, &net.TCPAddr{IP: net.IP{1, 2, 3}, Port: 1}))
	}},
	{"DialTCP refused", func(t *testing.T, lib library) error {
		return second(lib.dialTCP("tcp", &net.TCPAddr{IP: loopback}, free(t)))
	}},

	{"listen on an unknown network", listening("bogus", "127.0.0.1:0")},
	{"listen without a port", listening("tcp", "127.0.0.1")},
	{"listen on a port out of range", listening("tcp", "127.0.0.1:65536")},
	{"listen on an address of another machine", listening("tcp", "203.0.113.1:0")},
	{"listen on an IPv6 address with tcp4", listening("tcp4", "[::1]:0")},
	{"listen on an address in use", func(t *testing.T, lib library) error {
		l := lib.listener(t)
		defer l.Close()
		return second(lib.listen("tcp", l.Addr().String()))
	}},

	{"accept after close", onListener(func(t *testing.T, l tcpListener) error { l.Close(); return second(l.Accept()) })},
	{"accept after the deadline", onListener(func(t *testing.T, l tcpListener) error {
		require.NoError(t, l.SetDeadline(time.Now().Add(-1)))
		return second(l.Accept())
	})},
	{"accept until the deadline", onListener(func(t *testing.T, l tcpListener) error {
		require.NoError(t, l.SetDeadline(time.Now().Add(2*time.Millisecond)))
		return second(l.Accept())
	})},
	{"close of a closed listener", onListener(func(t *testing.T, l tcpListener) error { l.Close(); return l.Close() })},
	{"deadline of a closed listener", onListener(func(t *testing.T, l tcpListener) error { l.Close(); return l.SetDeadline(time.Now()) })},
	{"file of a closed listener", onListener(func(t *testing.T, l tcpListener) error { l.Close(); return second(l.File()) })},
	{"raw read of a listener", onListener(func(t *testing.T, l tcpListener) error {
		raw, err := l.SyscallConn()
		require.NoError(t, err)
		return raw.Read(func(uintptr) bool { return true })
	})},

	{"read after the deadline", onConn(func(t *testing.T, c, _ tcpConn) error {
		require.NoError(t, c.SetDeadline(time.Now().Add(-1)))
		return second(c.Read(one))
	})},
	{"read until the deadline", onConn(func(t *testing.T, c, _ tcpConn) error {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(2*time.Millisecond)))
		return second(c.Read(one))
	})},
	{"write until the deadline", onConn(func(t *testing.T, c, _ tcpConn) error {
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
		return second(c.Write(make([]byte, 64<<20)))
	})},
	{"read at the end", onConn(func(t *testing.T, c, peer tcpConn) error { peer.Close(); return second(c.Read(one)) })},
	{"read after close", onConn(func(t *testing.T, c, _ tcpConn) error { c.Close(); return second(c.Read(one)) })},
	{"read of nothing after close", onConn(func(t *testing.T, c, _ tcpConn) error { c.Close(); return second(c.Read(nil)) })},
	{"read of nothing", onConn(func(t *testing.T, c, _ tcpConn) error { return second(c.Read(nil)) })},
	{"write after close", onConn(func(t *testing.T, c, _ tcpConn) error { c.Close(); return second(c.Write(one)) })},
	{"write of nothing", onConn(func(t *testing.T, c, _ tcpConn) error { return second(c.Write(nil)) })},
	{"close of a closed conn", onConn(func(t *testing.T, c, _ tcpConn) error { c.Close(); return c.Close() })},
	{"deadline of a closed conn", onConn(func(t *testing.T, c, _ tcpConn) error { c.Close(); return c.SetDeadline(time.Now()) })},
	{"read deadline of a closed conn", onConn(func(t *testing.T, c, _ tcpConn) error { c.Close(); return c.SetReadDeadline(time.Time{}) })},
	{"write deadline of a closed conn", onConn(func(t *testing.T, c, _ tcpConn) error { c.Close(); return c.SetWriteDeadline(time.Now()) })},
	{"no delay of a closed conn", onConn(func(t *testing.T, c, _ tcpConn) error { c.Close(); return c.SetNoDelay(true) })},
	{"linger of a closed conn", onConn(func(t *testing.T, c, _ tcpConn) error { c.Close(); return c.SetLinger(0) })},
	{"keep-alive of a closed conn", onConn(func(t *testing.T, c, _ tcpConn) error { c.Close(); return c.SetKeepAlive(true) })},
	{"keep-alive period of a closed conn", onConn(func(t *testing.T, c, _ tcpConn) error { c.Close(); return c.SetKeepAlivePeriod(time.Second) })},
	{"keep-alive configuration that is invalid", onConn(func(t *testing.T, c, _ tcpConn) error {
		return c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Count: 1 << 30})
	})},
	{"read buffer of a closed conn", onConn(func(t *testing.T, c, _ tcpConn) error { c.Close(); return c.SetReadBuffer(1) })},
	{"write buffer of a closed conn", onConn(func(t *testing.T, c, _ tcpConn) error { c.Close(); return c.SetWriteBuffer(1) })},
	{"file of a closed conn", onConn(func(t *testing.T, c, _ tcpConn) error { c.Close(); return second(c.File()) })},
	{"half-close of a closed conn", onConn(func(t *testing.T, c, _ tcpConn) error { c.Close(); return c.CloseWrite() })},
	{"half-close of a reset conn", onConn(func(t *testing.T, c, peer tcpConn) error { reset(t, peer); return c.CloseWrite() })},
	{"read after CloseRead", onConn(func(t *testing.T, c, _ tcpConn) error {
		require.NoError(t, c.CloseRead())
		return second(c.Read(one))
	})},
	{"write after CloseWrite", onConn(func(t *testing.T, c, _ tcpConn) error {
		require.NoError(t, c.CloseWrite())
		return second(c.Write(one))
	})},
	{"read after a reset", onConn(func(t *testing.T, c, peer tcpConn) error { reset(t, peer); return second(c.Read(one)) })},
	{"write after a reset", onConn(func(t *testing.T, c, peer tcpConn) error { reset(t, peer); return second(c.Write(one)) })},
	{"second write after a reset", onConn(func(t *testing.T, c, peer tcpConn) error {
		reset(t, peer)
		_, _ = c.Write(one)
		return second(c.Write(one))
	})},
	{"ReadFrom of what fails", onConn(func(t *testing.T, c, _ tcpConn) error {
		return second(c.ReadFrom(io.MultiReader(errReader{})))
	})},
	{"WriteTo after the deadline", onConn(func(t *testing.T, c, _ tcpConn) error {
		require.NoError(t, c.SetDeadline(time.Now().Add(-1)))
		return second(c.WriteTo(io.Discard))
	})},
	{"raw control of a closed conn", onConn(func(t *testing.T, c, _ tcpConn) error {
		raw, err := c.SyscallConn()
		require.NoError(t, err)
		c.Close()
		return raw.Control(func(uintptr) {})
	})},
	{"raw read of a closed conn", onConn(func(t *testing.T, c, _ tcpConn) error {
		raw, err := c.SyscallConn()
		require.NoError(t, err)
		c.Close()
		return raw.Read(func(uintptr) bool { return true })
	})},
	{"raw write after the deadline", onConn(func(t *testing.T, c, _ tcpConn) error {
		raw, err := c.SyscallConn()
		require.NoError(t, err)
		require.NoError(t, c.SetDeadline(time.Now().Add(-1)))
		return raw.Write(func(uintptr) bool { return false })
	})},

	{"write of a zero conn", func(t *testing.T, lib library) error { return second(lib.zeroConn.Write(one)) }},
	{"deadline of a zero conn", func(t *testing.T, lib library) error { return lib.zeroConn.SetDeadline(time.Time{}) }},
	{"half-close of a zero conn", func(t *testing.T, lib library) error { return lib.zeroConn.CloseWrite() }},
	{"copy of a zero conn", func(t *testing.T, lib library) error { return second(lib.zeroConn.WriteTo(io.Discard)) }},
	{"option of a zero conn", func(t *testing.T, lib library) error { return lib.zeroConn.SetNoDelay(true) }},
	{"accept of a zero listener", func(t *testing.T, lib library) error { return second(lib.zeroL.Accept()) }},
	{"close of a zero listener", func(t *testing.T, lib library) error { return lib.zeroL.Close() }},
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrNoProgress }

var port = regexp.MustCompile(`:[1-9]\d+\b`)

// describe tells everything about an error that a program can see, with ports
// left out.
func describe(err error) string {
	if err == nil {
		return "nil"
	}
	text := fmt.Sprintf("%q", err)
	for e := err; e != nil; e = errors.Unwrap(e) {
		text += fmt.Sprintf("\n  %T", e)
		if op, ok := e.(*net.OpError); ok {
			text += fmt.Sprintf(" %s %s source %v addr %v temporary %v", op.Op, op.Net, op.Source, op.Addr, op.Temporary())
		}
		if s, ok := e.(*os.SyscallError); ok {
			text += " " + s.Syscall
		}
	}
	for _, target := range []error{
		io.EOF, net.ErrClosed, os.ErrDeadlineExceeded, context.Canceled, context.DeadlineExceeded,
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EADDRINUSE, syscall.EADDRNOTAVAIL, syscall.EPIPE,
		syscall.EINVAL, syscall.ENOTCONN,
	} {
		// All time-outs of this module are os.ErrDeadlineExceeded; of package
		// net's, those of a dial are not.
		if target == os.ErrDeadlineExceeded && errors.Is(err, context.DeadlineExceeded) {
			continue
		}
		if errors.Is(err, target) {
			text += fmt.Sprintf("\n  is %v", target)
		}
	}
	var ne net.Error
	if errors.As(err, &ne) {
		text += fmt.Sprintf("\n  timeout %v", ne.Timeout())
	}
	return port.ReplaceAllString(text, ":PORT")
}

func TestErrorsAreThoseOfPackageNet(t *testing.T) {
	keepsDescriptors(t)
	for _, m := range misuses {
		t.Run(m.name, func(t *testing.T) {
			want := describe(m.f(t, standard))
			t.Run("made outside", func(t *testing.T) { require.Equal(t, want, describe(m.f(t, ours))) })
			t.Run("in a greenlet", func(t *testing.T) {
				run(t, func() { require.Equal(t, want, describe(m.f(t, ours))) })
			})
		})
	}
}
