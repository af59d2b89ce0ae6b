//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// runReal is run on the real clock, since what happens on sockets takes time.
func runReal(t *testing.T, main func(ctx) error, opts ...asyncio.Option) {
	t.Helper()
	opts = append([]asyncio.Option{
		asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) { t.Errorf("unexpected: %v", e) }),
	}, opts...)
	_, err := asyncio.Run(proc(main), opts...)
	require.NoError(t, err)
}

// serveStreams starts a server on loopback, and returns where it listens. Stop
// waits until it is gone.
func serveStreams(t *testing.T, c ctx, handler asyncio.StreamHandler, opts ...asyncio.ServerOption) (address string, stop func()) {
	t.Helper()
	s, err := asyncio.StartServer(c, handler, "tcp", "127.0.0.1:0", opts...)
	require.NoError(t, err)
	return s.Addrs()[0].String(), func() {
		t.Helper()
		s.Close()
		require.NoError(t, s.WaitClosed(c))
	}
}

// echoLines sends back what comes, a line at a time.
func echoLines(c ctx, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
	defer w.Close()
	for line, err := range r.Lines(c) {
		if err != nil {
			return err
		}
		if _, err := w.Write(append([]byte(">"), line...)); err != nil {
			return err
		}
		if err := w.Drain(c); err != nil {
			return err
		}
	}
	if !w.CanWriteEOF() {
		return nil // with TLS the connection is closed by now
	}
	_, err := w.Write([]byte("server eof"))
	return err
}

func TestN16ST08StreamsOverSockets(t *testing.T) {
	for name, listen := range map[string]func(t *testing.T, c ctx, h asyncio.StreamHandler) (s *asyncio.Server, network, address string){
		"tcp": func(t *testing.T, c ctx, h asyncio.StreamHandler) (*asyncio.Server, string, string) {
			s, err := asyncio.StartServer(c, h, "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			return s, "tcp", s.Addrs()[0].String()
		},
		"unix": func(t *testing.T, c ctx, h asyncio.StreamHandler) (*asyncio.Server, string, string) {
			path := filepath.Join(t.TempDir(), "socket")
			s, err := asyncio.StartServer(c, h, "unix", path, asyncio.WithLimit(64))
			require.NoError(t, err)
			return s, "unix", path
		},
	} {
		t.Run(name, func(t *testing.T) {
			runReal(t, func(c ctx) error {
				s, network, address := listen(t, c, echoLines)
				r, w, err := asyncio.OpenConnection(c, network, address, asyncio.WithLimit(1024))
				require.NoError(t, err)
				require.Equal(t, address, w.RemoteAddr().String())
				for _, line := range []string{"a\n", "b\n"} {
					_, err := w.Write([]byte(line))
					require.NoError(t, err)
					require.NoError(t, w.Drain(c))
					b, err := r.ReadLine(c)
					require.Equal(t, ">"+line, said(b, err))
				}
				require.NoError(t, w.WriteEOF())
				require.Equal(t, "server eof", rest(t, c, r))
				b, err := r.ReadSome(c, 1)
				require.Empty(t, b)
				require.Equal(t, io.EOF, err)
				require.NoError(t, w.Close())
				require.NoError(t, w.WaitClosed(c))
				s.Close()
				return s.WaitClosed(c)
			})
		})
	}
}

func TestST08AHandlerThatDoesNotWait(t *testing.T) {
	runReal(t, func(c ctx) error {
		var kept *asyncio.StreamWriter
		address, stop := serveStreams(t, c, func(_ ctx, _ *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			kept = w
			return nil
		})
		r, w, err := asyncio.OpenConnection(c, "tcp", address)
		require.NoError(t, err)
		for kept == nil {
			_ = asyncio.Sleep(c, ms)
		}
		// The connection is still there when the handler is not.
		_, _ = kept.Write([]byte("hello"))
		_ = kept.Close()
		require.Equal(t, "hello", rest(t, c, r))
		_ = w.Close()
		stop()
		return nil
	})
}

func TestOpenConnectionFails(t *testing.T) {
	runReal(t, func(c ctx) error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		address := l.Addr().String()
		require.NoError(t, l.Close())
		r, w, err := asyncio.OpenConnection(c, "tcp", address)
		require.Nil(t, r)
		require.Nil(t, w)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		_, err = asyncio.StartServer(c, echoLines, "tcp", "203.0.113.1:1")
		require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
		return nil
	})
	panicSays(t, "the handler is nil", func() { _, _ = asyncio.StartServer(context.Background(), nil, "tcp", "") })
	panicSays(t, "Limit cannot be <= 0", func() { asyncio.WithLimit(0) })
}

func TestTheLimitIsThatOfTheOption(t *testing.T) {
	runReal(t, func(c ctx) error {
		var server error
		address, stop := serveStreams(t, c, func(c ctx, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			defer w.Close()
			_, server = r.ReadLine(c)
			_, err := fmt.Fprintln(w, strings.Repeat("x", 100))
			return err
		}, asyncio.WithLimit(10))
		r, w, err := asyncio.OpenConnection(c, "tcp", address, asyncio.WithLimit(20))
		require.NoError(t, err)
		_, _ = w.Write([]byte("more than ten bytes\n"))
		_, err = r.ReadLine(c)
		var e *asyncio.LimitOverrunError
		require.ErrorAs(t, err, &e)
		require.ErrorAs(t, server, &e)
		_ = w.Close()
		stop()
		return nil
	})
}

func TestN18AHandlerThatFailsOverSockets(t *testing.T) {
	var reports trace
	runReal(t, func(c ctx) error {
		address, stop := serveStreams(t, c, func(ctx, *asyncio.StreamReader, *asyncio.StreamWriter) error { return errBad })
		r, w, err := asyncio.OpenConnection(c, "tcp", address)
		require.NoError(t, err)
		require.Empty(t, rest(t, c, r))
		_ = w.Close()
		stop()
		return nil
	}, asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) { reports.add(e.Message, ": ", e.Err) }))
	require.Equal(t, trace{"Unhandled exception in client_connected_cb: bad"}, reports)
}

func TestN17ST09WritingToAPeerThatIsGone(t *testing.T) {
	runReal(t, func(c ctx) error {
		address, stop := serveStreams(t, c, func(_ ctx, _ *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			w.Transport().Abort()
			return nil
		})
		r, w, err := asyncio.OpenConnection(c, "tcp", address)
		require.NoError(t, err)
		require.Empty(t, rest(t, c, r))
		for err == nil {
			if _, err = w.Write([]byte("x")); err == nil {
				err = w.Drain(c)
			}
			_ = asyncio.Sleep(c, ms)
		}
		if !isAny(err, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED) {
			require.ErrorIs(t, err, net.ErrClosed)
		}
		require.ErrorIs(t, w.Drain(c), asyncio.ErrConnectionLost)
		_ = w.Close()
		_ = w.WaitClosed(c)
		stop()
		return nil
	})
}

func TestManyStreamsBackPressure(t *testing.T) {
	runReal(t, func(c ctx) error {
		const size = 3 << 20
		data := make([]byte, size)
		_, _ = rand.Read(data)
		address, stop := serveStreams(t, c, func(c ctx, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			defer w.Close()
			_, err := io.Copy(w.Writer(c), r.Reader(c))
			return err
		})
		var tasks []asyncio.AwaitableOf[none]
		for range 4 {
			tasks = append(tasks, spawn(c, func(c ctx) error {
				r, w, err := asyncio.OpenConnection(c, "tcp", address)
				if err != nil {
					return err
				}
				writing := spawn(c, func(c ctx) error {
					for p := data; len(p) > 0; {
						n := min(len(p), 100_000)
						if _, err := w.Writer(c).Write(p[:n]); err != nil {
							return err
						}
						p = p[n:]
					}
					return w.WriteEOF()
				})
				got, err := r.ReadAll(c)
				require.NoError(t, err)
				require.True(t, bytes.Equal(data, got))
				_, err = writing.Await(c)
				require.NoError(t, err)
				_ = w.Close()
				return w.WaitClosed(c)
			}))
		}
		_, err := asyncio.Gather(c, tasks...)
		require.NoError(t, err)
		stop()
		return nil
	})
}

func TestGreenletsOpenConnections(t *testing.T) {
	require.NoError(t, gevent.Run(func() error {
		bg := context.Background()
		s, err := asyncio.StartServer(bg, echoLines, "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		for range 3 {
			g := gevent.SpawnValue(func() (string, error) {
				r, w, err := asyncio.OpenConnection(bg, "tcp", s.Addrs()[0].String())
				if err != nil {
					return "", err
				}
				defer w.Close()
				_, _ = w.Write([]byte("line\n"))
				b, err := r.ReadLine(bg)
				return string(b), err
			})
			v, err := g.Get()
			require.Equal(t, ">line\n", v)
			require.NoError(t, err)
		}
		s.Close()
		return s.WaitClosed(bg)
	}))
}

func TestNT10TLSWithTheStandardLibrary(t *testing.T) {
	const size = 2 << 20
	data := make([]byte, size)
	_, _ = rand.Read(data)
	// exchange sends and reads at the same time, on goroutines.
	exchange := func(conn *tls.Conn) error {
		defer conn.Close()
		var wg sync.WaitGroup
		var sent error
		wg.Go(func() {
			if _, sent = conn.Write(data); sent == nil {
				sent = conn.CloseWrite()
			}
		})
		got, err := io.ReadAll(conn)
		wg.Wait()
		switch {
		case err != nil:
			return err
		case sent != nil:
			return sent
		case !bytes.Equal(got, data):
			return fmt.Errorf("%d of %d bytes, or not the right ones", len(got), len(data))
		}
		return nil
	}
	// exchangeStreams does so in tasks.
	exchangeStreams := func(c ctx, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
		writing := spawn(c, func(c ctx) error {
			_, err := w.Writer(c).Write(data)
			return err
		})
		got, err := r.ReadExactly(c, size)
		require.NoError(t, err)
		require.True(t, bytes.Equal(got, data))
		_, err = writing.Await(c)
		return err
	}
	for name, version := range versions {
		t.Run(name+": their client", func(t *testing.T) {
			sc, cc := tlsConfigs()
			cc.MaxVersion = version
			runReal(t, func(c ctx) error {
				address, stop := serveStreams(t, c, func(c ctx, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
					defer w.Close()
					require.Equal(t, version, w.ExtraInfo("ssl_object").(tls.ConnectionState).Version)
					return exchangeStreams(c, r, w)
				}, asyncio.WithTLS(sc))
				_, err := asyncio.ToThread(c, func() (none, error) {
					conn, err := tls.Dial("tcp", address, cc)
					if err != nil {
						return none{}, err
					}
					return none{}, exchange(conn)
				})
				require.NoError(t, err)
				stop()
				return nil
			})
		})
		t.Run(name+": their server", func(t *testing.T) {
			sc, cc := tlsConfigs()
			cc.MaxVersion = version
			cc.ServerName = ""
			runReal(t, func(c ctx) error {
				l, err := tls.Listen("tcp", "127.0.0.1:0", sc)
				require.NoError(t, err)
				serving := asyncio.RunInExecutor(c, nil, func() (none, error) {
					conn, err := l.Accept()
					if err != nil {
						return none{}, err
					}
					return none{}, exchange(conn.(*tls.Conn))
				})
				// The name comes from the option, since the certificate is for none like
				// 127.0.0.1.
				r, w, err := asyncio.OpenConnection(c, "tcp", l.Addr().String(), asyncio.WithTLS(cc, asyncio.WithTLSServerName(tlsName)))
				require.NoError(t, err)
				require.NoError(t, exchangeStreams(c, r, w))
				require.NoError(t, w.Close())
				_, err = serving.Await(c)
				require.NoError(t, err)
				require.NoError(t, w.WaitClosed(c))
				return l.Close()
			})
		})
		t.Run(name+": a name that the certificate is not for", func(t *testing.T) {
			sc, cc := tlsConfigs()
			cc.MaxVersion = version
			cc.ServerName = ""
			runReal(t, func(c ctx) error {
				address, stop := serveStreams(t, c, echoLines, asyncio.WithTLS(sc))
				_, _, err := asyncio.OpenConnection(c, "tcp", address, asyncio.WithTLS(cc))
				var host x509.HostnameError
				require.ErrorAs(t, err, &host)
				require.Equal(t, "127.0.0.1", host.Host)
				stop()
				return nil
			})
		})
		t.Run(name+": both ours", func(t *testing.T) {
			sc, cc := tlsConfigs()
			cc.MaxVersion = version
			runReal(t, func(c ctx) error {
				address, stop := serveStreams(t, c, echoLines, asyncio.WithTLS(sc))
				r, w, err := asyncio.OpenConnection(c, "tcp", address, asyncio.WithTLS(cc))
				require.NoError(t, err)
				_, err = w.Write([]byte("line\n"))
				require.NoError(t, err)
				line, err := r.ReadLine(c)
				require.Equal(t, ">line\n", said(line, err))
				_ = w.Close()
				require.NoError(t, w.WaitClosed(c))
				stop()
				return nil
			})
		})
	}
}

func TestTLSPeersOfTheStandardLibraryThatBreakOff(t *testing.T) {
	sc, cc := tlsConfigs()
	runReal(t, func(c ctx) error {
		var ended []error
		address, stop := serveStreams(t, c, func(c ctx, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			defer w.Close()
			_, err := io.Copy(w.Writer(c), r.Reader(c))
			ended = append(ended, err)
			return nil
		}, asyncio.WithTLS(sc, asyncio.WithTLSHandshakeTimeout(200*ms)))
		_, err := asyncio.ToThread(c, func() (none, error) {
			for i := range 30 {
				raw, err := net.Dial("tcp", address)
				if err != nil {
					return none{}, err
				}
				switch i % 5 {
				case 0: // says nothing, until the handshake takes too long
					_, _ = raw.Read(make([]byte, 1))
					raw.Close()
					continue
				case 1: // goes at once
					raw.Close()
					continue
				case 2: // speaks something else
					_, _ = raw.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
					_, _ = io.ReadAll(raw)
					raw.Close()
					continue
				}
				conn := tls.Client(raw, cc)
				p := make([]byte, 1000)
				if _, err := conn.Write(p); err != nil {
					return none{}, err
				}
				if _, err := io.ReadFull(conn, p); err != nil {
					return none{}, err
				}
				if i%5 == 3 { // resets
					_ = raw.(*net.TCPConn).SetLinger(0)
				}
				_ = raw.Close()
			}
			return none{}, nil
		})
		require.NoError(t, err)
		stop()
		require.Len(t, ended, 12)
		return nil
	})
}

// TestStreamsOverSocketsAtRandom has clients that send, read, pause, give up and break
// off at random, and a server that loses nothing of what it is sent.
func TestStreamsOverSocketsAtRandom(t *testing.T) {
	sc, cc := tlsConfigs()
	for seed := range uint64(4) {
		rng := mathrand.New(mathrand.NewPCG(seed, 9))
		secure := seed%2 == 1
		var serverOpts []asyncio.ServerOption
		var clientOpts []asyncio.ConnectOption
		if secure {
			serverOpts = append(serverOpts, asyncio.WithTLS(sc))
			clientOpts = append(clientOpts, asyncio.WithTLS(cc))
		}
		runReal(t, func(c ctx) error {
			address, stop := serveStreams(t, c, func(c ctx, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
				defer w.Close()
				buf := make([]byte, 3000)
				for {
					n, err := r.Read(c, buf)
					if err != nil {
						return nil
					}
					if _, err := w.Writer(c).Write(buf[:n]); err != nil {
						return nil
					}
				}
			}, append(serverOpts, asyncio.WithLimit(1+rng.IntN(5000)))...)
			var tasks []asyncio.AwaitableOf[none]
			for range 30 {
				tasks = append(tasks, spawn(c, func(c ctx) error {
					r, w, err := asyncio.OpenConnection(c, "tcp", address, append(clientOpts, asyncio.WithLimit(1+rng.IntN(5000)))...)
					if err != nil {
						return err
					}
					data := make([]byte, rng.IntN(200_000))
					for i := range data {
						data[i] = byte(rng.Uint32())
					}
					breaks := rng.IntN(4) == 0
					writing := spawn(c, func(c ctx) error {
						for p := data; len(p) > 0; {
							n := min(len(p), 1+rng.IntN(40_000))
							if _, err := w.Write(p[:n]); err != nil {
								return nil
							}
							p = p[n:]
							if err := w.Drain(c); err != nil {
								return nil
							}
							if breaks && rng.IntN(5) == 0 {
								w.Transport().Abort()
							}
						}
						return nil
					})
					var got []byte
					for len(got) < len(data) && err == nil {
						var p []byte
						err = within(c, time.Duration(rng.IntN(1000))*time.Microsecond, func(c ctx) (err error) {
							if rng.IntN(2) == 0 {
								p, err = r.ReadSome(c, 1+rng.IntN(10_000))
							} else {
								p, err = r.ReadExactly(c, min(1+rng.IntN(10_000), len(data)-len(got)))
							}
							return err
						})
						if err == errTimedOut {
							err = nil
						}
						got = append(got, p...)
						require.True(t, bytes.HasPrefix(data, got), "seed %d", seed)
					}
					if !breaks {
						require.NoError(t, err, "seed %d", seed)
					}
					_, err = writing.Await(c)
					_ = w.Close()
					_ = w.WaitClosed(c)
					return err
				}))
			}
			_, err := asyncio.Gather(c, tasks...)
			require.NoError(t, err)
			stop()
			return nil
		})
	}
}

// isAny reports whether err matches one of those.
func isAny(err error, those ...error) bool {
	for _, e := range those {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// TestTLSPeersThatUpdateTheirKeys has openssl, which can, ask for new keys again and
// again while data goes both ways.
func TestTLSPeersThatUpdateTheirKeys(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip(err)
	}
	sc, _ := tlsConfigs()
	runReal(t, func(c ctx) error {
		const rounds = 5
		heard := make(chan string, rounds+1) // by the server
		address, stop := serveStreams(t, c, func(c ctx, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			defer w.Close()
			heard <- "the end of the handshake"
			for range rounds {
				line, err := r.ReadLine(c)
				if err != nil {
					return err
				}
				heard <- string(line)
				if _, err := w.Writer(c).Write(append([]byte(">"), line...)); err != nil {
					return err
				}
			}
			return nil
		}, asyncio.WithTLS(sc))
		limit, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		cmd := exec.CommandContext(limit, "openssl", "s_client", "-connect", address, "-tls1_3")
		var out bytes.Buffer
		cmd.Stdout = &out
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		told, err := cmd.StderrPipe()
		require.NoError(t, err)
		_, err = asyncio.ToThread(c, func() (none, error) {
			if err := cmd.Start(); err != nil {
				return none{}, err
			}
			reports := bufio.NewScanner(told)
			hear := func() {
				select {
				case <-heard:
				case <-limit.Done():
				}
			}
			hear()
			for i := range rounds {
				// It asks for a KeyUpdate of both sides if what it reads at once is a K.
				_, _ = io.WriteString(in, "K\n")
				for reports.Scan() && reports.Text() != "KEYUPDATE" {
				}
				_, _ = fmt.Fprintf(in, "line %d\n", i)
				hear()
			}
			_, _ = io.Copy(io.Discard, told) // it ends because the server closes
			return none{}, cmd.Wait()
		})
		require.NoError(t, err)
		for i := range rounds {
			require.Contains(t, out.String(), fmt.Sprintf(">line %d\n", i))
		}
		stop()
		return nil
	})
}
