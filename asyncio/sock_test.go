//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"bytes"
	"errors"
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
)

// fdSocket returns an IPv4 socket that does not block.
func fdSocket(t testing.TB, kind int) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, kind, 0)
	require.NoError(t, err)
	unix.CloseOnExec(fd)
	require.NoError(t, unix.SetNonblock(fd, true))
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// fdListener returns one that listens on the loopback, and its address.
func fdListener(t testing.TB) (int, *net.TCPAddr) {
	t.Helper()
	fd := fdSocket(t, unix.SOCK_STREAM)
	require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, unix.Listen(fd, 10))
	return fd, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: fdPort(t, fd)}
}

func fdPort(t testing.TB, fd int) int {
	sa, err := unix.Getsockname(fd)
	require.NoError(t, err)
	return sa.(*unix.SockaddrInet4).Port
}

func TestSockFunctions(t *testing.T) {
	real := func(t *testing.T, main func(ctx) error) {
		_, err := asyncio.Run(proc(main))
		require.NoError(t, err)
	}
	t.Run("N21 do not yield if they need not wait", func(t *testing.T) {
		var o trace
		real(t, func(c ctx) error {
			a, b := fdPair(t)
			asyncio.RunningLoop(c).CallSoon(func() { o.add("cs") })
			_, err := asyncio.SockSendAll(c, a, []byte("hi"))
			require.NoError(t, err)
			p := make([]byte, 10)
			n, err := asyncio.SockRecv(c, b, p)
			require.NoError(t, err)
			o.add(string(p[:n]))
			o.add("no yield")
			require.NoError(t, asyncio.Sleep(c, 0))

			w := spawn(c, func(c ctx) error { _, err := asyncio.SockRecv(c, b, p); return err })
			require.NoError(t, asyncio.Sleep(c, 0))
			w.Cancel()
			require.Equal(t, "cancelled", outcome(w.Await(c)))
			require.NoError(t, unix.Shutdown(a, unix.SHUT_WR))
			_, err = asyncio.SockRecv(c, b, p)
			require.ErrorIs(t, err, io.EOF)
			return nil
		})
		require.Equal(t, trace{"hi", "no yield", "cs"}, o)
	})
	t.Run("SK-01 refuse descriptors that block in debug mode", func(t *testing.T) {
		real(t, func(c ctx) error {
			asyncio.RunningLoop(c).SetDebug(true)
			defer asyncio.RunningLoop(c).SetDebug(false)
			a, _ := fdPair(t)
			require.NoError(t, unix.SetNonblock(a, false))
			_, e1 := asyncio.SockRecv(c, a, nil)
			_, _, e2 := asyncio.SockRecvFrom(c, a, nil)
			_, e3 := asyncio.SockSendAll(c, a, nil)
			_, e4 := asyncio.SockSendTo(c, a, nil, nil)
			_, _, e5 := asyncio.SockAccept(c, a)
			_, e6 := asyncio.SockSendFile(c, a, os.Stdin, 0, 0, false)
			for _, err := range []error{e1, e2, e3, e4, e5, e6, asyncio.SockConnect(c, a, &net.TCPAddr{})} {
				require.ErrorIs(t, err, os.ErrInvalid)
				require.ErrorContains(t, err, "the descriptor must not block")
			}
			return nil
		})
	})
	t.Run("SK-02 NT-11 may be cancelled and called again", func(t *testing.T) {
		real(t, func(c ctx) error {
			a, b := fdPair(t)
			p := make([]byte, 10)
			recv := func(c ctx) error { _, err := asyncio.SockRecv(c, b, p); return err }
			for range 3 {
				w := spawn(c, recv)
				require.NoError(t, asyncio.Sleep(c, 0))
				w.Cancel()
				again := spawn(c, recv) // before the first knows
				require.NoError(t, yield(c, 2))
				require.True(t, w.Cancelled())
				fdWrite(t, a, "x")
				_, err := again.Await(c)
				require.NoError(t, err)
			}
			require.False(t, asyncio.RunningLoop(c).RemoveReader(b), "nothing is left")
			return nil
		})
	})
	t.Run("SK-02 lose no data to who is cancelled", func(t *testing.T) {
		real(t, func(c ctx) error {
			a, b := fdPair(t)
			p := make([]byte, 10)
			w := spawn(c, func(c ctx) error { _, err := asyncio.SockRecv(c, b, p); return err })
			require.NoError(t, asyncio.Sleep(c, 0))
			asyncio.RunningLoop(c).CallSoon(func() { w.Cancel() })
			fdWrite(t, a, "kept")
			_, err := w.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			n, err := asyncio.SockRecv(c, b, p)
			require.Equal(t, "kept", string(p[:n]))
			return err
		})
	})
	t.Run("fail when somebody else watches the descriptor", func(t *testing.T) {
		real(t, func(c ctx) error {
			_, b := fdPair(t)
			w := spawn(c, func(c ctx) error { _, err := asyncio.SockRecv(c, b, make([]byte, 1)); return err })
			require.NoError(t, asyncio.Sleep(c, 0))
			require.NoError(t, asyncio.RunningLoop(c).AddReader(b, func() {}))
			_, err := w.Await(c)
			require.ErrorContains(t, err, "somebody else watches the file descriptor now")
			require.True(t, asyncio.RunningLoop(c).RemoveReader(b))
			return nil
		})
	})
	t.Run("SK-03 move much data in order", func(t *testing.T) {
		real(t, func(c ctx) error {
			a, b := fdPair(t)
			sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
			w := spawn(c, func(c ctx) error {
				n, err := asyncio.SockSendAll(c, a, sent)
				require.Equal(t, len(sent), n)
				return errors.Join(err, unix.Shutdown(a, unix.SHUT_WR))
			})
			var got []byte
			p := make([]byte, 10000)
			for {
				n, err := asyncio.SockRecv(c, b, p)
				got = append(got, p[:n]...)
				if err == io.EOF {
					break
				}
				require.NoError(t, err)
			}
			require.True(t, bytes.Equal(sent, got))
			_, err := w.Await(c)
			return err
		})
	})
	t.Run("SK-02 say how much they have sent", func(t *testing.T) {
		real(t, func(c ctx) error {
			a, b := fdPair(t)
			sent := 0
			w := spawn(c, func(c ctx) (err error) {
				sent, err = asyncio.SockSendAll(c, a, make([]byte, 1<<22))
				return err
			})
			require.NoError(t, asyncio.Sleep(c, 0))
			w.Cancel()
			_, err := w.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			got := 0
			for p := make([]byte, 1<<16); ; {
				n, err := unix.Read(b, p)
				if err != nil {
					break
				}
				got += n
			}
			require.Equal(t, got, sent)
			require.NotZero(t, sent)
			return nil
		})
	})
	t.Run("SK-04 connect and accept", func(t *testing.T) {
		real(t, func(c ctx) error {
			ln, addr := fdListener(t)
			accepted := asyncio.CreateTask(c, func(c ctx) (int, error) {
				conn, from, err := asyncio.SockAccept(c, ln)
				require.NotNil(t, from)
				return conn, err
			})
			require.NoError(t, asyncio.Sleep(c, 0))
			fd := fdSocket(t, unix.SOCK_STREAM)
			require.NoError(t, asyncio.SockConnect(c, fd, addr))
			conn, err := accepted.Await(c)
			require.NoError(t, err)
			defer unix.Close(conn)
			flags, err := unix.FcntlInt(uintptr(conn), unix.F_GETFL, 0)
			require.NoError(t, err)
			require.NotZero(t, flags&unix.O_NONBLOCK)
			_, err = asyncio.SockSendAll(c, fd, []byte("hello"))
			require.NoError(t, err)
			p := make([]byte, 10)
			n, err := asyncio.SockRecv(c, conn, p)
			require.Equal(t, "hello", string(p[:n]))
			return err
		})
	})
	t.Run("SK-04 accept leaves nothing when it is cancelled", func(t *testing.T) {
		real(t, func(c ctx) error {
			ln, addr := fdListener(t)
			w := spawn(c, func(c ctx) error { _, _, err := asyncio.SockAccept(c, ln); return err })
			require.NoError(t, asyncio.Sleep(c, 0))
			w.Cancel()
			_, err := w.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			require.NoError(t, unix.Close(ln))
			err = asyncio.SockConnect(c, fdSocket(t, unix.SOCK_STREAM), addr)
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			return nil
		})
	})
	t.Run("connect to a name", func(t *testing.T) {
		real(t, func(c ctx) error {
			_, addr := fdListener(t)
			require.NoError(t, asyncio.SockConnect(c, fdSocket(t, unix.SOCK_STREAM), namedAddr{"tcp4", addr.String()}))
			require.Error(t, asyncio.SockConnect(c, fdSocket(t, unix.SOCK_STREAM), namedAddr{"nonsense", addr.String()}))
			return nil
		})
	})
	t.Run("send and receive datagrams, also empty ones", func(t *testing.T) {
		real(t, func(c ctx) error {
			a, b := fdSocket(t, unix.SOCK_DGRAM), fdSocket(t, unix.SOCK_DGRAM)
			for _, fd := range []int{a, b} {
				require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
			}
			to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: fdPort(t, b)}
			p := make([]byte, 10)
			for _, s := range []string{"datagram", ""} {
				w := asyncio.CreateTask(c, func(c ctx) (string, error) {
					n, from, err := asyncio.SockRecvFrom(c, b, p)
					require.Equal(t, fdPort(t, a), from.(*net.UDPAddr).Port)
					return string(p[:n]), err
				})
				require.NoError(t, asyncio.Sleep(c, 0))
				n, err := asyncio.SockSendTo(c, a, []byte(s), to)
				require.NoError(t, err)
				require.Equal(t, len(s), n)
				got, err := w.Await(c)
				require.NoError(t, err)
				require.Equal(t, s, got)
			}
			require.NoError(t, asyncio.SockConnect(c, a, to))
			_, err := asyncio.SockSendTo(c, a, nil, nil)
			require.NoError(t, err)
			n, err := asyncio.SockRecv(c, b, p)
			require.Zero(t, n)
			return err
		})
	})
	t.Run("return the errors of the system", func(t *testing.T) {
		real(t, func(c ctx) error {
			const bad = 1 << 20
			_, e1 := asyncio.SockRecv(c, bad, make([]byte, 1))
			_, _, e2 := asyncio.SockRecvFrom(c, bad, nil)
			_, e3 := asyncio.SockSendAll(c, bad, make([]byte, 1))
			_, e4 := asyncio.SockSendTo(c, bad, nil, nil)
			_, _, e5 := asyncio.SockAccept(c, bad)
			for _, err := range []error{e1, e2, e3, e4, e5, asyncio.SockConnect(c, bad, &net.TCPAddr{})} {
				require.ErrorIs(t, err, syscall.EBADF)
				require.ErrorContains(t, err, "asyncio.Sock")
			}
			return nil
		})
	})
}

// A namedAddr is an address that is to be looked up.
type namedAddr struct{ network, address string }

func (a namedAddr) Network() string { return a.network }
func (a namedAddr) String() string  { return a.address }

func TestUX02SockSendFile(t *testing.T) {
	content := strings.Repeat("the contents of a file\n", 50000)
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	for _, c := range []struct {
		name          string
		offset, count int64
		want          string
	}{
		{"all of a file", 0, -1, content},
		{"some of it", 4, 8, "contents"},
		{"what there is", int64(len(content)) - 5, 100, content[len(content)-5:]},
		{"nothing behind its end", int64(len(content)) + 5, -1, ""},
		{"nothing if asked for it", 0, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := asyncio.Run(proc(func(x ctx) error {
				f, err := os.Open(path)
				require.NoError(t, err)
				defer f.Close()
				a, b := fdPair(t)
				got := asyncio.CreateTask(x, func(x ctx) (string, error) {
					var all []byte
					for p := make([]byte, 1<<16); ; {
						n, err := asyncio.SockRecv(x, b, p)
						all = append(all, p[:n]...)
						if err == io.EOF {
							return string(all), nil
						}
						if err != nil {
							return "", err
						}
					}
				})
				sent, err := asyncio.SockSendFile(x, a, f, c.offset, c.count, true)
				require.NoError(t, err)
				require.EqualValues(t, len(c.want), sent)
				require.NoError(t, unix.Shutdown(a, unix.SHUT_WR))
				all, err := got.Await(x)
				require.Equal(t, c.want, all)
				if sent > 0 {
					at, err := f.Seek(0, io.SeekCurrent)
					require.NoError(t, err)
					require.Equal(t, c.offset+sent, at)
				}
				return err
			}))
			require.NoError(t, err)
		})
	}
	t.Run("is cancelled, and says how much was sent", func(t *testing.T) {
		_, err := asyncio.Run(proc(func(x ctx) error {
			f, err := os.Open(path)
			require.NoError(t, err)
			defer f.Close()
			a, _ := fdPair(t)
			w := asyncio.CreateTask(x, func(x ctx) (int64, error) { return asyncio.SockSendFile(x, a, f, 0, -1, true) })
			require.NoError(t, asyncio.Sleep(x, 20*time.Millisecond))
			w.Cancel()
			_, err = w.Await(x)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			at, err := f.Seek(0, io.SeekCurrent)
			require.NotZero(t, at)
			require.Less(t, at, int64(len(content)))
			require.False(t, asyncio.RunningLoop(x).RemoveWriter(a))
			return err
		}))
		require.NoError(t, err)
	})
	t.Run("of what the system cannot send", func(t *testing.T) {
		_, err := asyncio.Run(proc(func(x ctx) error {
			r, w, err := os.Pipe()
			require.NoError(t, err)
			defer r.Close()
			defer w.Close()
			a, _ := fdPair(t)
			_, err = asyncio.SockSendFile(x, a, r, 0, 1, false)
			require.ErrorIs(t, err, asyncio.ErrSendFileNotAvailable)
			_, err = asyncio.SockSendFile(x, a, r, 0, 1, true)
			require.ErrorIs(t, err, syscall.ESPIPE)
			_, err = asyncio.SockSendFile(x, a, r, -1, 1, true)
			require.ErrorIs(t, err, os.ErrInvalid)
			panicSays(t, "asyncio.SockSendFile: the file is nil", func() { _, _ = asyncio.SockSendFile(x, a, nil, 0, 1, true) })
			return nil
		}))
		require.NoError(t, err)
	})
}
